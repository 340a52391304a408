/** What hangs on what: from sources and Kustomizations down to machines and hosts, pods included. */
import type { KubeObject } from '@keelson/kube';
import { findObject } from './find.ts';
import { graphOf, objectKey, sourcesOf, type Applied, type Graph } from './graph.ts';
import { clusterNameOf, refKey, refOf, sourceOf, targetClusterOf, type ObjectRef } from './relations.ts';
import type { Snapshot } from './snapshot.ts';
import type { ObjectState } from './states/object-state.ts';

export interface TreeNode {
  readonly ref: ObjectRef;
  /** Undefined for an object that an inventory names and that was not read or is not there. */
  readonly state: ObjectState | undefined;
  readonly children: readonly TreeNode[];
}

const depthLimit = 16;

/**
 * The trees of everything that has no parent here; or the one under `root`, which may be inside a workload cluster.
 * An object stands once on each way down: what is above a node is not repeated below it.
 */
export function treeOf(snapshot: Snapshot, root?: ObjectRef): readonly TreeNode[] {
  const graph = graphOf(snapshot);
  const build = (object: KubeObject, cluster: string | undefined, above: ReadonlySet<string>): TreeNode => {
    const path = new Set(above).add(objectKey(object, cluster));
    const state = graph.state(object);
    if (path.size >= depthLimit) return { ref: refOf(object, cluster), state, children: [] };
    const below = childrenOf(graph, object, cluster).filter((child) => !path.has(refKey(child.ref)));
    return { ref: refOf(object, cluster), state, children: below.map((child) => (child.object ? build(child.object, child.ref.cluster, path) : { ref: child.ref, state: undefined, children: [] })) };
  };
  if (root) {
    const found = findObject(graph, root);
    return found ? [build(found.object, found.cluster, new Set())] : [];
  }
  return topsOf(graph).map((object) => build(object, undefined, new Set()));
}

/** Sources; appliers whose source was not read; clusters and hosts that nobody has applied. */
function topsOf(graph: Graph): KubeObject[] {
  const { snapshot } = graph;
  const isOrphan = (object: KubeObject) => graph.parentApplier(object) === undefined;
  const sourceIsThere = (object: KubeObject) => {
    const source = sourceOf(object);
    return source !== undefined && snapshot.get(source.kind, source) !== undefined;
  };
  const sources = sourcesOf(snapshot);
  // A source that a Kustomization has applied hangs there, unless that Kustomization lives on it.
  const free = sources.filter((source) => {
    const parent = graph.parentApplier(source);
    return parent === undefined || hangsOn(graph, parent, source);
  });
  return [
    ...free,
    ...[...snapshot.of('Kustomization'), ...snapshot.of('HelmRelease')].filter((object) => isOrphan(object) && !sourceIsThere(object)),
    ...snapshot.of('Cluster').filter(isOrphan),
    ...snapshot.of('BareMetalHost').filter((host) => isOrphan(host) && graph.machineOn(host) === undefined),
  ];
}

const climbLimit = 20;

/** Whether the way up from an applier leads to a source: the source cannot hang below it then. */
function hangsOn(graph: Graph, applier: KubeObject, source: KubeObject): boolean {
  let current: KubeObject | undefined = applier;
  for (let i = 0; current && i < climbLimit; i++) {
    const reference = sourceOf(current);
    const from = reference && graph.snapshot.get(reference.kind, reference);
    if (from === source) return true;
    current = graph.parentApplier(current);
  }
  return false;
}

function childrenOf(graph: Graph, object: KubeObject, cluster: string | undefined): readonly Applied[] {
  const here = (objects: readonly KubeObject[]): Applied[] => objects.map((one) => ({ ref: refOf(one), object: one }));
  if (cluster) return graph.ownedBy(object, cluster).map((one) => ({ ref: refOf(one, cluster), object: one }));
  switch (object.kind) {
    case 'GitRepository':
    case 'OCIRepository':
    case 'Bucket':
      return here(graph.appliersFrom(object));
    case 'Kustomization':
    case 'HelmRelease':
      return withoutEchoes(graph, object, graph.appliedBy(object));
    case 'Cluster':
      return here(graph.partsOf(object));
    case 'Machine': {
      const carrier = graph.hostOf(object) ?? graph.infrastructureOf(object);
      return carrier ? here([carrier]) : [];
    }
    case 'Metal3Machine': {
      const host = graph.hostOf(object);
      return host ? here([host]) : [];
    }
    case 'BareMetalHost':
      return [];
    default:
      return here(graph.ownedBy(object));
  }
}

/** What an applier has applied that also hangs under something else it has applied is shown there only. */
function withoutEchoes(graph: Graph, applier: KubeObject, applied: readonly Applied[]): readonly Applied[] {
  if (targetClusterOf(applier)) return applied;
  const kept = new Set(applied.map(({ object }) => object));
  const clusters = new Set([...kept].filter((object) => object?.kind === 'Cluster').map((object) => `${object!.metadata.namespace}/${object!.metadata.name}`));
  const elsewhere = (object: KubeObject) => {
    const owner = graph.ownerOf(object);
    if (owner && owner.kind !== 'Cluster' && kept.has(owner)) return true;
    const cluster = owner?.kind === 'Cluster' ? owner.metadata.name : clusterNameOf(object);
    const parent = cluster && clusters.has(`${object.metadata.namespace}/${cluster}`) ? graph.snapshot.get('Cluster', { namespace: object.metadata.namespace, name: cluster }) : undefined;
    return (parent !== undefined && graph.partsOf(parent).includes(object)) || (object.kind === 'BareMetalHost' && isUnderCluster(graph, object, clusters));
  };
  return applied.filter(({ object }) => !object || !elsewhere(object));
}

function isUnderCluster(graph: Graph, host: KubeObject, clusters: ReadonlySet<string>): boolean {
  const machine = graph.machineOn(host);
  return machine !== undefined && clusters.has(`${machine.metadata.namespace}/${clusterNameOf(machine)}`);
}
