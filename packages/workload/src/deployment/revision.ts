/** Revisions of a Deployment: annotations on it and its ReplicaSets (kubernetes/pkg/controller/deployment/util). */
import { sameJson } from '@keelson/controller';
import { parseTime } from '@keelson/std';
import type { Deployment, PodTemplateSpec, ReplicaSet } from '@keelson/api';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
export const templateHashLabel = 'pod-template-hash';

/** Annotations of a Deployment that its ReplicaSets do not inherit. */
const notInherited = [
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  'deprecated.deployment.rollback.to',
];

export function revisionOf(object: ReplicaSet | Deployment): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
}

/** The ReplicaSet that has the Deployment's template; the oldest when several do. */
export function currentSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = withoutHash(deployment.spec?.template);
  return byAge(sets).find((set) => sameJson(withoutHash(set.spec?.template), template));
}

/** Oldest first. */
export function byAge(sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return [...sets].sort((a, b) => createdMs(a) - createdMs(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
}

export function createdMs(set: ReplicaSet): number {
  return parseTime(set.metadata.creationTimestamp ?? '') || 0;
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [templateHashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  const annotations = template?.metadata?.annotations ?? {};
  return { labels, annotations, finalizers: template?.metadata?.finalizers ?? [], spec: template?.spec ?? {} };
}

/**
 * The annotations a ReplicaSet should have: inherited ones, its revision, and the sizes it was scaled for. A set that
 * becomes the newest again gets the next revision and keeps its former one in the history.
 */
export function setAnnotations(deployment: Deployment, set: ReplicaSet | undefined, revision: number, sizes: { readonly desired: number; readonly max: number }): Record<string, string> {
  const known = set?.metadata.annotations ?? {};
  const inherited = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !notInherited.includes(name));
  const former = known[revisionAnnotation];
  const history = known[revisionHistoryAnnotation];
  const moved = former !== undefined && Number(former) < revision;
  const next = moved ? [...(history ? history.split(',') : []), former].join(',') : history;
  return {
    ...known,
    ...Object.fromEntries(inherited),
    [revisionAnnotation]: String(moved || former === undefined ? revision : Number(former)),
    ...(next === undefined ? {} : { [revisionHistoryAnnotation]: next }),
    [desiredReplicasAnnotation]: String(sizes.desired),
    [maxReplicasAnnotation]: String(sizes.max),
  };
}
