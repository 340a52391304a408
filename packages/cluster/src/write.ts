/** How our controllers write: guarded edits of existing objects, and a status as a whole. */
import type { Condition, KindRef, KubeObject, OwnerReference } from '@keelson/kube';
import { apiVersionOf, keyOf, setCondition } from '@keelson/kube';
import { isNotFound } from '@keelson/kube/client';
import type { ReconcileContext } from '@keelson/controller';
import { rfc3339 } from '@keelson/std';
import { canonicalJson } from './rollout/template-hash.ts';

/** A controller's name is its field manager. */
export interface Writer {
  readonly context: ReconcileContext;
  readonly manager: string;
}

/**
 * Merges `patch` into an object as it was seen: the write carries its resourceVersion, so a change by anyone else in between
 * is a conflict, and the reconcile starts over on what is there then. Answers the object as stored.
 */
export async function editObject<T extends KubeObject>(writer: Writer, kind: KindRef, seen: T, patch: Readonly<Record<string, unknown>>): Promise<T> {
  const metadata = { ...(isRecord(patch.metadata) ? patch.metadata : {}), resourceVersion: seen.metadata.resourceVersion };
  const { context, manager } = writer;
  return context.client.patch<T>(kind, seen.metadata, 'merge', { ...patch, metadata }, { fieldManager: manager });
}

/** The object with the finalizer; writes only when it was missing. */
export async function ensureFinalizer<T extends KubeObject>(writer: Writer, kind: KindRef, seen: T, finalizer: string): Promise<T> {
  const present = seen.metadata.finalizers ?? [];
  if (present.includes(finalizer)) return seen;
  return editObject(writer, kind, seen, { metadata: { finalizers: [...present, finalizer] } });
}

/** Lets an object go. Nothing happens when the finalizer is not there or the object is gone already. */
export async function dropFinalizer(writer: Writer, kind: KindRef, seen: KubeObject, finalizer: string): Promise<void> {
  const present = seen.metadata.finalizers ?? [];
  if (!present.includes(finalizer)) return;
  try {
    await editObject(writer, kind, seen, { metadata: { finalizers: present.filter((name) => name !== finalizer) } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The object owned by `owner` and carrying `labels`; writes only what is missing. A controller reference replaces another controller of the same kind only when there is none. */
export async function ensureOwned<T extends KubeObject>(writer: Writer, kind: KindRef, seen: T, owner: OwnerReference, labels: Readonly<Record<string, string>> = {}): Promise<T> {
  const owners = seen.metadata.ownerReferences ?? [];
  const known = owners.find((reference) => reference.uid === owner.uid);
  const missing = Object.entries(labels).filter(([key, value]) => seen.metadata.labels?.[key] !== value);
  if (known && missing.length === 0) return seen;
  const controlled = owners.some((reference) => reference.controller === true);
  const added = known ? owners : [...owners, controlled ? { ...owner, controller: false } : owner];
  return editObject(writer, kind, seen, {
    metadata: { ownerReferences: added, ...(missing.length > 0 ? { labels: Object.fromEntries(missing) } : {}) },
  });
}

/** Writes the whole status by server-side apply when it differs from what is there. An object that is gone needs no status. */
export async function writeStatus<T extends KubeObject>(writer: Writer, kind: KindRef, seen: T, status: object): Promise<void> {
  if (canonicalJson(seen.status ?? {}) === canonicalJson(status)) return;
  const { context, manager } = writer;
  const applied: KubeObject = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: seen.metadata.name, ...(seen.metadata.namespace ? { namespace: seen.metadata.namespace } : {}), ...(seen.metadata.uid ? { uid: seen.metadata.uid } : {}) },
    status,
  };
  try {
    await context.client.apply<T>(kind, applied, { fieldManager: manager, force: true, subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Creates an object under our field manager. */
export async function createObject<T extends KubeObject>(writer: Writer, kind: KindRef, object: KubeObject): Promise<T> {
  return writer.context.client.create<T>(kind, object, { fieldManager: writer.manager });
}

/** Deletes the very object that was seen (by uid), once. */
export async function deleteSeen(writer: Writer, kind: KindRef, seen: KubeObject): Promise<void> {
  if (seen.metadata.deletionTimestamp) return;
  const preconditions = seen.metadata.uid ? { uid: seen.metadata.uid } : undefined;
  await writer.context.client.delete(kind, seen.metadata, { propagationPolicy: 'Background', ...(preconditions ? { preconditions } : {}) });
}

export interface WantedCondition {
  readonly type: string;
  readonly status: boolean | 'Unknown';
  readonly reason: string;
  readonly message?: string;
}

/** The conditions after `wanted`: transition times stay where the status stays. Types that are not wanted are dropped. */
export function conditionsAfter(previous: readonly Condition[] | undefined, wanted: readonly WantedCondition[], writer: Pick<Writer, 'context'>, observedGeneration?: number): Condition[] {
  const now = rfc3339(writer.context.env.clock.now());
  let conditions: Condition[] = (previous ?? []).filter((condition) => wanted.some((one) => one.type === condition.type));
  for (const { type, status, reason, message } of wanted) {
    const text = status === 'Unknown' ? 'Unknown' : status ? 'True' : 'False';
    conditions = setCondition(conditions, { type, status: text, reason, message: message ?? '', ...(observedGeneration === undefined ? {} : { observedGeneration }) }, now);
  }
  return conditions;
}

/** Key and value of an object's own metadata for messages: `Machine edge/a`. */
export function describeObject(object: KubeObject): string {
  return `${object.kind} ${keyOf(object)}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
