/** Reading what the views need, from any API server: reads only, with the rights there are, at the versions that are served. */
import { describeError, mapBounded } from '@keelson/std';
import { apiVersionOf, keyOf, type KindRef, type KubeObject } from '@keelson/kube';
import { ApiError, type KubeClient } from '@keelson/kube/client';
import { kindByName } from '@keelson/api';
import { inventoryOf, providerRef, targetClusterOf } from './relations.ts';
import { groupOf, remoteObjects, snapshotOf, tracedKinds, type RemoteObjects, type Snapshot, type Unread } from './snapshot.ts';

export interface CollectOptions {
  readonly nowMs: number;
  /** Kinds beside `tracedKinds`. */
  readonly extra?: readonly KindRef[];
  /** Whether Events are read; a busy cluster has many. True when absent. */
  readonly events?: boolean;
  /** Where to look for what may not be listed in all namespaces. */
  readonly namespace?: string;
  /** Opens a workload cluster by its kubeconfig; without it clusters are not looked into. */
  readonly connect?: (kubeconfig: string) => KubeClient;
}

const listsAtOnce = 6;
const clustersAtOnce = 8;

/**
 * Reads what the views need. Leaves out kinds that the server does not have; what it does not let us see is in `unread`.
 * Throws TransportError when nothing answers, and the ApiError of the refusal when nothing at all may be read.
 */
export async function collect(client: KubeClient, options: CollectOptions): Promise<Snapshot> {
  const kinds = [...tracedKinds.filter(({ kind }) => kind !== 'Event' || options.events !== false), ...(options.extra ?? []).filter((extra) => !tracedKinds.some((kind) => isSame(kind, extra)))];
  const reader = createReader(client, options.namespace);
  const first = (await mapBounded(kinds, listsAtOnce, reader.list)).flat();
  const more = await mapBounded(referredKinds(first, kinds), listsAtOnce, (kind) => reader.list(kind));
  const objects = [...first, ...more.flat()];
  if (objects.length === 0 && reader.refusal()) throw reader.refusal();
  const remotes = new Map<string, RemoteObjects>();
  const { connect } = options;
  if (connect) {
    const clusters = objects.filter((object) => object.kind === 'Cluster' && groupOf(object) === 'cluster.x-k8s.io');
    const read = await mapBounded(clusters, clustersAtOnce, (cluster) => readCluster(client, cluster, objects, connect));
    clusters.forEach((cluster, i) => remotes.set(keyOf(cluster), read[i]!));
  }
  return snapshotOf(objects, options.nowMs, { remotes, unread: reader.unread });
}

/** The kind at a version that the server has, ours if it can be; undefined when the server has no such kind. */
export async function servedKind(client: KubeClient, kind: KindRef): Promise<KindRef | undefined> {
  const direct = await client.resolve(apiVersionOf(kind), kind.kind);
  if (direct) return direct;
  for (const version of await groupVersions(client)(kind.group)) {
    const other = await client.resolve(`${kind.group}/${version}`, kind.kind);
    if (other) return other;
  }
  return undefined;
}

const isSame = (a: KindRef, b: KindRef) => a.group === b.group && a.kind === b.kind;

interface Reader {
  list(kind: KindRef): Promise<KubeObject[]>;
  readonly unread: readonly Unread[];
  /** The first refusal; undefined when all could be read. */
  refusal(): ApiError | undefined;
}

function createReader(client: KubeClient, namespace: string | undefined): Reader {
  const unread: Unread[] = [];
  let refusal: ApiError | undefined;
  const served = groupVersions(client);
  const listAt = async (kind: KindRef, within?: string) => {
    const { items } = await client.list(kind, within ? { namespace: within } : {});
    return items.map((item): KubeObject => ({ ...item, apiVersion: item.apiVersion ?? apiVersionOf(kind), kind: kind.kind }));
  };
  /** Undefined when the server has no such path. */
  const listServed = async (kind: KindRef): Promise<KubeObject[] | undefined> => {
    try {
      return await listAt(kind);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 404) return undefined;
      if (error.code === 403 && kind.namespaced && namespace) {
        const inOne = await listAt(kind, namespace).catch((again: unknown) => (again instanceof ApiError ? undefined : Promise.reject(again)));
        if (inOne) return inOne;
      }
      // Not who we said we are: nothing else will be answered either.
      if (error.code === 401) throw error;
      refusal ??= error;
      unread.push({ kind: kind.kind, why: error.message });
      return [];
    }
  };
  return {
    unread,
    refusal: () => refusal,
    async list(kind) {
      const direct = kind.version === '' ? undefined : await listServed(kind);
      if (direct) return direct;
      // Upstream's releases differ in the versions that they serve.
      for (const version of await served(kind.group)) {
        if (version === kind.version) continue;
        const other = await client.resolve(`${kind.group}/${version}`, kind.kind);
        const items = other && (await listServed(other));
        if (items) return items;
      }
      return [];
    },
  };
}

/** The versions of a group that a server has, its preferred one first; none for a group it does not have. */
function groupVersions(client: KubeClient): (group: string) => Promise<readonly string[]> {
  const known = new Map<string, Promise<readonly string[]>>();
  const read = async (group: string) => {
    const { status, body } = await client.raw('GET', `/apis/${group}`);
    if (status !== 200) return [];
    const { preferredVersion, versions = [] } = body as { preferredVersion?: { version: string }; versions?: { version: string }[] }; // metav1.APIGroup
    return [...new Set([preferredVersion?.version, ...versions.map(({ version }) => version)])].filter((version) => version !== undefined);
  };
  return (group) => {
    if (group === '') return Promise.resolve([]);
    let versions = known.get(group);
    if (!versions) known.set(group, (versions = read(group)));
    return versions;
  };
}

/** Kinds of other providers (a control plane by kubeadm, machines of a cloud) that clusters and machines refer to. */
function referredKinds(objects: readonly KubeObject[], known: readonly KindRef[]): KindRef[] {
  const kinds = new Map<string, KindRef>();
  for (const object of objects) {
    if (object.kind !== 'Cluster' && object.kind !== 'Machine') continue;
    for (const field of ['controlPlaneRef', 'infrastructureRef', 'configRef'] as const) {
      const ref = providerRef(object, field);
      if (!ref || known.some((kind) => kind.group === ref.group && kind.kind === ref.kind)) continue;
      kinds.set(`${ref.group}/${ref.kind}`, { group: ref.group, kind: ref.kind, version: '', plural: '', namespaced: true });
    }
  }
  return [...kinds.values()];
}

const secretKind: KindRef = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
/** What is looked at in every workload cluster, beside what was applied into it. */
const remoteKinds = ['Node', 'Pod', 'ReplicaSet'];

/** The objects that Kustomizations of this side have put into a workload cluster, with its nodes and pods. Never throws: what went wrong is its error. */
async function readCluster(client: KubeClient, cluster: KubeObject, objects: readonly KubeObject[], connect: NonNullable<CollectOptions['connect']>): Promise<RemoteObjects> {
  try {
    const secret = await client.get(secretKind, { namespace: cluster.metadata.namespace, name: `${cluster.metadata.name}-kubeconfig` });
    const encoded = (secret?.['data'] as Record<string, string> | undefined)?.['value'];
    if (!encoded) return remoteObjects([], 'its kubeconfig is not published yet');
    const reader = createReader(connect(Buffer.from(encoded, 'base64').toString('utf8')), undefined);
    const applied = objects.filter((object) => object.kind === 'Kustomization' && targetClusterOf(object) === keyOf(cluster)).flatMap(inventoryOf);
    const kinds = new Map<string, KindRef>();
    const want = (name: string, group = '') => {
      const kind = kindByName(group ? `${name}.${group}` : name) ?? (group ? { group, kind: name, version: '', plural: '', namespaced: true } : undefined);
      // Secrets are nobody's business here.
      if (kind && kind.kind !== 'Secret') kinds.set(`${kind.group}/${kind.kind}`, kind);
    };
    for (const name of remoteKinds) want(name);
    for (const { kind, group } of applied) want(kind, group);
    const lists = await mapBounded([...kinds.values()], listsAtOnce, reader.list);
    const refusal = reader.refusal();
    return remoteObjects(lists.flat(), refusal && lists.every((list) => list.length === 0) ? refusal.message : undefined);
  } catch (error) {
    return remoteObjects([], describeError(error));
  }
}
