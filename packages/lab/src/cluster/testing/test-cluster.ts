/** A lab cluster for tests: one CA, machines attached by name, everything in virtual time. */
import { createMemoryStore, type Store } from '@keelson/apiserver/store';
import { createKubeClient, type KubeClient } from '@keelson/kube/client';
import { parseTime } from '@keelson/std';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import { latencyProfiles, type LatencyName } from '../../latency.ts';
import type { LabClusters, NodeAttachment, NodeRole } from '../cluster-host.ts';
import { createLabClusters } from '../lab-clusters.ts';

export interface TestCluster {
  readonly env: VirtualEnv;
  readonly clusters: LabClusters;
  readonly clusterId: string;
  /** Stores by cluster, as they would lie on disk. */
  readonly stores: Map<string, Store>;
  /** A client over the (virtual) network with an administrator's certificate. */
  readonly client: KubeClient;
  attachment(name: string, role: NodeRole, changes?: Partial<NodeAttachment>): NodeAttachment;
  /** The process ends and starts anew on the same stores; machines have to be attached again. */
  restart(): Promise<void>;
}

export function testCluster(options: { readonly latency?: LatencyName; readonly seed?: number } = {}): TestCluster {
  const env = virtualEnv({ seed: options.seed ?? 7, startMs: parseTime('2026-11-20T12:00:00Z') });
  const clusterId = 'cluster-id';
  const year = 365 * 24 * 3600 * 1000;
  const caKey = generateKey('p256');
  const life = { notBeforeMs: env.clock.now() - 60_000, notAfterMs: env.clock.now() + year };
  const ca = issueCertificate({ subject: { commonName: 'kubernetes' }, publicKeyPem: caKey.publicKeyPem, selfKeyPem: caKey.privateKeyPem, ca: true, ...life });
  const adminKey = generateKey('p256');
  const admin = issueCertificate({
    subject: { commonName: 'admin', organizations: ['system:masters'] },
    publicKeyPem: adminKey.publicKeyPem,
    issuer: { certificatePem: ca, privateKeyPem: caKey.privateKeyPem },
    usages: ['client'],
    ...life,
  });
  const stores = new Map<string, Store>();
  const keptStore = (id: string): Store => {
    const store = stores.get(id) ?? createMemoryStore();
    stores.set(id, store);
    // As a store on disk: what is in it outlives the one who closes it.
    return { ...bind(store), close: async () => {} };
  };
  const start = () => createLabClusters({ env, latency: latencyProfiles[options.latency ?? 'zero'], openStore: keptStore, removeStore: async (id) => void stores.delete(id) });
  let clusters = start();
  const endpoint = { host: '127.77.3.10', port: 6443 };
  const tls = { ca, cert: admin, key: adminKey.privateKeyPem };
  const client = createKubeClient({ transport: (request) => env.net.request(request, { tls }), baseUrl: `https://${endpoint.host}:${endpoint.port}` });
  return {
    env,
    clusterId,
    stores,
    client,
    get clusters() {
      return clusters;
    },
    attachment: (name, role, changes) => ({
      clusterId,
      clusterName: 'edge',
      machineId: `machine-${name}`,
      nodeName: name,
      address: `127.77.2.${10 + Number(/\d+$/.exec(name)?.[0] ?? 0) + (role === 'worker' ? 100 : 0)}`,
      role,
      providerId: `metal3://default/host-${name}/${name}`,
      taints: role === 'controlplane' ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] : [],
      endpoint,
      ca: { certificatePem: ca, ...(role === 'controlplane' ? { privateKeyPem: caKey.privateKeyPem } : {}) },
      kubernetesVersion: 'v1.36.1',
      talosVersion: 'v1.14.0',
      hardware: { cpuCores: 8, memoryBytes: 16 * 1024 ** 3, diskBytes: 500e9, architecture: 'amd64', systemUuid: `00000000-0000-4000-8000-0000000000${name.length}0` },
      bootId: `boot-${name}-1`,
      ...changes,
    }),
    async restart() {
      await clusters[Symbol.asyncDispose]();
      clusters = start();
    },
  };
}

function bind(store: Store): Store {
  return {
    get revision() {
      return store.revision;
    },
    get oldestRevision() {
      return store.oldestRevision;
    },
    get: (key) => store.get(key),
    list: (range) => store.list(range),
    count: (prefix, after) => store.count(prefix, after),
    commit: (writes) => store.commit(writes),
    watch: (range) => store.watch(range),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
}
