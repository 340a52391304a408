/** A sorted set of keys. Inserting moves the tail of an array, which for 100,000 keys is some microseconds. */
export interface SortedKeys {
  /** The key must not be there yet. */
  add(key: string): void;
  remove(key: string): void;
  /** Keys with a prefix, after `after` when given, in order. The set must not change meanwhile. */
  range(prefix: string, after?: string): Iterable<string>;
  count(prefix: string, after?: string): number;
}

/** An empty set. */
export function sortedKeys(): SortedKeys {
  const keys: string[] = [];
  /** Index of the first key for which `key < bound` (or `<=`) does not hold. */
  const indexOf = (bound: string, inclusive: boolean) => {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const key = keys[middle]!;
      if (key < bound || (inclusive && key === bound)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const firstOf = (prefix: string, after: string | undefined) => (after !== undefined && after >= prefix ? indexOf(after, true) : indexOf(prefix, false));
  // No key holds U+FFFF, so this is past every key with the prefix.
  const endOf = (prefix: string) => (prefix === '' ? keys.length : indexOf(`${prefix}\uffff`, false));
  return {
    add(key) {
      const last = keys.at(-1);
      if (last === undefined || key > last) keys.push(key);
      else keys.splice(indexOf(key, false), 0, key);
    },
    remove(key) {
      const index = indexOf(key, false);
      if (keys[index] === key) keys.splice(index, 1);
    },
    *range(prefix, after) {
      for (let index = firstOf(prefix, after); index < keys.length; index++) {
        const key = keys[index]!;
        if (!key.startsWith(prefix)) return;
        yield key;
      }
    },
    count: (prefix, after) => Math.max(0, endOf(prefix) - firstOf(prefix, after)),
  };
}
