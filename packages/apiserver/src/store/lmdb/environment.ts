import { hostname } from 'node:os';
import { problem, ProblemError } from '@keelson/std';
import type { Database, RootDatabase } from 'lmdb';
import { open } from 'lmdb';
import { apiServerProblems } from '../../problems.ts';

/** The databases of one data directory, opened by this process alone. */
export interface Environment {
  readonly root: RootDatabase<Buffer, string>;
  /** Key → 8 bytes of revision and the value. */
  readonly objects: Database<Buffer, string>;
  /** Revision → undo record. */
  readonly log: Database<Buffer, number>;
  close(): Promise<void>;
}

const holderKey = 'holder';
const formatKey = 'format';
/** Changes when the meaning of what is stored changes. */
export const storeFormat = 'keelson-store-1';

/** Folders open in this process: LMDB itself would share them silently. */
const openHere = new Set<string>();

/**
 * Opens a folder and takes it for this process. Throws the problem STORE.LOCKED when another process has it open: LMDB keeps a table of
 * readers with their process ids, whose liveness hangs on a lock of the system that ends with its process, so nothing is left behind
 * by kill -9. The check and the entry of the new holder are one write transaction, which only one process can have.
 */
export function openEnvironment(directory: string): Environment {
  if (openHere.has(directory)) throw locked(directory, String(process.pid), 'this process has it open already');
  const root = openRoot(directory);
  const meta = root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' });
  // A read enters this process into the table of readers.
  meta.get(holderKey);
  let holder: string | undefined;
  let known: string | undefined;
  root.transactionSync(() => {
    root.readerCheck();
    const entry = meta.get(holderKey)?.toString('utf8');
    const pid = entry?.split(' ')[0];
    if (pid !== undefined && pid !== String(process.pid) && readerPids(root).has(pid)) {
      holder = pid;
      return;
    }
    known = meta.get(formatKey)?.toString('utf8');
    meta.putSync(holderKey, Buffer.from(`${process.pid} ${hostname()}`));
    if (known === undefined) meta.putSync(formatKey, Buffer.from(storeFormat));
  });
  if (holder !== undefined) {
    void root.close();
    throw locked(directory, holder, `process ${holder} holds it`);
  }
  if (known !== undefined && known !== storeFormat) {
    void root.close();
    throw unreadable(directory, `it was written as ${JSON.stringify(known)}, this program reads ${JSON.stringify(storeFormat)}`);
  }
  openHere.add(directory);
  return {
    root,
    objects: root.openDB<Buffer, string>({ name: 'objects', encoding: 'binary' }),
    log: root.openDB<Buffer, number>({ name: 'log', encoding: 'binary' }),
    async close() {
      openHere.delete(directory);
      await root.close();
    },
  };
}

function openRoot(directory: string): RootDatabase<Buffer, string> {
  try {
    return open<Buffer, string>({ path: directory, encoding: 'binary', maxDbs: 4, noSubdir: false });
  } catch (cause) {
    throw unreadable(directory, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Process ids in LMDB's table of readers; stale ones were removed before. */
function readerPids(root: RootDatabase<Buffer, string>): Set<string> {
  const lines = root.readerList().split('\n');
  return new Set(lines.flatMap((line) => /^\s*(\d+)\s/.exec(line)?.[1] ?? []));
}

function locked(directory: string, pid: string, why: string): ProblemError {
  return new ProblemError(problem(apiServerProblems.storeLocked, { directory, pid }, { why, where: directory }));
}

function unreadable(directory: string, why: string, cause?: unknown): ProblemError {
  return new ProblemError(problem(apiServerProblems.storeUnreadable, { directory }, { why, where: directory }), { cause });
}
