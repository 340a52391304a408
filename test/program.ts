/** Running programs for journeys, checks and measurements: with a limit, and ended by the pid that was started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Ran {
  /** Exit code; 128 when a signal ended it. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** In place of this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;

/** Runs a program to its end. Throws when it cannot be started or does not end in time. */
export function runProgram(path: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${path} ${args.join(' ')} did not end within ${(options.timeoutMs ?? defaultTimeoutMs) / 1000} s; it said: ${out}${err}`));
    }, options.timeoutMs ?? defaultTimeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 128, out, err });
    });
    // A program that does not read its input ends before it is written.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** A program's path: from `KEELSON_<PROGRAM>`, else from PATH and /usr/sbin. Undefined when it is not there. */
export function findProgram(name: string): string | undefined {
  const named = process.env[`KEELSON_${name.toUpperCase().replaceAll('-', '_')}`];
  if (named) return isFile(named) ? named : undefined;
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].map((folder) => join(folder, name)).find(isFile);
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** A program that goes on until it is stopped. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** What it has written to stdout and stderr, in the order of arrival. */
  text(): string;
  /** Resolves when its output matches; rejects with the output when it ends before or the time is up. */
  says(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray>;
  readonly ended: Promise<number>;
  /** Ends it in order, and by force after a while; answers the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number>;
}

const stopLimitMs = 15_000;

/** Starts a program. Throws when it cannot be started. */
export function startProgram(path: string, args: readonly string[], options: Omit<RunOptions, 'input' | 'timeoutMs'> = {}): RunningProgram {
  const child = spawn(path, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid === undefined) throw new Error(`${path} could not be started`);
  let text = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 128)));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (isOver(child)) return ended;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    const code = await ended;
    clearTimeout(timer);
    return code;
  };
  return {
    pid: child.pid, ended, stop,
    text: () => text,
    says: (pattern, timeoutMs) => new Promise((resolve, reject) => {
      const done = (finish: () => void) => {
        listeners.delete(look);
        clearTimeout(timer);
        finish();
      };
      const look = () => {
        const match = pattern.exec(text);
        if (match) done(() => resolve(match));
      };
      const timer = setTimeout(() => done(() => reject(new Error(`${path} did not say ${String(pattern)} within ${timeoutMs / 1000} s; it said:\n${text}`))), timeoutMs);
      listeners.add(look);
      look();
      void ended.then((code) => done(() => reject(new Error(`${path} ended with ${code} before it said ${String(pattern)}; it said:\n${text}`))));
    }),
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The program to run `keelson` with, and the arguments before its own. */
export interface KeelsonCommand {
  readonly path: string;
  readonly args: readonly string[];
}

/** The sources as they are, on the Node that runs this. */
export const sourceCommand: KeelsonCommand = {
  path: process.execPath,
  args: ['--conditions=keelson-source', '--disable-warning=ExperimentalWarning', join(root, 'packages', 'cli', 'src', 'bin.ts')],
};

/** An emitted bin.js, as an installation has it. */
export function installedCommand(bin: string): KeelsonCommand {
  return { path: process.execPath, args: [bin] };
}

export const exampleFolder = join(root, 'examples', 'datacenter');

/** `keelson up --lab` on the example with a lab that takes no time. */
export function startUp(command: KeelsonCommand, dataDir: string, more: readonly string[] = []): RunningProgram {
  return startProgram(command.path, [...command.args, 'up', '--lab', exampleFolder, '--data-dir', dataDir, '--lab-latency', 'zero', ...more]);
}

/** What `up` says when all is ready. */
export const readyPattern = /Everything is ready after (\S+)\./;
