/** Who belongs to whom: clusters, their machines, and the keys that a change wakes. */
import { Cluster, Machine } from '@keelson/api';
import type { KindRef, KubeObject, ObjectKey } from '@keelson/kube';
import { apiVersionOf } from '@keelson/kube';
import type { Cache } from '@keelson/controller';
import { annotations, labels } from './names.ts';

/** The name of the cluster an object belongs to, from its label or spec.clusterName. */
export function clusterNameOf(object: KubeObject): string | undefined {
  const label = object.metadata.labels?.[labels.cluster];
  if (label) return label;
  const spec = object.spec as { clusterName?: unknown } | undefined;
  return typeof spec?.clusterName === 'string' ? spec.clusterName : undefined;
}

export function clusterOf(object: KubeObject, cache: Cache): Cluster | undefined {
  const name = clusterNameOf(object);
  return name === undefined ? undefined : cache.get<Cluster>(Cluster, { namespace: object.metadata.namespace, name });
}

/** The owner of a kind, through the owner references of an object and the cache. */
export function ownerOf<T extends KubeObject>(object: KubeObject, kind: KindRef, cache: Cache): T | undefined {
  const group = kind.group;
  const reference = object.metadata.ownerReferences?.find((owner) => owner.kind === kind.kind && owner.apiVersion.split('/')[0] === group);
  if (!reference) return undefined;
  const owner = cache.get<T>(kind, { namespace: object.metadata.namespace, name: reference.name });
  return owner?.metadata.uid === reference.uid ? owner : undefined;
}

/** True when the cluster or the object asks to be left alone. */
export function isPaused(cluster: Cluster | undefined, object: KubeObject): boolean {
  return cluster?.spec.paused === true || annotations.paused in (object.metadata.annotations ?? {});
}

export function machinesOf(cluster: KubeObject, cache: Cache): readonly Machine[] {
  return cache.list<Machine>(Machine, { namespace: cluster.metadata.namespace }).filter((machine) => machine.spec.clusterName === cluster.metadata.name);
}

export function isControlPlaneMachine(machine: KubeObject): boolean {
  return labels.controlPlane in (machine.metadata.labels ?? {});
}

/** Wakes the cluster that an object belongs to. */
export function toCluster(object: KubeObject): readonly ObjectKey[] {
  const name = clusterNameOf(object) ?? object.metadata.ownerReferences?.find((owner) => owner.kind === Cluster.kind)?.name;
  return name ? [{ namespace: object.metadata.namespace, name }] : [];
}

/** Wakes the owners of one kind. */
export function toOwner(kind: KindRef): (object: KubeObject) => readonly ObjectKey[] {
  return (object) => (object.metadata.ownerReferences ?? []).filter((owner) => owner.kind === kind.kind).map((owner) => ({ namespace: object.metadata.namespace, name: owner.name }));
}

/** Wakes every object of a kind that belongs to the cluster that changed. */
export function toMembers(kind: KindRef): (cluster: KubeObject, cache: Cache) => readonly ObjectKey[] {
  return (cluster, cache) =>
    cache.list(kind, { namespace: cluster.metadata.namespace }).filter((object) => clusterNameOf(object) === cluster.metadata.name).map((object) => ({ namespace: object.metadata.namespace, name: object.metadata.name }));
}

/** Fields every object we create begins with. */
export function typeMeta(kind: KindRef): { apiVersion: string; kind: string } {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind };
}
