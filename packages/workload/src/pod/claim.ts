/** Which objects a controller owns, takes over and lets go (PodControllerRefManager in kubernetes/pkg/controller). */
import { controllerOf, keyOf, matchesLabels, ownerReference, type KindRef, type KubeObject, type Selector } from '@keelson/kube';
import { isConflict, isNotFound } from '@keelson/kube/client';
import type { ReconcileContext } from '@keelson/controller';

/**
 * The objects of a kind in the owner's namespace that it controls. An orphan that the selector matches is taken over,
 * an owned object that it no longer matches is let go; an owner that is being deleted takes nothing over.
 */
export async function claimObjects<T extends KubeObject>(owner: KubeObject, kind: KindRef, selector: Selector, context: ReconcileContext, manager: string): Promise<T[]> {
  const all = context.cache.list<T>(kind, { ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }) });
  const claimed: T[] = [];
  for (const object of all) {
    const controller = controllerOf(object);
    const matches = matchesLabels(selector, object.metadata.labels);
    if (controller?.uid === owner.metadata.uid) {
      if (matches || owner.metadata.deletionTimestamp !== undefined) claimed.push(object);
      else await release(object, owner, kind, context, manager);
    } else if (controller === undefined && matches && object.metadata.deletionTimestamp === undefined && owner.metadata.deletionTimestamp === undefined) {
      const adopted = await adopt<T>(object, owner, kind, context, manager);
      if (adopted) claimed.push(adopted);
    }
  }
  return claimed;
}

async function adopt<T extends KubeObject>(object: T, owner: KubeObject, kind: KindRef, context: ReconcileContext, manager: string): Promise<T | undefined> {
  const ownerReferences = [...(object.metadata.ownerReferences ?? []), ownerReference(owner)];
  return changeOwners<T>(object, ownerReferences, kind, context, manager);
}

async function release(object: KubeObject, owner: KubeObject, kind: KindRef, context: ReconcileContext, manager: string): Promise<void> {
  const ownerReferences = (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
  await changeOwners(object, ownerReferences, kind, context, manager);
}

/** Undefined when somebody was quicker: the next reconcile sees what they did. */
async function changeOwners<T extends KubeObject>(object: KubeObject, ownerReferences: unknown[], kind: KindRef, context: ReconcileContext, manager: string): Promise<T | undefined> {
  const { uid, resourceVersion, name, namespace } = object.metadata;
  try {
    const changed = await context.client.patch<T>(kind, { name, ...(namespace ? { namespace } : {}) }, 'merge', { metadata: { uid, resourceVersion, ownerReferences } }, { fieldManager: manager });
    context.cache.observe(kind, changed);
    return changed;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return undefined;
    throw new Error(`changing the owner of ${object.kind} ${keyOf(object)}`, { cause: error });
  }
}
