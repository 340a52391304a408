/** How often something outside that cannot wake us is looked at: soon at first, then less often the longer it takes. */
export const pollLimits = { firstMs: 500, maxMs: 15_000, steadyMs: 30_000 } as const;

/** A fifth of the time already waited, between half a second and 15 seconds. `sinceMs` is when the wait began. */
export function pollDelay(nowMs: number, sinceMs: number | undefined): number {
  const waited = sinceMs === undefined || Number.isNaN(sinceMs) ? 0 : Math.max(0, nowMs - sinceMs);
  return Math.min(pollLimits.maxMs, Math.max(pollLimits.firstMs, Math.round(waited / 5)));
}
