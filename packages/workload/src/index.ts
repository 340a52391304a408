import type { Controller } from '@keelson/controller';
import { daemonSetController } from './daemonset/controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { endpointsController } from './endpoints/controller.ts';
import { jobController } from './job/controller.ts';
import { namespaceDefaultsController } from './namespace/controller.ts';
import { nodeLifecycleController, podGarbageController, type NodeLifecycleOptions } from './node/controller.ts';
import { replicaSetController } from './replicaset/controller.ts';
import { schedulerController } from './scheduler/controller.ts';
import { statefulSetController } from './statefulset/controller.ts';

export interface WorkloadOptions {
  /** PEM of the authority behind the API server's certificate, published in every namespace. */
  readonly rootCaPem: string;
  readonly nodeLifecycle?: NodeLifecycleOptions;
}

/** Everything of kube-controller-manager and kube-scheduler that a cluster needs to run pods. */
export function workloadControllers({ rootCaPem, nodeLifecycle }: WorkloadOptions): Controller[] {
  return [
    namespaceDefaultsController(rootCaPem),
    deploymentController(),
    replicaSetController(),
    daemonSetController(),
    statefulSetController(),
    jobController(),
    endpointsController(),
    nodeLifecycleController(nodeLifecycle),
    podGarbageController(),
    schedulerController(),
  ];
}

export {
  daemonSetController,
  deploymentController,
  endpointsController,
  jobController,
  namespaceDefaultsController,
  nodeLifecycleController,
  podGarbageController,
  replicaSetController,
  schedulerController,
  statefulSetController,
};
export type { NodeLifecycleOptions };
export { nodeLeaseNamespace } from './node/controller.ts';
export { parseQuantity } from './quantity.ts';
