/** What a StatefulSet does next: pure, so that the order can be read and tested as tables. */
import type { Pod, StatefulSet } from '@keelson/api';

export interface OrdinalPod {
  readonly pod: Pod;
  readonly ordinal: number;
  readonly revision: string;
  readonly available: boolean;
  readonly ended: boolean;
  readonly terminating: boolean;
}

export interface StatefulSetPlan {
  readonly create: readonly { readonly ordinal: number; readonly revision: string }[];
  readonly remove: readonly Pod[];
  readonly waitsFor?: string;
}

const nothing: StatefulSetPlan = { create: [], remove: [] };

/**
 * OrderedReady does one thing at a time, lowest ordinal first when building, highest first when removing or updating;
 * Parallel builds and removes at once. An update replaces one pod at a time, from the highest ordinal down to the partition.
 */
export function planStatefulSet(set: StatefulSet, pods: readonly OrdinalPod[], revisions: { readonly current: string; readonly update: string }): StatefulSetPlan {
  const start = set.spec?.ordinals?.start ?? 0;
  const replicas = set.spec?.replicas ?? 1;
  const parallel = set.spec?.podManagementPolicy === 'Parallel';
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const inRange = (ordinal: number) => ordinal >= start && ordinal < start + replicas;
  const byOrdinal = new Map(pods.map((pod) => [pod.ordinal, pod]));
  const revisionFor = (ordinal: number) => (ordinal - start < partition && revisions.current !== '' ? revisions.current : revisions.update);

  const create: { ordinal: number; revision: string }[] = [];
  const remove: Pod[] = [];
  for (let ordinal = start; ordinal < start + replicas; ordinal++) {
    const found = byOrdinal.get(ordinal);
    if (!found) create.push({ ordinal, revision: revisionFor(ordinal) });
    else if (found.ended && !found.terminating) remove.push(found.pod);
    if (parallel) continue;
    if (create.length + remove.length > 0) return { create, remove, waitsFor: `pod ${ordinal}` };
    if (found && (found.terminating || !found.available)) return { ...nothing, waitsFor: `pod ${found.pod.metadata.name} to become available` };
  }

  const condemned = pods.filter((pod) => !inRange(pod.ordinal)).sort((a, b) => b.ordinal - a.ordinal);
  for (const pod of condemned) {
    if (!pod.terminating) remove.push(pod.pod);
    if (!parallel) return { create, remove, waitsFor: `pod ${pod.pod.metadata.name} to be gone` };
  }
  if (create.length + remove.length > 0 || set.spec?.updateStrategy?.type === 'OnDelete') return { create, remove };
  return planUpdate(pods.filter((pod) => inRange(pod.ordinal)), start + partition, revisions.update);
}

function planUpdate(pods: readonly OrdinalPod[], from: number, revision: string): StatefulSetPlan {
  const highestFirst = pods.filter((pod) => pod.ordinal >= from).sort((a, b) => b.ordinal - a.ordinal);
  for (const pod of highestFirst) {
    if (pod.revision !== revision && !pod.terminating) return { create: [], remove: [pod.pod], waitsFor: `pod ${pod.pod.metadata.name} to be replaced` };
    if (pod.terminating || !pod.available) return { ...nothing, waitsFor: `pod ${pod.pod.metadata.name} to become available` };
  }
  return nothing;
}
