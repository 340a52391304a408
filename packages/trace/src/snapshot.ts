/** Objects as they were read at one moment; every view is a pure function over it. */
import { groupBy } from '@keelson/std';
import { keyOf, parseApiVersion, type KindRef, type KubeObject, type ObjectKey } from '@keelson/kube';
import { kindByName } from '@keelson/api';

export interface Snapshot {
  readonly nowMs: number;
  /** Objects of a kind in the API that was read, by kind name and group. */
  of(kind: string, group?: string): readonly KubeObject[];
  get(kind: string, key: ObjectKey, group?: string): KubeObject | undefined;
  /** Everything that was read, but for what is inside workload clusters. */
  readonly all: readonly KubeObject[];
  /** Objects inside a workload cluster (`namespace/name` of its Cluster); undefined when it was not read. */
  inCluster(cluster: string): RemoteObjects | undefined;
  /** Kinds that the server has and did not let us see. */
  readonly unread: readonly Unread[];
}

export interface RemoteObjects {
  /** Why the cluster was not read; objects are empty then. */
  readonly error?: string;
  get(kind: string, group: string, key: ObjectKey): KubeObject | undefined;
  readonly all: readonly KubeObject[];
}

export interface Unread {
  readonly kind: string;
  readonly why: string;
}

/** The kinds the views read; those a server does not have are left out. */
export const tracedKinds: readonly KindRef[] = [
  'GitRepository', 'OCIRepository', 'Bucket', 'Kustomization', 'HelmRelease', 'Cluster', 'Machine', 'MachineSet', 'MachineDeployment', 'TalosControlPlane', 'TalosConfig',
  'Metal3Cluster', 'Metal3Machine', 'BareMetalHost', 'HardwareData', 'Event',
].map((name) => {
  const kind = kindByName(name);
  if (!kind) throw new Error(`${name} is not a kind that the api package declares`);
  return kind;
});

/** Kinds that a Kustomization takes its files from. */
export const sourceKinds = ['GitRepository', 'OCIRepository', 'Bucket'] as const;

export interface SnapshotParts {
  readonly remotes?: ReadonlyMap<string, RemoteObjects>;
  readonly unread?: readonly Unread[];
}

/** A snapshot of objects that are at hand. Looking up by kind and key costs the same however many there are. */
export function snapshotOf(objects: readonly KubeObject[], nowMs: number, { remotes, unread = [] }: SnapshotParts = {}): Snapshot {
  const byKind = groupBy(objects, (object) => object.kind);
  const byKey = indexByKey(objects);
  return {
    nowMs,
    all: objects,
    of: (kind, group) => (group === undefined ? (byKind.get(kind) ?? []) : (byKind.get(kind) ?? []).filter((object) => groupOf(object) === group)),
    get: (kind, key, group) => byKey.get(`${kind}|${keyOf(key)}`)?.find((object) => group === undefined || groupOf(object) === group),
    inCluster: (cluster) => remotes?.get(cluster),
    unread,
  };
}

function indexByKey(objects: readonly KubeObject[]): ReadonlyMap<string, readonly KubeObject[]> {
  return groupBy(objects, (object) => `${object.kind}|${keyOf(object)}`);
}

/** The API group of an object; '' for core. */
export function groupOf(object: KubeObject): string {
  return parseApiVersion(object.apiVersion).group;
}

/** Remote objects that are at hand. */
export function remoteObjects(objects: readonly KubeObject[], error?: string): RemoteObjects {
  const byKey = indexByKey(objects);
  return {
    ...(error === undefined ? {} : { error }),
    all: objects,
    get: (kind, group, key) => byKey.get(`${kind}|${keyOf(key)}`)?.find((object) => groupOf(object) === group),
  };
}
