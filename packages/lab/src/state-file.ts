/** JSON state on env.files that survives kill -9: writes are atomic, in order, and coalesced while one is under way. */
import { ProblemError, problem, type Files } from '@keelson/std';
import { labProblems } from './problems.ts';

export interface StateFile {
  /** Writes the current value; resolves when it, or a later one, is on disk. */
  save(): Promise<void>;
  /** Resolves when nothing is left to write. */
  settled(): Promise<void>;
}

/** `snapshot` gives the text to write at the moment the write begins, so that callers only say that something changed. */
export function stateFile(files: Files, path: string, snapshot: () => string): StateFile {
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  const write = async () => files.write(path, snapshot(), { mode: 0o600 });
  const start = (): Promise<void> => {
    const run = write().finally(() => {
      running = undefined;
    });
    running = run;
    return run;
  };
  return {
    save() {
      if (!running) return start();
      queued ??= running
        .catch(() => {}) // the first caller has that error; this write has its own
        .then(() => {
          queued = undefined;
          return start();
        });
      return queued;
    },
    async settled() {
      while (running || queued) await (queued ?? running);
    },
  };
}

/** Reads JSON state; undefined when there is none. Throws LAB.STATE_UNREADABLE when the file is not JSON. */
export async function readState<T>(files: Files, path: string, what: string): Promise<T | undefined> {
  const bytes = await files.read(path);
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T; // written by `stateFile` of the same type and version
  } catch (cause) {
    throw new ProblemError(problem(labProblems.stateUnreadable, { what }, { why: String(cause), where: path }), { cause });
  }
}
