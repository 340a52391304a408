/** ReplicaSets, after kubernetes/pkg/controller/replicaset: as many pods as asked for, and their count in the status. */
import { Pod, ReplicaSet, type ReplicaSetCondition, type ReplicaSetStatus } from '@keelson/api';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { matchesLabels, selectorOf, selectorOfLabels, type ObjectKey } from '@keelson/kube';
import { describeError, mapBounded, rfc3339 } from '@keelson/std';
import { controllerManager } from '../managers.ts';
import { ownerKeys } from '../owner-keys.ts';
import { claimObjects } from '../pod/claim.ts';
import { deletionOrder } from '../pod/deletion-order.ts';
import { createPod, deletePod } from '../pod/pod-control.ts';
import { countPods, isActive, isEnded } from '../pod/pod-state.ts';
import { patchStatus, withCondition } from '../status-patch.ts';

/** Pods created or deleted in one reconcile, and at the same time. */
const burst = 500;
const parallel = 8;

export function replicaSetController(): Controller {
  return {
    name: 'replicaset-controller',
    kind: ReplicaSet,
    reads: [Pod],
    writes: [
      { kind: Pod, part: 'object', scope: 'pods of ReplicaSets' },
      { kind: ReplicaSet, part: 'status' },
    ],
    watches: [{ kind: Pod, toKeys: ownerKeys(ReplicaSet, (set) => set.spec?.selector) }],
    reconcile,
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const set = context.cache.get<ReplicaSet>(ReplicaSet, key);
  if (!set?.spec) return;
  const owned = await claimObjects<Pod>(set, Pod, selectorOf(set.spec.selector), context, controllerManager);
  const active = owned.filter(isActive);
  const failure = set.metadata.deletionTimestamp === undefined ? await meetReplicas(set, active, context) : undefined;

  const now = context.env.clock.now();
  // What was just created is in the cache, what was just deleted counts as being deleted.
  const after = context.cache.list<Pod>(Pod, { namespace: key.namespace ?? '', ...(set.metadata.uid ? { ownerUid: set.metadata.uid } : {}) });
  const status = replicaSetStatus(set, after, failure, now);
  const changed = await patchStatus(ReplicaSet, set, { ...status }, context, controllerManager);
  if (failure) throw failure.error;
  const wait = countPods(after.filter(isActive), changed.spec?.minReadySeconds ?? 0, now).nextAvailableMs;
  return wait === undefined ? undefined : { requeueAfterMs: wait, waitsFor: 'a ready pod to have been ready long enough' };
}

interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly error: unknown;
}

async function meetReplicas(set: ReplicaSet, active: readonly Pod[], context: ReconcileContext): Promise<Failure | undefined> {
  const missing = (set.spec?.replicas ?? 1) - active.length;
  try {
    if (missing > 0) {
      const template = set.spec?.template ?? {};
      await mapBounded(Array.from({ length: Math.min(missing, burst) }), parallel, () => createPod(set, template, {}, context, controllerManager));
    } else if (missing < 0) {
      const surplus = deletionOrder(active).slice(0, Math.min(-missing, burst));
      await mapBounded(surplus, parallel, (pod) => deletePod(set, pod, context));
    }
    return undefined;
  } catch (error) {
    return { reason: missing > 0 ? 'FailedCreate' : 'FailedDelete', error };
  }
}

/** The status that a ReplicaSet with these pods has. */
export function replicaSetStatus(set: ReplicaSet, owned: readonly Pod[], failure: Failure | undefined, nowMs: number): ReplicaSetStatus {
  const active = owned.filter(isActive);
  const templateLabels = selectorOfLabels(set.spec?.template?.metadata?.labels ?? {});
  const { ready, available } = countPods(active, set.spec?.minReadySeconds ?? 0, nowMs);
  const known: readonly ReplicaSetCondition[] = set.status?.conditions ?? [];
  const conditions = failure
    ? withCondition(known, { type: 'ReplicaFailure', status: 'True', reason: failure.reason, message: describeError(failure.error) }, rfc3339(nowMs))
    : known.filter((condition) => condition.type !== 'ReplicaFailure');
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => matchesLabels(templateLabels, pod.metadata.labels)).length,
    readyReplicas: ready,
    availableReplicas: available,
    terminatingReplicas: owned.filter((pod) => pod.metadata.deletionTimestamp !== undefined && !isEnded(pod)).length,
    observedGeneration: set.metadata.generation ?? 0,
    conditions: conditions.length > 0 ? conditions : undefined,
  };
}
