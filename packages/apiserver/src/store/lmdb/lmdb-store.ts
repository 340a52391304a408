import type { Bytes } from '@keelson/std';
import { collectionOf, createFanOut } from '../fan-out.ts';
import type { CommitResult, ListRange, Store, StoredEntry, StoredValue, StoreEvent, StoreWrite, StorePage } from '../store.ts';
import { checkRevision, defaultHistoryLimit } from '../store.ts';
import type { UndoRecord } from '../undo.ts';
import { decodeUndo, encodeUndo, eventsFromUndo, withUndone } from '../undo.ts';
import type { Environment } from './environment.ts';
import { openEnvironment } from './environment.ts';
import { createLogSize, type LogSize } from './log-size.ts';

export interface LmdbStoreOptions {
  /** A folder of its own; made when it is not there. */
  readonly directory: string;
  /** Events kept for watches that resume and lists at an older revision. */
  readonly historyLimit?: number;
  /** Size of the history above which the oldest of it goes, whatever its number; 64 MiB when absent. */
  readonly historyBytes?: number;
}

/** Some 20,000 events of usual objects. Without it, history of objects of a megabyte would fill the disk. */
const defaultHistoryBytes = 64 * 1024 * 1024;
/** What stays whatever its size: clients that follow are some events behind. */
const leastHistory = 16;

/** The most writes in one LMDB transaction: overwriting thousands of values in one makes LMDB slow for seconds afterwards. */
const batchLimit = 200;
/** Past every key. */
const endOfKeys = '\uffff';

interface Staged {
  readonly events: readonly StoreEvent[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens a store in a folder of the disk. A commit resolves after its transaction has been written and synced, so what was answered
 * survives a crash of the machine; commits that wait at the same time share a transaction.
 * Throws ProblemError: STORE.LOCKED when another process has the folder, STORE.UNREADABLE when it cannot be opened.
 */
export function openLmdbStore(options: LmdbStoreOptions): Store {
  return new LmdbStore(openEnvironment(options.directory), options.historyLimit ?? defaultHistoryLimit, options.historyBytes ?? defaultHistoryBytes);
}

class LmdbStore implements Store {
  readonly #environment: Environment;
  readonly #historyLimit: number;
  readonly #historyBytes: number;
  readonly #logSize: LogSize;
  readonly #fanOut = createFanOut();
  /** Writes that are taken but not durable yet: what their keys hold then. */
  readonly #staged = new Map<string, StoredValue | undefined>();
  /** What keys held before the writes that are taken but not durable yet: this is what readers see. */
  readonly #visible = new Map<string, StoredValue | undefined>();
  readonly #lastOfCollection = new Map<string, number>();
  readonly #openedAt: number;
  #queue: Staged[] = [];
  #flushing: Promise<void> | undefined;
  #revision: number;
  #nextRevision: number;
  #oldestRevision: number;
  #closed = false;

  constructor(environment: Environment, historyLimit: number, historyBytes: number) {
    this.#environment = environment;
    this.#historyBytes = historyBytes;
    this.#historyLimit = historyLimit;
    const { log } = environment;
    this.#revision = firstOf(log.getKeys({ reverse: true, limit: 1 })) ?? 1;
    this.#oldestRevision = (firstOf(log.getKeys({ limit: 1 })) ?? this.#revision + 1) - 1;
    this.#nextRevision = this.#revision;
    this.#openedAt = this.#revision;
    this.#logSize = createLogSize(environment.log);
  }

  get revision(): number {
    return this.#revision;
  }

  get oldestRevision(): number {
    return this.#oldestRevision;
  }

  get(key: string): StoredValue | undefined {
    return this.#visible.has(key) ? this.#visible.get(key) : this.#onDisk(key);
  }

  #onDisk(key: string): StoredValue | undefined {
    const bytes = this.#environment.objects.get(key);
    return bytes && decodeValue(bytes);
  }

  list(range: ListRange): StorePage {
    const at = range.revision ?? this.#revision;
    checkRevision(this, at);
    const undone = new Map<string, StoredValue | undefined>();
    const isInRange = (key: string) => key.startsWith(range.prefix) && (range.after === undefined || key > range.after);
    // Oldest first, and the first one counts: it says what the key held at that revision.
    if (at < this.#revision) {
      for (const record of this.#records(at + 1, this.#revision)) if (isInRange(record.key) && !undone.has(record.key)) undone.set(record.key, record.previous);
    }
    for (const [key, value] of this.#visible) if (isInRange(key) && !undone.has(key)) undone.set(key, value);
    const limit = range.limit ?? Infinity;
    const entries: StoredEntry[] = [];
    for (const entry of withUndone(this.#range(range), undone, [...undone.keys()].sort())) {
      if (entries.length === limit) return { entries, revision: at, more: true };
      entries.push(entry);
    }
    return { entries, revision: at, more: false };
  }

  *#range({ prefix, after }: ListRange): Generator<StoredEntry> {
    const start = after !== undefined && after >= prefix ? after : prefix;
    for (const { key, value } of this.#environment.objects.getRange({ start, end: prefix + endOfKeys })) {
      if (key !== after) yield { key, ...decodeValue(value) };
    }
  }

  *#records(from: number, to: number, reverse = false): Generator<UndoRecord> {
    const range = reverse ? { start: to, end: from - 1, reverse } : { start: from, end: to + 1 };
    for (const { key, value } of this.#environment.log.getRange(range)) yield decodeUndo(key, value);
  }

  count(prefix: string, after?: string): number {
    const start = after !== undefined && after >= prefix ? after : prefix;
    const all = this.#environment.objects.getKeysCount({ start, end: prefix + endOfKeys });
    const excluded = after !== undefined && after >= prefix && this.#environment.objects.doesExist(after) ? 1 : 0;
    let pending = 0;
    for (const [key, value] of this.#visible) {
      if (!key.startsWith(prefix) || (after !== undefined && key <= after)) continue;
      pending += Number(value !== undefined) - Number(this.#environment.objects.doesExist(key));
    }
    return all - excluded + pending;
  }

  async commit(writes: readonly StoreWrite[]): Promise<CommitResult> {
    if (this.#closed) throw new Error('the store is closed');
    if (writes.length > batchLimit) throw new Error(`a commit of ${writes.length} writes exceeds the limit of ${batchLimit}`);
    const failed = writes.find((write) => write.expect !== undefined && (this.#newest(write.key)?.revision ?? 0) !== write.expect);
    if (failed) {
      // The caller will read again, and must then see what it lost against.
      if (this.#staged.has(failed.key)) await this.#flushing;
      return { ok: false, key: failed.key };
    }
    const { events, revisions, next } = this.#prepare(writes);
    this.#nextRevision = next;
    if (events.length === 0) return { ok: true, revisions };
    for (const event of events) {
      if (!this.#visible.has(event.key)) this.#visible.set(event.key, this.#onDisk(event.key));
      this.#staged.set(event.key, event.value && { revision: event.revision, value: event.value });
    }
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ events, resolve, reject });
      this.#flushing ??= this.#flushAll();
    });
    return { ok: true, revisions };
  }

  #newest(key: string): StoredValue | undefined {
    return this.#staged.has(key) ? this.#staged.get(key) : this.#onDisk(key);
  }

  #prepare(writes: readonly StoreWrite[]): { events: StoreEvent[]; revisions: number[]; next: number } {
    let next = this.#nextRevision;
    const events: StoreEvent[] = [];
    const revisions = writes.map((write) => {
      if (write.type === 'check') return 0;
      const previous = this.#newest(write.key);
      if (write.type === 'delete' && !previous) return 0;
      const revision = ++next;
      const value = write.type === 'put' ? write.encode(revision) : undefined;
      events.push({ type: write.type, key: write.key, revision, value, previous });
      return revision;
    });
    return { events, revisions, next };
  }

  async #flushAll(): Promise<void> {
    // What is queued while this turn lasts shares its transaction.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      const events = batch.flatMap((staged) => staged.events);
      try {
        await this.#write(events);
      } catch (cause) {
        this.#giveUp(batch, new Error('writing to the store', { cause }));
        break;
      }
      this.#publish(events);
      for (const { resolve } of batch) resolve();
    }
    // In the same turn in which the queue was seen empty: a commit that comes now starts anew.
    this.#flushing = undefined;
  }

  #takeBatch(): Staged[] {
    let size = 0;
    const end = this.#queue.findIndex((staged, index) => (size += staged.events.length) > batchLimit && index > 0);
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end);
  }

  async #write(events: readonly StoreEvent[]): Promise<void> {
    const { root, objects, log } = this.#environment;
    const keepFrom = this.#keepFrom(events);
    await root.batch(() => {
      for (const event of events) {
        if (event.value) void objects.put(event.key, encodeValue(event.revision, event.value));
        else void objects.remove(event.key);
        const record = encodeUndo(event);
        this.#logSize.add(event.revision, record.length);
        void log.put(event.revision, record);
      }
      for (let revision = this.#oldestRevision + 1; revision <= keepFrom; revision++) void log.remove(revision);
    });
    await root.flushed;
    this.#logSize.remove(this.#oldestRevision + 1, keepFrom);
    this.#oldestRevision = keepFrom;
  }

  /** The oldest revision after these events. The log shrinks to its limits in steps, and is never rewritten in one go. */
  #keepFrom(events: readonly StoreEvent[]): number {
    const last = events.at(-1)!.revision;
    // Twice as many as come in; of a log that is too large more, since what comes in may be larger than what goes.
    const isLarge = this.#logSize.bytes > this.#historyBytes;
    const wanted = last - (isLarge ? Math.min(leastHistory, this.#historyLimit) : this.#historyLimit);
    const step = isLarge ? Math.max(batchLimit, 2 * events.length) : 2 * events.length;
    return Math.max(this.#oldestRevision, Math.min(wanted, this.#oldestRevision + step, this.#revision - 1));
  }

  #publish(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#lastOfCollection.set(collectionOf(event.key), event.revision);
      const staged = this.#staged.get(event.key);
      const isNewest = event.value ? staged?.revision === event.revision : this.#staged.has(event.key) && staged === undefined;
      if (isNewest) {
        this.#staged.delete(event.key);
        this.#visible.delete(event.key);
      } else {
        this.#visible.set(event.key, event.value && { revision: event.revision, value: event.value });
      }
    }
    this.#revision = events.at(-1)!.revision;
    this.#fanOut.publish(events);
  }

  /** Nothing of what waits is written: it may build on what could not be. */
  #giveUp(batch: readonly Staged[], error: Error): void {
    const waiting = [...batch, ...this.#queue];
    this.#queue = [];
    this.#staged.clear();
    this.#visible.clear();
    this.#nextRevision = this.#revision;
    for (const { reject } of waiting) reject(error);
  }

  watch(range: Parameters<Store['watch']>[0]): ReturnType<Store['watch']> {
    const after = range.afterRevision ?? this.#revision;
    checkRevision(this, after);
    const missed = this.#hasNewsSince(range.prefix, after) ? this.#eventsAfter(after, range.prefix) : [];
    const watch = this.#fanOut.add(range);
    if (missed.length > 0) range.onEvents(missed);
    return watch;
  }

  /** False when nothing of the collection was written since: then the log need not be read. */
  #hasNewsSince(prefix: string, after: number): boolean {
    if (after === this.#revision) return false;
    const collection = collectionOf(prefix);
    if (collection === '' || after < this.#openedAt) return true;
    return (this.#lastOfCollection.get(collection) ?? this.#openedAt) > after;
  }

  #eventsAfter(after: number, prefix: string): StoreEvent[] {
    const wanted: UndoRecord[] = [];
    for (const record of this.#records(after + 1, this.#revision, true)) if (record.key.startsWith(prefix)) wanted.push(record);
    return eventsFromUndo(wanted, (key) => this.get(key));
  }

  async compact(before: number): Promise<void> {
    // The newest record stays: it says which revision the store is at.
    const target = Math.min(before, this.#revision - 1);
    const { root, log } = this.#environment;
    while (this.#oldestRevision < target) {
      const from = this.#oldestRevision + 1;
      const to = Math.min(target, this.#oldestRevision + batchLimit);
      this.#oldestRevision = to;
      this.#logSize.remove(from, to);
      await root.batch(() => {
        for (let revision = from; revision <= to; revision++) void log.remove(revision);
      });
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#flushing;
    this.#fanOut.end();
    await this.#environment.close();
  }
}

function firstOf<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

function encodeValue(revision: number, value: Bytes): Buffer {
  const head = Buffer.alloc(8);
  head.writeDoubleBE(revision, 0);
  return Buffer.concat([head, value]);
}

function decodeValue(bytes: Buffer): StoredValue {
  return { revision: bytes.readDoubleBE(0), value: bytes.subarray(8) };
}
