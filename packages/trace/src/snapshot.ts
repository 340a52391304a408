import { keyOf, type KindRef, type KubeObject, type ObjectKey } from '@keelson/kube';
import { isNotFound, type KubeClient } from '@keelson/kube/client';
import { kindByName } from '@keelson/api';
import { inventoryOf, targetClusterOf } from './relations.ts';

/** Objects as they were read at one moment; the views are pure functions over it. */
export interface Snapshot {
  readonly nowMs: number;
  /** Objects of a kind in the API that was read, by kind name and group. */
  of(kind: string, group?: string): readonly KubeObject[];
  get(kind: string, key: ObjectKey, group?: string): KubeObject | undefined;
  /** Objects inside a workload cluster (`namespace/name` of its Cluster); undefined when it could not be read. */
  inCluster(cluster: string): RemoteObjects | undefined;
}

export interface RemoteObjects {
  /** Why the cluster was not read; objects are empty then. */
  readonly error?: string;
  get(kind: string, group: string, key: ObjectKey): KubeObject | undefined;
  readonly all: readonly KubeObject[];
}

/** The kinds the views read; those a server does not have are left out. */
export const tracedKinds: readonly KindRef[] = [
  'GitRepository', 'Kustomization', 'HelmRelease', 'Cluster', 'Machine', 'MachineSet', 'MachineDeployment', 'TalosControlPlane', 'TalosConfig',
  'Metal3Cluster', 'Metal3Machine', 'BareMetalHost', 'HardwareData', 'Event',
].map((name) => {
  const kind = kindByName(name);
  if (!kind) throw new Error(`${name} is not a kind that the api package declares`);
  return kind;
});

/** A snapshot of objects that are at hand. */
export function snapshotOf(objects: readonly KubeObject[], nowMs: number, remotes: ReadonlyMap<string, RemoteObjects> = new Map()): Snapshot {
  const byKind = Map.groupBy(objects, (object) => object.kind);
  const of = (kind: string, group?: string) => (byKind.get(kind) ?? []).filter((object) => group === undefined || groupOf(object) === group);
  return {
    nowMs,
    of,
    get: (kind, key, group) => of(kind, group).find((object) => keyOf(object) === keyOf(key)),
    inCluster: (cluster) => remotes.get(cluster),
  };
}

export function groupOf(object: KubeObject): string {
  const slash = object.apiVersion.indexOf('/');
  return slash < 0 ? '' : object.apiVersion.slice(0, slash);
}

/** Remote objects that are at hand. */
export function remoteObjects(objects: readonly KubeObject[], error?: string): RemoteObjects {
  return {
    ...(error === undefined ? {} : { error }),
    all: objects,
    get: (kind, group, key) => objects.find((object) => object.kind === kind && groupOf(object) === group && keyOf(object) === keyOf(key)),
  };
}

export interface CollectOptions {
  readonly nowMs: number;
  /** Kinds beside `tracedKinds`. */
  readonly extra?: readonly KindRef[];
  /** Opens a workload cluster by its kubeconfig; without it clusters are not looked into. */
  readonly connect?: (kubeconfig: string) => KubeClient;
}

/** Reads what the views need. Reads only, and leaves out kinds that the server does not have or does not let us see. */
export async function collect(client: KubeClient, options: CollectOptions): Promise<Snapshot> {
  const lists = await Promise.all([...tracedKinds, ...(options.extra ?? [])].map((kind) => listOrNothing(client, kind)));
  const objects = lists.flat();
  const remotes = new Map<string, RemoteObjects>();
  if (options.connect) {
    for (const cluster of objects.filter((object) => object.kind === 'Cluster')) remotes.set(keyOf(cluster), await readCluster(client, cluster, objects, options.connect));
  }
  return snapshotOf(objects, options.nowMs, remotes);
}

async function listOrNothing(client: KubeClient, kind: KindRef): Promise<KubeObject[]> {
  try {
    const { items } = await client.list(kind);
    return items.map((item) => ({ ...item, apiVersion: item.apiVersion ?? (kind.group ? `${kind.group}/${kind.version}` : kind.version), kind: item.kind ?? kind.kind }));
  } catch (error) {
    // Another version of the kind may be served there: upstream's releases differ.
    if (!isNotFound(error)) return [];
    const served = await client.resolve(`${kind.group}/`, kind.kind).catch(() => undefined);
    return served && served.version !== kind.version ? listOrNothing(client, served) : [];
  }
}

const secretKind: KindRef = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };

/** The objects that Kustomizations of this side have put into a workload cluster, with its nodes and pods. */
async function readCluster(client: KubeClient, cluster: KubeObject, objects: readonly KubeObject[], connect: NonNullable<CollectOptions['connect']>): Promise<RemoteObjects> {
  try {
    const secret = await client.get(secretKind, { namespace: cluster.metadata.namespace, name: `${cluster.metadata.name}-kubeconfig` });
    const encoded = (secret?.['data'] as Record<string, string> | undefined)?.['value'];
    if (!encoded) return remoteObjects([], 'its kubeconfig is not published yet');
    const remote = connect(Buffer.from(encoded, 'base64').toString('utf8'));
    const applied = objects.filter((object) => object.kind === 'Kustomization' && targetClusterOf(object) === keyOf(cluster)).flatMap(inventoryOf);
    const kinds = new Map<string, KindRef>();
    for (const name of ['Node', 'Pod', 'ReplicaSet']) kinds.set(name, kindByName(name)!);
    for (const ref of applied) {
      const kind = kindByName(ref.group ? `${ref.kind}.${ref.group}` : ref.kind);
      if (kind) kinds.set(`${kind.group}/${kind.kind}`, kind);
    }
    const lists = await Promise.all([...kinds.values()].map((kind) => remote.list(kind).then(({ items }) => items.map((item) => ({ ...item, kind: kind.kind, apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version })))));
    return remoteObjects(lists.flat());
  } catch (error) {
    return remoteObjects([], error instanceof Error ? error.message : String(error));
  }
}
