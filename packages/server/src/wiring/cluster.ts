import { clusterControllers, type ClusterControllersOptions } from '@keelson/cluster';
import type { Controller } from '@keelson/controller';
import { offThreadKeys } from '@keelson/talos/pki';

export interface ClusterOptions {
  /** How keys of new clusters are made; off the event loop when absent. */
  readonly keys?: ClusterControllersOptions['keys'];
}

/** Cluster API: nodes over the Talos API, workload clusters by their kubeconfigs. */
export function wireCluster(options: ClusterOptions): Controller[] {
  return clusterControllers({ keys: options.keys ?? offThreadKeys });
}
