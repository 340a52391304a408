import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { problem, type Env } from '@keelson/std';
import { CommandError } from './output/failure.ts';
import { cliProblems } from './problems.ts';

export interface CommandContext {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What was asked for. */
  readonly out: (text: string) => void;
  /** The rest. */
  readonly err: (text: string) => void;
  readonly cwd: string;
  /** Columns, when stdout is a terminal. */
  readonly width: number | undefined;
  readonly isTerminal: boolean;
  readonly isErrTerminal: boolean;
  /** Clock, network and files; the machine's own when absent. */
  readonly world?: Env;
  /** Aborts on Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** `lab status` */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly string[];
  readonly options?: ParseArgsOptionsConfig;
  /** A sentence per option. */
  readonly optionHelp?: Readonly<Record<string, string>>;
  /** Exit code. */
  run(context: CommandContext): Promise<number>;
}

/** Options every command takes. */
export const commonOptions = {
  'data-dir': { type: 'string' },
  kubeconfig: { type: 'string' },
  color: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

export const commonHelp: Readonly<Record<string, string>> = {
  'data-dir': 'where state is kept (default .keelson)',
  kubeconfig: 'read another API: any cluster with the kinds of Flux, Cluster API or Metal3',
  color: 'always, never, or auto (default; NO_COLOR is honoured)',
};

/** What parseArgs answers for a command's own options and the common ones. Named, because its inferred form does not survive into declarations. */
export type ParsedCommand<O extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ readonly options: typeof commonOptions & O; readonly allowPositionals: true; readonly strict: true }>>;

/** Parses a command's arguments; what does not fit is a usage error that names the command's help. */
export function parseCommand<const O extends ParseArgsOptionsConfig>(command: string, context: CommandContext, options: O): ParsedCommand<O> {
  const { color } = commonFlags(context);
  if (color !== undefined && !['always', 'never', 'auto'].includes(color)) throw usageError(command, `--color ${color} is not always, never or auto`);
  try {
    return parseArgs({ args: [...context.args], options: { ...commonOptions, ...options }, allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError(command, error instanceof Error ? error.message : String(error));
  }
}

/** The options that every command takes, as far as they can be read before a command knows its own. */
function commonFlags({ args }: CommandContext): { readonly color: string | undefined } {
  const { values } = parseArgs({ args: [...args], options: commonOptions, allowPositionals: true, strict: false });
  return { color: typeof values.color === 'string' ? values.color : undefined };
}

/** A usage error with exit code 2. */
export function usageError(command: string, what: string): CommandError {
  return new CommandError(problem(cliProblems.usage, { what, help: command }, { why: '' }));
}
