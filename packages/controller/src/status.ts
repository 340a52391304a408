import { isDeepStrictEqual } from 'node:util';
import { keyOf, type KindRef, type KubeObject } from '@keelson/kube';
import type { ReconcileContext } from './controller.ts';

/** True when two JSON values are equal, whatever the order of their keys; undefined fields count as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(clean(a), clean(b));
}

function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => [k, clean(v)]));
}

/**
 * Writes a whole status by server-side apply as the controller `fieldManager`, unless the object has it already.
 * Answers the object as stored.
 */
export async function applyStatus<T extends KubeObject>(context: ReconcileContext, kind: KindRef, object: T, status: object, fieldManager: string): Promise<T> {
  if (sameJson(object['status'], status)) return object;
  const { name, namespace } = object.metadata;
  const applied: KubeObject = { apiVersion: object.apiVersion, kind: object.kind, metadata: { name, ...(namespace ? { namespace } : {}) }, status };
  return context.client.apply<T>(kind, applied, { fieldManager, force: true, subresource: 'status' });
}

/** Adds a finalizer by an optimistic patch (a conflict throws and is retried). Answers the object as stored. */
export async function ensureFinalizer<T extends KubeObject>(context: ReconcileContext, kind: KindRef, object: T, finalizer: string): Promise<T> {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(finalizer)) return object;
  return context.client.patch<T>(kind, object.metadata, 'merge', { metadata: { finalizers: [...finalizers, finalizer], resourceVersion: object.metadata.resourceVersion } });
}

/** Removes a finalizer by an optimistic patch; the object may be gone afterwards. */
export async function removeFinalizer(context: ReconcileContext, kind: KindRef, object: KubeObject, finalizer: string): Promise<void> {
  const finalizers = object.metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) return;
  context.env.log.debug('finalizer removed', { kind: kind.kind, object: keyOf(object), finalizer });
  await context.client.patch(kind, object.metadata, 'merge', { metadata: { finalizers: finalizers.filter((f) => f !== finalizer), resourceVersion: object.metadata.resourceVersion } });
}
