import { join, resolve } from 'node:path';
import { createLog, describeError, formatAge, parseDuration, problem, rfc3339, type Env, type Log } from '@keelson/std';
import { collect, findingsOf, milestonesOf, refText, type Snapshot } from '@keelson/trace';
import type { Keelson } from '@keelson/server';
import type { Lab, LatencyName } from '@keelson/lab';
import { parseCommand, usageError, type Command, type CommandContext } from '../arguments.ts';
import { dataDirOf } from '../connect.ts';
import { CommandError, exitCode } from '../output/failure.ts';
import { createProgress } from '../output/progress.ts';
import { createStyle, wantsColour } from '../output/style.ts';
import { renderTable } from '../output/table.ts';
import { cliProblems } from '../problems.ts';
import { refuseForeignStore, startLabIn } from './lab/start.ts';
import { renderOverviewTable } from './status.ts';

const options = {
  lab: { type: 'string' },
  'lab-latency': { type: 'string' },
  'lab-network': { type: 'string' },
  listen: { type: 'string' },
  'until-ready': { type: 'boolean' },
  timeout: { type: 'string' },
  verbose: { type: 'boolean' },
} as const;

export const upCommand: Command = {
  name: 'up',
  summary: 'Runs Keelson: the API, the controllers, and a lab when asked for.',
  usage: 'up [--lab DIR] [--until-ready] [--timeout 5m]',
  examples: ['keelson up --lab examples/datacenter', 'keelson up --lab examples/datacenter --until-ready --timeout 5m --lab-latency zero'],
  options,
  optionHelp: {
    lab: 'start a lab with the machines and the repository in this folder',
    'lab-latency': 'zero, quick (default) or realistic: how long its hardware takes',
    'lab-network': 'its /16 in 127.0.0.0/8 (default: the first that is free)',
    listen: 'address of the API, host:port (default 127.0.0.1 and the port of the last time, or 7443, or a free one)',
    'until-ready': 'end when everything is ready, with a closing table',
    timeout: 'give up waiting after this long (a duration; with --until-ready; default 15m)',
    verbose: 'print the log of the process on stderr',
  },
  async run(context) {
    const { values } = parseCommand('up', context, options);
    const timeoutMs = parseDuration(values.timeout ?? '15m');
    if (timeoutMs === undefined) throw usageError('up', `--timeout ${values.timeout} is no duration; write 90s or 5m`);
    const listen = parseListen(values.listen);
    const latency = await parseLatency(values['lab-latency']);
    const dataDir = dataDirOf(values['data-dir'], context.cwd);
    const { nodeEnv } = await import('@keelson/std/node');
    const env = nodeEnv({ log: logTo(context, values.verbose ?? false) });
    const startedMs = env.clock.now();
    if (values.lab !== undefined) await refuseForeignStore(env, dataDir);

    const [{ openKeelsonStore, sealKeelsonStore, startKeelson }, { gitBinary }] = await Promise.all([import('@keelson/server'), import('@keelson/git')]);
    const ends: (() => Promise<void>)[] = [];
    try {
      // The lock first: nothing of a running process is touched by a second one.
      const opened = openKeelsonStore(dataDir);
      ends.push(() => opened.close());
      const store = await sealKeelsonStore(env.files, dataDir, opened);
      const lab = values.lab === undefined ? undefined : await startLabIn({ env, dataDir, directory: resolve(context.cwd, values.lab), ...(latency ? { latency } : {}), ...(values['lab-network'] ? { network: values['lab-network'] } : {}) });
      if (lab) ends.push(() => lab.close());
      const keelson = await startKeelson({ env, store, dataDir, git: gitBinary({ clock: env.clock, workDir: join(dataDir, 'git'), log: env.log }), listen });
      ends.push(() => keelson.close());
      if (lab) await keelson.declare({ name: lab.datacenter.name, url: lab.git.url, branch: lab.git.branch, path: './clusters/management', credentials: lab.git, onWebhook: (hook) => lab.setWebhook(hook) });
      announce(context, keelson, lab);
      return await follow({ context, env, keelson, startedMs, timeoutMs, untilReady: values['until-ready'] ?? false, colour: values.color });
    } finally {
      await endAll(ends, env.log);
    }
  },
};

/** Ends what was started, the last first, each whatever becomes of the others. */
async function endAll(ends: readonly (() => Promise<void>)[], log: Log): Promise<void> {
  for (const end of ends.toReversed()) await end().catch((error: unknown) => log.error('a part did not end in order', { error: describeError(error) }));
}

function logTo(context: CommandContext, verbose: boolean): Log {
  return createLog(({ level, message, fields }) => {
    if (!verbose && level !== 'error') return;
    if (level === 'debug' && !context.env['KEELSON_DEBUG']) return;
    const extra = Object.entries(fields).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${typeof value === 'string' ? JSON.stringify(value) : JSON.stringify(value)}`).join(' ');
    context.err(`${rfc3339(Date.now())} ${level} ${message}${extra ? ` ${extra}` : ''}\n`);
  });
}

function parseListen(text: string | undefined): { host: string; port: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^(.+):(\d+)$/.exec(text);
  if (!match) throw usageError('up', `--listen ${text} is not host:port`);
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port: Number(match[2]) };
}

async function parseLatency(text: string | undefined): Promise<LatencyName | undefined> {
  if (text === undefined) return undefined;
  const { isLatencyName } = await import('@keelson/lab');
  if (!isLatencyName(text)) throw usageError('up', `--lab-latency ${text} is not zero, quick or realistic`);
  return text;
}

function announce(context: CommandContext, keelson: Keelson, lab: Lab | undefined): void {
  const lines = [`API         ${keelson.apiUrl}   (kubectl --kubeconfig ${keelson.kubeconfigPath} get bmh -A)`];
  if (lab) {
    lines.push(`Lab         ${lab.machines.length} machines on ${lab.network}`);
    lines.push(`Repository  ${lab.git.clone}   (edit, git commit, git push)`);
  }
  context.err(`${lines.join('\n')}\n\n`);
}

interface Follow {
  readonly context: CommandContext;
  readonly env: Env;
  readonly keelson: Keelson;
  readonly startedMs: number;
  readonly timeoutMs: number;
  readonly untilReady: boolean;
  readonly colour: string | undefined;
}

const refreshMs = 200;

/** Shows progress until Ctrl-C, or until all is ready or the time is up. */
async function follow(followed: Follow): Promise<number> {
  const { context, env, keelson, startedMs, timeoutMs, untilReady, colour } = followed;
  const style = createStyle(wantsColour(colour, context.env, context.isErrTerminal));
  const progress = createProgress({ write: context.err, isTerminal: context.isErrTerminal, style, startedMs });
  const { missingForReady } = await import('@keelson/server');
  let wasReady = false;
  try {
    while (!context.signal.aborted) {
      const now = env.clock.now();
      const snapshot = keelson.snapshot();
      const missing = missingForReady(snapshot);
      progress.show(snapshot, now);
      if (missing.length === 0 && !wasReady) {
        progress.clear();
        context.err(`Everything is ready after ${formatAge(now - startedMs)}.\n`);
        if (untilReady) {
          context.out(await closing(followed));
          return exitCode.done;
        }
        context.err('Push a commit to see it happen; Ctrl-C ends, and starting again goes on from here.\n');
      }
      wasReady = missing.length === 0;
      if (untilReady && now - startedMs > timeoutMs) {
        progress.clear();
        throw timedOut(snapshot, missing, timeoutMs);
      }
      await env.clock.sleep(refreshMs, context.signal).catch(() => {});
    }
    progress.clear();
    context.err('Stopping. The same command goes on from here.\n');
    // Ctrl-C is how a running Keelson ends; it interrupts only who waits for readiness.
    return untilReady ? Number(context.signal.reason) || exitCode.interrupted : exitCode.done;
  } finally {
    progress.clear();
  }
}

function timedOut(snapshot: Snapshot, missing: readonly string[], timeoutMs: number): CommandError {
  const first = findingsOf(snapshot)[0];
  const shown = missing.slice(0, 8).join('; ');
  return new CommandError(problem(cliProblems.timedOut, { timeout: formatAge(timeoutMs), first: first ? refText(first.ref) : 'host/NAME' }, { why: `still waiting for ${missing.length}: ${shown}` }), exitCode.timedOut);
}

const closingKinds = new Set(['GitRepository', 'Kustomization', 'Cluster', 'TalosControlPlane', 'Machine', 'BareMetalHost']);

/** The closing table and the timeline of the chain. */
async function closing({ keelson, env, startedMs, context, colour }: Follow): Promise<string> {
  const snapshot = await collect(keelson.client, { nowMs: env.clock.now() });
  const style = createStyle(wantsColour(colour, context.env, context.isTerminal));
  // Kubernetes' times are whole seconds: what happened in the first one is not before the start.
  const firstMs = Math.floor(startedMs / 1000) * 1000;
  const time = (atMs: number) => (atMs < firstMs ? rfc3339(atMs) : `+${Math.max(0, Math.round((atMs - firstMs) / 1000))}s`);
  const rows = milestonesOf(snapshot).filter(({ ref }) => closingKinds.has(ref.kind)).map(({ atMs, ref, what }) => [time(atMs), refText(ref), what]);
  const width = context.width === undefined ? {} : { width: context.width };
  return `${renderOverviewTable(snapshot, style, context.width)}\n${renderTable(['TIME', 'OBJECT', 'WHAT'], rows, width)}`;
}
