import type { Kustomization } from '@keelson/api';
import { durationMs } from '../requeue.ts';

/** The periods of a Kustomization in milliseconds; the default of timeout is upstream's: the interval less 30 s, at least 30 s. */
export function timingOf(kustomization: Kustomization): { readonly intervalMs: number; readonly retryMs: number; readonly timeoutMs: number } {
  const { interval, retryInterval, timeout } = kustomization.spec ?? {};
  const intervalMs = durationMs(interval, 600_000);
  return { intervalMs, retryMs: durationMs(retryInterval, intervalMs), timeoutMs: durationMs(timeout, Math.max(30_000, intervalMs - 30_000)) };
}

/** How often a source or dependency that is not ready is asked again, should no event wake us (upstream's --requeue-dependency). */
export const dependencyRetryMs = 30_000;
/** How often health is asked for where we watch the objects anyway, and where we do not. */
export const healthPollMs = { watched: 5_000, remote: 1_000 } as const;
/** How often it is looked whether the server has taken a new definition in, and for how long. */
export const foundationWait = { pollMs: 500, limitMs: 60_000 } as const;
