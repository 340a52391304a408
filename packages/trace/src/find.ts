/** Finding what a user names: in the API that was read, or inside a cluster that it manages. */
import { keyOf, type KubeObject, type OwnerReference } from '@keelson/kube';
import type { Graph } from './graph.ts';
import { inventoryOf, refKey, refOf, targetClusterOf, type ObjectRef } from './relations.ts';
import { groupOf } from './snapshot.ts';

export interface Found {
  readonly object: KubeObject;
  /** `namespace/name` of the Cluster whose API holds it; undefined for the API that was read. */
  readonly cluster?: string;
  /** The Kustomization that applied it from outside into its cluster. */
  readonly applier?: KubeObject;
}

/** The object of a kind and name, anywhere; what a Kustomization has applied is preferred. Undefined when there is none. */
export function findObject(graph: Graph, target: ObjectRef): Found | undefined {
  const { snapshot } = graph;
  const matches = (object: KubeObject) =>
    object.kind === target.kind && object.metadata.name === target.name && (target.namespace === undefined || object.metadata.namespace === target.namespace) && (target.group === '' || groupOf(object) === target.group);
  if (!target.cluster) {
    const here = snapshot.of(target.kind).find(matches);
    if (here) return { object: here };
  }
  const clusters = target.cluster ? [target.cluster] : snapshot.of('Cluster').map(keyOf);
  let plain: Found | undefined;
  for (const cluster of clusters) {
    for (const object of snapshot.inCluster(cluster)?.all.filter(matches) ?? []) {
      const applier = remoteApplier(graph, object, cluster);
      if (applier) return { object, cluster, applier };
      plain ??= { object, cluster };
    }
  }
  return plain;
}

/** The Kustomization that has an object of a workload cluster, or what owns it there, in its inventory. */
function remoteApplier(graph: Graph, object: KubeObject, cluster: string): KubeObject | undefined {
  const { snapshot } = graph;
  const above = remoteOwners(graph, object, cluster).map((one) => refKey(refOf(one)));
  return snapshot.of('Kustomization').find((kustomization) => targetClusterOf(kustomization) === cluster && inventoryOf(kustomization).some((entry) => above.includes(refKey(entry))));
}

const ownerLimit = 5;

/** An object of a workload cluster and its owners, nearest first. */
function remoteOwners(graph: Graph, object: KubeObject, cluster: string): KubeObject[] {
  const byUid = new Map((graph.snapshot.inCluster(cluster)?.all ?? []).map((one) => [one.metadata.uid, one]));
  const chain = [object];
  for (let current: KubeObject | undefined = object; current && chain.length < ownerLimit; ) {
    const owner: OwnerReference | undefined = current.metadata.ownerReferences?.find((one) => one.controller) ?? current.metadata.ownerReferences?.[0];
    current = owner && byUid.get(owner.uid);
    if (current && !chain.includes(current)) chain.push(current);
    else break;
  }
  return chain;
}
