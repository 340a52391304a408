import { describeError, problem, ProblemError } from '@keelson/std';
import type { Command, CommandContext } from './arguments.ts';
import { renderHelp, renderOverview } from './help.ts';
import { CommandError, exitCode, renderProblem } from './output/failure.ts';
import { cliProblems } from './problems.ts';
import { nearNames } from './suggest.ts';

export const version = '0.1.0';

/** Every command: its name, its sentence, and where it is. Loaded when it is run, so that a start costs little. */
const table: readonly { readonly name: string; readonly summary: string; readonly load: () => Promise<Command> }[] = [
  { name: 'up', summary: 'Runs Keelson: the API, the controllers, and a lab when asked for.', load: async () => (await import('./commands/up.ts')).upCommand },
  { name: 'status', summary: 'Says whether everything is ready, and what stands in the way.', load: async () => (await import('./commands/status.ts')).statusCommand },
  { name: 'get', summary: 'Lists objects of a kind, or prints one.', load: async () => (await import('./commands/get.ts')).getCommand },
  { name: 'trace', summary: 'Follows an object from its commit to the machine that carries it.', load: async () => (await import('./commands/trace.ts')).traceCommand },
  { name: 'tree', summary: 'Shows what hangs on what.', load: async () => (await import('./commands/tree.ts')).treeCommand },
  { name: 'events', summary: 'Lists what happened, in order.', load: async () => (await import('./commands/events.ts')).eventsCommand },
  { name: 'reconcile', summary: 'Asks the controllers of Flux to look at an object now.', load: async () => (await import('./commands/reconcile.ts')).reconcileCommand },
  { name: 'kubeconfig', summary: "Prints a cluster's kubeconfig.", load: async () => (await import('./commands/credentials.ts')).kubeconfigCommand },
  { name: 'talosconfig', summary: "Prints a cluster's talosconfig.", load: async () => (await import('./commands/credentials.ts')).talosconfigCommand },
  { name: 'host probe', summary: 'Reports what a BMC can do and what would fail, changing nothing.', load: async () => (await import('./commands/host/probe.ts')).hostProbeCommand },
  { name: 'store backup', summary: 'Writes everything the store holds into a file, also while Keelson runs on it.', load: async () => (await import('./commands/store/backup.ts')).storeBackupCommand },
  { name: 'store restore', summary: 'Puts a backup into an empty data directory, or in the place of a store.', load: async () => (await import('./commands/store/restore.ts')).storeRestoreCommand },
  { name: 'store check', summary: 'Reads every record of the store, or of a backup, and says what is wrong.', load: async () => (await import('./commands/store/check.ts')).storeCheckCommand },
  { name: 'lab status', summary: 'Shows the machines of the lab and what their hardware does.', load: async () => (await import('./commands/lab/status.ts')).labStatusCommand },
  { name: 'lab fault', summary: 'Breaks a machine of the lab in a named way, or mends it.', load: async () => (await import('./commands/lab/fault.ts')).labFaultCommand },
  { name: 'lab reset', summary: 'Throws the lab and its state away, to begin anew.', load: async () => (await import('./commands/lab/reset.ts')).labResetCommand },
];

/** Every command as it is typed. */
export const commandNames: readonly string[] = table.map(({ name }) => name);

/** Runs one command line and answers the exit code. Errors are printed here and nowhere else. */
export async function runProgram(argv: readonly string[], context: Omit<CommandContext, 'args'>): Promise<number> {
  try {
    return await dispatch(argv, context);
  } catch (error) {
    // Ctrl-C ends requests under way; that they ended is no news.
    if (context.signal.aborted && isEndOfRequest(error, context.signal)) return Number(context.signal.reason) || exitCode.interrupted;
    const failure = asCommandError(error);
    context.err(renderProblem(failure.problem));
    if (context.env['KEELSON_DEBUG'] && error instanceof Error) context.err(`${error.stack}\n${describeError(error)}\n`);
    return failure.code;
  }
}

async function dispatch(argv: readonly string[], context: Omit<CommandContext, 'args'>): Promise<number> {
  const [first, second] = argv;
  if (first === '--version' || first === '-v' || first === 'version') {
    context.out(`keelson ${version}\n`);
    return exitCode.done;
  }
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    context.out(renderOverview(table, version));
    return first === undefined ? exitCode.cannot : exitCode.done;
  }
  const entry = table.find(({ name }) => name === `${first} ${second}`) ?? table.find(({ name }) => name === first);
  if (!entry) {
    const verbs = table.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
    const isHelp = second === '--help' || second === '-h' || second === undefined;
    const near = verbs.length > 0 ? verbs : nearNames(isHelp || second.startsWith('-') ? first : `${first} ${second}`, table.map(({ name }) => name));
    const what = verbs.length > 0 && isHelp ? `say what to do with "${first}"` : `"${verbs.length > 0 ? `${first} ${second}` : first}" is no command`;
    throw new CommandError({ ...problem(cliProblems.usage, { what, help: '' }, { why: near.length > 0 ? `there is ${near.join(', ')}` : '' }), next: ['keelson --help'] });
  }
  const command = await entry.load();
  const args = argv.slice(entry.name.split(' ').length);
  if (args.includes('--help') || args.includes('-h')) {
    context.out(renderHelp(command));
    return exitCode.done;
  }
  return command.run({ ...context, args });
}

function isEndOfRequest(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && (error.name === 'AbortError' || error.name === 'TransportError' || error.cause === signal.reason));
}

function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof ProblemError) return new CommandError(error.problem, exitCode.cannot, { cause: error });
  return new CommandError(problem(cliProblems.unexpected, { what: describeError(error) }, { why: '' }), exitCode.bug, { cause: error });
}
