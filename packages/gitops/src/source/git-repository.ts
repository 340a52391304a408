// GitRepository after Flux's source-controller: reconcileStorage, reconcileSource, reconcileArtifact, then one summary of the conditions.
import { type Backoff, ProblemError, backoffDelay, problem, problemLine, rfc3339 } from '@keelson/std';
import { type ObjectKey, keyOf } from '@keelson/kube';
import { GitRepository, Secret, unsupportedFieldsUsed } from '@keelson/api';
import { type Controller, type ReconcileContext, type ReconcileResult, applyStatus, ensureFinalizer, removeFinalizer } from '@keelson/controller';
import { type GitClient, type GitReference, type GitRemote, type GitRevision, archiveFiles, revisionText } from '@keelson/git';
import { type ConditionSet, conditionSet } from '../condition-set.ts';
import { type Artifact, conditionTypes, fluxFinalizer, managers, requestedAtAnnotation } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import { durationMs, jittered } from '../requeue.ts';
import type { ArtifactOwner, ArtifactStore } from './artifact-store.ts';
import { gitCredentials } from './git-credentials.ts';
import { selectFiles } from './ignore.ts';

export interface GitRepositoryOptions {
  readonly git: GitClient;
  readonly artifacts: ArtifactStore;
}

/** Retries of failed operations (--min-retry-delay and --max-retry-delay of upstream). */
const retry: Backoff = { firstMs: 750, maxMs: 15 * 60_000, factor: 2, jitter: 0.1 };

/** What was looked at last. Only spares the remote a question when nothing has changed; a fresh start asks again. */
interface Checked {
  readonly fingerprint: string;
  readonly dueMs: number;
  readonly failures: number;
}

/** Follows git repositories and keeps an artifact of the newest revision. */
export function gitRepositoryController(options: GitRepositoryOptions): Controller {
  const checked = new Map<string, Checked>();
  return {
    name: managers.source,
    kind: GitRepository,
    reads: [Secret],
    writes: [{ kind: GitRepository, part: 'status' }],
    watches: [{
      kind: Secret,
      toKeys: (secret, cache) =>
        cache
          .list<GitRepository>(GitRepository, { namespace: secret.metadata.namespace })
          .filter((repository) => repository.spec?.secretRef?.name === secret.metadata.name)
          .map((repository) => repository.metadata),
    }],
    reconcile: (key, context) => reconcile(key, context, options, checked),
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext, options: GitRepositoryOptions, checked: Map<string, Checked>): Promise<ReconcileResult | void> {
  const found = context.cache.get<GitRepository>(GitRepository, key);
  const id = keyOf(key);
  if (!found) return void checked.delete(id);
  const owner: ArtifactOwner = { kind: 'gitrepository', namespace: key.namespace ?? '', name: key.name };
  if (found.metadata.deletionTimestamp) {
    checked.delete(id);
    if (!found.metadata.finalizers?.includes(fluxFinalizer)) return;
    await options.artifacts.remove(owner);
    return removeFinalizer(context, GitRepository, found, fluxFinalizer);
  }
  if (found.spec?.suspend) return;
  const repository = await ensureFinalizer(context, GitRepository, found, fluxFinalizer);
  const secretName = repository.spec?.secretRef?.name;
  const secret = secretName === undefined ? undefined : context.cache.get(Secret, { namespace: key.namespace, name: secretName });
  const fingerprint = [repository.metadata.uid, repository.metadata.generation, repository.metadata.annotations?.[requestedAtAnnotation], secret?.metadata.uid, secret?.metadata.resourceVersion].join(' ');
  const before = checked.get(id);
  const nowMs = context.env.clock.now();
  if (before?.fingerprint === fingerprint && nowMs < before.dueMs) return { requeueAfterMs: before.dueMs - nowMs };

  const attempt = new Attempt(repository, owner, context, options);
  const outcome = await attempt.run(secret);
  const failures = outcome === 'failed' ? (before?.fingerprint === fingerprint ? before.failures : 0) + 1 : 0;
  if (outcome === 'stalled') return void checked.set(id, { fingerprint, dueMs: Number.POSITIVE_INFINITY, failures });
  const intervalMs = durationMs(repository.spec?.interval, 60_000);
  const waitMs = outcome === 'failed' ? backoffDelay(retry, failures - 1, context.env.random) : jittered(intervalMs, context.env.random);
  checked.set(id, { fingerprint, dueMs: context.env.clock.now() + waitMs, failures });
  return { requeueAfterMs: waitMs, waitsFor: outcome === 'failed' ? 'the next try to read the repository' : undefined };
}

class Attempt {
  #repository: GitRepository;
  readonly #owner: ArtifactOwner;
  readonly #context: ReconcileContext;
  readonly #options: GitRepositoryOptions;
  readonly #conditions: ConditionSet;
  readonly #wasReady: boolean;
  #artifact: Artifact | undefined;

  constructor(repository: GitRepository, owner: ArtifactOwner, context: ReconcileContext, options: GitRepositoryOptions) {
    this.#repository = repository;
    this.#owner = owner;
    this.#context = context;
    this.#options = options;
    this.#conditions = conditionSet(repository.status?.conditions ?? [], repository.metadata.generation, rfc3339(context.env.clock.now()));
    this.#wasReady = this.#conditions.get(conditionTypes.ready)?.status !== 'False';
    this.#artifact = repository.status?.artifact;
  }

  async run(secret: Secret | undefined): Promise<'ready' | 'failed' | 'stalled'> {
    const refusal = this.#refusal();
    if (refusal) return this.#stall(refusal);
    try {
      await this.#checkStorage();
      const remote = this.#remote(secret);
      const revision = await this.#options.git.resolve(remote, this.#reference(), this.#context.signal);
      if (!this.#isCurrent(revision)) await this.#fetchRevision(remote, revision);
      return await this.#succeed();
    } catch (error) {
      if (error instanceof ProblemError) return this.#fail(error);
      throw error;
    }
  }

  #reference(): GitReference {
    return this.#repository.spec?.ref ?? {};
  }

  #remote(secret: Secret | undefined): GitRemote {
    const { url = '', timeout } = this.#repository.spec ?? {};
    return { url, timeoutMs: durationMs(timeout, 60_000), ...gitCredentials(this.#repository, secret) };
  }

  /** Fields without effect are told; where one guards something, or credentials would not be used as meant, nothing is fetched. */
  #refusal(): ProblemError | undefined {
    const ignored = unsupportedFieldsUsed(GitRepository, this.#repository).filter(({ path }) => !isDefault(path, this.#repository));
    const guard = ignored.find((field) => field.guardsData) ?? ignored.find(({ path }) => /^spec\.(provider|serviceAccountName|proxySecretRef|include)\b/.test(path));
    if (guard) {
      const args = { kind: 'GitRepository', key: keyOf(this.#repository), field: guard.path };
      return new ProblemError(problem(gitopsProblems.sourceUnsupported, args, { why: guard.because || 'leaving it out would fetch something else than what is meant', where: guard.path }));
    }
    if (ignored.length === 0) this.#conditions.remove(conditionTypes.fieldsIgnored);
    else this.#conditions.set(conditionTypes.fieldsIgnored, 'True', 'NotSupported', `these fields have no effect: ${ignored.map(({ path }) => path).join(', ')}`);
    return undefined;
  }

  /** Upstream's reconcileStorage: an artifact whose file is gone or damaged is made again. */
  async #checkStorage(): Promise<void> {
    const artifact = this.#artifact;
    if (!artifact) return;
    if ((await this.#options.artifacts.read(artifact)) === undefined) {
      this.#artifact = undefined;
      this.#conditions.remove(conditionTypes.artifactInStorage);
      return;
    }
    this.#artifact = { ...artifact, url: this.#options.artifacts.urlOf(artifact.path) };
  }

  #isCurrent(revision: GitRevision): boolean {
    return this.#artifact?.revision === revisionText(revision) && (this.#repository.status?.observedIgnore ?? '') === (this.#repository.spec?.ignore ?? '');
  }

  async #fetchRevision(remote: GitRemote, revision: GitRevision): Promise<void> {
    const { env, signal, events } = this.#context;
    const message = `building artifact: new upstream revision '${revisionText(revision)}'`;
    this.#conditions.set(conditionTypes.reconciling, 'True', 'Progressing', message);
    if (this.#artifact) this.#conditions.set(conditionTypes.artifactOutdated, 'True', 'NewRevision', `new upstream revision '${revisionText(revision)}'`);
    this.#conditions.set(conditionTypes.ready, 'Unknown', 'Progressing', message);
    await this.#write({ observed: false });
    const snapshot = await this.#options.git.fetch(remote, revision, signal);
    const archive = archiveFiles(selectFiles(snapshot.files, this.#repository.spec?.ignore));
    const previous = this.#artifact;
    try {
      this.#artifact = await this.#options.artifacts.write(this.#owner, `${snapshot.revision.commit}.tar.gz`, {
        ...archive, revision: revisionText(snapshot.revision), now: rfc3339(env.clock.now()),
      });
      await this.#options.artifacts.collect(this.#owner, [this.#artifact, previous]);
    } catch (cause) {
      throw new ProblemError(problem(gitopsProblems.storageFailed, { key: keyOf(this.#repository) }, { why: (cause as Error).message }), { cause });
    }
    events.normal(this.#repository, 'NewArtifact', `stored artifact for commit '${snapshot.subject.slice(0, 50)}'`);
    env.log.info('artifact stored', { repository: keyOf(this.#repository), revision: this.#artifact.revision, sizeBytes: this.#artifact.size });
  }

  async #succeed(): Promise<'ready'> {
    const message = `stored artifact for revision '${this.#artifact?.revision}'`;
    const { artifactOutdated, fetchFailed, storageOperationFailed, stalled, reconciling, artifactInStorage, ready } = conditionTypes;
    this.#conditions.remove(artifactOutdated, fetchFailed, storageOperationFailed, stalled, reconciling);
    this.#conditions.set(artifactInStorage, 'True', 'Succeeded', message);
    this.#conditions.set(ready, 'True', 'Succeeded', message);
    await this.#write({ observed: true });
    if (!this.#wasReady) this.#context.events.normal(this.#repository, 'Succeeded', message);
    return 'ready';
  }

  async #fail(error: ProblemError): Promise<'failed' | 'stalled'> {
    const { problem: of } = error;
    if (of.code === 'GIT.INVALID_REQUEST') return this.#stall(error);
    const isStorage = of.code === gitopsProblems.storageFailed.code;
    this.#conditions.problem(isStorage ? conditionTypes.storageOperationFailed : conditionTypes.fetchFailed, 'True', of);
    this.#conditions.set(conditionTypes.reconciling, 'True', 'ProgressingWithRetry', 'reading the repository failed; it is tried again');
    this.#conditions.remove(conditionTypes.stalled);
    this.#conditions.problem(conditionTypes.ready, 'False', of);
    await this.#write({ observed: true });
    this.#context.events.problem(this.#repository, of);
    return 'failed';
  }

  /** Only a change of the object can help. */
  async #stall(error: ProblemError): Promise<'stalled'> {
    const { problem: of } = error;
    this.#conditions.remove(conditionTypes.reconciling, conditionTypes.artifactOutdated);
    this.#conditions.problem(conditionTypes.fetchFailed, 'True', of);
    this.#conditions.set(conditionTypes.stalled, 'True', of.reason, problemLine(of));
    this.#conditions.problem(conditionTypes.ready, 'False', of);
    await this.#write({ observed: true });
    this.#context.events.problem(this.#repository, of);
    return 'stalled';
  }

  async #write({ observed }: { observed: boolean }): Promise<void> {
    const { status, metadata, spec } = this.#repository;
    const requestedAt = metadata.annotations?.[requestedAtAnnotation];
    const handled = observed ? requestedAt : status?.lastHandledReconcileAt;
    const next: GitRepository['status'] = {
      conditions: this.#conditions.list(),
      observedGeneration: observed ? metadata.generation : (status?.observedGeneration ?? -1),
      ...(this.#artifact ? { artifact: this.#artifact } : {}),
      ...(handled !== undefined ? { lastHandledReconcileAt: handled } : {}),
      ...(observed && this.#artifact && spec?.ignore !== undefined ? { observedIgnore: spec.ignore } : {}),
    };
    this.#repository = await applyStatus(this.#context, GitRepository, this.#repository, next, managers.source);
  }
}

function isDefault(path: string, repository: GitRepository): boolean {
  return (path === 'spec.provider' && repository.spec?.provider === 'generic') || (path === 'spec.recurseSubmodules' && !repository.spec?.recurseSubmodules);
}
