// Kustomization after Flux's kustomize-controller. A worker is never held by a wait: dependents, sources, Secrets, applied objects and short delays wake it.
import { type Problem, ProblemError } from '@keelson/std';
import { type KindRef, type KubeObject, type ObjectKey, keyOf } from '@keelson/kube';
import { GitRepository, Kustomization, Secret } from '@keelson/api';
import { type Cache, type Controller, type ReconcileContext, type ReconcileResult, type Watch, ensureFinalizer } from '@keelson/controller';
import { type Origin, type VirtualFiles, placeOf } from '@keelson/kustomize';
import { ownerNameLabel, ownerNamespaceLabel } from '../apply/apply-options.ts';
import { inventoryEntry } from '../apply/inventory.ts';
import { conditionTypes, fluxFinalizer, managers, requestedAtAnnotation } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import type { ArtifactStore } from '../source/artifact-store.ts';
import { type AttemptOutcome, runAttempt } from './attempt.ts';
import { dependentsOf, unmetDependency } from './dependencies.ts';
import { finalize } from './finalize.ts';
import { healthTargets } from './health-check.ts';
import { watchHealth } from './health-wait.ts';
import { type Remembered, hasDrifted } from './memory.ts';
import { ignoredFields, refusalOf } from './refusal.ts';
import { StatusReport } from './report.ts';
import { type Source, artifactReader, findSource } from './source.ts';
import { type Connect, type Target, targetFinder } from './target.ts';
import { dependencyRetryMs, timingOf } from './timing.ts';

export interface KustomizationOptions {
  readonly artifacts: ArtifactStore;
  readonly connect: Connect;
  /** Kinds of this cluster that are watched, so that a change by somebody else is put right at once; the others wait for spec.interval. */
  readonly watchKinds?: readonly KindRef[];
}

/** Applies what a repository describes, and keeps it so. */
export function kustomizationController(options: KustomizationOptions): Controller {
  const watched = new Set([...(options.watchKinds ?? []), Kustomization, GitRepository, Secret].map(kindName));
  const parts: Parts = {
    memory: new Map(),
    origins: new Map(),
    read: artifactReader(options.artifacts),
    findTarget: targetFinder(options.connect),
    isWatched: (kind) => watched.has(kindName(kind)),
  };
  const applied = [...(options.watchKinds ?? []), GitRepository, Secret].filter((kind, index, all) => all.findIndex((other) => kindName(other) === kindName(kind)) === index);
  return {
    name: managers.kustomization,
    kind: Kustomization,
    reads: [GitRepository, Secret],
    writes: [{ kind: Kustomization, part: 'status' }],
    watches: [
      { kind: Kustomization, toKeys: (object, cache) => [...ownerKeys(object), ...dependentsOf(object.metadata, cache).map(({ metadata }) => metadata)] },
      ...applied.map((kind): Watch => ({ kind, toKeys: (object, cache, previous) => [...ownerKeys(object), ...(previous ? ownerKeys(previous) : []), ...readers(kind, object, cache)] })),
    ],
    reconcile: (key, context) => reconcile(key, context, parts),
  };
}

interface Parts {
  readonly memory: Map<string, Remembered>;
  /** Where the objects of each Kustomization stand in the repository, by its key and their inventory ids. */
  readonly origins: Map<string, ReadonlyMap<string, Origin>>;
  readonly read: (source: Source, key: string, context: ReconcileContext) => Promise<VirtualFiles>;
  readonly findTarget: (kustomization: Kustomization, context: ReconcileContext) => Promise<Target | Problem>;
  readonly isWatched: (kind: KindRef) => boolean;
}

const kindName = ({ group, kind }: Pick<KindRef, 'group' | 'kind'>) => `${group}/${kind}`;

/** The Kustomization whose labels an object carries. */
function ownerKeys({ metadata: { labels } }: KubeObject): ObjectKey[] {
  const name = labels?.[ownerNameLabel];
  return name ? [{ namespace: labels?.[ownerNamespaceLabel], name }] : [];
}

/** The Kustomizations that read a source or a kubeconfig Secret. */
function readers(kind: KindRef, { metadata: { namespace, name } }: KubeObject, cache: Cache): ObjectKey[] {
  if (kindName(kind) === kindName(GitRepository)) {
    const uses = ({ spec, metadata }: Kustomization) => spec?.sourceRef.kind === 'GitRepository' && spec.sourceRef.name === name && (spec.sourceRef.namespace ?? metadata.namespace) === namespace;
    return cache.list<Kustomization>(Kustomization).filter(uses).map(({ metadata }) => metadata);
  }
  if (kindName(kind) !== kindName(Secret)) return [];
  return cache.list<Kustomization>(Kustomization, { namespace }).filter(({ spec }) => spec?.kubeConfig?.secretRef?.name === name).map(({ metadata }) => metadata);
}

async function reconcile(key: ObjectKey, context: ReconcileContext, parts: Parts): Promise<ReconcileResult | void> {
  const id = keyOf(key);
  const found = context.cache.get<Kustomization>(Kustomization, key);
  if (!found) {
    parts.memory.delete(id);
    parts.origins.delete(id);
    return;
  }
  if (found.metadata.deletionTimestamp) {
    parts.memory.delete(id);
    return finalize(found, context, { findTarget: () => parts.findTarget(found, context), findFiles: () => filesOf(found, context, parts) });
  }
  if (found.spec?.suspend) return void parts.memory.delete(id);
  const kustomization = await ensureFinalizer(context, Kustomization, found, fluxFinalizer);
  const report = new StatusReport(kustomization, context);
  const waits = async (of: Problem, requeueAfterMs: number): Promise<ReconcileResult> => {
    parts.memory.delete(id);
    await report.notReady(of);
    return { requeueAfterMs, waitsFor: `${of.summary}: ${of.why}` };
  };

  const refusal = refusalOf(kustomization);
  if (refusal) {
    parts.memory.delete(id);
    return report.stall(refusal);
  }
  tellIgnored(report);
  const source = await findSource(kustomization, context);
  if ('code' in source) return waits(source, source.code === gitopsProblems.sourceMissing.code ? timingOf(kustomization).retryMs : dependencyRetryMs);
  const unmet = unmetDependency(kustomization, source.artifact.revision, context.cache);
  if (unmet) return waits(unmet, dependencyRetryMs);
  const target = await parts.findTarget(kustomization, context);
  if ('code' in target) return waits(target, dependencyRetryMs);
  const outcome = await act(report, source, target, context, parts);
  parts.memory.set(id, outcome.remember);
  return outcome.result;
}

/** A whole attempt when something changed or it is time; a look at health while that is waited for; otherwise nothing. */
async function act(report: StatusReport, source: Source, target: Target, context: ReconcileContext, parts: Parts): Promise<AttemptOutcome> {
  const { kustomization } = report;
  const id = keyOf(kustomization);
  const { metadata } = kustomization;
  const before = parts.memory.get(id);
  const fingerprint = [metadata.uid, metadata.generation, metadata.annotations?.[requestedAtAnnotation], source.text, source.artifact.revision, source.artifact.digest, target.remote?.version].join(' ');
  const nowMs = context.env.clock.now();
  const isDue = before === undefined || before.fingerprint !== fingerprint || nowMs >= before.dueMs || hasDrifted(before, context.cache);
  if (isDue) {
    if (before?.watchesHealth && before.fingerprint !== fingerprint && report.conditions.get(conditionTypes.healthy)?.status === 'Unknown') {
      context.events.normal(kustomization, 'HealthCheckCanceled', `New reconciliation triggered by ${source.text} (${source.artifact.revision}): the health check of the older one ends`);
    }
    return runAttempt({
      report, context, source, target, fingerprint, before, isWatched: parts.isWatched, where: placeOfKustomization(kustomization, parts), publishOrigins: (origins) => parts.origins.set(id, origins), files: () => parts.read(source, id, context),
    });
  }
  if (!before.watchesHealth) return { remember: before, result: { requeueAfterMs: before.dueMs - nowMs } };
  const targets = healthTargets(kustomization, report.inventory);
  const message = `Applied revision: ${source.artifact.revision}`;
  return watchHealth({ report, context, source, target, targets, remember: before, message, isWatched: parts.isWatched, restart: false });
}

/** The files of the source as it is now; undefined when they cannot be had. */
async function filesOf(kustomization: Kustomization, context: ReconcileContext, { read }: Parts): Promise<{ files: VirtualFiles; revision: string } | undefined> {
  const source = await findSource(kustomization, context);
  if ('code' in source) return undefined;
  try {
    return { files: await read(source, keyOf(kustomization), context), revision: source.artifact.revision };
  } catch (error) {
    if (error instanceof ProblemError) return undefined;
    throw error;
  }
}

function tellIgnored({ conditions, kustomization }: StatusReport): void {
  const ignored = ignoredFields(kustomization);
  if (ignored.length === 0) conditions.remove(conditionTypes.fieldsIgnored);
  else conditions.set(conditionTypes.fieldsIgnored, 'True', 'NotSupported', `these fields have no effect: ${ignored.join(', ')}`);
}

/** File and line of the Kustomization, where one of ours applied it; its name otherwise. */
function placeOfKustomization(kustomization: Kustomization, { origins }: Parts): string {
  const { id } = inventoryEntry(kustomization);
  for (const places of origins.values()) {
    const origin = places.get(id);
    if (origin) return placeOf(origin);
  }
  return `Kustomization ${keyOf(kustomization)}`;
}

