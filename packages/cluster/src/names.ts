/** Names that Cluster API (v1.14), the Talos providers and CAPM3 give to labels, annotations, finalizers and Secrets. */

export const labels = {
  cluster: 'cluster.x-k8s.io/cluster-name',
  controlPlane: 'cluster.x-k8s.io/control-plane',
  deployment: 'cluster.x-k8s.io/deployment-name',
  set: 'cluster.x-k8s.io/set-name',
  templateHash: 'machine-template-hash',
  failureDomain: 'infrastructure.cluster.x-k8s.io/failure-domain',
} as const;

export const annotations = {
  paused: 'cluster.x-k8s.io/paused',
  managedBy: 'cluster.x-k8s.io/managed-by',
  deleteMachine: 'cluster.x-k8s.io/delete-machine',
  clonedFromName: 'cluster.x-k8s.io/cloned-from-name',
  clonedFromGroupKind: 'cluster.x-k8s.io/cloned-from-groupkind',
  excludeNodeDraining: 'machine.cluster.x-k8s.io/exclude-node-draining',
  excludeVolumeDetach: 'machine.cluster.x-k8s.io/exclude-wait-for-node-volume-detach',
  preDrainPrefix: 'pre-drain.delete.hook.machine.cluster.x-k8s.io',
  preTerminatePrefix: 'pre-terminate.delete.hook.machine.cluster.x-k8s.io',
  revision: 'machinedeployment.clusters.x-k8s.io/revision',
  nodeCluster: 'cluster.x-k8s.io/cluster-name',
  nodeClusterNamespace: 'cluster.x-k8s.io/cluster-namespace',
  nodeMachine: 'cluster.x-k8s.io/machine',
  nodeOwnerKind: 'cluster.x-k8s.io/owner-kind',
  nodeOwnerName: 'cluster.x-k8s.io/owner-name',
  /** On a Metal3Machine: `<namespace>/<name>` of its host. */
  host: 'metal3.io/BareMetalHost',
  hostPaused: 'baremetalhost.metal3.io/paused',
  hostDetached: 'baremetalhost.metal3.io/detached',
  hostUnhealthy: 'capm3.metal3.io/unhealthy',
  hostUnhealthyOld: 'capi.metal3.io/unhealthy',
} as const;

/** Records of ours: intents written before an effect, and what was seen after it. */
export const records = {
  /** On a host: the Secret with the talosconfig that can wipe it. Read by the metal domain. */
  talosconfigSecret: 'metal.keelson.dev/talosconfig-secret',
  /** On a Metal3Machine: the machine config that is about to be given to the node, and to whom. */
  configIntent: 'cluster.keelson.dev/config-intent',
  /** On a Metal3Machine: when the node was first seen running on its machine config. */
  configured: 'cluster.keelson.dev/configured',
  /** On a TalosControlPlane: the machine on which etcd is bootstrapped. */
  etcdBootstrap: 'cluster.keelson.dev/etcd-bootstrap',
  /** On a TalosControlPlane: when etcd was seen to have data. */
  etcdBootstrapped: 'cluster.keelson.dev/etcd-bootstrapped',
  /** On a Machine that is being deleted: when the first try to delete its Node failed. */
  nodeDeletion: 'cluster.keelson.dev/node-deletion',
  /** On a Machine that is being deleted: its etcd member has left, so its host may be taken away. */
  etcdLeft: 'cluster.keelson.dev/etcd-left',
} as const;

export const finalizers = {
  cluster: 'cluster.cluster.x-k8s.io',
  machine: 'machine.cluster.x-k8s.io',
  machineSet: 'cluster.x-k8s.io/machineset',
  machineDeployment: 'cluster.x-k8s.io/machinedeployment',
  talosControlPlane: 'talos.controlplane.cluster.x-k8s.io',
  talosConfig: 'talosconfig.bootstrap.cluster.x-k8s.io',
  metal3Cluster: 'metal3cluster.infrastructure.cluster.x-k8s.io',
  metal3Machine: 'metal3machine.infrastructure.cluster.x-k8s.io',
  /** Ours, on `<cluster>-talosconfig`: the key that can wipe the cluster's machines stays until they are wiped. */
  talosconfigInUse: 'cluster.keelson.dev/in-use',
} as const;

/** The type of every Secret that belongs to a Cluster. */
export const clusterSecretType = 'cluster.x-k8s.io/secret';

/** Names of the Secrets of one cluster. */
export function secretNames(cluster: string): { bundle: string; ca: string; talosconfig: string; kubeconfig: string } {
  return { bundle: `${cluster}-talos`, ca: `${cluster}-ca`, talosconfig: `${cluster}-talosconfig`, kubeconfig: `${cluster}-kubeconfig` };
}

/** The Secret with a machine's bootstrap data (key `value`). */
export function bootstrapSecretName(machine: string): string {
  return `${machine}-bootstrap-data`;
}
