/** Why an object is not ready: what it stands on, and the deepest of that which is not ready itself. */
import { parseKey, type KubeObject } from '@keelson/kube';
import { isControlPlaneMachine, type Graph } from './graph.ts';
import { clusterNameOf, dependenciesOf, hostOf, sourceOf, targetClusterOf } from './relations.ts';

const present = (...objects: readonly (KubeObject | undefined)[]): KubeObject[] => objects.filter((object) => object !== undefined);

/**
 * What an object that is not ready stands on, nearest first; only what can be the reason of the state it is in.
 * A Kustomization whose files are broken does not stand on its cluster, however ill that is.
 */
export function standsOn(graph: Graph, object: KubeObject): readonly KubeObject[] {
  const { snapshot } = graph;
  const { namespace } = object.metadata;
  switch (object.kind) {
    case 'Kustomization':
    case 'HelmRelease':
      return applierStandsOn(graph, object);
    case 'Cluster':
      return [...graph.partsOf(object), ...graph.machinesOf(`${namespace}/${object.metadata.name}`)];
    case 'TalosControlPlane':
    case 'KubeadmControlPlane':
    case 'MachineDeployment': {
      const isControlPlane = object.kind !== 'MachineDeployment';
      const cluster = clusterNameOf(object) ?? object.metadata.ownerReferences?.find((owner) => owner.kind === 'Cluster')?.name;
      const sets = isControlPlane ? [] : graph.ownedBy(object);
      const own = sets.flatMap((set) => graph.ownedBy(set)).filter(({ kind }) => kind === 'Machine');
      if (own.length > 0) return own;
      const machines = graph.machinesOf(`${namespace}/${cluster}`);
      return machines.filter((machine) => (isControlPlane ? isControlPlaneMachine(machine) : machine.metadata.labels?.['cluster.x-k8s.io/deployment-name'] === object.metadata.name));
    }
    case 'MachineSet':
      return graph.ownedBy(object).filter(({ kind }) => kind === 'Machine');
    case 'Machine':
      // Infrastructure waits for the bootstrap data, so that comes first.
      return present(graph.bootstrapOf(object), graph.infrastructureOf(object));
    case 'Metal3Machine': {
      const host = hostOf(object);
      if (host) return present(snapshot.get('BareMetalHost', parseKey(host)));
      const { reason } = graph.state(object);
      return reason === 'AssociateBareMetalHostFailed' ? graph.unusableHosts(namespace) : clusterOf(graph, object);
    }
    case 'TalosConfig':
      return clusterOf(graph, object);
    case 'Deployment':
    case 'StatefulSet':
    case 'DaemonSet':
    case 'ReplicaSet':
    case 'Job':
      return graph.ownedBy(object, graph.clusterOf(object));
    case 'Pod':
    case 'Node':
      return carrierOf(graph, object);
    default:
      return [];
  }
}

/** What carries a pod is its node, and what carries a node its host. */
function carrierOf(graph: Graph, object: KubeObject): KubeObject[] {
  const cluster = graph.clusterOf(object);
  if (!cluster) return [];
  if (object.kind === 'Pod') {
    const node = (object['spec'] as { nodeName?: string } | undefined)?.nodeName;
    return present(node ? graph.snapshot.inCluster(cluster)?.get('Node', '', { name: node }) : undefined);
  }
  const machine = graph.machineOfNode(cluster, object.metadata.name);
  return present(machine && graph.hostOf(machine));
}

/** Before a machine has anything of its own it waits for the infrastructure of its cluster. */
function clusterOf(graph: Graph, object: KubeObject): KubeObject[] {
  const name = clusterNameOf(object);
  const cluster = name ? graph.snapshot.get('Cluster', { namespace: object.metadata.namespace, name }) : undefined;
  return cluster ? graph.partsOf(cluster).filter(({ kind }) => kind.endsWith('Cluster')) : [];
}

function applierStandsOn(graph: Graph, object: KubeObject): KubeObject[] {
  const { snapshot } = graph;
  const { state, reason } = graph.state(object);
  const source = sourceOf(object);
  const sources = present(source && snapshot.get(source.kind, source));
  const target = targetClusterOf(object);
  const clusters = present(target ? snapshot.get('Cluster', parseKey(target)) : undefined);
  const dependencies = present(...dependenciesOf(object).map((key) => snapshot.get(object.kind, parseKey(key))));
  const applied = () => graph.appliedBy(object).map((one) => one.object).filter((one): one is KubeObject => one !== undefined && one !== object);
  // Its last run was good: it has only not looked at its newest spec yet.
  if (reason.endsWith('Succeeded')) return [];
  if (state !== 'failed') return [...sources, ...dependencies, ...clusters, ...applied()];
  switch (reason) {
    case 'ArtifactFailed':
      return sources;
    case 'HealthCheckFailed':
      return [...applied(), ...clusters];
    case 'ReconciliationFailed':
    case 'PruneFailed':
      return clusters;
    default:
      return [];
  }
}

const isTroubled = (graph: Graph, object: KubeObject) => !['ready', 'off'].includes(graph.state(object).state);

/**
 * Finds causes in one snapshot. What was found is kept, so asking for every object costs as much as there are relations.
 * `nearest`: what directly explains an object; `deepest`: the end of that way. Both undefined when the object explains itself.
 */
export interface CauseFinder {
  nearest(object: KubeObject): KubeObject | undefined;
  deepest(object: KubeObject): KubeObject | undefined;
  /** How many steps lie between an object and its deepest cause. */
  depth(object: KubeObject): number;
}

interface Found {
  readonly cause: KubeObject;
  readonly next: KubeObject | undefined;
  readonly depth: number;
}

export function causeFinder(graph: Graph): CauseFinder {
  const known = new Map<KubeObject, Found>();
  const shared = new Map<readonly KubeObject[], Found | undefined>();
  /** What is failed explains more than what is under way; of equals the deeper one, then the first named. */
  const better = (a: Found, b: Found) => Number(graph.state(b.cause).state === 'failed') - Number(graph.state(a.cause).state === 'failed') || b.depth - a.depth;
  const search = (object: KubeObject, path: ReadonlySet<KubeObject>): Found => {
    const before = known.get(object);
    if (before) return before;
    const own: Found = { cause: object, next: undefined, depth: 0 };
    const below = new Set(path).add(object);
    const candidates = standsOn(graph, object);
    // All machines without a host stand on the same hosts: those are looked through once.
    let best = shared.get(candidates);
    if (!shared.has(candidates)) {
      const found = candidates.filter((candidate) => !below.has(candidate) && isTroubled(graph, candidate)).map((candidate) => ({ candidate, found: search(candidate, below) }));
      best = found.map(({ candidate, found: one }): Found => ({ cause: one.cause, next: candidate, depth: one.depth + 1 })).sort(better)[0];
      shared.set(candidates, best);
    }
    // What has failed of itself is not explained by something that is merely under way.
    const isExplained = best !== undefined && (graph.state(object).state !== 'failed' || graph.state(best.cause).state === 'failed' || graph.state(object).reason === 'HealthCheckFailed');
    const result = isExplained && best ? best : own;
    known.set(object, result);
    return result;
  };
  const find = (object: KubeObject) => (isTroubled(graph, object) ? search(object, new Set()) : undefined);
  return {
    nearest: (object) => find(object)?.next,
    deepest: (object) => {
      const cause = find(object)?.cause;
      return cause === object ? undefined : cause;
    },
    depth: (object) => find(object)?.depth ?? 0,
  };
}
