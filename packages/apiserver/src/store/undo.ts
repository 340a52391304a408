import type { Bytes } from '@keelson/std';
import type { StoredEntry, StoredValue, StoreEvent } from './store.ts';

/**
 * The log keeps for every revision what its key held before. From it and the newest state follow both what happened after a revision
 * and how everything looked at it, so that each value is written twice at most: as itself, and when it is replaced.
 */
export interface UndoRecord {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  readonly previous?: StoredValue;
}

const typeCodes = { put: 1, delete: 2 } as const;

/** An undo record as bytes, without its revision, which is its key in the log. */
export function encodeUndo(record: UndoRecord): Buffer {
  const key = Buffer.from(record.key, 'utf8');
  const head = Buffer.alloc(11);
  head.writeUInt8(typeCodes[record.type], 0);
  head.writeDoubleBE(record.previous?.revision ?? 0, 1);
  head.writeUInt16BE(key.length, 9);
  return Buffer.concat([head, key, ...(record.previous ? [record.previous.value] : [])]);
}

/** What encodeUndo wrote. Throws when the bytes are damaged. */
export function decodeUndo(revision: number, bytes: Bytes): UndoRecord {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 11) throw new Error(`log record ${revision} is damaged`);
  const code = buffer.readUInt8(0);
  const previousRevision = buffer.readDoubleBE(1);
  const end = 11 + buffer.readUInt16BE(9);
  if ((code !== typeCodes.put && code !== typeCodes.delete) || end > buffer.length) throw new Error(`log record ${revision} is damaged`);
  return {
    type: code === typeCodes.put ? 'put' : 'delete',
    key: buffer.toString('utf8', 11, end),
    revision,
    previous: previousRevision === 0 ? undefined : { revision: previousRevision, value: buffer.subarray(end) },
  };
}

/** The events behind undo records that are given newest first; `newest` is what a key holds after all of them. Oldest first. */
export function eventsFromUndo(newestFirst: Iterable<UndoRecord>, newest: (key: string) => StoredValue | undefined): StoreEvent[] {
  const holds = new Map<string, StoredValue | undefined>();
  const events: StoreEvent[] = [];
  for (const { type, key, revision, previous } of newestFirst) {
    const now = holds.has(key) ? holds.get(key) : newest(key);
    events.push({ type, key, revision, value: type === 'put' ? now?.value : undefined, previous });
    holds.set(key, previous);
  }
  return events.reverse();
}

/** Entries in key order with some keys replaced by what they held before (undefined: nothing). */
export function* withUndone(entries: Iterable<StoredEntry>, undone: ReadonlyMap<string, StoredValue | undefined>, sortedKeys: readonly string[]): Generator<StoredEntry> {
  let next = 0;
  const take = (key: string): StoredEntry[] => {
    const value = undone.get(key);
    return value ? [{ key, ...value }] : [];
  };
  for (const entry of entries) {
    while (next < sortedKeys.length && sortedKeys[next]! < entry.key) yield* take(sortedKeys[next++]!);
    if (sortedKeys[next] === entry.key) yield* take(sortedKeys[next++]!);
    else yield entry;
  }
  while (next < sortedKeys.length) yield* take(sortedKeys[next++]!);
}
