import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { problem, ProblemError } from '@keelson/std';
import { open, type Database, type RootDatabase } from 'lmdb';
import { apiServerProblems } from '../../problems.ts';
import { storeFormat } from './environment.ts';

/** A store as it was at one moment, to be read only. LMDB lets other processes read while one writes, and shows each reader one state. */
export interface Snapshot {
  readonly root: RootDatabase<Buffer, string>;
  objects(): Iterable<{ key: string; value: Buffer }>;
  log(): Iterable<{ key: number; value: Buffer }>;
  close(): Promise<void>;
}

/** Opens a store's folder, or a file that holds one, beside the process that may have it. Throws the problem STORE.UNREADABLE. */
export function openSnapshot(path: string, kind: 'folder' | 'file'): Snapshot {
  const refuse = (why: string, cause?: unknown) => new ProblemError(problem(apiServerProblems.storeUnreadable, { directory: path }, { why, where: path }), { cause });
  if (!existsSync(kind === 'folder' ? join(path, 'data.mdb') : path)) throw refuse('there is no store');
  let root: RootDatabase<Buffer, string>;
  try {
    root = open<Buffer, string>({ path, encoding: 'binary', maxDbs: 4, noSubdir: kind === 'file', readOnly: true });
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : String(cause), cause);
  }
  try {
    // A database that is not there is answered as undefined, whatever the types say.
    const meta = root.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }) as Database<Buffer, string> | undefined;
    const objects = root.openDB<Buffer, string>({ name: 'objects', encoding: 'binary' }) as Database<Buffer, string> | undefined;
    const log = root.openDB<Buffer, number>({ name: 'log', encoding: 'binary' }) as Database<Buffer, number> | undefined;
    const format = meta?.get('format')?.toString('utf8');
    if (!objects || !log || format !== storeFormat) throw refuse(format === undefined ? 'it is no store of Keelson' : `it was written as ${JSON.stringify(format)}, this program reads ${JSON.stringify(storeFormat)}`);
    const transaction = root.useReadTransaction();
    return {
      root,
      objects: () => objects.getRange({ transaction }),
      log: () => log.getRange({ transaction }),
      async close() {
        transaction.done();
        await root.close();
      },
    };
  } catch (error) {
    void root.close();
    throw error;
  }
}
