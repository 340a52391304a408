/** What happened when: transitions of conditions, host operations and events, in one order. */
import { parseTime } from '@keelson/std';
import { conditionsOf, type KubeObject } from '@keelson/kube';
import { refOf, refText, type ObjectRef } from './relations.ts';
import { splitRevision } from './chain.ts';
import type { Snapshot } from './snapshot.ts';

export interface Moment {
  readonly atMs: number;
  readonly ref: ObjectRef;
  readonly what: string;
  readonly severity: 'normal' | 'warning';
}

const lanes = ['GitRepository', 'Kustomization', 'Cluster', 'TalosControlPlane', 'MachineDeployment', 'Machine', 'Metal3Machine', 'BareMetalHost'];

/** Moments from `fromMs` on, the earliest first. */
export function timelineOf(snapshot: Snapshot, fromMs = 0): Moment[] {
  const moments = lanes.flatMap((kind) => snapshot.of(kind).flatMap((object) => [...conditionMoments(object), ...ownMoments(object)]));
  for (const event of snapshot.of('Event')) moments.push(...eventMoments(event));
  const sorted = moments.filter((moment) => moment.atMs >= fromMs).sort((a, b) => a.atMs - b.atMs || (refText(a.ref) < refText(b.ref) ? -1 : 1));
  return sorted.filter((moment, i) => i === 0 || moment.what !== sorted[i - 1]!.what || refText(moment.ref) !== refText(sorted[i - 1]!.ref));
}

/** The moment each object of the chain became ready: what the closing table of `keelson up` shows. */
export function readyMoments(snapshot: Snapshot): Moment[] {
  return timelineOf(snapshot).filter(({ what }) => /^(fetched |Ready|Available: |provisioned|available)/.test(what));
}

function conditionMoments(object: KubeObject): Moment[] {
  return conditionsOf(object).filter((c) => ['Ready', 'Available', 'ControlPlaneInitialized', 'InfrastructureReady'].includes(c.type)).map((condition) => ({
    atMs: parseTime(condition.lastTransitionTime),
    ref: refOf(object),
    what: condition.status === 'True' ? `${condition.type}: ${condition.reason}` : `not ${condition.type}: ${condition.message || condition.reason}`,
    severity: condition.status === 'False' && /Fail|Error/.test(condition.reason) ? 'warning' : 'normal',
  }));
}

function ownMoments(object: KubeObject): Moment[] {
  const status = object['status'] as { artifact?: { revision?: string; lastUpdateTime?: string }; operationHistory?: Record<string, { start?: string; end?: string }> } | undefined;
  const out: Moment[] = [];
  const push = (time: string | undefined | null, what: string) => {
    if (time) out.push({ atMs: parseTime(time), ref: refOf(object), what, severity: 'normal' });
  };
  if (object.kind === 'GitRepository') push(status?.artifact?.lastUpdateTime, `fetched ${splitRevision(status?.artifact?.revision ?? '').commit.slice(0, 8)}`);
  if (object.kind === 'BareMetalHost') {
    const names: Record<string, [string, string]> = { register: ['registering', 'registered'], inspect: ['inspecting', 'inspected'], provision: ['provisioning', 'provisioned'], deprovision: ['deprovisioning', 'available again'] };
    for (const [name, [started, ended]] of Object.entries(names)) {
      push(status?.operationHistory?.[name]?.start, started);
      push(status?.operationHistory?.[name]?.end, ended);
    }
  }
  return out;
}

function eventMoments(event: KubeObject): Moment[] {
  const body = event as KubeObject & { involvedObject?: { apiVersion?: string; kind?: string; name?: string; namespace?: string }; reason?: string; message?: string; type?: string; lastTimestamp?: string; eventTime?: string };
  const at = body.lastTimestamp ?? body.eventTime ?? event.metadata.creationTimestamp;
  if (!body.involvedObject?.kind || !at) return [];
  const ref: ObjectRef = { group: (body.involvedObject.apiVersion ?? '').split('/').at(-2) ?? '', kind: body.involvedObject.kind, name: body.involvedObject.name ?? '', ...(body.involvedObject.namespace ? { namespace: body.involvedObject.namespace } : {}) };
  return [{ atMs: parseTime(at), ref, what: `${body.reason}: ${body.message}`, severity: body.type === 'Warning' ? 'warning' : 'normal' }];
}
