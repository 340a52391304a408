import type { Store } from '@keelson/apiserver/store';
import type { Env } from '@keelson/std';
import type { LatencyProfile } from '../latency.ts';
import { LabCluster } from './cluster.ts';
import type { LabClusters, NodeState } from './cluster-host.ts';

export interface LabClustersOptions {
  readonly env: Env;
  readonly latency: LatencyProfile;
  /** The store of a cluster's objects; called once while the cluster lives, and again after a restart. */
  readonly openStore: (clusterId: string) => Store | Promise<Store>;
  /** Removes a store that has been erased and closed; without it an empty one stays. */
  readonly removeStore?: (clusterId: string) => Promise<void>;
}

const unknownNode: NodeState = { registered: false, ready: false, apiServer: false, waitsFor: 'its kubelet to start' };

/** The workload clusters of a lab. They come to life as machines are attached. */
export function createLabClusters(options: LabClustersOptions): LabClusters {
  const { env } = options;
  const clusters = new Map<string, LabCluster>();
  const listeners = new Set<(clusterId: string) => void>();
  const changed = new Set<string>();

  // Told in a microtask of its own, so that a listener may attach and detach.
  const onChange = (clusterId: string) => {
    if (changed.size === 0) {
      queueMicrotask(() => {
        const told = [...changed];
        changed.clear();
        for (const id of told) for (const listener of listeners) listener(id);
      });
    }
    changed.add(clusterId);
  };
  const clusterOf = (clusterId: string): LabCluster => {
    let cluster = clusters.get(clusterId);
    if (!cluster) {
      cluster = new LabCluster({ env, latency: options.latency, clusterId, openStore: options.openStore, onChange: () => onChange(clusterId) });
      clusters.set(clusterId, cluster);
    }
    return cluster;
  };

  return {
    attachNode: (attachment) => clusterOf(attachment.clusterId).attach(attachment),
    detachNode: ({ clusterId, machineId, reason }) => clusters.get(clusterId)?.detach(machineId, reason),
    setEtcdQuorum: (clusterId, hasQuorum) => clusterOf(clusterId).setQuorum(hasQuorum),
    async forgetCluster(clusterId) {
      const cluster = clusterOf(clusterId);
      await cluster.erase();
      await options.removeStore?.(clusterId);
      if (!cluster.hasMachines) {
        await cluster.close();
        clusters.delete(clusterId);
      }
      onChange(clusterId);
    },
    nodeState: (clusterId, machineId) => clusters.get(clusterId)?.nodeState(machineId) ?? unknownNode,
    // A cluster of which only etcd has been heard has no name yet.
    clusters: () => [...clusters.values()].map((cluster) => cluster.state).filter((state) => state.clusterName !== ''),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      for (const cluster of clusters.values()) await cluster.close();
      clusters.clear();
      listeners.clear();
    },
  };
}
