/** Is a node alive, and what follows from it (kubernetes/pkg/controller/nodelifecycle). Pure. */
import { parseTime } from '@keelson/std';
import type { Lease, Node, NodeCondition, Taint } from '@keelson/api';
import { withCondition } from '../status-patch.ts';

/** Upstream's --node-monitor-grace-period. */
export const defaultGraceMs = 50_000;

export const taintKeys = {
  notReady: 'node.kubernetes.io/not-ready',
  unreachable: 'node.kubernetes.io/unreachable',
  unschedulable: 'node.kubernetes.io/unschedulable',
  memoryPressure: 'node.kubernetes.io/memory-pressure',
  diskPressure: 'node.kubernetes.io/disk-pressure',
  pidPressure: 'node.kubernetes.io/pid-pressure',
  networkUnavailable: 'node.kubernetes.io/network-unavailable',
} as const;

const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: taintKeys.memoryPressure,
  DiskPressure: taintKeys.diskPressure,
  PIDPressure: taintKeys.pidPressure,
  NetworkUnavailable: taintKeys.networkUnavailable,
};
const healthConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** When the node was last heard of: its lease, its status, or its creation. Milliseconds since the epoch. */
export function lastHeard(node: Node, lease: Lease | undefined): number {
  const beats = [lease?.spec?.renewTime, readyCondition(node)?.lastHeartbeatTime, node.metadata.creationTimestamp];
  return Math.max(0, ...beats.map((time) => parseTime(time ?? '')).filter((time) => !Number.isNaN(time)));
}

export function readyCondition(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === 'Ready');
}

/** The conditions of a node that is no longer heard of. */
export function lostConditions(node: Node, now: string): NodeCondition[] {
  let conditions = node.status?.conditions ?? [];
  for (const type of healthConditions) {
    const known = conditions.find((condition) => condition.type === type);
    if (known?.status === 'Unknown') continue;
    const never = known === undefined;
    conditions = withCondition(
      conditions,
      {
        type,
        status: 'Unknown',
        reason: never ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
        message: never ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
      },
      now,
    );
  }
  return [...conditions];
}

/** The taints that the node's state asks for, beside those somebody else put there. Kept taints keep their time. */
export function taintsFor(node: Node, now: string): Taint[] {
  const wanted: Omit<Taint, 'timeAdded'>[] = [];
  const both = (key: string) => wanted.push({ key, effect: 'NoSchedule' }, { key, effect: 'NoExecute' });
  const ready = readyCondition(node)?.status;
  if (ready === 'Unknown') both(taintKeys.unreachable);
  else if (ready !== 'True') both(taintKeys.notReady);
  for (const condition of node.status?.conditions ?? []) {
    const key = pressureTaints[condition.type];
    if (key !== undefined && condition.status === 'True') wanted.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: taintKeys.unschedulable, effect: 'NoSchedule' });
  const ours: readonly string[] = Object.values(taintKeys);
  const known = node.spec?.taints ?? [];
  const kept = wanted.map((taint) => known.find((one) => one.key === taint.key && one.effect === taint.effect) ?? { ...taint, timeAdded: now });
  return [...known.filter((taint) => !ours.includes(taint.key)), ...kept];
}
