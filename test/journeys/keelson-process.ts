/** A real `keelson up` in a folder of its own, and what a user does with it: commits, kubectl, a look at the status. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KindRef, KubeObject, ObjectKey } from '@keelson/kube';
import { createNetKubeClient, parseKubeconfig, type KubeClient } from '@keelson/kube/client';
import { nodeNet } from '@keelson/std/node';
import { exampleFolder } from './virtual-datacenter.ts';

const sourceBin = new URL('../../packages/cli/src/bin.ts', import.meta.url).pathname;
const conditions = ['--conditions=keelson-source', '--disable-warning=ExperimentalWarning'];

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KeelsonFolder {
  readonly dataDir: string;
  /** The lab's working clone. */
  readonly repository: string;
  /** Starts `keelson up` with the lab and more arguments. */
  up(...args: string[]): KeelsonProcess;
  /** Runs another command to its end. */
  run(...args: string[]): Ended;
  /** Changes files of the working clone, commits and pushes. `undefined` removes a file. */
  commit(message: string, change: Readonly<Record<string, ((text: string) => string) | string | undefined>>): string;
  client(): KubeClient;
  clusterClient(cluster: string): KubeClient;
  remove(): void;
}

export interface KeelsonProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<Ended>;
  /** Waits until the process has said this on stderr. */
  said(text: string | RegExp, timeoutMs?: number): Promise<void>;
  /** Ends it in order and waits. */
  stop(): Promise<Ended>;
}

const net = nodeNet();

/** How the program is started: from the sources here, or from an installation. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

export const fromSources: Program = { command: process.execPath, args: [...conditions, sourceBin] };

/**
 * A network for a lab that ends and starts again, where another lab must not settle meanwhile: beyond those that labs
 * choose by themselves, and another one in each test process.
 */
export const ownNetwork: readonly string[] = ['--lab-network', `127.${128 + (process.pid % 100)}.0.0/16`];

/** `edit` changes files of the example before the lab makes its repository of it. */
export function keelsonFolder(program: Program = fromSources, edit: Readonly<Record<string, (text: string) => string>> = {}): KeelsonFolder {
  const root = mkdtempSync(join(tmpdir(), 'keelson-journey-'));
  const dataDir = join(root, 'data');
  const example = join(root, 'datacenter');
  cpSync(exampleFolder, example, { recursive: true });
  for (const [path, change] of Object.entries(edit)) writeFileSync(join(example, path), change(readFileSync(join(example, path), 'utf8')));
  const repository = join(dataDir, 'lab', 'repo');
  const read = (path: string) => createNetKubeClient(net, parseKubeconfig(readFileSync(path, 'utf8')));
  const run = (...args: string[]): Ended => {
    const done = spawnSync(program.command, [...program.args, ...args, '--data-dir', dataDir], { encoding: 'utf8', cwd: program.cwd ?? root, timeout: 60_000, killSignal: 'SIGKILL' });
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
  };
  return {
    dataDir, repository, run,
    up: (...args) => startProcess(program, root, ['up', '--lab', example, '--data-dir', dataDir, ...args]),
    commit: (message, change) => commit(repository, message, change),
    client: () => read(join(dataDir, 'kubeconfig')),
    clusterClient(cluster) {
      const { code, stdout, stderr } = run('kubeconfig', cluster);
      if (code !== 0) throw new Error(`keelson kubeconfig ${cluster} ended with ${code}: ${stderr}`);
      const path = join(root, `${cluster}.kubeconfig`);
      writeFileSync(path, stdout, { mode: 0o600 });
      return read(path);
    },
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function startProcess(program: Program, cwd: string, args: readonly string[]): KeelsonProcess {
  const child = spawn(program.command, [...program.args, ...args], { cwd: program.cwd ?? cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr!.on('data', (chunk) => (stderr += String(chunk)));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return {
    child, ended,
    output: () => stdout + stderr,
    async said(text, timeoutMs = 120_000) {
      const has = () => (typeof text === 'string' ? stderr.includes(text) : text.test(stderr));
      const limit = Date.now() + timeoutMs;
      while (!has()) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`keelson ended before it said ${text}:\n${stdout}${stderr}`);
        if (Date.now() > limit) throw new Error(`keelson has not said ${text} within ${timeoutMs} ms:\n${tail(stdout + stderr)}`);
        await sleep(50);
      }
    },
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function tail(text: string): string {
  return text.split('\n').slice(-40).join('\n');
}

function git(folder: string, ...args: string[]): string {
  const done = spawnSync('git', args, { cwd: folder, encoding: 'utf8', env: { ...process.env, GIT_TERMINAL_PROMPT: '0' }, timeout: 30_000 });
  if (done.status !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
  return done.stdout.trim();
}

function commit(repository: string, message: string, change: Parameters<KeelsonFolder['commit']>[1]): string {
  for (const [path, content] of Object.entries(change)) {
    const file = join(repository, path);
    if (content === undefined) {
      rmSync(file, { recursive: true });
      continue;
    }
    const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const after = typeof content === 'string' ? content : content(before);
    if (after === before) throw new Error(`the commit "${message}" changes nothing in ${path}`);
    writeFileSync(file, after);
  }
  git(repository, 'add', '-A');
  git(repository, '-c', 'user.name=journey', '-c', 'user.email=journey@keelson.invalid', 'commit', '-q', '-m', message);
  git(repository, 'push', '-q');
  return git(repository, 'rev-parse', 'HEAD');
}

/** Polls until `look` answers something that is not undefined; the error says what was seen last. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, options: { timeoutMs?: number; describe?: () => Promise<unknown> | unknown } = {}): Promise<T> {
  const limit = Date.now() + (options.timeoutMs ?? 90_000);
  let failure: unknown;
  while (true) {
    try {
      const seen = await look();
      if (seen !== undefined) return seen;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > limit) {
      const seen = options.describe ? JSON.stringify(await options.describe(), null, 1) : '';
      throw new Error(`not within ${options.timeoutMs ?? 90_000} ms: ${what}\n${seen.slice(0, 4000)}`, { cause: failure });
    }
    await sleep(100);
  }
}

/** Waits until an object satisfies a predicate. */
export function untilObject<T extends KubeObject>(client: KubeClient, kind: KindRef, key: ObjectKey, predicate: (object: T) => boolean, timeoutMs?: number): Promise<T> {
  return eventually(`${kind.kind} ${key.namespace}/${key.name} as expected`, async () => {
    const object = await client.get<T>(kind, key);
    return object && predicate(object) ? object : undefined;
  }, { ...(timeoutMs === undefined ? {} : { timeoutMs }), describe: async () => { const o = await client.get(kind, key); return o && { spec: o['spec'], status: o['status'] }; } });
}

/** Waits until an object is gone. */
export function untilGone(client: KubeClient, kind: KindRef, key: ObjectKey, timeoutMs?: number): Promise<true> {
  return eventually(`absence of ${kind.kind} ${key.namespace}/${key.name}`, async () => ((await client.get(kind, key)) === undefined ? true : undefined), timeoutMs === undefined ? {} : { timeoutMs });
}
