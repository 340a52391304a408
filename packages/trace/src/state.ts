/** One vocabulary of states for every kind, from its conditions, its phase and kstatus. */
import { parseTime } from '@keelson/std';
import { conditionsOf, findCondition, type Condition, type KubeObject } from '@keelson/kube';
import { healthOf } from '@keelson/kube/health';

export type StateName = 'ready' | 'working' | 'waiting' | 'failed' | 'off';

export interface ObjectState {
  readonly state: StateName;
  /** A word or two of the kind's own: provisioned, Running, ReconciliationSucceeded. */
  readonly phase: string;
  /** Why, in the object's own words; empty when ready. */
  readonly message: string;
  /** When it came into this state; undefined when the object does not say. */
  readonly sinceMs: number | undefined;
}

/** The state of an object. */
export function stateOf(object: KubeObject, nowMs: number): ObjectState {
  if (object.metadata.deletionTimestamp) {
    const phase = object.kind === 'BareMetalHost' ? hostPhase(object) : 'Terminating';
    return { state: 'working', phase, message: deletionMessage(object), sinceMs: parseTime(object.metadata.deletionTimestamp) };
  }
  const special = byKind[object.kind];
  return special ? special(object) : generalState(object, nowMs);
}

function deletionMessage(object: KubeObject): string {
  const finalizers = object.metadata.finalizers ?? [];
  const ready = readyCondition(object);
  return ready && ready.status !== 'True' && ready.message ? ready.message : finalizers.length > 0 ? `being deleted; waits for ${finalizers.join(', ')}` : 'being deleted';
}

const byKind: Record<string, (object: KubeObject) => ObjectState> = {
  GitRepository: fluxState,
  Kustomization: fluxState,
  HelmRelease: fluxState,
  BareMetalHost: hostState,
};

function readyCondition(object: KubeObject): Condition | undefined {
  return findCondition(object, 'Ready') ?? findCondition(object, 'Available');
}

function since(condition: Condition | undefined, object: KubeObject): number | undefined {
  const time = condition?.lastTransitionTime ?? object.metadata.creationTimestamp;
  return time === undefined ? undefined : parseTime(time);
}

/** Reasons that say "not my fault, not yet". */
const waitingReasons = /^(DependencyNotReady|ArtifactNotReady|SourceNotReady|Waiting.*|Progressing(WithRetry)?|HealthCheckWaiting|ClusterNotReady|KubeConfigNotReady)$/;

function fluxState(object: KubeObject): ObjectState {
  const spec = object['spec'] as { suspend?: boolean } | undefined;
  const ready = findCondition(object, 'Ready');
  const at = since(ready, object);
  if (spec?.suspend) return { state: 'off', phase: 'Suspended', message: 'reconciliation is suspended', sinceMs: at };
  if (!ready) return { state: 'working', phase: 'New', message: 'not looked at yet', sinceMs: at };
  const observed = (object['status'] as { observedGeneration?: number } | undefined)?.observedGeneration;
  if (ready.status === 'True' && observed !== undefined && object.metadata.generation !== undefined && observed < object.metadata.generation) {
    return { state: 'working', phase: ready.reason, message: 'its latest change has not been looked at yet', sinceMs: at };
  }
  if (ready.status === 'True') return { state: 'ready', phase: ready.reason, message: '', sinceMs: at };
  if (waitingReasons.test(ready.reason)) return { state: /^Progressing/.test(ready.reason) ? 'working' : 'waiting', phase: ready.reason, message: ready.message, sinceMs: at };
  return { state: ready.status === 'Unknown' ? 'working' : 'failed', phase: ready.reason, message: ready.message, sinceMs: at };
}

interface HostStatus {
  readonly provisioning?: { readonly state?: string };
  readonly operationalStatus?: string;
  readonly errorMessage?: string;
  readonly errorType?: string;
  readonly poweredOn?: boolean;
  readonly operationHistory?: Readonly<Record<string, { readonly start?: string; readonly end?: string }>>;
  readonly lastUpdated?: string;
}

function hostPhase(host: KubeObject): string {
  return (host['status'] as HostStatus | undefined)?.provisioning?.state || 'new';
}

function hostState(host: KubeObject): ObjectState {
  const status = (host['status'] ?? {}) as HostStatus; // BareMetalHost's own status
  const phase = hostPhase(host);
  const reasons = conditionsOf(host).filter((condition) => condition.status === 'False' && condition.message);
  const sinceMs = hostSince(status, host);
  if (status.operationalStatus === 'error' || status.errorMessage) return { state: 'failed', phase, message: status.errorMessage || reasons[0]?.message || 'error', sinceMs };
  if (status.operationalStatus === 'detached') return { state: 'off', phase: 'detached', message: 'detached from management', sinceMs };
  switch (phase) {
    case 'available':
    case 'ready':
    case 'provisioned':
    case 'externally provisioned':
      return { state: 'ready', phase, message: '', sinceMs };
    case 'unmanaged':
      return { state: 'off', phase, message: 'no BMC is given', sinceMs };
    default:
      return { state: 'working', phase, message: reasons[0]?.message ?? '', sinceMs };
  }
}

function hostSince(status: HostStatus, host: KubeObject): number | undefined {
  const starts = Object.values(status.operationHistory ?? {}).flatMap(({ start, end }) => [end, start]).filter((time): time is string => typeof time === 'string');
  const last = starts.map(parseTime).filter((ms) => !Number.isNaN(ms)).sort((a, b) => b - a)[0];
  return last ?? (host.metadata.creationTimestamp ? parseTime(host.metadata.creationTimestamp) : undefined);
}

/** Cluster API, Talos and workload kinds: their Ready or Available condition, else kstatus. */
function generalState(object: KubeObject, nowMs: number): ObjectState {
  const condition = readyCondition(object);
  const status = object['status'] as { phase?: string } | undefined;
  if (condition) {
    const phase = status?.phase ?? (condition.reason || condition.type);
    const sinceMs = since(condition, object);
    if (condition.status === 'True') {
      const health = healthOf(object, nowMs);
      if (health.status === 'InProgress') return { state: 'working', phase, message: health.message, sinceMs };
      return { state: 'ready', phase, message: '', sinceMs };
    }
    const failed = status?.phase === 'Failed' || /Fail|Error|Invalid/.test(condition.reason);
    return { state: failed ? 'failed' : /^Waiting/.test(condition.reason) ? 'waiting' : 'working', phase, message: condition.message || condition.reason, sinceMs };
  }
  const health = healthOf(object, nowMs);
  const sinceMs = since(undefined, object);
  switch (health.status) {
    case 'Current':
      return { state: 'ready', phase: status?.phase ?? 'Current', message: '', sinceMs };
    case 'Failed':
      return { state: 'failed', phase: status?.phase ?? 'Failed', message: health.message, sinceMs };
    default:
      return { state: 'working', phase: status?.phase ?? health.status, message: health.message, sinceMs };
  }
}
