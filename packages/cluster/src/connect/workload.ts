/** The API server of a cluster that was built, reached with the kubeconfig in its Secret. */
import { Node, Secret } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import type { Cache } from '@keelson/controller';
import type { Env } from '@keelson/std';
import { describeError } from '@keelson/std';
import { secretNames } from '../names.ts';
import { secretText } from '../secret.ts';

export type ConnectWorkload = (env: Env, kubeconfig: string) => KubeClient;

export type NodeList =
  | { readonly kind: 'nodes'; readonly nodes: readonly Node[] }
  | { readonly kind: 'unreachable'; readonly why: string };

export interface Workloads {
  /** The client of a cluster; undefined while its kubeconfig Secret is not there. */
  client(cluster: KubeObject, cache: Cache): KubeClient | undefined;
  /** The nodes of a cluster. Callers within a second share one request. */
  nodes(cluster: KubeObject, cache: Cache): Promise<NodeList>;
}

/** How long one answer is good for all machines of a cluster. */
const shareMs = 1000;
/** Clusters whose client is kept; the least recently used goes first. */
const clientLimit = 256;

interface Entry {
  readonly version: string;
  readonly client: KubeClient;
  readAtMs: number;
  reading?: Promise<NodeList>;
}

/** Connections by cluster, made anew when the kubeconfig changes. */
export function createWorkloads(env: Env, connect: ConnectWorkload): Workloads {
  const entries = new Map<string, Entry>();
  const entryOf = (cluster: KubeObject, cache: Cache): Entry | undefined => {
    const key = cluster.metadata.uid ?? '';
    const secret = cache.get<Secret>(Secret, { namespace: cluster.metadata.namespace, name: secretNames(cluster.metadata.name).kubeconfig });
    const kubeconfig = secret && secretText(secret, 'value');
    if (!secret || !kubeconfig) return undefined;
    const version = `${secret.metadata.uid}/${secret.metadata.resourceVersion}`;
    const known = entries.get(key);
    entries.delete(key);
    const entry = known?.version === version ? known : { version, client: connect(env, kubeconfig), readAtMs: Number.NEGATIVE_INFINITY };
    entries.set(key, entry);
    if (entries.size > clientLimit) entries.delete(entries.keys().next().value!);
    return entry;
  };
  return {
    client: (cluster, cache) => entryOf(cluster, cache)?.client,
    async nodes(cluster, cache) {
      const entry = entryOf(cluster, cache);
      if (!entry) return { kind: 'unreachable', why: `Secret ${secretNames(cluster.metadata.name).kubeconfig} is not there yet` };
      if (entry.reading && env.clock.now() - entry.readAtMs < shareMs) return entry.reading;
      entry.readAtMs = env.clock.now();
      entry.reading = entry.client.list<Node>(Node).then(
        (list): NodeList => ({ kind: 'nodes', nodes: list.items }),
        (error: unknown): NodeList => ({ kind: 'unreachable', why: describeError(error) }),
      );
      return entry.reading;
    },
  };
}
