/** What hangs on what: from sources and Kustomizations down to machines and hosts. */
import { keyOf, parseKey, type KubeObject } from '@keelson/kube';
import { clusterNameOf, hostOf, inventoryOf, kustomizationOf, refKey, refOf, sourceOf, targetClusterOf, type ObjectRef } from './relations.ts';
import type { Snapshot } from './snapshot.ts';
import { stateOf, type ObjectState } from './state.ts';

export interface TreeNode {
  readonly ref: ObjectRef;
  /** Undefined for an object that an inventory names and that was not read or is not there. */
  readonly state: ObjectState | undefined;
  readonly children: readonly TreeNode[];
}

const depthLimit = 12;

/** The trees of everything that has no parent here; or the one under `root`. */
export function treeOf(snapshot: Snapshot, root?: ObjectRef): readonly TreeNode[] {
  const children = childIndex(snapshot);
  const build = (object: KubeObject, cluster: string | undefined, depth: number, above: ReadonlySet<string>): TreeNode => {
    const ref = refOf(object, cluster);
    const key = refKey(ref);
    if (depth >= depthLimit || above.has(key)) return { ref, state: stateOf(object, snapshot.nowMs), children: [] };
    const path = new Set(above).add(key);
    const below = children(object, cluster).map((child) => ('missing' in child ? { ref: child.missing, state: undefined, children: [] } : build(child.object, child.cluster, depth + 1, path)));
    return { ref, state: stateOf(object, snapshot.nowMs), children: below };
  };
  if (root) {
    const object = snapshot.of(root.kind).find((o) => o.metadata.name === root.name && (!root.namespace || o.metadata.namespace === root.namespace));
    return object ? [build(object, undefined, 0, new Set())] : [];
  }
  const tops = [...snapshot.of('GitRepository'), ...snapshot.of('Kustomization').filter((k) => !sourceOf(k) || !snapshot.get(sourceOf(k)!.kind, sourceOf(k)!)), ...snapshot.of('Cluster').filter((c) => !kustomizationOf(c)), ...snapshot.of('BareMetalHost').filter((h) => !kustomizationOf(h))];
  return tops.map((object) => build(object, undefined, 0, new Set()));
}

type Child = { readonly object: KubeObject; readonly cluster?: string } | { readonly missing: ObjectRef };

function childIndex(snapshot: Snapshot): (object: KubeObject, cluster?: string) => Child[] {
  const machines = snapshot.of('Machine');
  return (object, cluster) => {
    if (cluster) return remoteChildren(snapshot, object, cluster);
    switch (object.kind) {
      case 'GitRepository':
        // A Kustomization that another one applied hangs under that one.
        return snapshot.of('Kustomization').filter((k) => { const s = sourceOf(k); return s?.kind === 'GitRepository' && keyOf(s) === keyOf(object) && !kustomizationOf(k); }).map((k) => ({ object: k }));
      case 'Kustomization':
        return appliedChildren(snapshot, object);
      case 'Cluster': {
        const mine = (o: KubeObject) => o.metadata.namespace === object.metadata.namespace && clusterNameOf(o) === object.metadata.name;
        return [...snapshot.of('TalosControlPlane').filter((t) => isOwnedByName(t, 'Cluster', object.metadata.name)), ...snapshot.of('MachineDeployment').filter(mine)].map((o) => ({ object: o }));
      }
      case 'TalosControlPlane':
      case 'MachineDeployment':
      case 'MachineSet':
        return [...snapshot.of('MachineSet'), ...machines].filter((o) => o.metadata.ownerReferences?.some((owner) => owner.uid === object.metadata.uid)).map((o) => ({ object: o }));
      case 'Machine': {
        const spec = object['spec'] as { infrastructureRef?: { name?: string } } | undefined;
        const infra = snapshot.get('Metal3Machine', { namespace: object.metadata.namespace, name: spec?.infrastructureRef?.name ?? '' });
        const host = infra ? hostOf(infra) : undefined;
        const hostObject = host ? snapshot.get('BareMetalHost', parseKey(host)) : undefined;
        return hostObject ? [{ object: hostObject }] : infra ? [{ object: infra }] : [];
      }
      default:
        return [];
    }
  };
}

function isOwnedByName(object: KubeObject, kind: string, name: string): boolean {
  return object.metadata.ownerReferences?.some((owner) => owner.kind === kind && owner.name === name) ?? false;
}

/** The objects of a Kustomization's inventory; kinds that are never traced (Secrets, ConfigMaps) are named without state. */
function appliedChildren(snapshot: Snapshot, kustomization: KubeObject): Child[] {
  const cluster = targetClusterOf(kustomization);
  return inventoryOf(kustomization).map((ref): Child => {
    const key = { name: ref.name, ...(ref.namespace ? { namespace: ref.namespace } : {}) };
    const object = cluster ? snapshot.inCluster(cluster)?.get(ref.kind, ref.group, key) : snapshot.get(ref.kind, key, ref.group);
    return object ? { object, ...(cluster ? { cluster } : {}) } : { missing: { ...ref, ...(cluster ? { cluster } : {}) } };
  });
}

function remoteChildren(snapshot: Snapshot, object: KubeObject, cluster: string): Child[] {
  return (snapshot.inCluster(cluster)?.all ?? []).filter((o) => o.metadata.ownerReferences?.some((owner) => owner.uid === object.metadata.uid)).map((o) => ({ object: o, cluster }));
}
