/** Status of a Cluster from its parts. Condition types and reasons are Cluster API's (v1beta2). */
import type { Cluster, Machine, MachineDeployment } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { findCondition, isConditionTrue } from '@keelson/kube';
import type { Problem } from '@keelson/std';
import { problemLine } from '@keelson/std';
import { isControlPlaneMachine } from '../belongs.ts';
import { countVersions, describeUnready } from '../rollout/machine-view.ts';
import type { WantedCondition } from '../write.ts';
import { isRecord } from '../write.ts';
import type { ClusterDeletionPlan } from './plan.ts';

export interface ClusterSeen {
  readonly infrastructure?: KubeObject;
  readonly controlPlane?: KubeObject;
  readonly deployments: readonly MachineDeployment[];
  readonly machines: readonly Machine[];
  /** Of the last look at the API server; undefined while there is none to look at. */
  readonly api?: { readonly reachable: boolean; readonly why: string };
  readonly problem?: Problem;
  readonly deletion?: ClusterDeletionPlan;
}

export interface Counts {
  readonly desiredReplicas: number;
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly upToDateReplicas: number;
  readonly versions?: readonly { version: string; replicas: number }[];
}

export type ClusterPhase = 'Pending' | 'Provisioning' | 'Provisioned' | 'Deleting' | 'Failed';

export function clusterPhase(cluster: Cluster, infrastructureProvisioned: boolean): ClusterPhase {
  if (cluster.metadata.deletionTimestamp) return 'Deleting';
  if (infrastructureProvisioned && cluster.spec.controlPlaneEndpoint?.host) return 'Provisioned';
  return cluster.spec.infrastructureRef || cluster.spec.controlPlaneRef ? 'Provisioning' : 'Pending';
}

/** True once the control plane has an API server: `status.initialization.controlPlaneInitialized`, or `status.initialized` of the v1beta1 contract. */
export function isControlPlaneInitialized(controlPlane: KubeObject | undefined): boolean {
  const status = controlPlane?.status;
  if (!isRecord(status)) return false;
  return status.initialized === true || (isRecord(status.initialization) && status.initialization.controlPlaneInitialized === true);
}

export function countControlPlane(seen: ClusterSeen): Counts {
  const machines = seen.machines.filter(isControlPlaneMachine);
  const spec = isRecord(seen.controlPlane?.spec) ? seen.controlPlane.spec : {};
  return countsOf(machines, typeof spec.replicas === 'number' ? spec.replicas : seen.controlPlane ? 1 : machines.length, outdated(seen));
}

export function countWorkers(seen: ClusterSeen): Counts {
  const machines = seen.machines.filter((machine) => !isControlPlaneMachine(machine));
  const lone = machines.filter((machine) => !machine.metadata.ownerReferences?.some((owner) => owner.controller));
  const desired = seen.deployments.reduce((total, deployment) => total + (deployment.spec?.replicas ?? 1), 0) + lone.length;
  const stale = machines.filter((machine) => findCondition(machine, 'UpToDate')?.status === 'False').length;
  return countsOf(machines, desired, stale);
}

function outdated(seen: ClusterSeen): number {
  const message = findCondition(seen.controlPlane, 'MachinesSpecUpToDate');
  const match = message?.status === 'False' ? /^(\d+) of/.exec(message.message ?? '') : undefined;
  return match ? Number(match[1]) : 0;
}

function countsOf(machines: readonly Machine[], desired: number, stale: number): Counts {
  const versions = countVersions(machines);
  return {
    desiredReplicas: desired,
    replicas: machines.length,
    readyReplicas: machines.filter((machine) => isConditionTrue(machine, 'Ready')).length,
    availableReplicas: machines.filter((machine) => isConditionTrue(machine, 'Available')).length,
    upToDateReplicas: Math.max(0, machines.length - stale),
    ...(versions.length > 0 ? { versions } : {}),
  };
}

/** The conditions of a Cluster, the summary first. */
export function clusterConditions(cluster: Cluster, seen: ClusterSeen, state: { readonly infrastructureProvisioned: boolean; readonly controlPlaneInitialized: boolean }): WantedCondition[] {
  const controlPlane = countControlPlane(seen);
  const workers = countWorkers(seen);
  const infrastructure = infrastructureCondition(cluster, seen);
  const initialized: WantedCondition = {
    type: 'ControlPlaneInitialized', status: state.controlPlaneInitialized, reason: state.controlPlaneInitialized ? 'Initialized' : 'NotInitialized',
    message: state.controlPlaneInitialized ? '' : controlPlaneText(seen),
  };
  const available = controlPlaneAvailable(cluster, seen);
  const workersAvailable = workersAvailableCondition(seen, workers);
  const remote = remoteCondition(seen, state.controlPlaneInitialized);
  const deleting = seen.deletion;
  const deletion: WantedCondition = { type: 'Deleting', status: deleting !== undefined, reason: deleting?.reason ?? 'NotDeleting', message: deleting ? `waits for ${deleting.waitsFor ?? 'its end'}${unreadySuffix(seen)}` : '' };
  const parts = [infrastructure, initialized, available, workersAvailable, remote];
  const broken = parts.filter((part) => part.status !== true);
  const summaryMessage = deleting ? `is being deleted: ${deletion.message}` : seen.problem ? problemLine(seen.problem) : broken.map((part) => part.message).filter((text, index, all) => text && all.indexOf(text) === index).join('; ');
  const isAvailable = broken.length === 0 && !deleting && !seen.problem;
  return [
    { type: 'Available', status: isAvailable, reason: isAvailable ? 'Available' : 'NotAvailable', message: isAvailable ? '' : summaryMessage },
    infrastructure, initialized, available, workersAvailable,
    ...machinesConditions('ControlPlane', seen.machines.filter(isControlPlaneMachine), controlPlane),
    ...machinesConditions('Worker', seen.machines.filter((machine) => !isControlPlaneMachine(machine)), workers),
    remote,
    ...movement(controlPlane, workers, deleting !== undefined),
    deletion,
    { type: 'Paused', status: false, reason: 'NotPaused' },
  ];
}

function infrastructureCondition(cluster: Cluster, seen: ClusterSeen): WantedCondition {
  const reference = cluster.spec.infrastructureRef;
  if (!reference) return { type: 'InfrastructureReady', status: false, reason: 'NotReady', message: 'spec.infrastructureRef is not set' };
  if (!seen.infrastructure) return { type: 'InfrastructureReady', status: false, reason: seen.deletion ? 'Deleted' : 'DoesNotExist', message: `${reference.kind} ${reference.name} does not exist` };
  const ready = findCondition(seen.infrastructure, 'Ready');
  const status = ready?.status === 'True';
  return { type: 'InfrastructureReady', status, reason: status ? 'Ready' : 'NotReady', message: status ? '' : `${reference.kind} ${reference.name}: ${ready?.message || ready?.reason || 'has not said anything yet'}` };
}

function controlPlaneText(seen: ClusterSeen): string {
  const { controlPlane } = seen;
  if (!controlPlane) return 'the control plane does not exist';
  const ready = findCondition(controlPlane, 'Available') ?? findCondition(controlPlane, 'Ready');
  const machines = describeUnready(seen.machines.filter(isControlPlaneMachine), 2);
  return `${controlPlane.kind} ${controlPlane.metadata.name}: ${ready?.message || ready?.reason || 'has not said anything yet'}${machines ? ` (${machines})` : ''}`;
}

function controlPlaneAvailable(cluster: Cluster, seen: ClusterSeen): WantedCondition {
  const reference = cluster.spec.controlPlaneRef;
  if (!reference) return { type: 'ControlPlaneAvailable', status: false, reason: 'NotAvailable', message: 'spec.controlPlaneRef is not set' };
  const available = seen.controlPlane && findCondition(seen.controlPlane, 'Available');
  if (available?.status === 'True') return { type: 'ControlPlaneAvailable', status: true, reason: 'Available' };
  return { type: 'ControlPlaneAvailable', status: false, reason: seen.controlPlane ? 'NotAvailable' : 'DoesNotExist', message: controlPlaneText(seen) };
}

function workersAvailableCondition(seen: ClusterSeen, workers: Counts): WantedCondition {
  if (seen.deployments.length === 0 && workers.replicas === 0) return { type: 'WorkersAvailable', status: true, reason: 'NoWorkers' };
  const broken = seen.deployments.filter((deployment) => !isConditionTrue(deployment, 'Available'));
  if (broken.length === 0) return { type: 'WorkersAvailable', status: true, reason: 'Available' };
  const texts = broken.map((deployment) => `MachineDeployment ${deployment.metadata.name}: ${findCondition(deployment, 'Available')?.message || 'has not said anything yet'}`);
  return { type: 'WorkersAvailable', status: false, reason: 'NotAvailable', message: texts.slice(0, 3).join('; ') };
}

function remoteCondition(seen: ClusterSeen, initialized: boolean): WantedCondition {
  if (!initialized || !seen.api) return { type: 'RemoteConnectionProbe', status: false, reason: 'ProbeFailed', message: 'waits for the API server of the cluster' };
  return { type: 'RemoteConnectionProbe', status: seen.api.reachable, reason: seen.api.reachable ? 'ProbeSucceeded' : 'ProbeFailed', message: seen.api.why };
}

function machinesConditions(prefix: 'ControlPlane' | 'Worker', machines: readonly Machine[], counts: Counts): WantedCondition[] {
  const unready = describeUnready(machines);
  const stale = counts.replicas - counts.upToDateReplicas;
  if (machines.length === 0) return [{ type: `${prefix}MachinesReady`, status: true, reason: 'NoReplicas' }, { type: `${prefix}MachinesUpToDate`, status: true, reason: 'NoReplicas' }];
  return [
    { type: `${prefix}MachinesReady`, status: unready === '', reason: unready === '' ? 'Ready' : 'NotReady', message: unready },
    { type: `${prefix}MachinesUpToDate`, status: stale === 0, reason: stale === 0 ? 'UpToDate' : 'NotUpToDate', message: stale === 0 ? '' : `${stale} of ${counts.replicas} Machines were made from an older spec` },
  ];
}

function movement(controlPlane: Counts, workers: Counts, deleting: boolean): WantedCondition[] {
  const up = !deleting && (controlPlane.replicas < controlPlane.desiredReplicas || workers.replicas < workers.desiredReplicas);
  const down = deleting || controlPlane.replicas > controlPlane.desiredReplicas || workers.replicas > workers.desiredReplicas;
  const rolling = controlPlane.upToDateReplicas < controlPlane.replicas || workers.upToDateReplicas < workers.replicas;
  const text = `control plane ${controlPlane.replicas} of ${controlPlane.desiredReplicas}, workers ${workers.replicas} of ${workers.desiredReplicas}`;
  return [
    { type: 'RollingOut', status: rolling, reason: rolling ? 'RollingOut' : 'NotRollingOut' },
    { type: 'ScalingUp', status: up, reason: up ? 'ScalingUp' : 'NotScalingUp', message: up ? text : '' },
    { type: 'ScalingDown', status: down, reason: down ? 'ScalingDown' : 'NotScalingDown', message: down ? text : '' },
    { type: 'Remediating', status: false, reason: 'NotRemediating' },
  ];
}

/** While a cluster goes, what its Machines wait for is the news. */
function unreadySuffix(seen: ClusterSeen): string {
  const text = describeUnready(seen.machines, 2);
  return text ? ` (${text})` : '';
}
