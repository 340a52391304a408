/** What rollouts see of a Machine. */
import type { Machine } from '@keelson/api';
import { findCondition, isConditionTrue } from '@keelson/kube';
import { parseTime } from '@keelson/std';
import { annotations } from '../names.ts';
import type { MachineView } from './plan.ts';

export function machineView(machine: Machine): MachineView {
  return {
    name: machine.metadata.name,
    createdMs: parseTime(machine.metadata.creationTimestamp ?? '') || 0,
    deleting: machine.metadata.deletionTimestamp !== undefined,
    deleteAnnotation: annotations.deleteMachine in (machine.metadata.annotations ?? {}),
    hasNode: machine.status?.nodeRef !== undefined,
    healthy: findCondition(machine, 'NodeHealthy')?.status !== 'False' && findCondition(machine, 'HealthCheckSucceeded')?.status !== 'False',
  };
}

export interface MachineCounts {
  readonly replicas: number;
  readonly ready: number;
  readonly available: number;
  readonly upToDate: number;
}

/** Machines by what they are good for. `isUpToDate` decides what counts as made from the current spec. */
export function countMachines(machines: readonly Machine[], isUpToDate: (machine: Machine) => boolean): MachineCounts {
  return {
    replicas: machines.length,
    ready: machines.filter((machine) => isConditionTrue(machine, 'Ready')).length,
    available: machines.filter((machine) => isConditionTrue(machine, 'Available')).length,
    upToDate: machines.filter(isUpToDate).length,
  };
}

/** How many Machines run which Kubernetes version, as CAPI's status.versions; the versions sorted. */
export function countVersions(machines: readonly Machine[]): { version: string; replicas: number }[] {
  const counts = new Map<string, number>();
  for (const machine of machines) {
    if (machine.spec.version) counts.set(machine.spec.version, (counts.get(machine.spec.version) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([version, replicas]) => ({ version, replicas }));
}

/** The Machines that are not ready and why, for a condition message: at most `limit` of them. */
export function describeUnready(machines: readonly Machine[], limit = 4): string {
  const unready = machines.filter((machine) => !isConditionTrue(machine, 'Ready'));
  const texts = unready.slice(0, limit).map((machine) => {
    const ready = findCondition(machine, 'Ready');
    return `Machine ${machine.metadata.name}: ${ready?.message || ready?.reason || machine.status?.phase || 'new'}`;
  });
  if (unready.length > limit) texts.push(`and ${unready.length - limit} more`);
  return texts.join('; ');
}
