/** Which pods go first when there are too many (ActivePodsWithRanks in kubernetes/pkg/controller/controller_utils.go). */
import { parseTime } from '@keelson/std';
import type { Pod } from '@keelson/api';
import { isReady, podCondition, restartsOf } from './pod-state.ts';

const phases: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** The pods, the first to be deleted first: not placed, not running, not ready, cheap, crowded, young, restarting, by name. */
export function deletionOrder(pods: readonly Pod[]): readonly Pod[] {
  const perNode = new Map<string, number>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName;
    if (node) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const ranks = new Map(pods.map((pod) => [pod, rank(pod, perNode.get(pod.spec?.nodeName ?? '') ?? 0)]));
  return [...pods].sort((a, b) => compare(ranks.get(a)!, ranks.get(b)!) || (a.metadata.name < b.metadata.name ? -1 : 1));
}

function rank(pod: Pod, crowd: number): number[] {
  const ready = podCondition(pod, 'Ready');
  const readySince = ready?.status === 'True' ? parseTime(ready.lastTransitionTime ?? '') || 0 : 0;
  return [
    pod.spec?.nodeName ? 1 : 0,
    phases[pod.status?.phase ?? 'Pending'] ?? 1,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0,
    -crowd,
    -readySince,
    -restartsOf(pod),
    -(parseTime(pod.metadata.creationTimestamp ?? '') || 0),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
