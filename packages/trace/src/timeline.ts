/** What happened when: transitions of conditions, operations on hosts, fetched commits and events, in one order. */
import { conditionsOf, parseApiVersion, type KubeObject } from '@keelson/kube';
import { refKey, refOf, refText, splitRevision, type ObjectRef } from './relations.ts';
import type { Snapshot } from './snapshot.ts';
import { timeOf } from './states/object-state.ts';

export interface Moment {
  readonly atMs: number;
  readonly ref: ObjectRef;
  readonly what: string;
  readonly severity: 'normal' | 'warning';
  /** True where an object has come a step further for good: fetched, inspected, provisioned, ready, available. */
  readonly milestone: boolean;
}

/** Kinds with moments of their own, from the commit to the machine: the order of what happened in the same millisecond. */
const lanes = ['GitRepository', 'OCIRepository', 'Bucket', 'Kustomization', 'HelmRelease', 'Cluster', 'TalosControlPlane', 'MachineDeployment', 'Machine', 'Metal3Machine', 'BareMetalHost'];

/** Moments from `fromMs` on, the earliest first; what several sources tell of the same second and object in the same words stands once. */
export function timelineOf(snapshot: Snapshot, fromMs = 0): Moment[] {
  const moments = [...lanes.flatMap((kind) => snapshot.of(kind).flatMap((object) => [...ownMoments(object), ...conditionMoments(object)])), ...snapshot.of('Event', '').flatMap(eventMoments)];
  const lane = ({ ref }: Moment) => (lanes.includes(ref.kind) ? lanes.indexOf(ref.kind) : lanes.length);
  const sorted = moments.filter(({ atMs }) => atMs >= fromMs).sort((a, b) => a.atMs - b.atMs || lane(a) - lane(b) || compare(refText(a.ref), refText(b.ref)));
  const told = new Set<string>();
  return sorted.filter((moment) => {
    const key = `${Math.floor(moment.atMs / 1000)}|${refKey(moment.ref)}|${moment.what}`;
    return !told.has(key) && told.add(key);
  });
}

/** The milestones of the chain, the earliest first: what the closing table of `keelson up` shows. */
export function milestonesOf(snapshot: Snapshot, fromMs = 0): Moment[] {
  return timelineOf(snapshot, fromMs).filter(({ milestone }) => milestone);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const toldConditions = new Set(['Ready', 'Available', 'ControlPlaneInitialized', 'InfrastructureReady']);

function conditionMoments(object: KubeObject): Moment[] {
  return conditionsOf(object).flatMap((condition) => {
    const atMs = timeOf(condition.lastTransitionTime);
    // v1beta1 of Cluster API leaves reason and message out of a condition that is True.
    const { type, status, reason = '', message = '' } = condition;
    if (!toldConditions.has(type) || atMs === undefined) return [];
    // A host that is not in use is not Ready; that is how hosts lie in stock.
    if (object.kind === 'BareMetalHost' && status !== 'True' && message === '') return [];
    const isTrue = status === 'True';
    const what = isTrue ? `${type}${reason && reason !== type ? `: ${reason}` : ''}` : `not ${type}: ${message || reason}`;
    return [{ atMs, ref: refOf(object), what, severity: status === 'False' && /Fail|Error/.test(reason) ? 'warning' as const : 'normal' as const, milestone: isTrue }];
  });
}

const hostOperations: Readonly<Record<string, readonly [started: string, ended: string]>> = {
  register: ['registering', 'registered'],
  inspect: ['inspecting', 'inspected'],
  provision: ['provisioning', 'provisioned'],
  deprovision: ['deprovisioning', 'available again'],
};

interface LanedStatus {
  readonly artifact?: { readonly revision?: string; readonly lastUpdateTime?: string };
  readonly operationHistory?: Readonly<Record<string, { readonly start?: string | null; readonly end?: string | null }>>;
}

function ownMoments(object: KubeObject): Moment[] {
  const status = object['status'] as LanedStatus | undefined;
  const moment = (time: string | null | undefined, what: string, milestone: boolean): Moment[] => {
    const atMs = timeOf(time);
    return atMs === undefined ? [] : [{ atMs, ref: refOf(object), what, severity: 'normal', milestone }];
  };
  const { artifact, operationHistory } = status ?? {};
  if (artifact) return moment(artifact.lastUpdateTime, `fetched ${splitRevision(artifact.revision ?? '').commit.slice(0, 8)}`, true);
  if (object.kind !== 'BareMetalHost') return [];
  return Object.entries(hostOperations).flatMap(([name, [started, ended]]) => [...moment(operationHistory?.[name]?.start, started, false), ...moment(operationHistory?.[name]?.end, ended, true)]);
}

interface EventFields {
  readonly involvedObject?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly count?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
}

/** core/v1 Event; a repeated one stands where it was last seen, with how often. */
function eventMoments(event: KubeObject): Moment[] {
  const { involvedObject, reason, message, type, lastTimestamp, eventTime, count, series } = event as EventFields;
  const atMs = timeOf(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp);
  if (!involvedObject?.kind || atMs === undefined) return [];
  const { kind, name = '', namespace, apiVersion = '' } = involvedObject;
  const times = series?.count ?? count ?? 1;
  const text = [reason, message].filter((part) => part).join(': ');
  return [{
    atMs, ref: { group: parseApiVersion(apiVersion).group, kind, name, ...(namespace ? { namespace } : {}) },
    what: times > 1 ? `${text} (${times} times)` : text, severity: type === 'Warning' ? 'warning' : 'normal', milestone: false,
  }];
}
