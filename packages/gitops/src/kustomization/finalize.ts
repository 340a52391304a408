// Deletion of a Kustomization: what becomes of its objects is spec.deletionPolicy's decision; a suspended one leaves them.
import { ProblemError, TransportError, describeError, parseTime, problem } from '@keelson/std';
import { type KubeObject, keyOf } from '@keelson/kube';
import { ApiError } from '@keelson/kube/client';
import { Kustomization } from '@keelson/api';
import { type ReconcileContext, type ReconcileResult, removeFinalizer } from '@keelson/controller';
import { isOwnedByKustomization } from '../apply/apply-options.ts';
import { planDelete } from '../apply/apply-plan.ts';
import { executePlan } from '../apply/execute.ts';
import { objectText } from '../apply/inventory.ts';
import { readLive } from '../apply/observe.ts';
import type { VirtualFiles } from '@keelson/kustomize';
import { fluxFinalizer } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import { findClaims } from './claims.ts';
import { dependentsOf } from './dependencies.ts';
import type { Target } from './target.ts';
import { healthPollMs, timingOf } from './timing.ts';

export interface FinalizeParts {
  readonly findTarget: () => Promise<Target | { readonly why: string }>;
  /** The source with its files, where there is one. */
  readonly findFiles: () => Promise<{ readonly files: VirtualFiles; readonly revision: string } | undefined>;
}

/** Deletes or leaves the objects, then lets the Kustomization go. */
export async function finalize(kustomization: Kustomization, context: ReconcileContext, parts: FinalizeParts): Promise<ReconcileResult | void> {
  if (!kustomization.metadata.finalizers?.includes(fluxFinalizer)) return;
  const { deletionPolicy = 'MirrorPrune', prune, suspend } = kustomization.spec ?? {};
  const entries = kustomization.status?.inventory?.entries ?? [];
  const deletes = deletionPolicy === 'MirrorPrune' ? prune === true : deletionPolicy !== 'Orphan';
  const letGo = () => removeFinalizer(context, Kustomization, kustomization, fluxFinalizer);
  if (suspend || !deletes || entries.length === 0) return letGo();
  const dependents = dependentsOf(kustomization.metadata, context.cache).filter(({ metadata }) => metadata.deletionTimestamp && keyOf(metadata) !== keyOf(kustomization));
  if (dependents.length > 0) {
    // Those that build on this one go first, as they came last.
    return { requeueAfterMs: healthPollMs.watched, waitsFor: `${dependents.map(keyOf).join(', ')} to be deleted first` };
  }
  const target = await parts.findTarget();
  if (!('client' in target)) {
    context.events.warning(kustomization, 'PruneSkipped', `objects of a cluster that cannot be reached any more are left: ${target.why}`);
    return letGo();
  }
  try {
    return await deleteObjects(kustomization, target, context, parts, letGo);
  } catch (error) {
    if (!target.remote || !(error instanceof TransportError || error instanceof ApiError)) throw error;
    return { requeueAfterMs: healthPollMs.watched, waitsFor: `the cluster of Secret ${target.remote.secret}, to delete its objects there: ${describeError(error)}` };
  }
}

async function deleteObjects(kustomization: Kustomization, { client }: Target, context: ReconcileContext, parts: FinalizeParts, letGo: () => Promise<void>): Promise<ReconcileResult | void> {
  const { metadata, spec, status } = kustomization;
  const owner = { namespace: metadata.namespace, name: metadata.name };
  const entries = status?.inventory?.entries ?? [];
  const policy = spec?.deletionPolicy ?? 'MirrorPrune';
  const live = await readLive(entries, client);
  const tree = await parts.findFiles();
  const claims = tree ? await findClaims({ kustomization, entries: entries.filter(({ id }) => live.has(id)), ...tree, client, context }) : new Map<string, string>();
  if (claims.size > 0) {
    const kept = entries.flatMap((entry) => (claims.has(entry.id) ? [`${entry.id}: ${claims.get(entry.id)}`] : []));
    context.events.normal(kustomization, 'PruneSkipped', `objects are kept: ${kept.slice(0, 5).join('; ')}`);
  }
  const steps = planDelete(owner, entries.filter(({ id }) => !claims.has(id)), live, `the Kustomization is being deleted, with deletionPolicy ${policy}`);
  const executed = await executePlan(steps, client);
  if (executed.changes.length > 0) context.events.normal(kustomization, 'ReconciliationSucceeded', executed.changes.join('\n'));
  if (executed.notPruned.length > 0) {
    const why = executed.notPruned.map(({ step, message }) => `${step.summary}: ${message}`).join('; ');
    throw new ProblemError(problem(gitopsProblems.pruneFailed, { key: keyOf(kustomization) }, { why }));
  }
  if (policy === 'WaitForTermination') {
    const left = [...(await readLive(entries, client)).values()].filter((object: KubeObject) => object.metadata.deletionTimestamp && isOwnedByKustomization(object, owner));
    const untilMs = parseTime(metadata.deletionTimestamp ?? '') + timingOf(kustomization).timeoutMs;
    if (left.length > 0 && context.env.clock.now() < untilMs) return { requeueAfterMs: 2_000, waitsFor: `${left.map(objectText).slice(0, 3).join(', ')} to be gone` };
  }
  return letGo();
}
