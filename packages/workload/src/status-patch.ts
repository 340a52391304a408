import { keyOf, type KindRef, type KubeObject } from '@keelson/kube';
import { isNotFound } from '@keelson/kube/client';
import type { ReconcileContext } from '@keelson/controller';
import { mergeDifference } from './json.ts';

/**
 * Writes what differs in an object's status, and nothing when nothing does. Fields that `status` leaves undefined are
 * removed; fields it does not name are left alone. Answers the object as it stands now.
 */
export async function patchStatus<T extends KubeObject>(kind: KindRef, object: T, status: Readonly<Record<string, unknown>>, context: ReconcileContext, manager: string): Promise<T> {
  // The status of a stored object is an object where there is one.
  const before = (object['status'] ?? {}) as Record<string, unknown>;
  const patch = mergeDifference(Object.fromEntries(Object.keys(status).map((name) => [name, before[name]])), status);
  if (Object.keys(patch).length === 0) return object;
  const { name, namespace, uid } = object.metadata;
  try {
    const changed = await context.client.patch<T>(kind, { name, ...(namespace ? { namespace } : {}) }, 'merge', { metadata: { uid }, status: patch }, { fieldManager: manager, subresource: 'status' });
    context.cache.observe(kind, changed);
    return changed;
  } catch (error) {
    if (isNotFound(error)) return object;
    throw new Error(`writing the status of ${object.kind} ${keyOf(object)}`, { cause: error });
  }
}

/** A condition as apps/v1 and batch/v1 have them: no observedGeneration, times where the type has them. */
export interface WorkloadCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
}

/**
 * The conditions with one set. `lastTransitionTime` moves with the status only; `lastUpdateTime`, where the kind has it,
 * with any change. An equal condition is kept as it is.
 */
export function withCondition<C extends { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }>(
  conditions: readonly C[],
  condition: WorkloadCondition,
  now: string,
  options: { readonly updateTime?: boolean } = {},
): C[] {
  const known = conditions.find((one) => one.type === condition.type);
  if (known && known.status === condition.status && known.reason === condition.reason && known.message === condition.message) return [...conditions];
  const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : now;
  // C is one of the generated condition types, which have these fields.
  const next = { ...condition, lastTransitionTime, ...(options.updateTime ? { lastUpdateTime: now } : {}) } as unknown as C;
  return known ? conditions.map((one) => (one === known ? next : one)) : [...conditions, next];
}
