/** The life of a Machine: its phase, and the order in which everything it holds is let go. Follows Cluster API v1.14. */
import type { Plan, Step } from '@keelson/controller';

export type MachinePhase = 'Pending' | 'Provisioning' | 'Provisioned' | 'Running' | 'Deleting' | 'Failed';

export interface MachineFacts {
  readonly deleting: boolean;
  readonly bootstrapReady: boolean;
  readonly infrastructureProvisioned: boolean;
  readonly providerId?: string;
  readonly nodeName?: string;
}

export function machinePhase(facts: MachineFacts): MachinePhase {
  if (facts.deleting) return 'Deleting';
  if (facts.nodeName && facts.infrastructureProvisioned) return 'Running';
  if (facts.providerId && facts.infrastructureProvisioned) return 'Provisioned';
  if (facts.bootstrapReady) return 'Provisioning';
  return 'Pending';
}

export interface DeletionState {
  readonly name: string;
  readonly namespace: string;
  readonly nowMs: number;
  readonly clusterDeleting: boolean;
  readonly preDrainHooks: readonly string[];
  readonly preTerminateHooks: readonly string[];
  /** A control plane machine whose etcd member has not left yet. */
  readonly etcdMemberStays: boolean;
  readonly nodeName?: string;
  readonly excludeDraining: boolean;
  readonly drain: {
    readonly startedMs?: number;
    readonly timeoutSeconds: number;
    /** undefined: not looked yet; 'unreachable': the workload cluster does not answer; else the pods still to go. */
    readonly seen?: 'unreachable' | 'done' | { readonly pods: readonly string[] };
  };
  readonly volumes: {
    readonly excluded: boolean;
    readonly startedMs?: number;
    readonly timeoutSeconds: number;
    readonly seen?: 'unreachable' | 'done' | { readonly volumes: readonly string[] };
  };
  readonly infrastructure: 'there' | 'deleting' | 'gone';
  readonly bootstrap: 'there' | 'deleting' | 'gone';
  readonly node: { readonly gone: boolean; readonly startedMs: number; readonly timeoutSeconds: number };
}

export type DeletionStep =
  | (Step & { readonly kind: 'drain-node' | 'delete-infrastructure' | 'delete-bootstrap' | 'delete-node' | 'remove-finalizer' })
  | (Step & { readonly kind: 'check-volumes' });

/** The reason of condition Deleting, as Cluster API spells it. */
export type DeletingReason =
  | 'WaitingForPreDrainHook' | 'DrainingNode' | 'WaitingForVolumeDetach' | 'WaitingForPreTerminateHook'
  | 'WaitingForInfrastructureDeletion' | 'WaitingForBootstrapDeletion' | 'DeletingNode' | 'DeletionCompleted';

export interface DeletionPlan extends Plan<DeletionStep> {
  readonly reason: DeletingReason;
}

const expired = (startedMs: number | undefined, timeoutSeconds: number, nowMs: number) =>
  timeoutSeconds > 0 && startedMs !== undefined && nowMs - startedMs >= timeoutSeconds * 1000;

/** An API server that does not answer is waited for, as upstream does; the timeouts and annotations of the Machine go on without it. */
const unreachable = 'the API server of the cluster, which does not answer (to go on without draining: spec.deletion.nodeDrainTimeoutSeconds, or annotation machine.cluster.x-k8s.io/exclude-node-draining)';

/** The next step of a deletion. A timeout of 0 seconds waits without end, as upstream does. */
export function planDeletion(state: DeletionState): DeletionPlan {
  const subject = { kind: 'Machine', namespace: state.namespace, name: state.name };
  const wait = (reason: DeletingReason, waitsFor: string): DeletionPlan => ({ subject, reason, steps: [], waitsFor });
  const act = (reason: DeletingReason, step: DeletionStep, waitsFor?: string): DeletionPlan => ({ subject, reason, steps: [step], waitsFor });
  if (state.preDrainHooks.length > 0) return wait('WaitingForPreDrainHook', `pre-drain hooks: ${state.preDrainHooks.join(', ')}`);

  // Nothing is drained for a cluster that goes as a whole.
  const node = state.nodeName;
  if (node && !state.clusterDeleting && !state.excludeDraining && state.drain.seen !== 'done' && !expired(state.drain.startedMs, state.drain.timeoutSeconds, state.nowMs)) {
    const seen = state.drain.seen;
    // A host is wiped next: what its pods keep there must have gone elsewhere first, and only the API server can say that it has.
    if (seen === 'unreachable') return wait('DrainingNode', unreachable);
    const pods = seen === undefined ? 'its pods' : `${seen.pods.length} pods (${seen.pods.slice(0, 5).join(', ')}${seen.pods.length > 5 ? ', …' : ''})`;
    return act('DrainingNode', { kind: 'drain-node', summary: `cordon node ${node} and evict ${pods}`, guard: `Machine ${state.name} is being deleted` }, `${pods} to leave node ${node}`);
  }
  if (node && !state.clusterDeleting && !state.volumes.excluded && !expired(state.volumes.startedMs, state.volumes.timeoutSeconds, state.nowMs)) {
    const seen = state.volumes.seen;
    if (seen === undefined) return act('WaitingForVolumeDetach', { kind: 'check-volumes', summary: `look for volumes attached to node ${node}` });
    if (seen === 'unreachable') return wait('WaitingForVolumeDetach', unreachable);
    if (seen !== 'done') return wait('WaitingForVolumeDetach', `volumes to be detached from node ${node}: ${seen.volumes.slice(0, 5).join(', ')}`);
  }
  if (state.preTerminateHooks.length > 0) return wait('WaitingForPreTerminateHook', `pre-terminate hooks: ${state.preTerminateHooks.join(', ')}`);
  if (state.etcdMemberStays && !state.clusterDeleting) return wait('WaitingForPreTerminateHook', `the etcd member of ${state.name} to leave`);

  if (state.infrastructure === 'there') {
    return act('WaitingForInfrastructureDeletion', { kind: 'delete-infrastructure', summary: `delete the infrastructure of ${state.name}`, guard: `Machine ${state.name} is being deleted and drained` });
  }
  if (state.infrastructure === 'deleting') return wait('WaitingForInfrastructureDeletion', 'its infrastructure to be deleted');
  if (state.bootstrap === 'there') return act('WaitingForBootstrapDeletion', { kind: 'delete-bootstrap', summary: `delete the bootstrap config of ${state.name}` });
  if (state.bootstrap === 'deleting') return wait('WaitingForBootstrapDeletion', 'its bootstrap config to be deleted');
  if (node && !state.clusterDeleting && !state.node.gone && !expired(state.node.startedMs, state.node.timeoutSeconds, state.nowMs)) {
    return act('DeletingNode', { kind: 'delete-node', summary: `delete Node ${node}`, guard: `the host of node ${node} is deprovisioned` });
  }
  return act('DeletionCompleted', { kind: 'remove-finalizer', summary: `let Machine ${state.name} go` });
}
