import type { Bytes } from '@keelson/std';

/**
 * A revisioned, ordered, watchable map from keys to encoded objects.
 *
 * Every write has a revision of its own, taken from one counter; the writes of one commit have consecutive revisions and
 * become visible together. Keys are compared by UTF-16 code units and begin with `<group>/<resource>/`, the collection.
 * A commit names each key once. Reading is synchronous and sees what has been committed. Values are never changed in place by either side.
 */
export interface Store {
  /** Revision of the newest visible write; 1 in a fresh store. */
  readonly revision: number;
  /** A watch or a list can start at this revision or later; what was before is compacted. */
  readonly oldestRevision: number;
  get(key: string): StoredValue | undefined;
  /** Throws CompactedError when `revision` is older than `oldestRevision`, FutureRevisionError when it has not come yet. */
  list(options: ListRange): StorePage;
  /** Number of keys under a prefix, after `after` when given, at the newest revision. */
  count(prefix: string, after?: string): number;
  /** Resolves when the writes are durable and visible, or when a precondition did not hold (nothing is written then). */
  commit(writes: readonly StoreWrite[]): Promise<CommitResult>;
  /**
   * Calls `onEvents` with every later write under `prefix`, in order and exactly once; first, before it returns, with those after `afterRevision`
   * that are there already. `onEvents` must not throw. Throws CompactedError as `list` does.
   */
  watch(options: WatchRange): StoreWatch;
  /** Forgets history before `revision`; watches that run are not disturbed. */
  compact(revision: number): Promise<void>;
  /** Ends all watches and, for a store on disk, makes everything durable and frees the lock. */
  close(): Promise<void>;
}

export interface StoredValue {
  /** Revision of the write that made this value. */
  readonly revision: number;
  readonly value: Bytes;
  /** The value is kept in a form that is no longer wanted (plain, or sealed with an old key): write it again even when it would be the same. */
  readonly stale?: boolean;
}

export interface StoredEntry extends StoredValue {
  readonly key: string;
}

export interface ListRange {
  readonly prefix: string;
  /** Only keys greater than this one. */
  readonly after?: string;
  readonly limit?: number;
  /** The state as of this revision; the newest when absent. */
  readonly revision?: number;
}

export interface StorePage {
  readonly entries: readonly StoredEntry[];
  /** The revision the page shows. */
  readonly revision: number;
  /** True when `limit` cut the page short. */
  readonly more: boolean;
}

export type StoreWrite =
  | {
      readonly type: 'put';
      readonly key: string;
      /** The revision the key must have now, 0 for none; absent: whatever it has. */
      readonly expect?: number;
      /** Encodes the value once its revision is known. */
      readonly encode: (revision: number) => Bytes;
    }
  | { readonly type: 'delete'; readonly key: string; readonly expect?: number }
  /** Writes nothing, but the commit fails unless the key has this revision (0: is absent). */
  | { readonly type: 'check'; readonly key: string; readonly expect: number };

export type CommitResult =
  | { readonly ok: true; /** One for each write, in order; 0 for a check. */ readonly revisions: readonly number[] }
  /** The first key whose precondition failed. */
  | { readonly ok: false; readonly key: string };

export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  /** The new value; absent for a delete. */
  readonly value?: Bytes;
  /** What the key held before; absent when it was created. */
  readonly previous?: StoredValue;
}

export interface WatchRange {
  readonly prefix: string;
  /** Events after this revision; the newest revision when absent. */
  readonly afterRevision?: number;
  readonly onEvents: (events: readonly StoreEvent[]) => void;
  /** The store was closed; no more events come. */
  readonly onEnd?: () => void;
}

export interface StoreWatch {
  close(): void;
}

/** What the caller asks for has been compacted; start from a fresh list. */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
  readonly revision: number;
  readonly oldestRevision: number;
  constructor(revision: number, oldestRevision: number) {
    super(`too old resource version: ${revision} (${oldestRevision})`);
    this.revision = revision;
    this.oldestRevision = oldestRevision;
  }
}

/** The caller asks for a revision that has not come yet. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError';
  readonly revision: number;
  readonly current: number;
  constructor(revision: number, current: number) {
    super(`revision ${revision} is in the future; the newest is ${current}`);
    this.revision = revision;
    this.current = current;
  }
}

/** Throws unless history reaches back to `revision` and the revision has come. */
export function checkRevision(store: Pick<Store, 'revision' | 'oldestRevision'>, revision: number): void {
  if (revision < store.oldestRevision) throw new CompactedError(revision, store.oldestRevision);
  if (revision > store.revision) throw new FutureRevisionError(revision, store.revision);
}

/** How many events a store remembers when nothing else is said: enough for a client that reconnects every 30 s during a bulk load. */
export const defaultHistoryLimit = 20_000;
