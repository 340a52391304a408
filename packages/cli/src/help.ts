import { commonHelp, type Command } from './arguments.ts';

/** A command's help: one sentence, usage, options, examples that work in the lab, exit codes. */
export function renderHelp(command: Command): string {
  const options = Object.entries({ ...command.optionHelp, ...commonHelp });
  const width = Math.max(...options.map(([name]) => name.length)) + 4;
  return [
    command.summary, '',
    `Usage: keelson ${command.usage}`, '',
    ...options.map(([name, text]) => `  ${`--${name}`.padEnd(width)}${text}`), '',
    'Examples:', ...command.examples.map((example) => `  ${example}`), '',
    'Exit codes: 0 done or yes; 1 the answer is no; 2 could not run; 3 refused; 4 not authorised; 5 timed out; 70 our fault.', '',
  ].join('\n');
}

/** The overview: every command with its sentence. */
export function renderOverview(commands: readonly Pick<Command, 'name' | 'summary'>[], version: string): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  return [
    `keelson ${version}: racks of machines from power-off to running applications, from one Git repository.`, '',
    'Usage: keelson <command> [arguments]', '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`), '',
    'keelson <command> --help tells more.', '',
  ].join('\n');
}
