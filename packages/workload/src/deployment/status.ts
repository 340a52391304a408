/** A Deployment's status, after kubernetes/pkg/controller/deployment/{sync,progress}.go; conditions as kstatus reads them. */
import { parseTime, rfc3339 } from '@keelson/std';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '@keelson/api';
import { withCondition, type WorkloadCondition } from '../status-patch.ts';
import { limitsOf } from './rolling-update.ts';

const defaultProgressDeadlineSeconds = 600;
/** Upstream's way to say: no deadline. */
const noDeadlineSeconds = 2147483647;

export interface DeploymentView {
  readonly deployment: Deployment;
  readonly current: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  /** The current set was created or found in this reconcile. */
  readonly news?: { readonly reason: 'NewReplicaSetCreated' | 'FoundNewReplicaSet'; readonly message: string };
  readonly collisionCount?: number;
}

export function deploymentStatus(view: DeploymentView, nowMs: number): DeploymentStatus {
  const counts = countReplicas(view);
  return {
    observedGeneration: view.deployment.metadata.generation ?? 0,
    ...counts,
    collisionCount: view.collisionCount ?? view.deployment.status?.collisionCount,
    conditions: conditions(view, counts, nowMs),
  };
}

/** Milliseconds until the progress deadline runs out; undefined when nothing progresses or nothing can run out. */
export function msUntilDeadline(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const progressing = status.conditions?.find((condition) => condition.type === 'Progressing');
  if (!hasDeadline(deployment) || !progressing || deployment.spec?.paused) return undefined;
  if (progressing.reason === 'NewReplicaSetAvailable' || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  const updated = parseTime(progressing.lastUpdateTime ?? '');
  return Number.isNaN(updated) ? undefined : Math.max(0, updated + deadlineMs(deployment) - nowMs) + 1000;
}

/** Everything is of the newest template, as many as asked for, and nothing else is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function countReplicas({ deployment, current, old }: DeploymentView) {
  const all = current ? [...old, current] : old;
  const total = (count: (set: ReplicaSet) => number | undefined) => all.reduce((sum, set) => sum + (count(set) ?? 0), 0);
  const available = total((set) => set.status?.availableReplicas);
  const asked = Math.max(total((set) => set.spec?.replicas), current ? 0 : (deployment.spec?.replicas ?? 1));
  return {
    replicas: total((set) => set.status?.replicas),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: total((set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, asked - available),
    terminatingReplicas: total((set) => set.status?.terminatingReplicas),
  };
}

type Counts = ReturnType<typeof countReplicas>;

function conditions(view: DeploymentView, counts: Counts, nowMs: number): DeploymentCondition[] {
  const { deployment, current, old } = view;
  const now = rfc3339(nowMs);
  const known = deployment.status?.conditions ?? [];
  const set = (into: readonly DeploymentCondition[], condition: WorkloadCondition) => withCondition(into, condition, now, { updateTime: true });
  let next = set(known, availableCondition(deployment, counts));
  const progressing = progressingCondition(view, counts, nowMs);
  if (progressing === 'none') next = next.filter((condition) => condition.type !== 'Progressing');
  else if (progressing !== 'keep') next = touchProgress(set(next, progressing), known, progressing, counts, deployment, now);
  const failure = [...old, ...(current ? [current] : [])].flatMap((one) => one.status?.conditions ?? []).find((condition) => condition.type === 'ReplicaFailure' && condition.status === 'True');
  next = next.filter((condition) => condition.type !== 'ReplicaFailure' || failure !== undefined);
  return failure ? set(next, { type: 'ReplicaFailure', status: 'True', reason: failure.reason ?? '', message: failure.message ?? '' }) : next;
}

/** More pods than before is progress, even where reason and message stay: the deadline starts anew. */
function touchProgress(next: DeploymentCondition[], known: readonly DeploymentCondition[], condition: WorkloadCondition, counts: Counts, deployment: Deployment, now: string): DeploymentCondition[] {
  const unchanged = known.some((one) => one.type === 'Progressing' && one.status === condition.status && one.reason === condition.reason && one.message === condition.message);
  if (!unchanged || condition.reason !== 'ReplicaSetUpdated' || !madeProgress(deployment.status, counts)) return next;
  return next.map((one) => (one.type === 'Progressing' ? { ...one, lastUpdateTime: now } : one));
}

function madeProgress(before: DeploymentStatus | undefined, counts: Counts): boolean {
  const oldReplicas = (before?.replicas ?? 0) - (before?.updatedReplicas ?? 0);
  return (
    counts.updatedReplicas > (before?.updatedReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < oldReplicas ||
    counts.readyReplicas > (before?.readyReplicas ?? 0) ||
    counts.availableReplicas > (before?.availableReplicas ?? 0)
  );
}

function availableCondition(deployment: Deployment, counts: Counts): WorkloadCondition {
  const { replicas, maxUnavailable } = limitsOf(deployment);
  return counts.availableReplicas >= replicas - maxUnavailable
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' };
}

function progressingCondition(view: DeploymentView, counts: Counts, nowMs: number): WorkloadCondition | 'keep' | 'none' {
  const { deployment, current } = view;
  if (!hasDeadline(deployment)) return 'none';
  const known = deployment.status?.conditions?.find((condition) => condition.type === 'Progressing');
  if (deployment.spec?.paused) return { type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' };
  const resumed = known?.reason === 'DeploymentPaused';
  const observed: DeploymentStatus = { ...counts, observedGeneration: deployment.metadata.generation ?? 0 };
  const name = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (current && isComplete(deployment, observed)) {
    return { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: `${name} has successfully progressed.` };
  }
  if (view.news) return { type: 'Progressing', status: 'True', ...view.news };
  if (resumed) return { type: 'Progressing', status: 'Unknown', reason: 'DeploymentResumed', message: 'Deployment is resumed' };
  // A finished rollout that only lost a pod is not a new one.
  if (known?.reason === 'NewReplicaSetAvailable' && counts.updatedReplicas === counts.replicas) return 'keep';
  if (madeProgress(deployment.status, counts) || known === undefined) {
    return { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${name} is progressing.` };
  }
  const since = parseTime(known.lastUpdateTime ?? known.lastTransitionTime ?? '');
  if (known.reason !== 'ProgressDeadlineExceeded' && known.reason !== 'NewReplicaSetAvailable' && since + deadlineMs(deployment) < nowMs) {
    return { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: `${name} has timed out progressing.` };
  }
  return 'keep';
}

function deadlineMs(deployment: Deployment): number {
  return (deployment.spec?.progressDeadlineSeconds ?? defaultProgressDeadlineSeconds) * 1000;
}

function hasDeadline(deployment: Deployment): boolean {
  return (deployment.spec?.progressDeadlineSeconds ?? defaultProgressDeadlineSeconds) !== noDeadlineSeconds;
}
