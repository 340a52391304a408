import type { Kustomization } from '@keelson/api';

type History = NonNullable<NonNullable<Kustomization['status']>['history']>;

const historyLimit = 5;

export interface HistoryEvent {
  readonly digest: string;
  /** The Ready reason it ended with. */
  readonly status: string;
  readonly revision: string;
  readonly originRevision?: string;
  /** RFC 3339 */
  readonly now: string;
  readonly duration: string;
}

/** Flux's status.history with one reconciliation more: newest first, those of one digest and outcome together, five at most. */
export function addToHistory(history: History | undefined, event: HistoryEvent): History {
  const known = history?.find((entry) => entry.digest === event.digest && entry.lastReconciledStatus === event.status);
  const entry: History[number] = {
    digest: event.digest,
    firstReconciled: known?.firstReconciled ?? event.now,
    lastReconciled: event.now,
    lastReconciledDuration: event.duration,
    lastReconciledStatus: event.status,
    totalReconciliations: (known?.totalReconciliations ?? 0) + 1,
    metadata: { revision: event.revision, ...(event.originRevision ? { originRevision: event.originRevision } : {}) },
  };
  return [entry, ...(history ?? []).filter((other) => other !== known)].slice(0, historyLimit);
}
