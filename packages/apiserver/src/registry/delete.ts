// Deletion as apiserver pkg/registry/rest/delete.go and pkg/registry/generic/registry/store.go do it.
import type { KubeObject } from '@keelson/kube';
import { rfc3339 } from '@keelson/std';
import { conflict, internalError, notFound } from '../http/api-status.ts';
import type { StoreWrite } from '../store/store.ts';
import { encodeObject } from './encode.ts';
import { readObject, toStored } from './read.ts';
import type { Machine, WriteRequest } from './request-context.ts';
import { objectKey } from './resource.ts';
import { namespaceFinalizers } from './write.ts';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

export interface DeleteRequest {
  readonly propagation?: 'Orphan' | 'Background' | 'Foreground';
  readonly gracePeriodSeconds?: number;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface Deleted {
  /** The object as it was last, or as it is now when something holds it. */
  readonly object: KubeObject;
  readonly gone: boolean;
}

const maxTries = 30;

/** Deletes an object, or marks it as being deleted while finalizers or a grace period hold it. */
export async function deleteObject(machine: Machine, request: WriteRequest, name: string, options: DeleteRequest): Promise<Deleted> {
  const { served, namespace } = request;
  const { resource } = served;
  const key = objectKey(resource, namespace, name);
  const qualified = { group: resource.group, name: resource.plural };
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const stored = machine.store.get(key);
    if (!stored) throw notFound(qualified, name);
    const live = readObject(served, stored);
    const { uid, resourceVersion } = live.metadata;
    if (options.uid && options.uid !== uid) {
      throw conflict(qualified, name, `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid ?? ''}`);
    }
    if (options.resourceVersion && options.resourceVersion !== resourceVersion) {
      throw conflict(qualified, name, `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion ?? ''}`);
    }
    const change = { operation: 'DELETE', name, old: live } as const;
    const admitted = machine.admit(request, change);
    if (admitted) await admitted;
    const checked = machine.check(request, change);
    if (checked) await checked;
    const next = markDeleted(request, live, options, machine.env.clock.now());
    if (next === live) return { object: live, gone: false };
    if (request.dryRun) return { object: next ?? live, gone: next === undefined };
    const body = next && toStored(served, next);
    const write: StoreWrite = body
      ? { type: 'put', key, expect: stored.revision, encode: (revision) => encodeObject(body, String(revision)) }
      : { type: 'delete', key, expect: stored.revision };
    const result = await machine.store.commit([write]);
    if (!result.ok) continue;
    const object = next ?? live;
    object.metadata.resourceVersion = String(result.revisions[0]);
    if (!next) resource.strategy.released?.(object);
    return { object, gone: !next };
  }
  throw internalError(`${resource.plural} "${name}" changed ${maxTries} times while it was being deleted`);
}

/** The object as being deleted; undefined when nothing holds it; `live` itself when nothing changes. */
function markDeleted(request: WriteRequest, live: KubeObject, options: DeleteRequest, nowMs: number): KubeObject | undefined {
  const { strategy } = request.served.resource;
  const finalizers = finalizersFor(live, options.propagation);
  const held = finalizers.length > 0 || (live.kind === 'Namespace' && live.apiVersion === 'v1' && namespaceFinalizers(live).length > 0);
  const grace = strategy.graceSeconds?.(live, options.gracePeriodSeconds) ?? 0;
  const { deletionTimestamp, deletionGracePeriodSeconds } = live.metadata;
  const sameFinalizers = finalizers.join('\n') === (live.metadata.finalizers ?? []).join('\n');
  if (!held && grace === 0) return undefined;
  if (deletionTimestamp !== undefined && sameFinalizers && grace >= (deletionGracePeriodSeconds ?? 0)) return live;
  const next = structuredClone(live);
  const { metadata } = next;
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (deletionTimestamp === undefined || grace < (deletionGracePeriodSeconds ?? 0)) {
    metadata.deletionTimestamp = rfc3339(nowMs + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if (deletionTimestamp === undefined && strategy.hasGeneration) metadata.generation = (metadata.generation ?? 0) + 1;
    strategy.onDeletion?.(next);
  }
  return next;
}

/** The finalizers with those of the propagation policy set; without a policy what is there stays. */
function finalizersFor(live: KubeObject, propagation: DeleteRequest['propagation']): string[] {
  const have = live.metadata.finalizers ?? [];
  if (propagation === undefined) return have;
  const wanted = propagation === 'Orphan' ? orphanFinalizer : propagation === 'Foreground' ? foregroundFinalizer : undefined;
  const kept = have.filter((finalizer) => (finalizer !== orphanFinalizer && finalizer !== foregroundFinalizer) || finalizer === wanted);
  return wanted === undefined || kept.includes(wanted) ? kept : [...kept, wanted];
}
