import type { Controller, ReconcileContext } from '@keelson/controller';
import { createNetKubeClient, parseKubeconfig } from '@keelson/kube/client';
import type { Env } from '@keelson/std';
import type { KeySource } from '@keelson/talos/pki';
import { clusterController } from './cluster/cluster-controller.ts';
import { talosConfigController } from './bootstrap/talos-config-controller.ts';
import { talosControlPlaneController } from './control-plane/talos-control-plane-controller.ts';
import { talosClientNodes } from './connect/talos-client-nodes.ts';
import type { TalosNodes } from './connect/talos-nodes.ts';
import type { ConnectWorkload, Workloads } from './connect/workload.ts';
import { createWorkloads } from './connect/workload.ts';
import { machineController } from './machine/machine-controller.ts';
import { metal3ClusterController } from './providers/metal/metal3-cluster-controller.ts';
import { metal3MachineController } from './providers/metal/metal3-machine-controller.ts';
import { machineDeploymentController } from './rollout/machine-deployment-controller.ts';
import { machineSetController } from './rollout/machine-set-controller.ts';

export interface ClusterControllersOptions {
  /** Makes the keys of a new cluster. In a process that serves others: `offThreadKeys` of @keelson/talos/pki. */
  readonly keys: KeySource;
  /** How Talos nodes are reached; over the network of the environment when absent. */
  readonly connectTalos?: (env: Env) => TalosNodes;
  /** How the API servers of workload clusters are reached; over the network of the environment when absent. */
  readonly connectWorkload?: ConnectWorkload;
}

/** An API server that does not answer must not hold a worker for long. */
const workloadTimeoutMs = 5_000;

/** The controllers of Cluster API's core, the Talos providers and the Metal3 infrastructure provider. */
export function clusterControllers(options: ClusterControllersOptions): Controller[] {
  const connectTalos = options.connectTalos ?? ((env) => talosClientNodes(env.net));
  const connectWorkload = options.connectWorkload ?? ((env, kubeconfig) => createNetKubeClient(env.net, parseKubeconfig(kubeconfig), { timeoutMs: workloadTimeoutMs }));
  const talosNodes = onePerEnvironment(connectTalos);
  const workloads = onePerEnvironment((env): Workloads => createWorkloads(env, connectWorkload));
  return [
    clusterController({ keys: options.keys, workloads }),
    machineDeploymentController(),
    machineSetController(),
    machineController({ workloads }),
    talosControlPlaneController({ talosNodes, workloads }),
    talosConfigController(),
    metal3ClusterController(),
    metal3MachineController({ talosNodes }),
  ];
}

/** Connections live as long as the environment they go through. */
function onePerEnvironment<T>(make: (env: Env) => T): (context: ReconcileContext) => T {
  const made = new WeakMap<Env, T>();
  return ({ env }) => {
    const known = made.get(env);
    if (known !== undefined) return known;
    const fresh = make(env);
    made.set(env, fresh);
    return fresh;
  };
}
