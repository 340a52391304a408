/** In which order a Cluster goes: workers, control plane, infrastructure, Secrets. Follows Cluster API v1.14. */
import type { Plan, Step } from '@keelson/controller';

export interface ClusterParts {
  readonly name: string;
  readonly namespace: string;
  readonly deployments: readonly Part[];
  /** MachineSets without a MachineDeployment. */
  readonly sets: readonly Part[];
  /** Worker Machines without a MachineSet. */
  readonly loneWorkers: readonly Part[];
  /** All worker Machines. */
  readonly workers: number;
  readonly controlPlane?: Part;
  readonly controlPlaneMachines: number;
  readonly infrastructure?: Part;
}

export interface Part {
  readonly name: string;
  readonly deleting: boolean;
}

export interface ClusterStep extends Step {
  readonly kind: 'delete-deployment' | 'delete-set' | 'delete-machine' | 'delete-control-plane' | 'delete-infrastructure' | 'remove-secrets';
  readonly name: string;
}

export type ClusterDeletingReason = 'WaitingForWorkersDeletion' | 'WaitingForControlPlaneDeletion' | 'WaitingForInfrastructureDeletion' | 'DeletionCompleted';

export interface ClusterDeletionPlan extends Plan<ClusterStep> {
  readonly reason: ClusterDeletingReason;
}

/** The next steps of a cluster's deletion. The Secrets are the last: hosts are wiped with the keys in them. */
export function planClusterDeletion(parts: ClusterParts): ClusterDeletionPlan {
  const subject = { kind: 'Cluster', namespace: parts.namespace, name: parts.name };
  const guard = `Cluster ${parts.namespace}/${parts.name} is being deleted`;
  const removals = (kind: ClusterStep['kind'], what: string, of: readonly Part[]): ClusterStep[] =>
    of.filter((part) => !part.deleting).map((part) => ({ kind, name: part.name, summary: `delete ${what} ${part.name}`, guard }));
  if (parts.workers > 0 || parts.deployments.length > 0 || parts.sets.length > 0) {
    const steps = [...removals('delete-deployment', 'MachineDeployment', parts.deployments), ...removals('delete-set', 'MachineSet', parts.sets), ...removals('delete-machine', 'Machine', parts.loneWorkers)];
    return { subject, reason: 'WaitingForWorkersDeletion', steps, waitsFor: `${parts.workers} worker Machines to go` };
  }
  if (parts.controlPlane || parts.controlPlaneMachines > 0) {
    const steps = removals('delete-control-plane', 'control plane', parts.controlPlane ? [parts.controlPlane] : []);
    return { subject, reason: 'WaitingForControlPlaneDeletion', steps, waitsFor: `the control plane and its ${parts.controlPlaneMachines} Machines to go` };
  }
  if (parts.infrastructure) {
    return { subject, reason: 'WaitingForInfrastructureDeletion', steps: removals('delete-infrastructure', 'infrastructure', [parts.infrastructure]), waitsFor: `the infrastructure ${parts.infrastructure.name} to go` };
  }
  return { subject, reason: 'DeletionCompleted', steps: [{ kind: 'remove-secrets', name: parts.name, summary: 'delete the Secrets of the cluster and let it go', guard: 'no Machine and no infrastructure of the cluster is left' }] };
}
