import type { Env } from '@keelson/std';
import { backoffDelay, describeError } from '@keelson/std';

const retryBackoff = { firstMs: 100, maxMs: 30_000, factor: 2, jitter: 0.2 } as const;

/** Works on keys one after the other; a key that is added while it waits is worked on once, one that fails again after a while. */
export interface KeyQueue {
  add(key: string): void;
  /** Resolves when nothing is left but what waits to be tried again. */
  idle(): Promise<void>;
  close(): void;
}

/** A queue that hands each key to `work`. */
export function createKeyQueue(env: Env, name: string, work: (key: string) => Promise<void>): KeyQueue {
  const waiting = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { cancel(): void }>();
  let running: Promise<void> | undefined;
  let closed = false;
  const run = async () => {
    // Whoever adds a key is in the middle of something: it goes on first.
    await Promise.resolve();
    while (!closed) {
      const [key] = waiting;
      if (key === undefined) break;
      waiting.delete(key);
      try {
        await work(key);
        failures.delete(key);
      } catch (error) {
        retry(key, error);
      }
    }
    running = undefined;
  };
  const retry = (key: string, error: unknown) => {
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    if (count > 3) env.log.warn(`${name} keeps failing`, { key, error: describeError(error) });
    timers.get(key)?.cancel();
    timers.set(key, env.clock.after(backoffDelay(retryBackoff, count, env.random), () => {
      timers.delete(key);
      add(key);
    }));
  };
  const add = (key: string) => {
    if (closed) return;
    waiting.add(key);
    running ??= run();
  };
  return {
    add,
    idle: async () => {
      while (running) await running;
    },
    close() {
      closed = true;
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
    },
  };
}
