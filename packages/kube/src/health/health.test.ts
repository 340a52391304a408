import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../object.ts';
import { healthOf } from './index.ts';

const nowMs = Date.parse('2026-01-01T00:01:00Z');

interface Parts {
  readonly spec?: object;
  readonly status?: object;
  readonly metadata?: object;
}
function object(apiVersion: string, kind: string, { spec, status, metadata }: Parts = {}): KubeObject {
  return { apiVersion, kind, metadata: { name: 'x', ...metadata }, ...(spec ? { spec } : {}), ...(status ? { status } : {}) };
}
const condition = (type: string, status: string, reason = 'R', message = 'm') => ({ conditions: [{ type, status, reason, message }] });

const deployment = (spec: object, status: object) => object('apps/v1', 'Deployment', { spec, status });
const ready = { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
const available = { type: 'Available', status: 'True' };
const progressed = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' };
const stateful = (spec: object, status: object) => object('apps/v1', 'StatefulSet', { spec, status });
const replicaSet = (status: object) => object('apps/v1', 'ReplicaSet', { spec: { replicas: 2 }, status });
const daemon = (status: object, metadata: object = { generation: 1 }) => object('apps/v1', 'DaemonSet', { metadata, status: { observedGeneration: 1, ...status } });
const pod = (status: object, metadata: object = {}) => object('v1', 'Pod', { status, metadata });
const job = (spec: object, status: object) => object('batch/v1', 'Job', { spec, status });
const custom = (status?: object, metadata: object = {}) => object('x.dev/v1', 'Thing', { status, metadata });
const crd = (status: object) => object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status });
const unscheduled = { phase: 'Pending', ...condition('PodScheduled', 'False', 'Unschedulable') };

const cases: readonly (readonly [KubeObject | undefined, string, string])[] = [
  [undefined, 'NotFound', 'Resource not found'],
  [custom(), 'Current', 'Resource is current'],
  [custom({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'Terminating', 'Resource scheduled for deletion'],
  [custom({ observedGeneration: 1 }, { generation: 2 }), 'InProgress', 'Thing generation is 2, but latest observed generation is 1'],
  [custom({ observedGeneration: 2, ...condition('Ready', 'True') }, { generation: 2 }), 'Current', 'Resource is Ready'],
  [custom(condition('Ready', 'False', 'Waiting', 'for x')), 'InProgress', 'for x'],
  [custom(condition('Ready', 'Unknown', 'Waiting', 'for y')), 'InProgress', 'for y'],
  [custom(condition('Reconciling', 'True', 'Busy', 'at it')), 'InProgress', 'at it'],
  [custom(condition('Stalled', 'True', 'Stuck', 'no way')), 'Failed', 'no way'],
  [custom(condition('Stalled', 'False')), 'Current', 'Resource is current'],
  [custom({ conditions: 'odd' }), 'Current', 'Resource is current'],
  [deployment({}, {}), 'InProgress', 'Replicas: 0/1'],
  [deployment({ replicas: 2 }, { ...ready, updatedReplicas: 1 }), 'InProgress', 'Updated: 1/2'],
  [deployment({ replicas: 1 }, ready), 'InProgress', 'Pending termination: 1'],
  [deployment({ replicas: 2 }, { ...ready, availableReplicas: 1 }), 'InProgress', 'Available: 1/2'],
  [deployment({ replicas: 2 }, { ...ready, readyReplicas: 1 }), 'InProgress', 'Ready: 1/2'],
  [deployment({ replicas: 2, progressDeadlineSeconds: 600 }, { ...ready, conditions: [available] }), 'InProgress', 'ReplicaSet not Available'],
  [deployment({ replicas: 2 }, { ...ready, conditions: [] }), 'InProgress', 'Deployment not Available'],
  [deployment({ replicas: 2, progressDeadlineSeconds: 600 }, { ...ready, conditions: [available, progressed] }), 'Current', 'Deployment is available. Replicas: 2'],
  [deployment({ replicas: 2 }, condition('Progressing', 'False', 'ProgressDeadlineExceeded')), 'Failed', 'Progress deadline exceeded'],
  [replicaSet(condition('ReplicaFailure', 'True')), 'InProgress', 'Replica Failure condition. Check Pods'],
  [replicaSet({ fullyLabeledReplicas: 1 }), 'InProgress', 'Labelled: 1/2'],
  [replicaSet({ fullyLabeledReplicas: 2, availableReplicas: 1 }), 'InProgress', 'Available: 1/2'],
  [replicaSet({ fullyLabeledReplicas: 2, availableReplicas: 2, readyReplicas: 1 }), 'InProgress', 'Ready: 1/2'],
  [replicaSet({ fullyLabeledReplicas: 2, availableReplicas: 2, readyReplicas: 2, replicas: 3 }), 'InProgress', 'Pending termination: 1'],
  [replicaSet({ fullyLabeledReplicas: 2, availableReplicas: 2, readyReplicas: 2, replicas: 2 }), 'Current', 'ReplicaSet is available. Replicas: 2'],
  [stateful({ updateStrategy: { type: 'OnDelete' } }, {}), 'Current', 'StatefulSet is using the ondelete update strategy'],
  [stateful({ replicas: 2 }, { replicas: 1 }), 'InProgress', 'Replicas: 1/2'],
  [stateful({ replicas: 2 }, { replicas: 2, readyReplicas: 1 }), 'InProgress', 'Ready: 1/2'],
  [stateful({ replicas: 1 }, { replicas: 2, readyReplicas: 2 }), 'InProgress', 'Pending termination: 1'],
  [stateful({ replicas: 2 }, { replicas: 2, readyReplicas: 2, currentReplicas: 1 }), 'InProgress', 'current: 1/2'],
  [stateful({}, { replicas: 1, readyReplicas: 1, currentReplicas: 1, currentRevision: 'a', updateRevision: 'b' }), 'InProgress', 'Waiting for updated revision to match current'],
  [stateful({}, { replicas: 1, readyReplicas: 1, currentReplicas: 1, currentRevision: 'a', updateRevision: 'a' }), 'Current', 'All replicas scheduled as expected. Replicas: 1'],
  [stateful({ replicas: 3, updateStrategy: { rollingUpdate: { partition: 1 } } }, { replicas: 3, readyReplicas: 3, updatedReplicas: 1 }), 'InProgress', 'updated: 1/2'],
  [stateful({ replicas: 3, updateStrategy: { rollingUpdate: { partition: 1 } } }, { replicas: 3, readyReplicas: 3, updatedReplicas: 2 }), 'Current', 'Partition rollout complete. updated: 2'],
  [object('apps/v1', 'DaemonSet', { metadata: {} }), 'InProgress', 'DaemonSet metadata.generation not found'],
  [object('apps/v1', 'DaemonSet', { metadata: { generation: 1 } }), 'InProgress', 'DaemonSet status.observedGeneration not found'],
  [daemon({}), 'InProgress', 'Missing .status.desiredNumberScheduled'],
  [daemon({ desiredNumberScheduled: 2, currentNumberScheduled: 1 }), 'InProgress', 'Current: 1/2'],
  [daemon({ desiredNumberScheduled: 2, currentNumberScheduled: 2 }), 'InProgress', 'Updated: 0/2'],
  [daemon({ desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 2 }), 'InProgress', 'Available: 0/2'],
  [daemon({ desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 }), 'InProgress', 'Ready: 0/2'],
  [daemon({ desiredNumberScheduled: 0 }), 'Current', 'All replicas scheduled as expected. Replicas: 0'],
  [pod({}), 'InProgress', 'Pod phase not available'],
  [pod({ phase: 'Succeeded' }), 'Current', 'Pod has completed successfully'],
  [pod({ phase: 'Failed' }), 'Current', 'Pod has completed, but not successfully'],
  [pod({ phase: 'Running', ...condition('Ready', 'True') }), 'Current', 'Pod is Ready'],
  [pod({ phase: 'Running' }), 'InProgress', 'Pod is running but is not Ready'],
  [pod({ phase: 'Running', containerStatuses: [{ name: 'a', state: { waiting: { reason: 'CrashLoopBackOff' } } }, { name: 'b', state: {} }] }), 'Failed', 'Containers in CrashLoop state: a'],
  [pod({ phase: 'Pending' }), 'InProgress', 'Pod is in the Pending phase'],
  [pod(unscheduled, { creationTimestamp: '2026-01-01T00:00:50Z' }), 'InProgress', 'Pod has not been scheduled'],
  [pod(unscheduled, { creationTimestamp: '2026-01-01T00:00:40Z' }), 'Failed', 'Pod could not be scheduled'],
  [pod({ phase: 'Odd' }), 'Unknown', 'unknown phase Odd'],
  [job({}, {}), 'InProgress', 'Job not started'],
  [job({}, { startTime: 't', active: 1 }), 'Current', 'Job in progress. success:0, active: 1, failed: 0'],
  [job({ completions: 3 }, { succeeded: 3, ...condition('Complete', 'True') }), 'Current', 'Job Completed. succeeded: 3/3'],
  [job({ parallelism: 2 }, { failed: 1, ...condition('Failed', 'True') }), 'Failed', 'Job Failed. failed: 1/2'],
  [job({ suspend: true }, condition('Suspended', 'True')), 'Current', 'Job is suspended'],
  [object('v1', 'PersistentVolumeClaim'), 'InProgress', 'PVC is not Bound. phase: unknown'],
  [object('v1', 'PersistentVolumeClaim', { status: { phase: 'Bound' } }), 'Current', 'PVC is Bound'],
  [object('v1', 'Service'), 'Current', 'Service is ready'],
  [object('v1', 'Service', { spec: { type: 'LoadBalancer' } }), 'InProgress', 'ClusterIP not set. Service type: LoadBalancer'],
  [object('v1', 'Service', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' } }), 'Current', 'Service is ready'],
  [crd({}), 'InProgress', 'Install in progress'],
  [crd(condition('Established', 'True')), 'Current', 'CRD is established'],
  [crd(condition('Established', 'False', 'Installing')), 'InProgress', 'Install in progress'],
  [crd(condition('Established', 'False', 'NotAccepted', 'why')), 'Failed', 'why'],
  [crd(condition('NamesAccepted', 'False', 'PluralConflict', 'taken')), 'Failed', 'taken'],
  [object('v1', 'ConfigMap'), 'Current', 'Resource is always ready'],
  [object('v1', 'Secret'), 'Current', 'Resource is always ready'],
  [object('batch/v1', 'CronJob'), 'Current', 'Resource is always ready'],
  [object('policy/v1', 'PodDisruptionBudget'), 'Current', 'AllowedDisruptions has been computed.'],
  // A kind of another group that has the name of a built-in one is judged by its own conditions.
  [object('x.dev/v1', 'Deployment', { spec: { replicas: 2 } }), 'Current', 'Resource is current'],
];

test('judges objects as kstatus does', () => {
  for (const [of, status, message] of cases) {
    const health = healthOf(of, nowMs);
    assert.deepEqual([health.status, health.message], [status, message], JSON.stringify(of));
  }
});

test('waits for a pod to be scheduled while the time is not known', () => {
  assert.equal(healthOf(pod(unscheduled, { creationTimestamp: '2020-01-01T00:00:00Z' })).status, 'InProgress');
});
