/** Status of a TalosControlPlane in the terms of CACPPT v0.5: v1beta1 conditions with severity. */
import type { Cluster, TalosControlPlane } from '@keelson/api';
import { isConditionTrue } from '@keelson/kube';
import { rfc3339 } from '@keelson/std';
import { labels } from '../names.ts';
import { describeUnready } from '../rollout/machine-view.ts';
import type { ControlPlaneSeen } from './observe.ts';

type Severity = 'Error' | 'Warning' | 'Info';

export interface OldCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly lastTransitionTime: string;
  readonly severity?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Wanted {
  readonly type: string;
  /** Absent: true. */
  readonly not?: { readonly reason: string; readonly severity: Severity; readonly message?: string };
}

export interface ControlPlaneOutcome {
  readonly seen: ControlPlaneSeen;
  readonly apiReachable: boolean;
  readonly cluster?: Cluster;
  readonly waitsFor?: string;
  /** A problem with the making of machines: a template that is not there. */
  readonly creationFailure?: { readonly reason: string; readonly message: string };
  /** A problem with etcd that needs someone. */
  readonly etcdProblem?: string;
  readonly invalid?: string;
}

/** Whether every machine that is ready to be a member is one, and all are healthy. Empty when it is so. */
export function etcdTrouble(seen: ControlPlaneSeen): string {
  if (!seen.bootstrapped) return 'etcd is not bootstrapped yet';
  if (seen.disagreement) return seen.disagreement;
  if (!seen.members) return 'no etcd member answers';
  const sick = seen.members.filter((member) => !member.healthy || member.learner);
  if (sick.length > 0) return `${sick.length} of ${seen.members.length} members are not healthy: ${sick.map((member) => member.hostname || member.id).join(', ')}`;
  const active = seen.machines.filter(({ machine }) => !machine.metadata.deletionTimestamp && machine.status?.nodeRef).length;
  return seen.members.length < active ? `${seen.members.length} members for ${active} nodes` : '';
}

export function controlPlaneStatus(controlPlane: TalosControlPlane, outcome: ControlPlaneOutcome, nowMs: number): object {
  const { seen } = outcome;
  const machines = seen.machines.map(({ machine }) => machine);
  const desired = controlPlane.spec?.replicas ?? 1;
  const ready = machines.filter((machine) => !machine.metadata.deletionTimestamp && isConditionTrue(machine, 'NodeReady')).length;
  const initialized = controlPlane.status?.initialized === true || (seen.bootstrapped && outcome.apiReachable);
  const versions = machines.filter((machine) => machine.status?.nodeRef).map((machine) => machine.spec.version ?? '').filter((version) => version !== '').sort();
  const cluster = outcome.cluster?.metadata.name;
  return {
    observedGeneration: controlPlane.metadata.generation ?? 0,
    ...(cluster ? { selector: `${labels.cluster}=${cluster},${labels.controlPlane}` } : {}),
    replicas: machines.length,
    readyReplicas: ready,
    unavailableReplicas: Math.max(0, desired - ready),
    initialized,
    ready: initialized && ready > 0 && outcome.apiReachable,
    bootstrapped: seen.bootstrapped,
    ...(versions[0] ? { version: versions[0] } : {}),
    conditions: mergeConditions(controlPlane.status?.conditions, wantedConditions(controlPlane, outcome, { desired, ready, initialized }), rfc3339(nowMs)),
  };
}

function wantedConditions(controlPlane: TalosControlPlane, outcome: ControlPlaneOutcome, counts: { readonly desired: number; readonly ready: number; readonly initialized: boolean }): Wanted[] {
  const { seen } = outcome;
  const machines = seen.machines.map(({ machine }) => machine);
  const active = machines.filter((machine) => !machine.metadata.deletionTimestamp);
  const deleting = controlPlane.metadata.deletionTimestamp !== undefined;
  const etcd = outcome.etcdProblem ?? etcdTrouble(seen);
  const unhealthy = seen.machines.flatMap(({ machine, node }) => node.unhealthy.map((text) => `${machine.metadata.name}: ${text}`));
  const outdated = seen.machines.filter((one) => !one.upToDate && !one.machine.metadata.deletionTimestamp).length;
  const unready = describeUnready(machines);
  const parts: Wanted[] = [
    { type: 'Available', ...(counts.initialized && outcome.apiReachable ? {} : { not: outcome.invalid ? { reason: 'InvalidControlPlaneConfig', severity: 'Error' as const, message: outcome.invalid } : { reason: 'WaitingForTalosBoot', severity: 'Info' as const, message: outcome.waitsFor } }) },
    { type: 'MachinesBootstrapped', ...(seen.bootstrapped ? {} : { not: { reason: 'WaitingForMachines', severity: 'Info' as const, message: outcome.waitsFor } }) },
    { type: 'MachinesCreated', ...(outcome.creationFailure ? { not: { reason: outcome.creationFailure.reason, severity: 'Error' as const, message: outcome.creationFailure.message } } : {}) },
    { type: 'MachinesReady', ...(unready === '' ? {} : { not: { reason: 'MachinesNotReady', severity: 'Info' as const, message: unready } }) },
    { type: 'MachinesSpecUpToDate', ...(outdated === 0 ? {} : { not: { reason: 'RollingUpdateInProgress', severity: 'Warning' as const, message: `${outdated} of ${active.length} machines were made from an older spec` } }) },
    resized(active.length, machines.length, counts.desired, deleting, outcome.waitsFor),
    { type: 'ControlPlaneComponentsHealthy', ...(unhealthy.length === 0 ? {} : { not: { reason: 'ControlPlaneComponentsUnhealthy', severity: 'Error' as const, message: unhealthy.slice(0, 6).join('; ') } }) },
    { type: 'EtcdClusterHealthyCondition', ...(etcd === '' ? {} : { not: { reason: 'EtcdClusterUnhealthy', severity: seen.bootstrapped ? ('Error' as const) : ('Info' as const), message: etcd } }) },
  ];
  const rank: Record<Severity, number> = { Error: 0, Warning: 1, Info: 2 };
  const broken = parts.filter((part) => part.not).sort((a, b) => rank[a.not!.severity] - rank[b.not!.severity])[0];
  const not = deleting ? { reason: 'Deleting', severity: 'Info' as const, message: outcome.waitsFor } : broken?.not;
  return [{ type: 'Ready', ...(not ? { not } : {}) }, ...parts];
}

function resized(active: number, all: number, desired: number, deleting: boolean, waitsFor: string | undefined): Wanted {
  if (deleting || active > desired || (all > active && active >= desired)) return { type: 'Resized', not: { reason: 'ScalingDown', severity: 'Warning', message: waitsFor ?? `${all} machines, ${deleting ? 0 : desired} wanted` } };
  if (active < desired) return { type: 'Resized', not: { reason: 'ScalingUp', severity: 'Warning', message: waitsFor ?? `${active} of ${desired} machines` } };
  return { type: 'Resized' };
}

function mergeConditions(previous: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly lastTransitionTime: string }[] | undefined, wanted: readonly Wanted[], now: string): OldCondition[] {
  return wanted.map(({ type, not }) => {
    const known = previous?.find((condition) => condition.type === type);
    const status = not ? 'False' : 'True';
    return {
      type,
      status,
      lastTransitionTime: known?.status === status && known.reason === not?.reason ? known.lastTransitionTime : now,
      ...(not ? { severity: not.severity, reason: not.reason, ...(not.message ? { message: not.message } : {}) } : {}),
    };
  });
}
