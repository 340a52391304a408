/** An unbounded-by-mistake queue is a leak: this one has a limit and says so. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

export interface AsyncQueue<T> extends AsyncIterable<T> {
  /** Throws QueueFullError above the limit. Nothing happens after `end`. */
  push(item: T): void;
  /** No more items; readers finish what is there. */
  end(): void;
  /** Readers get the error after what is there. */
  fail(error: unknown): void;
  readonly size: number;
}

/** A queue from callbacks to `for await`. `onReturn` runs when the reader stops early. One reader at a time. */
export function asyncQueue<T>(limit: number, onReturn?: () => void): AsyncQueue<T> {
  const items: T[] = [];
  let ended = false;
  let error: { cause: unknown } | undefined;
  let wake: (() => void) | undefined;
  const notify = () => {
    const run = wake;
    wake = undefined;
    run?.();
  };
  return {
    push(item) {
      if (ended) return;
      if (items.length >= limit) throw new QueueFullError(`queue is full at ${limit} items`);
      items.push(item);
      notify();
    },
    end() {
      ended = true;
      notify();
    },
    fail(cause) {
      if (ended) return;
      error = { cause };
      ended = true;
      notify();
    },
    get size() {
      return items.length;
    },
    [Symbol.asyncIterator]() {
      return {
        async next(): Promise<IteratorResult<T>> {
          while (true) {
            if (items.length > 0) return { value: items.shift()!, done: false };
            if (error) throw error.cause;
            if (ended) return { value: undefined, done: true };
            await new Promise<void>((resolve) => (wake = resolve));
          }
        },
        async return(): Promise<IteratorResult<T>> {
          ended = true;
          items.length = 0;
          onReturn?.();
          notify();
          return { value: undefined, done: true };
        },
      };
    },
  };
}

/** Runs `work` over `items`, at most `limit` at a time, results in order. The first error is thrown after all have ended. */
export async function mapBounded<T, R>(items: readonly T[], limit: number, work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    while (next < items.length && !failure) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failure) throw failure.error;
  return results;
}
