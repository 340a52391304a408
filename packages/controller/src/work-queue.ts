import type { Clock, Timer } from '@keelson/std';

/**
 * A deduplicating queue: a key waits at most once, and is never handled twice at the same time.
 * A key added while it is handled runs once more afterwards (client-go's workqueue).
 */
export interface WorkQueue {
  add(key: string): void;
  /** The earliest of several delays holds; an `add` overtakes it. */
  addAfter(key: string, delayMs: number): void;
  /** Starts handling: at most `concurrency` keys at a time. */
  start(handle: (key: string) => Promise<void>, concurrency: number): void;
  /** Takes no more keys; resolves when what runs has ended. */
  stop(): Promise<void>;
  readonly length: number;
  readonly running: number;
}

export function createWorkQueue(clock: Clock): WorkQueue {
  const ready = new Set<string>();
  const active = new Set<string>();
  const again = new Set<string>();
  const delayed = new Map<string, { at: number; timer: Timer }>();
  let handle: ((key: string) => Promise<void>) | undefined;
  let limit = 0;
  let stopped = false;
  let onIdle: (() => void) | undefined;

  const undelay = (key: string) => {
    delayed.get(key)?.timer.cancel();
    delayed.delete(key);
  };
  const add = (key: string) => {
    if (stopped) return;
    undelay(key);
    if (active.has(key)) again.add(key);
    else {
      ready.add(key);
      pump();
    }
  };
  const pump = () => {
    while (handle && !stopped && active.size < limit && ready.size > 0) {
      const key = ready.values().next().value!;
      ready.delete(key);
      active.add(key);
      void run(key);
    }
  };
  const run = async (key: string) => {
    try {
      await handle!(key);
    } finally {
      active.delete(key);
      if (again.delete(key)) ready.add(key);
      if (active.size === 0) onIdle?.();
      pump();
    }
  };
  return {
    add,
    addAfter(key, delayMs) {
      if (stopped || ready.has(key)) return;
      const at = clock.now() + delayMs;
      const known = delayed.get(key);
      if (known && known.at <= at) return;
      undelay(key);
      delayed.set(key, { at, timer: clock.after(delayMs, () => add(key)) });
    },
    start(work, concurrency) {
      handle = work;
      limit = concurrency;
      pump();
    },
    async stop() {
      stopped = true;
      for (const key of [...delayed.keys()]) undelay(key);
      ready.clear();
      if (active.size > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    },
    get length() {
      return ready.size;
    },
    get running() {
      return active.size;
    },
  };
}
