import { problem, ProblemError } from '@keelson/std';
import { apiServerProblems } from '../../problems.ts';
import type { ListRange, Store, StoredEntry, StoredValue, StoreEvent, StoreWrite, WatchRange } from '../store.ts';
import { CompactedError } from '../store.ts';
import type { EncryptionKeys } from './keys.ts';
import { openValue, SealError, sealedWith, sealValue } from './seal.ts';

/** What is sealed when nothing else is said. */
export const sealedResources: readonly string[] = ['secrets'];

export interface EncryptionOptions {
  readonly keys: EncryptionKeys;
  /** `plural`, or `plural.group` for what is not in the core group; Secrets when absent. */
  readonly resources?: readonly string[];
  /** What the store and its key file are called in problems. */
  readonly names?: StoreNames;
}

export interface StoreNames {
  readonly store: string;
  readonly keyFile: string;
}

const noNames: StoreNames = { store: 'the store', keyFile: 'the key file' };

/** The prefix of a resource's keys, from `plural` or `plural.group`. */
export function prefixOfResource(resource: string): string {
  const dot = resource.indexOf('.');
  return dot < 0 ? `core/${resource}/` : `${resource.slice(dot + 1)}/${resource.slice(0, dot)}/`;
}

/**
 * A store that seals the values of some resources before they reach `store`, and opens them when they are read. All else passes through
 * untouched and unread. Values that are plain although their resource is sealed are read, and marked stale so that the next write seals them;
 * so are those that another key than the first one sealed.
 * Reading a value that cannot be opened throws the problem STORE.KEY_WRONG or STORE.DAMAGED; history that cannot be opened counts as compacted.
 */
export function encryptedStore(store: Store, { keys, resources = sealedResources, names = noNames }: EncryptionOptions): Store {
  const prefixes = resources.map(prefixOfResource);
  const isSealed = (key: string) => prefixes.some((prefix) => key.startsWith(prefix));
  /** True when a range can hold keys that are sealed. */
  const touches = (range: string) => prefixes.some((prefix) => prefix.startsWith(range) || range.startsWith(prefix));

  const opened = <T extends StoredValue>(key: string, stored: T): T => {
    const isStale = sealedWith(stored.value) !== keys.first.id;
    return { ...stored, value: openValue(keys, { key, revision: stored.revision }, stored.value), ...(isStale && { stale: true }) };
  };
  const entryOf = (entry: StoredEntry): StoredEntry => (isSealed(entry.key) ? opened(entry.key, entry) : entry);
  /** Many watches get the same event; it is opened once. */
  const openedEvents = new WeakMap<StoreEvent, StoreEvent>();
  const eventOf = (event: StoreEvent): StoreEvent => {
    if (!isSealed(event.key)) return event;
    const known = openedEvents.get(event);
    if (known) return known;
    const { key, revision } = event;
    const made = { ...event, ...(event.value && { value: openValue(keys, { key, revision }, event.value) }), ...(event.previous && { previous: opened(key, event.previous) }) };
    openedEvents.set(event, made);
    return made;
  };
  const sealed = (write: StoreWrite): StoreWrite =>
    write.type === 'put' && isSealed(write.key) ? { ...write, encode: (revision) => sealValue(keys.first, { key: write.key, revision }, write.encode(revision)) } : write;

  const list = (range: ListRange) => {
    const page = store.list(range);
    if (!touches(range.prefix)) return page;
    try {
      return { ...page, entries: page.entries.map(entryOf) };
    } catch (error) {
      if (page.revision < store.revision && error instanceof SealError) throw new CompactedError(page.revision, store.revision);
      throw explained(error, names);
    }
  };

  const watch = (range: WatchRange) => {
    if (!touches(range.prefix)) return store.watch(range);
    // A store that is handing out events must not be thrown at. What cannot be opened ends the watch: its client then lists anew.
    let state: 'starting' | 'running' | 'ended' = 'starting';
    const inner = store.watch({
      ...range,
      onEvents(events) {
        if (state === 'ended') return;
        const shown = attempt(() => events.map(eventOf));
        if (shown) return range.onEvents(shown);
        const wasRunning = state === 'running';
        state = 'ended';
        if (wasRunning) {
          inner.close();
          range.onEnd?.();
        }
      },
    });
    if (state === 'starting') {
      state = 'running';
      return inner;
    }
    // Events of the past may have been sealed with a key that is gone.
    inner.close();
    throw new CompactedError(range.afterRevision ?? store.revision, store.revision);
  };

  return {
    get revision() {
      return store.revision;
    },
    get oldestRevision() {
      return store.oldestRevision;
    },
    get(key) {
      const stored = store.get(key);
      if (!stored || !isSealed(key)) return stored;
      try {
        return opened(key, stored);
      } catch (error) {
        throw explained(error, names);
      }
    },
    list,
    count: (prefix, after) => store.count(prefix, after),
    commit: (writes) => store.commit(writes.some((write) => isSealed(write.key)) ? writes.map(sealed) : writes),
    watch,
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
}

/** Undefined when a value cannot be opened. */
function attempt<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

function explained(error: unknown, { store, keyFile }: StoreNames): unknown {
  if (!(error instanceof SealError)) return error;
  const args = { store, keyFile };
  const made = error.missingKeyId === undefined ? problem(apiServerProblems.storeDamaged, args, { why: error.message, where: store }) : problem(apiServerProblems.storeKeyWrong, args, { why: error.message, where: keyFile });
  return new ProblemError(made, { cause: error });
}
