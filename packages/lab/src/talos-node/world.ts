/** All nodes of a lab: what reaches from one to another (etcd, trustd, discovery) and to their Kubernetes clusters. */
import type { Env } from '@keelson/std';
import type { LabClusters } from '../cluster/cluster-host.ts';
import { systemDisk } from '../machine/disk.ts';
import type { NodeConfig } from './config.ts';
import type { EtcdWorld } from './etcd.ts';
import { trustdSign, type ServerNames } from './identity.ts';
import type { TalosNode } from './node.ts';
import { isUp } from './services.ts';

export class TalosWorld {
  readonly env: Env;
  readonly etcd: EtcdWorld;
  /** The Kubernetes half; absent in tests of the machines alone. */
  readonly clusters: LabClusters | undefined;
  readonly nodes: TalosNode[] = [];
  readonly #stops: (() => void)[] = [];
  #poking = false;
  #pokeAgain = false;

  constructor(env: Env, etcd: EtcdWorld, clusters: LabClusters | undefined) {
    this.env = env;
    this.etcd = etcd;
    this.clusters = clusters;
    this.#stops.push(etcd.onChange((cluster) => {
      clusters?.setEtcdQuorum(cluster.clusterId, etcd.hasQuorum(cluster.id));
      this.poke();
    }));
    if (clusters) {
      this.#stops.push(clusters.onChange((clusterId) => {
        for (const node of this.nodes) if (node.config?.clusterId === clusterId) node.look();
      }));
    }
  }

  /** Nodes that run with a configuration of this cluster and are on the network. */
  members(clusterId: string): readonly TalosNode[] {
    return this.nodes.filter((node) => node.config?.clusterId === clusterId && !node.machine.hasFault('node-lost'));
  }

  /** A certificate from any control plane of the same machine CA whose trustd answers; undefined while there is none. */
  askTrustd(config: NodeConfig, publicKeyPem: string, names: ServerNames): string | undefined {
    for (const node of this.members(config.clusterId)) {
      const theirs = node.config;
      if (!theirs?.ca.key || theirs.ca.cert !== config.ca.cert || !isUp(node.state?.services['trustd'])) continue;
      const answer = trustdSign(theirs, { token: config.token, publicKeyPem, names }, this.env.clock.now());
      if (answer.startsWith('-----BEGIN')) return answer;
    }
    return undefined;
  }

  /** Lets every node look again at what it waits for. Nested calls become one more round. */
  poke(): void {
    this.#pokeAgain = true;
    if (this.#poking) return;
    this.#poking = true;
    try {
      while (this.#pokeAgain) {
        this.#pokeAgain = false;
        for (const node of this.nodes) node.poke();
      }
    } finally {
      this.#poking = false;
    }
  }

  /** A disk with etcd data of this cluster was wiped; with the last one the cluster's objects are gone. */
  dataWiped(etcdClusterId: string): void {
    const isLeft = this.nodes.some((node) => systemDisk(node.machine)?.content.etcd?.clusterId === etcdClusterId);
    const cluster = this.etcd.find(etcdClusterId);
    if (isLeft || !cluster) return;
    this.etcd.forget(etcdClusterId);
    this.clusters?.forgetCluster(cluster.clusterId).catch((error: unknown) => this.env.log.error('cannot forget a lab cluster', { error }));
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}
