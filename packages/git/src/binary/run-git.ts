// This folder is the one place in the program that starts processes for git; the rest meets GitClient.
import { spawn } from 'node:child_process';
import type { Clock } from '@keelson/std';

export interface GitCommand {
  readonly binary: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string;
  /** The process group is killed above it. */
  readonly outputLimitBytes: number;
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

export interface GitOutput {
  readonly code: number;
  readonly stdout: Buffer;
  /** The last 16 KiB. */
  readonly stderr: string;
  /** Why it was ended before its time. */
  readonly ended?: 'timeout' | 'output' | 'aborted';
}

const stderrLimitBytes = 16 * 1024;

/** Runs git without a shell, in a process group of its own, with a deadline and bounded output. Throws when it cannot be started. */
export function runGit(command: GitCommand): Promise<GitOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(command.binary, command.args, {
      cwd: command.cwd,
      env: { ...command.environment },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = Buffer.alloc(0);
    let ended: GitOutput['ended'];
    const end = (reason: NonNullable<GitOutput['ended']>) => {
      ended ??= reason;
      try {
        // A negative id is the group: git's own children (ssh, git-remote-https) end with it.
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group is gone already.
      }
    };
    const timer = command.clock.after(Math.max(0, command.deadlineMs - command.clock.now()), () => end('timeout'));
    const onAbort = () => end('aborted');
    command.signal?.addEventListener('abort', onAbort, { once: true });
    const settle = () => {
      timer.cancel();
      command.signal?.removeEventListener('abort', onAbort);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > command.outputLimitBytes) return end('output');
      chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = Buffer.concat([stderr, chunk]).subarray(-stderrLimitBytes);
    });
    child.on('error', (cause) => {
      settle();
      reject(new Error(`starting ${command.binary} failed`, { cause }));
    });
    child.on('close', (code) => {
      settle();
      resolve({ code: code ?? -1, stdout: Buffer.concat(chunks), stderr: stderr.toString('utf8'), ended });
    });
    // A process that ends early closes its input; its exit code tells the story.
    child.stdin.on('error', () => {});
    child.stdin.end(command.input ?? '');
    if (command.signal?.aborted) onAbort();
  });
}
