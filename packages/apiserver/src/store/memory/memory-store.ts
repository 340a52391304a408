import type { Bytes } from '@keelson/std';
import { createFanOut } from '../fan-out.ts';
import type { CommitResult, ListRange, Store, StoredEntry, StoredValue, StoreEvent, StoreWrite } from '../store.ts';
import { checkRevision, defaultHistoryLimit } from '../store.ts';
import { sortedKeys } from './sorted-keys.ts';

export interface MemoryStoreOptions {
  /** Events kept for watches that resume and lists at an older revision. */
  readonly historyLimit?: number;
}

/** A store that lives as long as its process. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  const historyLimit = options.historyLimit ?? defaultHistoryLimit;
  const keys = sortedKeys();
  const values = new Map<string, StoredValue>();
  const fanOut = createFanOut();
  // history[i] has revision oldestRevision + 1 + i, since every write takes exactly one revision.
  let history: StoreEvent[] = [];
  let revision = 1;
  let oldestRevision = 1;
  let closed = false;

  const commitNow = (writes: readonly StoreWrite[]): CommitResult => {
    if (closed) throw new Error('the store is closed');
    const failed = writes.find((write) => write.expect !== undefined && (values.get(write.key)?.revision ?? 0) !== write.expect);
    if (failed) return { ok: false, key: failed.key };
    // Everything is encoded before anything is kept: an encoder that throws leaves the store as it was.
    let next = revision;
    const encoded = writes.map((write): { revision: number; value?: Bytes } => {
      if (write.type === 'put') return { revision: ++next, value: write.encode(next) };
      return { revision: write.type === 'delete' && values.has(write.key) ? ++next : 0 };
    });
    const events: StoreEvent[] = [];
    writes.forEach((write, index) => {
      const made = encoded[index]!;
      if (made.revision === 0) return;
      const previous = values.get(write.key);
      if (made.value) values.set(write.key, { revision: made.revision, value: made.value });
      else values.delete(write.key);
      if (made.value && !previous) keys.add(write.key);
      if (!made.value) keys.remove(write.key);
      events.push({ type: made.value ? 'put' : 'delete', key: write.key, revision: made.revision, value: made.value, previous });
    });
    revision = next;
    remember(events);
    if (events.length > 0) fanOut.publish(events);
    return { ok: true, revisions: encoded.map((made) => made.revision) };
  };
  const remember = (events: readonly StoreEvent[]) => {
    history.push(...events);
    // Cut in large steps: shifting an array on every write would cost more than the memory.
    if (history.length > historyLimit * 1.25 + 16) forget(revision - historyLimit);
  };
  const forget = (before: number) => {
    if (before <= oldestRevision) return;
    history = history.slice(before - oldestRevision);
    oldestRevision = before;
  };
  const eventsAfter = (after: number, prefix: string) => history.slice(after - oldestRevision).filter((event) => event.key.startsWith(prefix));

  const listNow = (range: ListRange): StoredEntry[] => {
    const limit = range.limit ?? Infinity;
    const entries: StoredEntry[] = [];
    for (const key of keys.range(range.prefix, range.after)) {
      entries.push({ key, ...values.get(key)! });
      if (entries.length > limit) break;
    }
    return entries;
  };
  const listAt = (range: ListRange, at: number): StoredEntry[] => {
    const limit = range.limit ?? Infinity;
    // What each key held at `at`: the previous value of the first event after it.
    const undone = new Map<string, StoredValue | undefined>();
    for (const event of eventsAfter(at, range.prefix)) {
      if (!undone.has(event.key)) undone.set(event.key, event.previous);
    }
    const names = new Set(keys.range(range.prefix, range.after));
    for (const key of undone.keys()) if (range.after === undefined || key > range.after) names.add(key);
    const entries: StoredEntry[] = [];
    for (const key of [...names].sort()) {
      const value = undone.has(key) ? undone.get(key) : values.get(key);
      if (value) entries.push({ key, ...value });
      if (entries.length > limit) break;
    }
    return entries;
  };

  return {
    get revision() {
      return revision;
    },
    get oldestRevision() {
      return oldestRevision;
    },
    get: (key) => values.get(key),
    list(range) {
      const at = range.revision ?? revision;
      checkRevision({ revision, oldestRevision }, at);
      const entries = at === revision ? listNow(range) : listAt(range, at);
      const limit = range.limit ?? Infinity;
      return { entries: entries.length > limit ? entries.slice(0, limit) : entries, revision: at, more: entries.length > limit };
    },
    count: (prefix, after) => keys.count(prefix, after),
    commit: async (writes) => commitNow(writes),
    watch(range) {
      const after = range.afterRevision ?? revision;
      checkRevision({ revision, oldestRevision }, after);
      const missed = after === revision ? [] : eventsAfter(after, range.prefix);
      const watch = fanOut.add(range);
      if (missed.length > 0) range.onEvents(missed);
      return watch;
    },
    compact: async (before) => forget(Math.min(before, revision)),
    close: async () => {
      closed = true;
      fanOut.end();
    },
  };
}
