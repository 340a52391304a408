import type { Clock } from '@keelson/std';
import type { Store } from './store.ts';

export interface HistoryBounds {
  /** History older than this is forgotten, give or take a step. */
  readonly maxAgeMs: number;
  /** How often it is looked at. */
  readonly stepMs: number;
}

/** An hour: a client that lost its connection for longer lists anew, and what was deleted is gone from the disk's log by then. */
export const defaultHistoryBounds: HistoryBounds = { maxAgeMs: 3_600_000, stepMs: 60_000 };

/**
 * Compacts a store by age until the signal aborts; its own limits of number and size hold beside this. Ages count from when this runs:
 * the store does not keep times, so after a restart history stays for at most one `maxAgeMs` longer. A compaction that fails goes to `onError`.
 */
export async function boundHistory(store: Store, clock: Clock, signal: AbortSignal, onError: (error: unknown) => void, bounds: HistoryBounds = defaultHistoryBounds): Promise<void> {
  const samples: { readonly atMs: number; readonly revision: number }[] = [];
  const isRunning = () => !signal.aborted;
  while (isRunning()) {
    samples.push({ atMs: clock.now(), revision: store.revision });
    await clock.sleep(bounds.stepMs, signal).catch(() => {});
    if (!isRunning()) return;
    let old: number | undefined;
    while (samples[0] && samples[0].atMs <= clock.now() - bounds.maxAgeMs) old = samples.shift()!.revision;
    if (old === undefined || old <= store.oldestRevision) continue;
    try {
      await store.compact(old);
    } catch (error) {
      onError(error);
    }
  }
}
