/** How the objects of one snapshot hang together, indexed once: each look-up costs what it answers, not what there is. */
import { keyOf, parseKey, type KubeObject } from '@keelson/kube';
import { applierOf, clusterNameOf, hostOf, inventoryOf, ownerRef, providerRef, refKey, refOf, sourceOf, targetClusterOf, type ObjectRef } from './relations.ts';
import { sourceKinds, type Snapshot } from './snapshot.ts';
import { stateOf } from './state.ts';
import type { ObjectState } from './states/object-state.ts';

export interface Graph {
  readonly snapshot: Snapshot;
  /** The state of an object, worked out once. */
  state(object: KubeObject): ObjectState;
  /** The object that a reference names, in the cluster it names. */
  find(ref: ObjectRef): KubeObject | undefined;
  /** What names an object as its owner; inside a workload cluster when one is named. */
  ownedBy(owner: KubeObject, cluster?: string): readonly KubeObject[];
  /** The workload cluster (`namespace/name`) that an object is in; undefined for the API that was read. */
  clusterOf(object: KubeObject): string | undefined;
  /** The object that controls another, or the first of its owners. */
  ownerOf(object: KubeObject): KubeObject | undefined;
  /** The Machines of a Cluster (`namespace/name`), control planes first. */
  machinesOf(cluster: string): readonly KubeObject[];
  /** The control plane object, MachineDeployments and infrastructure of a Cluster. */
  partsOf(cluster: KubeObject): readonly KubeObject[];
  infrastructureOf(machine: KubeObject): KubeObject | undefined;
  bootstrapOf(machine: KubeObject): KubeObject | undefined;
  hostOf(machine: KubeObject): KubeObject | undefined;
  /** The Machine that runs on a host. */
  machineOn(host: KubeObject): KubeObject | undefined;
  /** The Machine whose Node has a name, in a Cluster (`namespace/name`). */
  machineOfNode(cluster: string, node: string): KubeObject | undefined;
  /** Hosts of a namespace that nobody has taken and that cannot be taken now. */
  unusableHosts(namespace: string | undefined): readonly KubeObject[];
  /** Appliers (Kustomization, HelmRelease) whose source is this one and that no other applier has put there. */
  appliersFrom(source: KubeObject): readonly KubeObject[];
  /** The applier of an object, when it is there, is not the object itself and the way up does not come back to it. */
  parentApplier(object: KubeObject): KubeObject | undefined;
  /** What an applier has applied: objects, and references to what was not read. */
  appliedBy(applier: KubeObject): readonly Applied[];
}

export interface Applied {
  readonly ref: ObjectRef;
  readonly object: KubeObject | undefined;
}

const graphs = new WeakMap<Snapshot, Graph>();

/** The graph of a snapshot; made when first asked for and kept as long as the snapshot is. */
export function graphOf(snapshot: Snapshot): Graph {
  let graph = graphs.get(snapshot);
  if (!graph) graphs.set(snapshot, (graph = createGraph(snapshot)));
  return graph;
}

/** Evaluates once. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function createGraph(snapshot: Snapshot): Graph {
  const states = new WeakMap<KubeObject, ObjectState>();
  const state = (object: KubeObject): ObjectState => {
    let known = states.get(object);
    if (!known) states.set(object, (known = stateOf(object, snapshot.nowMs)));
    return known;
  };
  const find = ({ group, kind, cluster, ...key }: ObjectRef) => (cluster ? snapshot.inCluster(cluster)?.get(kind, group, key) : snapshot.get(kind, key, group || undefined));
  const owners = ownerIndex(snapshot);
  const machines = machineIndex(snapshot, state);
  return { snapshot, state, find, ...owners, ...machines, ...applierIndex(snapshot, find) };
}

function ownerIndex(snapshot: Snapshot): Pick<Graph, 'ownedBy' | 'ownerOf' | 'clusterOf'> {
  const byOwner = (objects: readonly KubeObject[]) => {
    const index = new Map<string, KubeObject[]>();
    for (const object of objects) for (const { uid } of object.metadata.ownerReferences ?? []) push(index, uid, object);
    return index;
  };
  const here = once(() => byOwner(snapshot.all));
  const remote = new Map<string, ReadonlyMap<string, readonly KubeObject[]>>();
  const clusters = once(() => {
    const index = new Map<KubeObject, string>();
    for (const cluster of snapshot.of('Cluster').map(keyOf)) for (const object of snapshot.inCluster(cluster)?.all ?? []) index.set(object, cluster);
    return index;
  });
  return {
    clusterOf: (object) => clusters().get(object),
    ownedBy(owner, cluster) {
      const { uid } = owner.metadata;
      if (!uid) return [];
      if (!cluster) return here().get(uid) ?? [];
      let index = remote.get(cluster);
      if (!index) remote.set(cluster, (index = byOwner(snapshot.inCluster(cluster)?.all ?? [])));
      return index.get(uid) ?? [];
    },
    ownerOf(object) {
      const owner = object.metadata.ownerReferences?.find((one) => one.controller) ?? object.metadata.ownerReferences?.[0];
      const ref = owner && ownerRef(owner, object.metadata.namespace);
      return ref && (snapshot.get(ref.kind, ref, ref.group) ?? snapshot.get(ref.kind, { name: ref.name }, ref.group));
    },
  };
}

function push<K, V>(index: Map<K, V[]>, key: K, value: V): void {
  const known = index.get(key);
  if (known) known.push(value);
  else index.set(key, [value]);
}

export function isControlPlaneMachine(machine: KubeObject): boolean {
  return machine.metadata.labels?.['cluster.x-k8s.io/control-plane'] !== undefined;
}

type MachineLinks = Pick<Graph, 'machinesOf' | 'partsOf' | 'infrastructureOf' | 'bootstrapOf' | 'hostOf' | 'machineOn' | 'machineOfNode' | 'unusableHosts'>;

function machineIndex(snapshot: Snapshot, state: Graph['state']): MachineLinks {
  const byCluster = (kind: string) => once(() => {
    const index = new Map<string, KubeObject[]>();
    for (const object of snapshot.of(kind)) push(index, `${object.metadata.namespace}/${clusterNameOf(object)}`, object);
    return index;
  });
  const machines = once(() => {
    const index = byCluster('Machine')();
    const order = (machine: KubeObject) => `${isControlPlaneMachine(machine) ? 0 : 1}${machine.metadata.name}`;
    for (const list of index.values()) list.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    return index;
  });
  const deployments = byCluster('MachineDeployment');
  const provider = (object: KubeObject, field: 'infrastructureRef' | 'controlPlaneRef' | 'configRef') => {
    const ref = providerRef(object, field);
    return ref && snapshot.get(ref.kind, { namespace: object.metadata.namespace, name: ref.name }, ref.group || undefined);
  };
  const infrastructureOf = (machine: KubeObject) => provider(machine, 'infrastructureRef');
  const hostUnder = (machine: KubeObject) => {
    const infrastructure = machine.kind === 'Machine' ? infrastructureOf(machine) : machine;
    const host = infrastructure && hostOf(infrastructure);
    return host ? snapshot.get('BareMetalHost', parseKey(host)) : undefined;
  };
  const byInfrastructure = once(() => {
    const index = new Map<KubeObject, KubeObject>();
    for (const machine of snapshot.of('Machine')) {
      const infrastructure = infrastructureOf(machine);
      if (infrastructure) index.set(infrastructure, machine);
    }
    return index;
  });
  const byNode = once(() => {
    const index = new Map<string, KubeObject>();
    for (const machine of snapshot.of('Machine')) {
      const node = (machine['status'] as { nodeRef?: { name?: string } } | undefined)?.nodeRef?.name;
      if (node) index.set(`${machine.metadata.namespace}/${clusterNameOf(machine)}|${node}`, machine);
    }
    return index;
  });
  const unusable = once(() => {
    const index = new Map<string | undefined, KubeObject[]>();
    for (const host of snapshot.of('BareMetalHost')) {
      const isTaken = consumerOf(host) !== undefined;
      if (!isTaken && state(host).state !== 'ready') push(index, host.metadata.namespace, host);
    }
    return index;
  });
  return {
    machinesOf: (cluster) => machines().get(cluster) ?? [],
    partsOf: (cluster) => [provider(cluster, 'infrastructureRef'), provider(cluster, 'controlPlaneRef'), ...(deployments().get(keyOf(cluster)) ?? [])].filter((object) => object !== undefined),
    infrastructureOf,
    bootstrapOf: (machine) => provider(machine, 'configRef'),
    hostOf: hostUnder,
    machineOn(host) {
      const consumer = consumerOf(host);
      const infrastructure = consumer && snapshot.get(consumer.kind ?? 'Metal3Machine', { namespace: consumer.namespace ?? host.metadata.namespace, name: consumer.name });
      return infrastructure && byInfrastructure().get(infrastructure);
    },
    machineOfNode: (cluster, node) => byNode().get(`${cluster}|${node}`),
    unusableHosts: (namespace) => unusable().get(namespace) ?? [],
  };
}

/** Who has taken a host. */
export function consumerOf(host: KubeObject): { readonly kind?: string; readonly name: string; readonly namespace?: string } | undefined {
  const consumer = (host['spec'] as { consumerRef?: { kind?: string; name?: string; namespace?: string } } | undefined)?.consumerRef;
  return consumer?.name ? { ...consumer, name: consumer.name } : undefined;
}

const climbLimit = 20;

function applierIndex(snapshot: Snapshot, find: Graph['find']): Pick<Graph, 'appliersFrom' | 'parentApplier' | 'appliedBy'> {
  const applier = (object: KubeObject) => {
    const ref = applierOf(object);
    const found = ref && find(ref);
    return found === object ? undefined : found;
  };
  const parentApplier = (object: KubeObject) => {
    const parent = applier(object);
    let above = parent;
    // A repository that holds its own Kustomization comes back to where it began: then nobody is above.
    for (let i = 0; above && i < climbLimit; i++) {
      if (above === object) return undefined;
      above = applier(above);
    }
    return parent;
  };
  const bySource = once(() => {
    const index = new Map<string, KubeObject[]>();
    for (const object of [...snapshot.of('Kustomization'), ...snapshot.of('HelmRelease')]) {
      const source = sourceOf(object);
      if (source && !parentApplier(object)) push(index, `${source.kind}|${keyOf(source)}`, object);
    }
    return index;
  });
  return {
    parentApplier,
    appliersFrom: (source) => bySource().get(`${source.kind}|${keyOf(source)}`) ?? [],
    appliedBy(object) {
      const cluster = targetClusterOf(object);
      return inventoryOf(object).map((entry) => {
        const ref = cluster ? { ...entry, cluster } : entry;
        return { ref, object: find(ref) };
      });
    },
  };
}

/** Everything that files are taken from. */
export function sourcesOf(snapshot: Snapshot): readonly KubeObject[] {
  return sourceKinds.flatMap((kind) => snapshot.of(kind));
}

/** The key of an object, the same as its reference's. */
export function objectKey(object: KubeObject, cluster?: string): string {
  return refKey(refOf(object, cluster));
}
