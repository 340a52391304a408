// One attempt to bring a cluster to a revision: build, dry run of everything, apply, prune, health (kustomize-controller's reconcile order).
import { ProblemError, TransportError, describeError, problem } from '@keelson/std';
import { type KindRef, keyOf } from '@keelson/kube';
import { ApiError, isConflict } from '@keelson/kube/client';
import type { ReconcileContext, ReconcileResult } from '@keelson/controller';
import { type Origin, type VirtualFiles, placeOf } from '@keelson/kustomize';
import { type ApplyPlan, driftText, planApply } from '../apply/apply-plan.ts';
import { type Executed, executePlan } from '../apply/execute.ts';
import { type InventoryEntry, inventoryEntry, mergeInventory, objectText, parseInventoryEntry, refText } from '../apply/inventory.ts';
import { observeDesired, readLive } from '../apply/observe.ts';
import { prepareObjects } from '../apply/prepare.ts';
import { gitopsProblems } from '../problems.ts';
import { durationText, jittered } from '../requeue.ts';
import { type Built, buildManifests } from './build-manifests.ts';
import { findClaims } from './claims.ts';
import { watchHealth } from './health-wait.ts';
import { healthTargets } from './health-check.ts';
import { type Remembered, versionOf } from './memory.ts';
import type { StatusReport } from './report.ts';
import type { Source } from './source.ts';
import type { Target } from './target.ts';
import { foundationWait, healthPollMs, timingOf } from './timing.ts';

export interface AttemptInput {
  readonly report: StatusReport;
  readonly context: ReconcileContext;
  readonly source: Source;
  readonly target: Target;
  readonly files: () => Promise<VirtualFiles>;
  /** Place of the Kustomization itself in a repository, or its name. */
  readonly where: string;
  readonly fingerprint: string;
  readonly before: Remembered | undefined;
  /** Takes where each object stands in the repository, by inventory id, before anything is applied. */
  readonly publishOrigins: (origins: ReadonlyMap<string, Origin>) => void;
  /** The kinds of this cluster whose changes wake us. */
  readonly isWatched: (kind: KindRef) => boolean;
}

export interface AttemptOutcome {
  readonly remember: Remembered;
  readonly result: ReconcileResult;
}

/** Builds, applies and prunes; then goes on with health. What a user can mend ends in the status and a retry; the rest is thrown. */
export async function runAttempt(input: AttemptInput): Promise<AttemptOutcome> {
  const { report, context, source, target } = input;
  const startedMs = context.env.clock.now();
  const { status, metadata } = report.kustomization;
  const { revision } = source.artifact;
  const isSame = status?.lastAppliedRevision === revision && status.observedGeneration === metadata.generation;
  let built: Built | undefined;
  try {
    // Told once per revision and spec; a retry leaves the last outcome to be read until there is another.
    const isNews = status?.lastAttemptedRevision !== revision || status.observedGeneration !== metadata.generation;
    if (isNews && input.before?.fingerprint !== input.fingerprint) {
      await report.progress(revision, `Building manifests for revision ${revision} with a timeout of ${durationText(timingOf(report.kustomization).timeoutMs)}`);
    }
    report.attempted(revision);
    built = buildManifests(report.kustomization, await input.files(), revision, input.where);
    const desired = await prepareObjects(built.objects, { owner: metadata, commonMetadata: report.kustomization.spec?.commonMetadata, client: target.client });
    const origins = new Map(desired.map(({ object, origin }) => [inventoryEntry(object).id, origin]));
    input.publishOrigins(origins);
    const plan = await makePlan(input, desired);
    refuseIfRefused(input, plan);
    await recordIntent(report, plan);
    const executed = await executePlan(plan.steps, target.client);
    const attempt = { input, built, plan, executed, origins, startedMs };
    tellChanges(attempt, isSame);
    if (executed.failed) throw applyFailure(executed);
    if (plan.deferred.length > 0 || executed.waitsFor) return await waitForFoundation(attempt);
    return await finish(attempt, isSame);
  } catch (error) {
    return fail(input, startedMs, built, error);
  }
}

interface Applied {
  readonly input: AttemptInput;
  readonly built: Built;
  readonly plan: ApplyPlan;
  readonly executed: Executed;
  readonly origins: ReadonlyMap<string, Origin>;
  readonly startedMs: number;
}

async function makePlan({ report, target, context, source, files }: AttemptInput, desired: Awaited<ReturnType<typeof prepareObjects>>): Promise<ApplyPlan> {
  const { kustomization } = report;
  const { spec, metadata } = kustomization;
  const ids = new Set(desired.map(({ object }) => inventoryEntry(object).id));
  const observed = await observeDesired(desired, target.client);
  const left = spec?.prune ? report.inventory.filter(({ id }) => !ids.has(id)) : [];
  const stale = await readLive(left, target.client);
  const entries = left.filter(({ id }) => stale.has(id));
  const claims = await findClaims({ kustomization, entries, files: await files(), revision: source.artifact.revision, client: target.client, context });
  const owner = { namespace: metadata.namespace, name: metadata.name };
  return planApply({ owner, desired, observed, inventory: report.inventory, stale, claims, prune: spec?.prune ?? false, force: spec?.force ?? false });
}

/** All refusals together, each with its place; nothing has been written. */
function refuseIfRefused({ report }: AttemptInput, plan: ApplyPlan): void {
  const { refused } = plan;
  if (refused.length === 0) return;
  const why = refused.slice(0, 10).map(({ desired, message }) => `${placeOf(desired.origin)} ${objectText(desired.object)}: ${message}`);
  if (refused.length > 10) why.push(`and ${refused.length - 10} more`);
  const args = { key: keyOf(report.kustomization), count: refused.length, total: plan.total };
  throw new ProblemError(problem(gitopsProblems.applyRefused, args, { why: why.join('; '), where: placeOf(refused[0]!.desired.origin) }));
}

/** Before anything new is made it is in the inventory, so that a crash leaves no object that nobody would prune. */
async function recordIntent(report: StatusReport, plan: ApplyPlan): Promise<void> {
  const written = plan.steps.flatMap((step) => (step.kind === 'prune' ? [] : [inventoryEntry(step.desired.object)]));
  const known = new Set(report.inventory.map(({ id }) => id));
  if (written.every(({ id }) => known.has(id))) return;
  report.inventory = mergeInventory(report.inventory, written);
  await report.write({ observed: false });
}

function tellChanges({ input, plan, executed }: Applied, isSame: boolean): void {
  const { report, context } = input;
  if (executed.changes.length > 0) context.events.normal(report.kustomization, 'Progressing', executed.changes.join('\n'));
  if (!isSame) return;
  for (const step of driftSteps(plan, executed)) context.events.warning(report.kustomization, 'DriftCorrected', driftText(step));
}

/** Writes that put right what the repository did not change. */
function driftSteps(plan: ApplyPlan, executed: Executed) {
  return plan.steps.filter((step) => step.kind !== 'prune' && executed.written.has(step.id));
}

function applyFailure({ failed }: Executed): ProblemError {
  const { desired } = failed!.step;
  return new ProblemError(problem(gitopsProblems.applyFailed, { object: objectText(desired.object) }, { why: failed!.message, where: placeOf(desired.origin) }));
}

async function waitForFoundation({ input, built, plan, executed, origins, startedMs }: Applied): Promise<AttemptOutcome> {
  const { report, context, source, before } = input;
  const nowMs = context.env.clock.now();
  const sinceMs = (before?.fingerprint === input.fingerprint ? before.deferredSinceMs : undefined) ?? nowMs;
  const waitsFor = executed.waitsFor ?? plan.waitsFor ?? 'the API server';
  if (nowMs - sinceMs >= foundationWait.limitMs) {
    const first = plan.deferred[0];
    const args = { object: first ? objectText(first.object) : keyOf(report.kustomization) };
    throw new ProblemError(problem(gitopsProblems.applyFailed, args, { why: `timeout waiting for ${waitsFor}`, where: first ? placeOf(first.origin) : '' }));
  }
  await report.progress(source.artifact.revision, `Waiting for ${waitsFor}`);
  return {
    remember: { fingerprint: input.fingerprint, dueMs: nowMs + foundationWait.pollMs, watchesHealth: false, verified: [], origins, deferredSinceMs: sinceMs, startedMs, digest: built.digest },
    result: { requeueAfterMs: foundationWait.pollMs, waitsFor },
  };
}

/** Everything is applied: settle inventory and prune failures, then health. */
async function finish(applied: Applied, isSame: boolean): Promise<AttemptOutcome> {
  const { input, built, plan, executed, origins, startedMs } = applied;
  const { report, context, source } = input;
  const kept = executed.notPruned.map(({ step }) => step.entry);
  report.inventory = mergeInventory(kept, plan.inventory);
  if (kept.length > 0) {
    const why = executed.notPruned.map(({ step, message }) => `${refText(parseInventoryEntry(step.entry)!)}: ${message}`).join('; ');
    throw new ProblemError(problem(gitopsProblems.pruneFailed, { key: keyOf(report.kustomization) }, { why }));
  }
  const remember: Remembered = {
    fingerprint: input.fingerprint, dueMs: Number.POSITIVE_INFINITY, watchesHealth: false, verified: verifiedVersions(input, plan, executed), origins, startedMs, digest: built.digest,
  };
  const drift = isSame ? driftSteps(plan, executed).map(driftText) : [];
  const held = plan.held.map(({ entry, why }) => `${refText(parseInventoryEntry(entry)!)} is kept: ${why}`);
  const message = [`Applied revision: ${source.artifact.revision}`, ...drift.slice(0, 3), ...held.slice(0, 3)].join('; ');
  const skipped = new Set(plan.skipped);
  const heldIds = new Set(plan.held.map(({ entry }) => entry.id));
  const targets = healthTargets(report.kustomization, plan.inventory.filter(({ id }) => !skipped.has(id) && !heldIds.has(id)));
  return watchHealth({ report, context, source, target: input.target, targets, remember, message, isWatched: input.isWatched, restart: !isSame || executed.changes.length > 0 });
}

/** The versions in which watched objects of this cluster are right now. */
function verifiedVersions({ target, context, isWatched }: AttemptInput, plan: ApplyPlan, executed: Executed): Remembered['verified'] {
  if (target.remote) return [];
  const skipped = new Set(plan.skipped);
  return plan.inventory.flatMap((entry: InventoryEntry) => {
    const ref = parseInventoryEntry(entry);
    if (!ref || skipped.has(entry.id)) return [];
    const kind: KindRef = { group: ref.group, version: ref.version, kind: ref.kind, plural: '', namespaced: ref.namespace !== '' };
    if (!isWatched(kind)) return [];
    const key = keyOf({ namespace: ref.namespace || undefined, name: ref.name });
    const object = executed.written.get(entry.id) ?? context.cache.get(kind, { namespace: ref.namespace || undefined, name: ref.name });
    return object ? [{ kind, key, version: versionOf(object) }] : [];
  });
}

async function fail(input: AttemptInput, startedMs: number, built: Built | undefined, error: unknown): Promise<AttemptOutcome> {
  const { report, context, source, target } = input;
  const { retryMs } = timingOf(report.kustomization);
  const known = toProblem(input, error);
  if (!known) throw error;
  if (built) report.record(source.artifact, built.digest, known.problem.reason, startedMs);
  await report.notReady(known.problem);
  const waitMs = jittered(known.problem.code === gitopsProblems.clusterUnreachable.code ? Math.min(retryMs, healthPollMs.watched) : retryMs, context.env.random);
  const origins = input.before?.origins ?? new Map();
  context.env.log.info('kustomization not applied', { kustomization: keyOf(report.kustomization), code: known.problem.code, why: known.problem.why, remote: target.remote?.secret });
  return {
    remember: { fingerprint: input.fingerprint, dueMs: context.env.clock.now() + waitMs, watchesHealth: false, verified: [], origins, startedMs, digest: built?.digest ?? '' },
    result: { requeueAfterMs: waitMs, waitsFor: 'the next try' },
  };
}

/** The problem in an error. A conflict is retried by the runtime; when our own API server gives no answer at all there is nowhere to write to. */
function toProblem({ report, target }: AttemptInput, error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  const isAnswer = error instanceof ApiError && !isConflict(error);
  if (!isAnswer && !(target.remote && error instanceof TransportError)) return undefined;
  const args = { key: keyOf(report.kustomization), cluster: target.remote ? `the cluster of Secret ${target.remote.secret}` : 'the API server' };
  return new ProblemError(problem(gitopsProblems.clusterUnreachable, args, { why: describeError(error) }), { cause: error });
}

