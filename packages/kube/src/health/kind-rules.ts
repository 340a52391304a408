// What kstatus says of built-in kinds (cli-utils pkg/kstatus/status/core.go); the order of the checks decides the message.
import type { Health } from './result.ts';
import { current, failed, inProgress } from './result.ts';
import type { StatusReader } from './status-reader.ts';

/** A rule of one kind; `ageMs` is the object's age, undefined when the time is not known. */
type KindRule = (read: StatusReader, ageMs: number | undefined) => Health;

/** How long a pod may find no node before that counts as failed. */
const scheduleWindowMs = 15_000;
/** A deployment without a progress deadline never reports Progressing. */
const noDeadline = 2147483647;

const alwaysReady: KindRule = () => current('Resource is always ready');

const counts = (label: string, have: number, want: number) => `${label}: ${have}/${want}`;

function deployment(read: StatusReader): Health {
  const exceeded = read.conditions().find((condition) => condition.type === 'Progressing' && condition.reason === 'ProgressDeadlineExceeded');
  if (exceeded) return failed(exceeded.reason, 'Progress deadline exceeded');
  const wanted = read.number('spec.replicas', 1);
  const replicas = read.number('status.replicas', 0);
  const updated = read.number('status.updatedReplicas', 0);
  const ready = read.number('status.readyReplicas', 0);
  const available = read.number('status.availableReplicas', 0);
  if (wanted > replicas) return inProgress('LessReplicas', counts('Replicas', replicas, wanted));
  if (wanted > updated) return inProgress('LessUpdated', counts('Updated', updated, wanted));
  if (replicas > wanted) return inProgress('ExtraPods', `Pending termination: ${replicas - wanted}`);
  if (updated > available) return inProgress('LessAvailable', counts('Available', available, updated));
  if (wanted > ready) return inProgress('LessReady', counts('Ready', ready, wanted));
  const withoutDeadline = read.number('spec.progressDeadlineSeconds', noDeadline) === noDeadline;
  const progressed = read.conditions().some((c) => c.type === 'Progressing' && c.status === 'True' && c.reason === 'NewReplicaSetAvailable');
  if (!withoutDeadline && !progressed) return inProgress('ReplicaSetNotAvailable', 'ReplicaSet not Available');
  if (!read.condition('Available', 'True')) return inProgress('DeploymentNotAvailable', 'Deployment not Available');
  return current(`Deployment is available. Replicas: ${replicas}`);
}

function replicaSet(read: StatusReader): Health {
  if (read.condition('ReplicaFailure', 'True')) return inProgress('ReplicaFailure', 'Replica Failure condition. Check Pods');
  const wanted = read.number('spec.replicas', 1);
  const replicas = read.number('status.replicas', 0);
  const ready = read.number('status.readyReplicas', 0);
  const available = read.number('status.availableReplicas', 0);
  const labelled = read.number('status.fullyLabeledReplicas', 0);
  if (wanted > labelled) return inProgress('LessLabelled', counts('Labelled', labelled, wanted));
  if (wanted > available) return inProgress('LessAvailable', counts('Available', available, wanted));
  if (wanted > ready) return inProgress('LessReady', counts('Ready', ready, wanted));
  if (replicas > wanted) return inProgress('ExtraPods', `Pending termination: ${replicas - wanted}`);
  return current(`ReplicaSet is available. Replicas: ${replicas}`);
}

function statefulSet(read: StatusReader): Health {
  if (read.text('spec.updateStrategy.type', '') === 'OnDelete') return current('StatefulSet is using the ondelete update strategy');
  const wanted = read.number('spec.replicas', 1);
  const replicas = read.number('status.replicas', 0);
  const ready = read.number('status.readyReplicas', 0);
  const updated = read.number('status.updatedReplicas', 0);
  const currentReplicas = read.number('status.currentReplicas', 0);
  const partition = read.number('spec.updateStrategy.rollingUpdate.partition', -1);
  if (wanted > replicas) return inProgress('LessReplicas', counts('Replicas', replicas, wanted));
  if (wanted > ready) return inProgress('LessReady', counts('Ready', ready, wanted));
  if (replicas > wanted) return inProgress('ExtraPods', `Pending termination: ${replicas - wanted}`);
  if (partition !== -1) {
    if (updated < wanted - partition) return inProgress('PartitionRollout', counts('updated', updated, wanted - partition));
    return current(`Partition rollout complete. updated: ${updated}`);
  }
  if (wanted > currentReplicas) return inProgress('LessCurrent', counts('current', currentReplicas, wanted));
  if (read.text('status.currentRevision', '') !== read.text('status.updateRevision', '')) {
    return inProgress('RevisionMismatch', 'Waiting for updated revision to match current');
  }
  return current(`All replicas scheduled as expected. Replicas: ${replicas}`);
}

function daemonSet(read: StatusReader): Health {
  // The controller always sets both, so their absence means that it has not looked yet.
  if (read.optionalNumber('metadata.generation') === undefined) return inProgress('NoGeneration', `${read.kind} metadata.generation not found`);
  if (read.optionalNumber('status.observedGeneration') === undefined) {
    return inProgress('NoObservedGeneration', `${read.kind} status.observedGeneration not found`);
  }
  const wanted = read.optionalNumber('status.desiredNumberScheduled');
  if (wanted === undefined) return inProgress('NoDesiredNumber', 'Missing .status.desiredNumberScheduled');
  const scheduled = read.number('status.currentNumberScheduled', 0);
  const updated = read.number('status.updatedNumberScheduled', 0);
  const available = read.number('status.numberAvailable', 0);
  const ready = read.number('status.numberReady', 0);
  if (wanted > scheduled) return inProgress('LessCurrent', counts('Current', scheduled, wanted));
  if (wanted > updated) return inProgress('LessUpdated', counts('Updated', updated, wanted));
  if (wanted > available) return inProgress('LessAvailable', counts('Available', available, wanted));
  if (wanted > ready) return inProgress('LessReady', counts('Ready', ready, wanted));
  return current(`All replicas scheduled as expected. Replicas: ${wanted}`);
}

function pod(read: StatusReader, ageMs: number | undefined): Health {
  const phase = read.text('status.phase', '');
  switch (phase) {
    case 'Succeeded':
      return current('Pod has completed successfully');
    case 'Failed':
      return current('Pod has completed, but not successfully');
    case 'Running': {
      if (read.condition('Ready', 'True')) return current('Pod is Ready');
      const looping = read.containersWaiting('CrashLoopBackOff');
      if (looping.length > 0) return failed('ContainerCrashLooping', `Containers in CrashLoop state: ${looping.join(',')}`);
      return inProgress('PodRunningNotReady', 'Pod is running but is not Ready');
    }
    case 'Pending': {
      if (read.condition('PodScheduled', 'False')?.reason !== 'Unschedulable') return inProgress('PodPending', 'Pod is in the Pending phase');
      if (ageMs === undefined || ageMs < scheduleWindowMs) return inProgress('PodNotScheduled', 'Pod has not been scheduled');
      return failed('PodUnschedulable', 'Pod could not be scheduled');
    }
    case '':
      return inProgress('PodNotObserved', 'Pod phase not available');
    default:
      return { status: 'Unknown', reason: 'UnknownPhase', message: `unknown phase ${phase}` };
  }
}

function job(read: StatusReader): Health {
  const completions = read.number('spec.completions', read.number('spec.parallelism', 1));
  const succeeded = read.number('status.succeeded', 0);
  const failures = read.number('status.failed', 0);
  for (const condition of read.conditions()) {
    if (condition.status !== 'True') continue;
    if (condition.type === 'Complete') return current(`Job Completed. succeeded: ${succeeded}/${completions}`);
    if (condition.type === 'Failed') return failed('JobFailed', `Job Failed. failed: ${failures}/${completions}`);
    if (condition.type === 'Suspended' && read.flag('spec.suspend')) return current('Job is suspended');
  }
  if (read.text('status.startTime', '') === '') return inProgress('JobNotStarted', 'Job not started');
  return current(`Job in progress. success:${succeeded}, active: ${read.number('status.active', 0)}, failed: ${failures}`);
}

function persistentVolumeClaim(read: StatusReader): Health {
  const phase = read.text('status.phase', 'unknown');
  return phase === 'Bound' ? current('PVC is Bound') : inProgress('NotBound', `PVC is not Bound. phase: ${phase}`);
}

function service(read: StatusReader): Health {
  if (read.text('spec.type', 'ClusterIP') === 'LoadBalancer' && read.text('spec.clusterIP', '') === '') {
    return inProgress('NoIPAssigned', 'ClusterIP not set. Service type: LoadBalancer');
  }
  return current('Service is ready');
}

function customResourceDefinition(read: StatusReader): Health {
  for (const condition of read.conditions()) {
    if (condition.type === 'NamesAccepted' && condition.status === 'False') return failed(condition.reason, condition.message);
    if (condition.type !== 'Established') continue;
    if (condition.status === 'False' && condition.reason !== 'Installing') return failed(condition.reason, condition.message);
    if (condition.status === 'True') return current('CRD is established');
  }
  return inProgress('Installing', 'Install in progress');
}

/** Rules by `group/Kind`, by `Kind` for the core group. */
export const kindRules: ReadonlyMap<string, KindRule> = new Map<string, KindRule>([
  ['ConfigMap', alwaysReady],
  ['PersistentVolumeClaim', persistentVolumeClaim],
  ['Pod', pod],
  ['Secret', alwaysReady],
  ['Service', service],
  ['apiextensions.k8s.io/CustomResourceDefinition', customResourceDefinition],
  ['apps/DaemonSet', daemonSet],
  ['apps/Deployment', deployment],
  ['apps/ReplicaSet', replicaSet],
  ['apps/StatefulSet', statefulSet],
  ['batch/CronJob', alwaysReady],
  ['batch/Job', job],
  ['policy/PodDisruptionBudget', () => current('AllowedDisruptions has been computed.')],
]);
