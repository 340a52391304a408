import type { Random } from './random.ts';

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** Share of the delay that is random, 0 to 1. */
  readonly jitter: number;
}

/** The delay before try number `attempt` (0 is the first retry), in milliseconds. */
export function backoffDelay(policy: Backoff, attempt: number, random: Random): number {
  const base = Math.min(policy.maxMs, policy.firstMs * policy.factor ** Math.min(attempt, 64));
  return base * (1 - policy.jitter) + base * policy.jitter * random.next();
}
