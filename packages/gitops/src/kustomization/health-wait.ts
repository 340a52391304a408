// Waiting for health without holding a worker: each look ends the reconcile, and a change of an object or a short delay brings the next.
import { TransportError, describeError, parseTime, problem, problemLine } from '@keelson/std';
import { type KindRef, keyOf } from '@keelson/kube';
import { ApiError } from '@keelson/kube/client';
import type { ReconcileContext } from '@keelson/controller';
import { placeOf } from '@keelson/kustomize';
import { type InventoryRef, refText } from '../apply/inventory.ts';
import { conditionTypes } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import { durationText, jittered } from '../requeue.ts';
import type { AttemptOutcome } from './attempt.ts';
import { type ObjectHealth, checkHealth, healthList, healthReasons } from './health-check.ts';
import type { Remembered } from './memory.ts';
import type { StatusReport } from './report.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';
import { healthPollMs, timingOf } from './timing.ts';

export interface HealthWait {
  readonly report: StatusReport;
  readonly context: ReconcileContext;
  readonly source: Source;
  readonly target: Target;
  readonly targets: readonly InventoryRef[];
  readonly remember: Remembered;
  /** The Ready message once all is well. */
  readonly message: string;
  readonly isWatched: (kind: KindRef) => boolean;
  /** The time for health begins now; otherwise it goes on from when it began. */
  readonly restart: boolean;
}

/** Looks at the health of the targets: done, failed, or to be looked at again. */
export async function watchHealth(wait: HealthWait): Promise<AttemptOutcome> {
  const { report, context, targets } = wait;
  if (targets.length === 0) {
    report.conditions.remove(conditionTypes.healthy);
    return succeed(wait, 0);
  }
  const nowMs = context.env.clock.now();
  const sinceMs = beginning(wait, nowMs);
  const objects = await look(wait, nowMs);
  const pending = objects.filter(({ status }) => status !== 'Current');
  if (pending.length === 0) {
    report.conditions.set(conditionTypes.healthy, 'True', 'Succeeded', `Health check passed in ${durationText(nowMs - sinceMs)}`);
    return succeed(wait, nowMs - sinceMs);
  }
  if (hasGivenUp(wait)) {
    const waitMs = Math.max(1, wait.remember.dueMs - nowMs);
    return { remember: wait.remember, result: { requeueAfterMs: waitMs, waitsFor: healthReasons(pending) } };
  }
  const failed = pending.filter(({ status }) => status === 'Failed');
  const took = durationText(nowMs - sinceMs);
  if (failed.length > 0) return unhealthy(wait, failed, `health check failed after ${took}: failed early due to stalled resources: ${healthList(failed)}`);
  if (nowMs - sinceMs >= timingOf(report.kustomization).timeoutMs) return unhealthy(wait, pending, `health check failed after ${took}: timeout waiting for: ${healthList(pending)}`);
  return goOn(wait, pending, sinceMs);
}

/** When this wait began: kept in the Healthy condition, so that a restart of the program does not lengthen it. */
function beginning({ report, source, restart }: HealthWait, nowMs: number): number {
  const healthy = report.conditions.get(conditionTypes.healthy);
  const { metadata, status } = report.kustomization;
  const goesOn = healthy?.status === 'Unknown' && healthy.observedGeneration === metadata.generation && status?.lastAttemptedRevision === source.artifact.revision;
  if (goesOn) return parseTime(healthy.lastTransitionTime);
  // A transition from True to Unknown begins now; one that only gets another revision must not keep the old time.
  if (restart || healthy?.status === 'Unknown') report.conditions.remove(conditionTypes.healthy);
  return nowMs;
}

/** The wait has ended in a failure that still stands: from then on only good news counts, until the next attempt. */
function hasGivenUp({ report, restart, remember }: HealthWait): boolean {
  return !restart && Number.isFinite(remember.dueMs) && report.conditions.get(conditionTypes.healthy)?.status === 'False';
}

async function look({ target, targets, context, isWatched }: HealthWait, nowMs: number): Promise<ObjectHealth[]> {
  try {
    return await checkHealth(targets, target.client, nowMs, (ref, key) => {
      const kind: KindRef = { ...ref, plural: '', namespaced: ref.namespace !== '' };
      return target.remote || !isWatched(kind) ? undefined : context.cache.get(kind, key);
    });
  } catch (error) {
    if (!target.remote || !(error instanceof TransportError || error instanceof ApiError)) throw error;
    return targets.map((ref) => ({ ref, status: 'Unknown', message: describeError(error) }));
  }
}

async function goOn(wait: HealthWait, pending: readonly ObjectHealth[], sinceMs: number): Promise<AttemptOutcome> {
  const { report, context, source, target, remember } = wait;
  const { timeoutMs } = timingOf(report.kustomization);
  const waitsFor = healthReasons(pending);
  report.conditions.set(conditionTypes.healthy, 'Unknown', 'Progressing', `waiting for ${waitsFor}`);
  await report.progress(source.artifact.revision, `Running health checks for revision ${source.artifact.revision} with a timeout of ${durationText(timeoutMs)}`);
  const nowMs = context.env.clock.now();
  const pollMs = Math.min(target.remote ? healthPollMs.remote : healthPollMs.watched, Math.max(1, sinceMs + timeoutMs - nowMs));
  return { remember: { ...remember, watchesHealth: true, dueMs: sinceMs + timeoutMs + timingOf(report.kustomization).retryMs }, result: { requeueAfterMs: pollMs, waitsFor } };
}

async function unhealthy(wait: HealthWait, objects: readonly ObjectHealth[], summary: string): Promise<AttemptOutcome> {
  const { report, context, source, remember } = wait;
  const first = objects[0]!.ref;
  const origin = remember.origins.get([first.namespace, first.name.replaceAll(':', '__'), first.group, first.kind].join('_'));
  const args = { key: keyOf(report.kustomization), object: `${first.kind.toLowerCase()} ${first.name}${first.namespace ? ` -n ${first.namespace}` : ''}` };
  const of = problem(gitopsProblems.unhealthy, args, { why: `${summary} (${healthReasons(objects)})`, where: origin ? placeOf(origin) : refText(first) });
  const wasFailed = report.conditions.get(conditionTypes.healthy)?.status === 'False';
  report.conditions.set(conditionTypes.healthy, 'False', of.reason, problemLine(of));
  if (!wasFailed) report.record(source.artifact, remember.digest, of.reason, remember.startedMs);
  await report.notReady(of);
  const waitMs = jittered(timingOf(report.kustomization).retryMs, context.env.random);
  return { remember: { ...remember, watchesHealth: true, dueMs: wasFailed ? remember.dueMs : context.env.clock.now() + waitMs }, result: { requeueAfterMs: waitMs, waitsFor: healthReasons(objects) } };
}

async function succeed({ report, context, source, remember, message }: HealthWait, tookMs: number): Promise<AttemptOutcome> {
  const { intervalMs } = timingOf(report.kustomization);
  const wasReady = report.kustomization.status?.lastAppliedRevision === source.artifact.revision && report.conditions.get(conditionTypes.ready)?.status === 'True';
  report.record(source.artifact, remember.digest, 'ReconciliationSucceeded', remember.startedMs);
  await report.succeed(source.artifact, message);
  if (!wasReady) {
    if (tookMs > 0) context.events.normal(report.kustomization, 'ReconciliationSucceeded', `Health check passed in ${durationText(tookMs)}`);
    const took = durationText(context.env.clock.now() - remember.startedMs);
    context.events.normal(report.kustomization, 'ReconciliationSucceeded', `Reconciliation finished in ${took}, next run in ${report.kustomization.spec?.interval}`);
  }
  const waitMs = jittered(intervalMs, context.env.random);
  return { remember: { ...remember, watchesHealth: false, dueMs: context.env.clock.now() + waitMs }, result: { requeueAfterMs: waitMs } };
}

