// A backup is LMDB's own compacted copy of one state, followed by one line with the SHA-256 of all before it.
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { problem, ProblemError } from '@keelson/std';
import { apiServerProblems } from '../../problems.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import { encodeUndo } from '../undo.ts';
import { checkSnapshot, type CheckReport } from './check.ts';
import { openEnvironment } from './environment.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';

const trailer = (hash: string) => Buffer.from(`\nkeelson-backup-1 sha256 ${hash}\n`, 'latin1');
const trailerBytes = trailer('0'.repeat(64)).length;

/** Checks a store in a folder, also while a process runs on it. Throws the problem STORE.UNREADABLE; what is damaged is in the report. */
export async function checkStore(directory: string, keys: EncryptionKeys | undefined): Promise<CheckReport> {
  return closing(openSnapshot(directory, 'folder'), (snapshot) => checkSnapshot(snapshot, keys));
}

/** Checks a backup: its sum, and every record. Throws the problems STORE.BACKUP_DAMAGED and STORE.UNREADABLE. */
export async function checkBackup(file: string, keys: EncryptionKeys | undefined): Promise<CheckReport> {
  refuseDamagedFile(file);
  return closing(openBackup(file), (snapshot) => checkSnapshot(snapshot, keys));
}

/**
 * Writes one consistent state of a store to a file (0600) that must not be there yet, also while a process runs on the store: LMDB copies inside a
 * read transaction. Throws the problems STORE.BACKUP_EXISTS and STORE.UNREADABLE. The file is there, synced and whole, or not at all.
 */
export async function backupStore(directory: string, file: string): Promise<void> {
  if (existsSync(file)) throw new ProblemError(problem(apiServerProblems.backupExists, { file }, { why: 'a backup does not overwrite another', where: file }));
  const folder = `${file}.part`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const copy = join(folder, 'data.mdb');
  try {
    await closing(openSnapshot(directory, 'folder'), (snapshot) => snapshot.root.backup(folder, true));
    chmodSync(copy, 0o600);
    appendFileSync(copy, trailer(sumOf(copy, 0)), { flush: true });
    renameSync(copy, file);
    rmdirSync(folder);
    syncFolder(dirname(file));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Revisions a restored store is ahead of its backup: more than could have been made since. */
const revisionsAhead = 1_000_000_000;

export interface RestoreOptions {
  readonly file: string;
  readonly directory: string;
  /** The keys the restored store will be read with. Without them sealed values are not looked into. */
  readonly keys: EncryptionKeys | undefined;
  /** Where a store that is there is moved to; without it a store that is there is refused. */
  readonly moveOldTo?: string;
}

/**
 * Puts the state of a backup into a folder. Objects are as they were; the store's revision jumps ahead and its history is forgotten, so that no client
 * takes up a watch of before across the restore: it is told 410 and lists anew.
 * Throws the problems STORE.BACKUP_DAMAGED (nothing is changed), STORE.NOT_EMPTY, STORE.LOCKED when a process has the folder. After a crash the folder
 * is as before, or moved away, or the restored one; never half of it.
 */
export async function restoreStore({ file, directory, keys, moveOldTo }: RestoreOptions): Promise<CheckReport> {
  const isThere = existsSync(join(directory, 'data.mdb'));
  if (isThere && moveOldTo === undefined) throw new ProblemError(problem(apiServerProblems.storeNotEmpty, { directory, file }, { why: 'there is a store in it', where: directory }));
  const report = await checkBackup(file, keys);
  const first = report.findings.find(({ what }) => keys !== undefined || !what.includes('there is no key file'));
  if (first) throw damagedBackup(file, `${first.where}: ${first.what}`);
  // Taking the store is the proof that nothing runs on it.
  if (isThere) await openEnvironment(directory).close();
  const folder = `${directory}.restoring`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // LMDB names the copy as its source is named: a file makes a file.
  await closing(openBackup(file), (snapshot) => snapshot.root.backup(join(folder, 'data.mdb'), true));
  await startNewHistory(folder, report.revision + revisionsAhead);
  if (isThere) renameSync(directory, moveOldTo!);
  else rmSync(directory, { recursive: true, force: true });
  renameSync(folder, directory);
  syncFolder(dirname(directory));
  return report;
}

const batchLimit = 200;

/** Replaces the log by one record, which says which revision the store is at. The newest goes in first: a log is never without its end. */
async function startNewHistory(folder: string, revision: number): Promise<void> {
  const environment = openEnvironment(folder);
  const { log, root } = environment;
  try {
    const old = [...log.getKeys({})];
    await log.put(revision, encodeUndo({ type: 'delete', key: 'keelson/restored/marker', revision }));
    for (let at = 0; at < old.length; at += batchLimit) {
      await root.batch(() => {
        for (const key of old.slice(at, at + batchLimit)) void log.remove(key);
      });
    }
    await root.flushed;
  } finally {
    await environment.close();
  }
}

async function closing<T>(snapshot: Snapshot, use: (snapshot: Snapshot) => T | Promise<T>): Promise<T> {
  try {
    return await use(snapshot);
  } finally {
    await snapshot.close();
  }
}

/** A backup's file as a snapshot; LMDB's lock file beside it goes when it is closed. */
function openBackup(file: string): Snapshot {
  const snapshot = openSnapshot(file, 'file');
  return {
    ...snapshot,
    async close() {
      await snapshot.close();
      rmSync(`${file}-lock`, { force: true });
    },
  };
}

function refuseDamagedFile(file: string): void {
  if (!existsSync(file)) throw damagedBackup(file, 'there is no such file');
  const handle = openSync(file, 'r');
  let end: string;
  try {
    const { size } = fstatSync(handle);
    const bytes = Buffer.alloc(trailerBytes);
    if (size > trailerBytes) readSync(handle, bytes, 0, trailerBytes, size - trailerBytes);
    end = bytes.toString('latin1');
  } finally {
    closeSync(handle);
  }
  if (!end.startsWith('\nkeelson-backup-')) throw damagedBackup(file, 'it does not end as a backup ends: it is cut short, or something else');
  if (end !== trailer(sumOf(file, trailerBytes)).toString('latin1')) throw damagedBackup(file, 'its sum does not fit: it was changed since it was written');
}

function damagedBackup(file: string, why: string): ProblemError {
  return new ProblemError(problem(apiServerProblems.backupDamaged, { file }, { why, where: file }));
}

const chunkBytes = 1 << 20;

/** SHA-256 of a file but for its last bytes, in hex. */
function sumOf(file: string, withoutLast: number): string {
  const hash = createHash('sha256');
  const handle = openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(chunkBytes);
    let left = fstatSync(handle).size - withoutLast;
    while (left > 0) {
      const read = readSync(handle, chunk, 0, Math.min(chunkBytes, left), null);
      if (read === 0) break;
      hash.update(chunk.subarray(0, read));
      left -= read;
    }
  } finally {
    closeSync(handle);
  }
  return hash.digest('hex');
}

/** A new name outlives a power cut once its folder is synced; Windows has no such call and sees to it. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
