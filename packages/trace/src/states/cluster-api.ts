/**
 * The state of Cluster API's kinds and its providers': conditions of both contracts. v1beta2 has Available or Ready with the
 * reasons of each part; v1beta1 has Ready with a severity (Error: broken, Warning and Info: under way).
 */
import { conditionsOf, type Condition, type KubeObject } from '@keelson/kube';
import { healthOf } from '@keelson/kube/health';
import { timeOf, type ObjectState } from './object-state.ts';

type OldCondition = Condition & { readonly severity?: 'Error' | 'Warning' | 'Info' | '' };

/** The conditions of either contract; v1beta1 leaves reason and message out where there is nothing to say. */
function conditionsIn(object: KubeObject): readonly OldCondition[] {
  return conditionsOf(object).map((condition): OldCondition => ({ ...condition, reason: condition.reason ?? '', message: condition.message ?? '' }));
}

function findCondition(object: KubeObject, type: string): OldCondition | undefined {
  return conditionsIn(object).find((condition) => condition.type === type);
}

interface ClusterApiStatus {
  readonly phase?: string;
  readonly failureMessage?: string;
  readonly failureReason?: string;
}

const pausedAnnotation = 'cluster.x-k8s.io/paused';

/** The state of an object of a `*cluster.x-k8s.io` group. */
export function clusterApiState(object: KubeObject, nowMs: number): ObjectState {
  const status = (object['status'] ?? {}) as ClusterApiStatus;
  const summary = summaryOf(object);
  const phase = status.phase || summary?.reason || (summary ? summary.type : 'New');
  const sinceMs = timeOf(summary?.lastTransitionTime ?? object.metadata.creationTimestamp);
  const is = (state: ObjectState['state'], message: string, reason = summary?.reason ?? ''): ObjectState => ({ state, phase, reason, message, sinceMs });

  if (status.failureMessage || status.failureReason) return is('failed', status.failureMessage || status.failureReason || '', status.failureReason);
  if (object.metadata.deletionTimestamp) return beingDeleted(object, phase);
  if (isPaused(object)) return { ...is('off', 'reconciliation is paused'), phase: 'Paused' };
  if (!summary) return withoutSummary(object, nowMs, is);
  if (summary.status === 'True') {
    if (isBehind(object, summary)) return is('working', 'its latest change has not been looked at yet');
    const health = healthOf(object, nowMs);
    return health.status === 'InProgress' ? is('working', health.message) : is('ready', '');
  }
  const own = ownTrouble(object, summary);
  if (own !== undefined) return is('failed', own);
  return is(waitsForAnother(object, summary) ? 'waiting' : 'working', summary.message || wordsOf(summary.reason) || `is not ${summary.type} yet`);
}

/** The condition that speaks for the whole: Available where a kind has parts, Ready otherwise. */
function summaryOf(object: KubeObject): OldCondition | undefined {
  const available = findCondition(object, 'Available');
  const ready = findCondition(object, 'Ready');
  // In v1beta1, and in kinds that still speak it, Ready sums up the others.
  const old = ready !== undefined && (ready.severity !== undefined || available === undefined);
  if (old) return ready;
  // A Machine is Available some time after it is Ready; what it waits for stands in Ready.
  return ready && ready.status !== 'True' ? ready : (available ?? ready);
}

function isPaused(object: KubeObject): boolean {
  const spec = object['spec'] as { paused?: boolean } | undefined;
  return spec?.paused === true || object.metadata.annotations?.[pausedAnnotation] !== undefined || findCondition(object, 'Paused')?.status === 'True';
}

function isBehind(object: KubeObject, condition: Condition): boolean {
  const { generation } = object.metadata;
  return generation !== undefined && condition.observedGeneration !== undefined && condition.observedGeneration < generation;
}

/** Reasons of providers' Ready that only pass on the state of another object. */
const waitingReason = /^Waiting|^(AssociateBareMetalHostFailed|BareMetalHostError|DoesNotExist|DependencyNotReady)$/;
const failedReason = /Failed$|Failure$|Error$|Invalid|Refused$|^(Unsupported|Unknown)\w+|^(MissingBMH|ConfigurationLost|ForeignConfiguration|OtherMachine|SecretsLost|SecretsUnreadable|FieldNotSupported|EtcdClusterUnhealthy)$/;
/** A condition's message that is a problem of the object itself ends with the problem's code. */
const problemCode = / \[[A-Z]+\.[A-Z0-9_]+\]$/;

/** The message of what is wrong with the object itself; undefined when it is under way or passes on another's trouble. */
function ownTrouble(object: KubeObject, summary: OldCondition): string | undefined {
  const phase = (object['status'] as ClusterApiStatus | undefined)?.phase;
  if (phase === 'Failed') return summary.message || summary.reason;
  if (summary.severity === 'Info') return undefined;
  if (summary.severity === 'Error') return isBeforeFirstStart(object, summary) ? undefined : summary.message || wordsOf(summary.reason);
  if (waitingReason.test(summary.reason)) return undefined;
  if (failedReason.test(summary.reason)) return summary.message || wordsOf(summary.reason);
  // Machines cannot be made (a template is missing): a MachineDeployment says so in ScalingUp.
  const scaling = findCondition(object, 'ScalingUp');
  if (scaling?.status === 'True' && problemCode.test(scaling.message)) return scaling.message;
  // A Cluster whose Available does not repeat its parts speaks of itself.
  const parts = brokenParts(object);
  const isOwn = problemCode.test(summary.message) && !parts.some((part) => part.message !== '' && summary.message.includes(part.message));
  return isOwn ? summary.message : undefined;
}

/** A node's services are not healthy before the cluster has started for the first time; that is how it starts. */
function isBeforeFirstStart(object: KubeObject, summary: Condition): boolean {
  const status = object['status'] as { initialized?: boolean } | undefined;
  return summary.reason === 'ControlPlaneComponentsUnhealthy' && status?.initialized !== true;
}

const partTypes = /^(InfrastructureReady|BootstrapConfigReady|ControlPlaneInitialized|ControlPlaneAvailable|WorkersAvailable|MachinesReady|RemoteConnectionProbe|TopologyReconciled)$/;

function brokenParts(object: KubeObject): readonly Condition[] {
  return conditionsIn(object).filter((condition) => partTypes.test(condition.type) && condition.status !== 'True');
}

/** Whether it is another object's turn: its reason says so, or one of the parts it is made of is not there yet. */
function waitsForAnother(object: KubeObject, summary: OldCondition): boolean {
  if (waitingReason.test(summary.reason)) return true;
  return summary.severity === undefined && brokenParts(object).length > 0;
}

function withoutSummary(object: KubeObject, nowMs: number, is: (state: ObjectState['state'], message: string) => ObjectState): ObjectState {
  const status = object['status'] as { readonly phase?: string } | undefined;
  // Templates, MachineHealthCheck and the like have nothing to become; what has a controller and no status was not looked at.
  const health = healthOf(object, nowMs);
  if (health.status === 'Failed') return is('failed', health.message);
  if (health.status === 'InProgress') return is('working', health.message);
  if (status === undefined && controlled.has(object.kind)) return is('waiting', 'no controller has looked at it yet');
  return is('ready', '');
}

const controlled = new Set(['Cluster', 'Machine', 'MachineSet', 'MachineDeployment', 'TalosControlPlane', 'KubeadmControlPlane', 'TalosConfig', 'Metal3Cluster', 'Metal3Machine']);

function beingDeleted(object: KubeObject, phase: string): ObjectState {
  const deleting = findCondition(object, 'Deleting');
  const summary = summaryOf(object);
  const finalizers = object.metadata.finalizers ?? [];
  const told = (deleting?.status === 'True' && deleting.message) || (summary && summary.status !== 'True' && summary.message) || '';
  const message = told || (finalizers.length > 0 ? `being deleted; ${finalizers.join(', ')} still hold it` : 'being deleted');
  return { state: told ? 'waiting' : 'working', phase: phase === 'New' ? 'Deleting' : phase, reason: deleting?.reason ?? '', message, sinceMs: timeOf(object.metadata.deletionTimestamp) };
}

/** `WaitingForControlPlane` → `waiting for control plane`. */
function wordsOf(reason: string): string {
  return reason.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
}
