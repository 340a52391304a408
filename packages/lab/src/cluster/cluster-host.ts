/**
 * The border between a lab machine that runs Talos (talos-node/) and the Kubernetes cluster it is part of (cluster/).
 * The machine's half says which of its Kubernetes components run and with which parts of its machine configuration;
 * this half plays kube-apiserver, controller-manager, scheduler and the kubelets.
 */
import type { Address } from '@keelson/std';

export type NodeRole = 'controlplane' | 'worker';

export interface NodeTaint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** What a machine brings when its kubelet starts (and, on a control plane, its API server and etcd member). */
export interface NodeAttachment {
  /** `cluster.id` of the machine configuration: the same on all machines of a cluster, new for every cluster. */
  readonly clusterId: string;
  readonly clusterName: string;
  /** Stable identity of the machine in the lab; survives reinstalls. */
  readonly machineId: string;
  /** Name of the Node object. */
  readonly nodeName: string;
  /** The machine's address: InternalIP of the Node; a control plane serves the API on it too. */
  readonly address: string;
  readonly role: NodeRole;
  /** kubelet `provider-id`, written to Node spec.providerID when the Node is registered. */
  readonly providerId?: string;
  /** machine.nodeLabels; the labels every kubelet sets and the control-plane role label are added here. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Taints to register with, control-plane taint included where scheduling is not allowed. */
  readonly taints?: readonly NodeTaint[];
  /** Host and port of `cluster.controlPlane.endpoint`. */
  readonly endpoint: Address;
  /** The Kubernetes CA. A worker has no key. */
  readonly ca: { readonly certificatePem: string; readonly privateKeyPem?: string };
  /** Signs service account tokens; on control planes. */
  readonly serviceAccountKeyPem?: string;
  /** Extra names of the API server's certificate. */
  readonly certSans?: readonly string[];
  /** With a leading v. The kubelet's and, on a control plane, the API server's. */
  readonly kubernetesVersion: string;
  /** With a leading v. */
  readonly talosVersion: string;
  /** `10.244.0.0/16` when absent. */
  readonly podSubnet?: string;
  /** `10.96.0.0/12` when absent. */
  readonly serviceSubnet?: string;
  /** `none`: nodes stay NotReady until something else installs a network. */
  readonly cni?: 'flannel' | 'none';
  readonly kubeProxy?: boolean;
  readonly coreDns?: boolean;
  readonly hardware: {
    readonly cpuCores: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
    readonly architecture: 'amd64' | 'arm64';
    readonly systemUuid: string;
  };
  /** New at every boot of the machine. */
  readonly bootId: string;
}

/** Why a machine's Kubernetes components stop: its state is lost to the cluster in each case, only the traces differ. */
export type DetachReason = 'power-off' | 'reboot' | 'shutdown' | 'reset';

export interface NodeState {
  /** The Node object exists. */
  readonly registered: boolean;
  /** Its condition Ready is True. */
  readonly ready: boolean;
  /** On control planes: the API server on this machine answers. */
  readonly apiServer: boolean;
  /** What the node waits for, in words; empty when it is ready. */
  readonly waitsFor: string;
}

export interface ClusterState {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly endpoint: Address;
  /** The API server answers. */
  readonly serving: boolean;
  /** Why it does not; empty while it does. */
  readonly reason: string;
  readonly machineIds: readonly string[];
}

export interface LabClusters extends AsyncDisposable {
  /**
   * The machine's kubelet starts; a control plane's API server, controllers and scheduler too (call it once its etcd
   * member runs). Calling it again for an attached machine replaces what it brought (a new version, new labels).
   * Returns at once: what follows takes its time on the lab's clock and shows in `nodeState`.
   */
  attachNode(attachment: NodeAttachment): void;
  /** The machine's components are gone, at once. Nothing happens when it is not attached. */
  detachNode(node: { readonly clusterId: string; readonly machineId: string; readonly reason: DetachReason }): void;
  /**
   * Whether the cluster's etcd has a quorum; the talos-node half keeps the members. True until said otherwise. Without a
   * quorum the API server answers 500 to reads and writes alike, and controllers stop.
   */
  setEtcdQuorum(clusterId: string, hasQuorum: boolean): void;
  /** The data of the last etcd member was wiped: the cluster's objects are gone for good. Its control planes must be detached. */
  forgetCluster(clusterId: string): Promise<void>;
  nodeState(clusterId: string, machineId: string): NodeState;
  clusters(): readonly ClusterState[];
  /** Calls `changed` whenever the answer of `nodeState` or `clusters` for a cluster may have changed; returns how to stop. */
  onChange(changed: (clusterId: string) => void): () => void;
}
