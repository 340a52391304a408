/** The state of every other kind: what runs in a cluster by kstatus (cli-utils pkg/kstatus), with Node and Pod told more finely. */
import { findCondition, type Condition, type KubeObject } from '@keelson/kube';
import { healthOf } from '@keelson/kube/health';
import { timeOf, type ObjectState } from './object-state.ts';

interface WorkloadStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
}

/** The state of an object by its Ready or Available condition and kstatus. */
export function workloadState(object: KubeObject, nowMs: number): ObjectState {
  if (object.metadata.deletionTimestamp) {
    const finalizers = object.metadata.finalizers ?? [];
    const message = finalizers.length > 0 ? `being deleted; ${finalizers.join(', ')} still hold it` : 'being deleted';
    return { state: 'working', phase: 'Terminating', reason: '', message, sinceMs: timeOf(object.metadata.deletionTimestamp) };
  }
  if (object.apiVersion === 'v1' && object.kind === 'Node') return nodeState(object);
  const status = object['status'] as WorkloadStatus | undefined;
  const condition = findCondition(object, 'Ready') ?? findCondition(object, 'Available');
  const health = healthOf(object, nowMs);
  const phase = status?.phase || condition?.reason || health.status;
  const sinceMs = timeOf(condition?.lastTransitionTime ?? object.metadata.creationTimestamp);
  const is = (state: ObjectState['state'], message: string): ObjectState => ({ state, phase, reason: condition?.reason ?? health.reason, message, sinceMs });
  // A pod that has ended badly is Current for kstatus: it will not change any more.
  if (object.apiVersion === 'v1' && object.kind === 'Pod' && status?.phase === 'Failed') return is('failed', status.message || status.reason || 'the pod has ended with an error');
  switch (health.status) {
    case 'Failed':
      return is('failed', health.message);
    case 'Current':
      return condition && condition.status === 'False' && hasNoRule(object) ? is(isFailure(condition) ? 'failed' : 'working', condition.message || condition.reason) : is('ready', '');
    default:
      return is(condition?.status === 'False' && hasNoRule(object) && isFailure(condition) ? 'failed' : 'working', (hasNoRule(object) && condition?.message) || health.message);
  }
}

/** Built-in groups have rules in kstatus; the conditions of other kinds are all there is. */
function hasNoRule(object: KubeObject): boolean {
  const group = object.apiVersion.includes('/') ? object.apiVersion.slice(0, object.apiVersion.indexOf('/')) : '';
  return group.includes('.');
}

function isFailure(condition: Condition): boolean {
  return /Fail|Error|Invalid|Denied|Refused/.test(condition.reason);
}

/** kstatus has no rule for nodes. Unknown means that the kubelet has not been heard of for a while. */
function nodeState(node: KubeObject): ObjectState {
  const ready = findCondition(node, 'Ready');
  const isCordoned = (node['spec'] as { unschedulable?: boolean } | undefined)?.unschedulable === true;
  const is = (state: ObjectState['state'], phase: string, message: string): ObjectState => ({ state, phase, reason: ready?.reason ?? '', message, sinceMs: timeOf(ready?.lastTransitionTime ?? node.metadata.creationTimestamp) });
  if (!ready) return is('working', 'New', 'its kubelet has not reported yet');
  if (ready.status === 'True') return is('ready', isCordoned ? 'SchedulingDisabled' : 'Ready', '');
  return is(ready.status === 'Unknown' ? 'failed' : 'working', 'NotReady', ready.message || ready.reason);
}
