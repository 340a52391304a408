import { sleepWith, type Clock, type Timer } from '../clock.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when told. Between two timers every microtask has run, so a run is repeatable. */
export interface VirtualClock extends Clock {
  /** Runs everything that is due within `ms`, in order. */
  advance(ms: number): Promise<void>;
  /** Lets every microtask run without moving the time. */
  settle(): Promise<void>;
  /**
   * Advances from timer to timer until the predicate holds, and answers the virtual milliseconds it took.
   * Throws when the limit (virtual time, default one hour) is reached or nothing is left that could change anything.
   */
  runUntil(predicate: () => boolean | Promise<boolean>, options?: { limitMs?: number; what?: string | (() => string) }): Promise<number>;
  /** Timers that wait. */
  readonly pending: number;
}

export function virtualClock(startMs: number): VirtualClock {
  let now = startMs;
  let order = 0;
  const heap: Due[] = [];
  const before = (a: Due, b: Due) => a.at < b.at || (a.at === b.at && a.order < b.order);
  const cancelled = new Set<Due>();

  const push = (due: Due) => {
    heap.push(due);
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  };
  const pop = (): Due | undefined => {
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    heap[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && before(heap[right]!, heap[least]!)) least = right;
      if (least === i) break;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
    return top;
  };
  /** The next timer that still counts, or undefined. */
  const peek = (): Due | undefined => {
    while (heap[0] && cancelled.delete(heap[0])) pop();
    return heap[0];
  };

  const after = (delayMs: number, run: () => void): Timer => {
    const due: Due = { at: now + Math.max(0, delayMs), order: order++, run };
    let done = false;
    const guarded: Due = { ...due, run: () => { done = true; run(); } };
    push(guarded);
    return { cancel: () => { if (!done) { done = true; cancelled.add(guarded); } } };
  };
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const step = async (limit: number): Promise<boolean> => {
    await settle();
    const next = peek();
    if (!next || next.at > limit) return false;
    pop();
    now = Math.max(now, next.at);
    next.run();
    return true;
  };

  return {
    now: () => now,
    after,
    sleep: (delayMs, signal) => sleepWith(after, delayMs, signal),
    settle,
    async advance(ms) {
      const limit = now + ms;
      while (await step(limit));
      now = limit;
      await settle();
    },
    async runUntil(predicate, options = {}) {
      const start = now;
      const limit = now + (options.limitMs ?? 3_600_000);
      const what = () => (typeof options.what === 'function' ? options.what() : (options.what ?? 'the predicate'));
      while (true) {
        await settle();
        if (await predicate()) return now - start;
        const next = peek();
        if (!next) throw new Error(`nothing is left to happen after ${now - start} ms of virtual time, and ${what()} does not hold`);
        if (next.at > limit) throw new Error(`${what()} does not hold after ${now - start} ms of virtual time`);
        await step(limit);
      }
    },
    get pending() {
      return heap.length - cancelled.size;
    },
  };
}
