import { groupBy } from '@keelson/std';
import type { StoreEvent, StoreWatch, WatchRange } from './store.ts';

interface Watcher extends WatchRange {
  /** Set while a watcher is being served, so that one closing another is safe. */
  closed: boolean;
}

/** Hands committed events to the watches they concern; watches are indexed by collection, so an idle one costs nothing. */
export interface FanOut {
  add(range: WatchRange): StoreWatch;
  publish(events: readonly StoreEvent[]): void;
  /** Ends every watch. */
  end(): void;
  readonly size: number;
}

const everywhere = '';

/** `<group>/<resource>/` of a key or a longer prefix; empty when the prefix is shorter than that. */
export function collectionOf(keyOrPrefix: string): string {
  const second = keyOrPrefix.indexOf('/', keyOrPrefix.indexOf('/') + 1);
  return second < 0 ? everywhere : keyOrPrefix.slice(0, second + 1);
}

/** A fan-out without watches. */
export function createFanOut(): FanOut {
  const byCollection = new Map<string, Set<Watcher>>();
  const deliver = (collection: string, events: readonly StoreEvent[]) => {
    for (const watcher of [...(byCollection.get(collection) ?? [])]) {
      const wanted = watcher.prefix === collection ? events : events.filter((event) => event.key.startsWith(watcher.prefix));
      if (wanted.length > 0 && !watcher.closed) watcher.onEvents(wanted);
    }
  };
  return {
    add(range) {
      const watcher: Watcher = { ...range, closed: false };
      const collection = collectionOf(range.prefix);
      const watchers = byCollection.get(collection) ?? new Set();
      byCollection.set(collection, watchers.add(watcher));
      return {
        close() {
          watcher.closed = true;
          watchers.delete(watcher);
          if (watchers.size === 0 && byCollection.get(collection) === watchers) byCollection.delete(collection);
        },
      };
    },
    publish(events) {
      if (byCollection.size === 0) return;
      deliver(everywhere, events);
      const first = collectionOf(events[0]?.key ?? '');
      if (events.every((event) => event.key.startsWith(first))) return deliver(first, events);
      for (const [collection, part] of groupBy(events, (event) => collectionOf(event.key))) deliver(collection, part);
    },
    end() {
      const watchers = [...byCollection.values()].flatMap((set) => [...set]);
      byCollection.clear();
      for (const watcher of watchers) {
        watcher.closed = true;
        watcher.onEnd?.();
      }
    },
    get size() {
      let size = 0;
      for (const watchers of byCollection.values()) size += watchers.size;
      return size;
    },
  };
}
