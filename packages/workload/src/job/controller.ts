/**
 * Jobs, after kubernetes/pkg/controller/job: pods until enough have succeeded or too many failed. Finished pods are
 * counted while they exist; counts never go back, so pods that are cleaned up stay counted.
 */
import { Job, Pod, type JobCondition, type JobStatus } from '@keelson/api';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { selectorOf, type LabelSelector, type ObjectKey } from '@keelson/kube';
import { isNotFound } from '@keelson/kube/client';
import { parseTime, rfc3339 } from '@keelson/std';
import { controllerManager } from '../managers.ts';
import { ownerKeys } from '../owner-keys.ts';
import { claimObjects } from '../pod/claim.ts';
import { deletionOrder } from '../pod/deletion-order.ts';
import { createPod, deletePod } from '../pod/pod-control.ts';
import { isActive, isReady } from '../pod/pod-state.ts';
import { patchStatus, withCondition } from '../status-patch.ts';

const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const defaultBackoffLimit = 6;

export function jobController(): Controller {
  return {
    name: 'job-controller',
    kind: Job,
    reads: [Pod],
    writes: [
      { kind: Pod, part: 'object', scope: 'pods of Jobs' },
      { kind: Job, part: 'status' },
      { kind: Job, part: 'object', scope: 'jobs whose time to live is over' },
    ],
    watches: [{ kind: Pod, toKeys: ownerKeys(Job, selectorFor) }],
    reconcile,
  };
}

/** A Job without a selector selects the pods that carry its uid. */
function selectorFor(job: { metadata: { uid?: string }; spec?: { selector?: LabelSelector } }): LabelSelector {
  return job.spec?.selector ?? { matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '' } };
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const job = context.cache.get<Job>(Job, key);
  if (!job?.spec || job.metadata.deletionTimestamp !== undefined) return;
  const now = context.env.clock.now();
  if (isFinished(job)) return expire(job, now, context);
  const pods = await claimObjects<Pod>(job, Pod, selectorOf(selectorFor(job)), context, controllerManager);
  const verdict = judge(job, pods, now);
  const active = pods.filter(isActive);
  const startTime = job.status?.startTime ?? (job.spec.suspend ? undefined : rfc3339(now));
  if (verdict || job.spec.suspend) for (const pod of active) await deletePod(job, pod, context);
  else await keepRunning(job, pods, active, context);
  const after = context.cache.list<Pod>(Pod, { namespace: key.namespace ?? '', ...(job.metadata.uid ? { ownerUid: job.metadata.uid } : {}) });
  await patchStatus(Job, job, { ...jobStatus(job, after, startTime, verdict, now) }, context, controllerManager);
  if (verdict) return { requeueAfterMs: 1 };
  const deadline = job.spec.activeDeadlineSeconds;
  if (deadline === undefined || startTime === undefined || job.spec.suspend) return;
  return { requeueAfterMs: Math.max(1, parseTime(startTime) + deadline * 1000 - now), waitsFor: 'its pods to finish' };
}

function isFinished(job: Job): boolean {
  return job.status?.conditions?.some((condition) => (condition.type === 'Complete' || condition.type === 'Failed') && condition.status === 'True') ?? false;
}

interface Verdict {
  readonly type: 'Complete' | 'Failed';
  readonly reason?: string;
  readonly message: string;
}

interface Tally {
  readonly succeeded: number;
  readonly failed: number;
  readonly indexes: ReadonlySet<number>;
}

function tally(job: Job, pods: readonly Pod[]): Tally {
  const ended = (phase: string) => pods.filter((pod) => pod.status?.phase === phase);
  const indexes = new Set([...readIndexes(job.status?.completedIndexes), ...ended('Succeeded').flatMap((pod) => indexOf(pod) ?? [])]);
  const indexed = job.spec?.completionMode === 'Indexed';
  const succeeded = indexed ? indexes.size : Math.max(job.status?.succeeded ?? 0, ended('Succeeded').length);
  return { succeeded, failed: Math.max(job.status?.failed ?? 0, ended('Failed').length), indexes };
}

function judge(job: Job, pods: readonly Pod[], nowMs: number): Verdict | undefined {
  const { succeeded, failed } = tally(job, pods);
  const spec = job.spec!;
  const started = parseTime(job.status?.startTime ?? '');
  if (spec.activeDeadlineSeconds !== undefined && !spec.suspend && started + spec.activeDeadlineSeconds * 1000 <= nowMs) {
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  }
  const limit = spec.backoffLimit ?? defaultBackoffLimit;
  // Containers that restart in place count as failures too.
  const restarts = spec.template.spec?.restartPolicy === 'OnFailure' ? pods.reduce((sum, pod) => sum + (pod.status?.containerStatuses ?? []).reduce((most, one) => most + one.restartCount, 0), 0) : 0;
  if (failed > limit || (restarts > 0 && restarts >= Math.max(1, limit))) {
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  }
  const wanted = spec.completions;
  const done = wanted !== undefined ? succeeded >= wanted : succeeded > 0 && !pods.some(isActive);
  return done ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

async function keepRunning(job: Job, pods: readonly Pod[], active: readonly Pod[], context: ReconcileContext): Promise<void> {
  const spec = job.spec!;
  const { succeeded, indexes } = tally(job, pods);
  const parallelism = spec.parallelism ?? 1;
  // Without completions the first success ends the starting of new pods.
  const wanted = spec.completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.min(parallelism, spec.completions - succeeded);
  if (active.length > wanted) {
    for (const pod of deletionOrder(active).slice(0, active.length - wanted)) await deletePod(job, pod, context);
    return;
  }
  const taken = new Set([...indexes, ...active.flatMap((pod) => indexOf(pod) ?? [])]);
  let index = 0;
  for (let missing = wanted - active.length; missing > 0; missing--) {
    const labels: Record<string, string> = { 'batch.kubernetes.io/job-name': job.metadata.name, 'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '', 'job-name': job.metadata.name, 'controller-uid': job.metadata.uid ?? '' };
    if (spec.completionMode !== 'Indexed') {
      await createPod(job, spec.template, { labels }, context, controllerManager);
      continue;
    }
    while (taken.has(index)) index++;
    taken.add(index);
    await createPod(job, spec.template, { labels: { ...labels, [indexAnnotation]: String(index) }, annotations: { [indexAnnotation]: String(index) } }, context, controllerManager);
  }
}

function jobStatus(job: Job, pods: readonly Pod[], startTime: string | undefined, verdict: Verdict | undefined, nowMs: number): JobStatus {
  const { succeeded, failed, indexes } = tally(job, pods);
  const now = rfc3339(nowMs);
  const living = verdict ? [] : pods.filter(isActive);
  const suspended = job.spec?.suspend === true;
  let conditions: JobCondition[] = [...(job.status?.conditions ?? [])];
  if (suspended || conditions.some((condition) => condition.type === 'Suspended')) {
    const condition = suspended ? { reason: 'JobSuspended', message: 'Job suspended' } : { reason: 'JobResumed', message: 'Job resumed' };
    conditions = withCondition(conditions, { type: 'Suspended', status: suspended ? 'True' : 'False', ...condition }, now);
  }
  if (verdict) {
    const { type, reason, message } = verdict;
    conditions = withCondition(conditions, { type: type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget', status: 'True', ...(reason ? { reason } : {}), message }, now);
    conditions = withCondition(conditions, { type, status: 'True', ...(reason ? { reason } : {}), message }, now);
  }
  return {
    active: living.length,
    ready: living.filter(isReady).length,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp !== undefined).length,
    succeeded,
    failed,
    startTime,
    completionTime: verdict?.type === 'Complete' ? now : job.status?.completionTime,
    completedIndexes: job.spec?.completionMode === 'Indexed' ? writeIndexes(indexes) : undefined,
    conditions: conditions.length > 0 ? conditions : undefined,
  };
}

async function expire(job: Job, nowMs: number, context: ReconcileContext): Promise<ReconcileResult | void> {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  if (ttl === undefined) return;
  const finished = job.status?.conditions?.find((condition) => condition.type === 'Complete' || condition.type === 'Failed')?.lastTransitionTime;
  const wait = parseTime(finished ?? '') + ttl * 1000 - nowMs;
  if (wait > 0) return { requeueAfterMs: wait };
  const { name, namespace, uid } = job.metadata;
  try {
    await context.client.delete(Job, { name, ...(namespace ? { namespace } : {}) }, { propagationPolicy: 'Background', ...(uid ? { preconditions: { uid } } : {}) });
  } catch (error) {
    if (!isNotFound(error)) throw new Error(`deleting job ${name}, whose time to live is over`, { cause: error });
  }
}

function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  return text === undefined ? undefined : Number(text);
}

/** `0,2-4` as numbers. */
export function readIndexes(text: string | undefined): number[] {
  if (!text) return [];
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}

/** Numbers as `0,2-4`. */
export function writeIndexes(indexes: ReadonlySet<number>): string {
  const runs: [number, number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run[1] === index - 1) run[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}
