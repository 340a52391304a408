// The status of a Kustomization while it is worked on: kustomize-controller's conditions and reasons, written as a whole.
import { type Problem, problemLine, rfc3339 } from '@keelson/std';
import { Kustomization } from '@keelson/api';
import { type ReconcileContext, applyStatus } from '@keelson/controller';
import type { InventoryEntry } from '../apply/inventory.ts';
import { type ConditionSet, conditionSet } from '../condition-set.ts';
import { type Artifact, conditionTypes, managers, requestedAtAnnotation } from '../flux.ts';
import { durationText } from '../requeue.ts';
import { addToHistory } from './history.ts';

const originRevisionKey = 'org.opencontainers.image.revision';

export class StatusReport {
  kustomization: Kustomization;
  readonly #context: ReconcileContext;
  readonly conditions: ConditionSet;
  #inventory: readonly InventoryEntry[] | undefined;
  #attempted: string | undefined;
  #applied: { revision: string | undefined; origin: string | undefined };
  #history: NonNullable<Kustomization['status']>['history'];

  constructor(kustomization: Kustomization, context: ReconcileContext) {
    this.kustomization = kustomization;
    this.#context = context;
    const { status } = kustomization;
    this.conditions = conditionSet(status?.conditions ?? [], kustomization.metadata.generation, this.now);
    this.#inventory = status?.inventory?.entries;
    this.#attempted = status?.lastAttemptedRevision;
    this.#applied = { revision: status?.lastAppliedRevision, origin: status?.lastAppliedOriginRevision };
    this.#history = status?.history;
  }

  get now(): string {
    return rfc3339(this.#context.env.clock.now());
  }

  get inventory(): readonly InventoryEntry[] {
    return this.#inventory ?? [];
  }

  set inventory(entries: readonly InventoryEntry[]) {
    this.#inventory = entries;
  }

  /** Work on a revision begins, or goes on with another message. */
  async progress(revision: string, message: string): Promise<void> {
    this.#attempted = revision;
    this.conditions.remove(conditionTypes.stalled);
    this.conditions.set(conditionTypes.reconciling, 'True', 'Progressing', message);
    this.conditions.set(conditionTypes.ready, 'Unknown', 'Progressing', 'Reconciliation in progress');
    await this.write({ observed: false });
  }

  attempted(revision: string): void {
    this.#attempted = revision;
  }

  /** It waits for something else, or failed and is tried again. Events tell a failure once per message. */
  async notReady(of: Problem): Promise<void> {
    const line = problemLine(of);
    const isNews = this.conditions.get(conditionTypes.ready)?.message !== line;
    this.conditions.remove(conditionTypes.stalled);
    this.conditions.set(conditionTypes.reconciling, 'True', 'ProgressingWithRetry', line);
    this.conditions.set(conditionTypes.ready, 'False', of.reason, line);
    await this.write({ observed: false });
    if (!isNews) return;
    if (of.severity === 'error') this.#context.events.problem(this.kustomization, of);
    else this.#context.events.normal(this.kustomization, of.reason, line);
  }

  /** Only a change of the object helps. */
  async stall(of: Problem): Promise<void> {
    const isNews = this.conditions.get(conditionTypes.stalled)?.message !== problemLine(of);
    this.conditions.remove(conditionTypes.reconciling);
    this.conditions.set(conditionTypes.stalled, 'True', of.reason, problemLine(of));
    this.conditions.problem(conditionTypes.ready, 'False', of);
    await this.write({ observed: true });
    if (isNews) this.#context.events.problem(this.kustomization, of);
  }

  async succeed(artifact: Artifact, message: string): Promise<void> {
    this.#attempted = artifact.revision;
    this.#applied = { revision: artifact.revision, origin: artifact.metadata?.[originRevisionKey] };
    this.conditions.remove(conditionTypes.reconciling, conditionTypes.stalled);
    this.conditions.set(conditionTypes.ready, 'True', 'ReconciliationSucceeded', message);
    await this.write({ observed: true });
  }

  record(artifact: Artifact, digest: string, outcome: string, startedMs: number): void {
    const duration = durationText(this.#context.env.clock.now() - startedMs);
    this.#history = addToHistory(this.#history, { digest, status: outcome, revision: artifact.revision, originRevision: artifact.metadata?.[originRevisionKey], now: this.now, duration });
  }

  async write({ observed }: { observed: boolean }): Promise<void> {
    const { status, metadata } = this.kustomization;
    const requestedAt = metadata.annotations?.[requestedAtAnnotation];
    // A request counts as handled when there is an outcome, also a bad one; not while the work goes on.
    const isOutcome = this.conditions.get(conditionTypes.ready)?.status !== 'Unknown';
    const handled = isOutcome && requestedAt !== undefined ? requestedAt : status?.lastHandledReconcileAt;
    const next: NonNullable<Kustomization['status']> = {
      conditions: this.conditions.list(),
      observedGeneration: observed ? metadata.generation : (status?.observedGeneration ?? -1),
      ...(this.#inventory ? { inventory: { entries: [...this.#inventory] } } : {}),
      ...(this.#attempted !== undefined ? { lastAttemptedRevision: this.#attempted } : {}),
      ...(this.#applied.revision !== undefined ? { lastAppliedRevision: this.#applied.revision } : {}),
      ...(this.#applied.origin !== undefined ? { lastAppliedOriginRevision: this.#applied.origin } : {}),
      ...(handled !== undefined ? { lastHandledReconcileAt: handled } : {}),
      ...(this.#history ? { history: this.#history } : {}),
    };
    this.kustomization = await applyStatus(this.#context, Kustomization, this.kustomization, next, managers.kustomization);
  }
}
