/** What this domain needs of the Talos API of a node. The implementation over the real client is in `talos-client-nodes.ts`. */
import type { NodeSeen } from '../providers/metal/plan.ts';

/** How a call ended that a node may not be ready for. */
export type NodeAnswer =
  | { readonly kind: 'done' }
  /** It was done before (AlreadyExists). */
  | { readonly kind: 'already' }
  /** The node cannot do it yet (FailedPrecondition), or does not answer: look again. */
  | { readonly kind: 'not-yet'; readonly why: string }
  /** The node will not do it however often it is asked. */
  | { readonly kind: 'refused'; readonly why: string };

export interface NodeMember {
  readonly id: string;
  readonly hostname: string;
  readonly peerUrls: readonly string[];
  readonly learner: boolean;
}

/** What one control plane node says of itself. */
export interface ControlPlaneNode {
  /** `no-data`: etcd waits for a bootstrap. `data`: etcd has started here. `unknown`: no answer, or not up yet. */
  readonly etcd: 'unknown' | 'no-data' | 'data';
  /** Members as this node sees them; only where etcd runs. */
  readonly members?: readonly NodeMember[];
  /** Services that are not running or not healthy: `kubelet: Failed (…)`. */
  readonly unhealthy: readonly string[];
  /** etcd answers for itself as healthy. */
  readonly etcdHealthy: boolean;
  /** Why nothing is known. */
  readonly why?: string;
}

/** Calls to nodes at `<address>:50000`. Every method answers within its own time limit and does not throw for a node's silence. */
export interface TalosNodes {
  /** Looks with the cluster's credentials, then in maintenance. */
  look(address: string, talosconfig: string | undefined): Promise<NodeSeen>;
  /** Gives a machine in maintenance its config; the connection is pinned to the certificate with this fingerprint. */
  applyConfig(address: string, fingerprint: string, config: string): Promise<NodeAnswer>;
  lookControlPlane(address: string, talosconfig: string): Promise<ControlPlaneNode>;
  bootstrap(address: string, talosconfig: string): Promise<NodeAnswer>;
  /** Gives up leadership where the node has it, then leaves. */
  leaveEtcd(address: string, talosconfig: string): Promise<NodeAnswer>;
  removeMember(address: string, talosconfig: string, memberId: string): Promise<NodeAnswer>;
}
