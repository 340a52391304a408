// How much one user may ask of the server at once and per second, so that nobody keeps the others waiting. In place of priority and fairness.
import type { Bytes, Clock, HttpResponse } from '@keelson/std';
import { tooManyRequests } from './api-status.ts';

export interface RequestLimitOptions {
  /** Requests of one user that are worked on at the same time; 200 when absent. */
  readonly inFlight?: number;
  /** Requests of one user per second in the long run; 5,000 when absent. */
  readonly perSecond?: number;
  /** Requests that may come at once after a pause; two seconds' worth when absent. */
  readonly burst?: number;
  /** Watches, logs and connections to pods that one user has open; 1,000 when absent. */
  readonly streams?: number;
}

export interface RequestLimits {
  /** Counts a request in; answers how to count it out. Throws 429 when the user has too many. */
  enter(user: string, kind: 'request' | 'stream'): () => void;
}

interface Share {
  tokens: number;
  filledAtMs: number;
  request: number;
  stream: number;
}

const defaults = { inFlight: 200, perSecond: 5_000, streams: 1_000 } as const;
/** Users that are remembered before those who are idle are forgotten. */
const rememberedUsers = 1_000;

/** Limits by user name. */
export function createRequestLimits(clock: Clock, options: RequestLimitOptions = {}): RequestLimits {
  const { inFlight, perSecond, streams } = { ...defaults, ...options };
  const burst = options.burst ?? 2 * perSecond;
  const shares = new Map<string, Share>();
  const fill = (share: Share): void => {
    const now = clock.now();
    share.tokens = Math.min(burst, share.tokens + (Math.max(0, now - share.filledAtMs) / 1000) * perSecond);
    share.filledAtMs = now;
  };
  const forgetIdle = (): void => {
    for (const [user, share] of shares) {
      fill(share);
      if (share.request === 0 && share.stream === 0 && share.tokens >= burst) shares.delete(user);
    }
  };
  const shareOf = (user: string): Share => {
    const known = shares.get(user);
    if (known) return known;
    if (shares.size >= rememberedUsers) forgetIdle();
    const fresh: Share = { tokens: burst, filledAtMs: clock.now(), request: 0, stream: 0 };
    shares.set(user, fresh);
    return fresh;
  };
  return {
    enter(user, kind) {
      const share = shareOf(user);
      fill(share);
      if (share.tokens < 1) throw tooManyRequests(`user ${JSON.stringify(user)} sends more than ${perSecond} requests per second, please try again later`, Math.max(1, Math.ceil((1 - share.tokens) / perSecond)));
      const limit = kind === 'request' ? inFlight : streams;
      if (share[kind] >= limit) throw tooManyRequests(`user ${JSON.stringify(user)} has ${limit} ${kind}s open, please try again later`, 1);
      share.tokens -= 1;
      share[kind] += 1;
      let isOpen = true;
      return () => {
        if (isOpen) share[kind] -= 1;
        isOpen = false;
      };
    },
  };
}

/** The answer, which runs `done` when its body has been sent, is given up, or at once when it is not a stream. */
export function whenSent(answer: HttpResponse, signal: AbortSignal | undefined, done: () => void): HttpResponse {
  const { body } = answer;
  if (body === undefined || body instanceof Uint8Array || signal?.aborted) {
    done();
    return answer;
  }
  // A body that nobody begins to read ends with its connection.
  signal?.addEventListener('abort', done, { once: true });
  const finish = () => {
    signal?.removeEventListener('abort', done);
    done();
  };
  return { ...answer, body: { [Symbol.asyncIterator]: () => watchedIterator(body[Symbol.asyncIterator](), finish) } };
}

/** No generator: its `return` would wait for a line that may never come. */
function watchedIterator(inner: AsyncIterator<Bytes>, finish: () => void): AsyncIterator<Bytes> {
  return {
    async next() {
      try {
        const result = await inner.next();
        if (result.done) finish();
        return result;
      } catch (error) {
        finish();
        throw error;
      }
    },
    async return() {
      finish();
      return (await inner.return?.()) ?? { value: undefined, done: true };
    },
  };
}
