/** Questions about pods, after kubernetes/pkg/api/v1/pod and pkg/controller/controller_utils.go. */
import { parseTime } from '@keelson/std';
import type { Pod, PodCondition } from '@keelson/api';

/** The condition of a pod by type. */
export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

/** Neither ended nor being deleted: it counts as a replica. */
export function isActive(pod: Pod): boolean {
  return !isEnded(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** Ran to its end, for good or bad. */
export function isEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/**
 * How long until a pod counts as available: 0 when it is now, undefined while it is not ready.
 * Available is ready for at least `minReadySeconds`.
 */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  const since = parseTime(ready.lastTransitionTime ?? '');
  return Number.isNaN(since) ? undefined : Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

export function restartsOf(pod: Pod): number {
  return (pod.status?.containerStatuses ?? []).reduce((most, status) => Math.max(most, status.restartCount), 0);
}

/** What ready, available and ending pods there are, and when the next one becomes available. */
export interface PodCounts {
  readonly ready: number;
  readonly available: number;
  readonly nextAvailableMs?: number;
}

export function countPods(pods: readonly Pod[], minReadySeconds: number, nowMs: number): PodCounts {
  let ready = 0;
  let available = 0;
  let next: number | undefined;
  for (const pod of pods) {
    const wait = msUntilAvailable(pod, minReadySeconds, nowMs);
    if (wait === undefined) continue;
    ready++;
    if (wait === 0) available++;
    else next = Math.min(next ?? wait, wait);
  }
  return { ready, available, ...(next === undefined ? {} : { nextAvailableMs: next }) };
}
