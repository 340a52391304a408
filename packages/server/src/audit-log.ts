/** Requests to the API as lines of JSON in <dataDir>/audit.log, which is set aside and begun anew when it is big. */
import { join } from 'node:path';
import { describeError, type Env } from '@keelson/std';
import type { AuditSink } from '@keelson/apiserver';

export interface AuditLogOptions {
  /** A file this long is set aside; 10 MiB when absent. */
  readonly maxBytes?: number;
  /** How many that were set aside are kept, as audit.log.1 (the newest) and so on; 4 when absent. */
  readonly keep?: number;
}

export interface AuditLog {
  readonly sink: AuditSink;
  /** Resolves when all entries so far are in the file, or were given up. */
  flushed(): Promise<void>;
}

const defaults = { maxBytes: 10 * 1024 * 1024, keep: 4 } as const;
/** Lines that may wait for a slow disk; what comes above is counted and left out, so that the log cannot fill the memory. */
const waitingLimit = 10_000;
const fileMode = 0o600;

/** Opens the audit log of a data directory. Entries are written in order, many at a time; a disk that takes none is reported and stops no request. */
export function openAuditLog(env: Env, dataDir: string, options: AuditLogOptions = {}): AuditLog {
  const { maxBytes, keep } = { ...defaults, ...options };
  const path = join(dataDir, 'audit.log');
  let waiting: string[] = [];
  let leftOut = 0;
  let size: number | undefined;
  let writing: Promise<void> | undefined;

  const rotate = async (): Promise<void> => {
    await env.files.remove(`${path}.${keep}`);
    const there = new Set(await env.files.list(dataDir));
    for (let number = keep - 1; number >= 1; number--) if (there.has(`audit.log.${number}`)) await env.files.rename(`${path}.${number}`, `${path}.${number + 1}`);
    if (keep > 0) await env.files.rename(path, `${path}.1`);
    else await env.files.remove(path);
    size = 0;
  };
  const writeOut = async (): Promise<void> => {
    while (waiting.length > 0 || leftOut > 0) {
      const lines = waiting;
      if (leftOut > 0) lines.push(`${JSON.stringify({ leftOut })}\n`);
      [waiting, leftOut] = [[], 0];
      try {
        size ??= (await env.files.read(path))?.length ?? 0;
        for (const chunk of chunksOf(lines, maxBytes)) {
          if (size > 0 && size + chunk.bytes > maxBytes) await rotate();
          await env.files.append(path, chunk.text, { mode: fileMode });
          size += chunk.bytes;
        }
      } catch (error) {
        env.log.error('the audit log cannot be written', { path, entries: lines.length, error: describeError(error) });
      }
    }
    writing = undefined;
  };
  return {
    sink(entry) {
      if (waiting.length >= waitingLimit) leftOut++;
      else waiting.push(`${JSON.stringify(entry)}\n`);
      writing ??= Promise.resolve().then(writeOut);
    },
    async flushed() {
      while (writing) await writing;
    },
  };
}

/** Lines joined to texts that are at most `maxBytes` long, but for a single longer line. */
function chunksOf(lines: readonly string[], maxBytes: number): { text: string; bytes: number }[] {
  const chunks: { text: string; bytes: number }[] = [];
  for (const line of lines) {
    const bytes = Buffer.byteLength(line);
    const last = chunks.at(-1);
    if (last && last.bytes + bytes <= maxBytes) {
      last.text += line;
      last.bytes += bytes;
    } else chunks.push({ text: line, bytes });
  }
  return chunks;
}
