// Everything a plan needs to know of the cluster: the live objects, and for each desired one what a dry run of its apply gives.
import { mapBounded } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import { apiVersionOf } from '@keelson/kube';
import { ApiError, type KubeClient } from '@keelson/kube/client';
import { managers } from '../flux.ts';
import { isLeftAlone } from './apply-options.ts';
import type { Desired, Observed } from './apply-plan.ts';
import { type InventoryEntry, inventoryEntry, parseInventoryEntry } from './inventory.ts';
import { kindsDefinedBy } from './prepare.ts';

/** Objects looked at or applied at the same time (upstream's --concurrent-ssa). */
export const applyConcurrency = 4;

/** Dry-runs all desired objects. A refusal of the server is a result; no answer is thrown (TransportError). */
export async function observeDesired(desired: readonly Desired[], client: KubeClient): Promise<Map<string, Observed>> {
  const objects = desired.map(({ object }) => object);
  const defined = kindsDefinedBy(objects);
  const namespaces = new Set(objects.filter((object) => object.kind === 'Namespace' && object.apiVersion === 'v1').map((object) => object.metadata.name));
  const observed = await mapBounded(desired, applyConcurrency, async (item): Promise<[string, Observed]> => {
    const { id } = inventoryEntry(item.object);
    return [id, await observeOne(item, client, defined.has(`${item.object.apiVersion}/${item.object.kind}`), namespaces)];
  });
  return new Map(observed);
}

async function observeOne({ object, kind }: Desired, client: KubeClient, isDefinedHere: boolean, namespaces: ReadonlySet<string>): Promise<Observed> {
  if (!kind) {
    if (isDefinedHere) return { deferred: true };
    return { refused: { message: `the cluster has no kind "${object.kind}" in ${object.apiVersion || '"" (apiVersion is missing)'}`, immutable: false } };
  }
  const { name, namespace } = object.metadata;
  try {
    const live = await client.get(kind, { namespace, name });
    if (isLeftAlone(object) || (live && isLeftAlone(live))) return { live };
    try {
      return { live, result: await client.apply(kind, object, { fieldManager: managers.apply, force: true, dryRun: true }) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 404 && namespace && namespaces.has(namespace)) return { live, deferred: true };
      // A definition that is being taken in answers "not found" for a moment.
      if (error.code === 404 && isDefinedHere) return { live, deferred: true };
      if (isPassing(error)) throw error;
      return { live, refused: { message: refusalText(error), immutable: isImmutable(error) } };
    }
  } catch (error) {
    if (error instanceof ApiError && !isPassing(error)) return { refused: { message: refusalText(error), immutable: false } };
    throw error;
  }
}

/** The server's trouble, not the object's. An object of the wrong shape is answered with 500 by server-side apply, but no time mends it. */
function isPassing(error: ApiError): boolean {
  if (/failed to create typed patch object/.test(error.message)) return false;
  return error.code >= 500 || error.code === 429 || error.code === 401;
}

function isImmutable(error: ApiError): boolean {
  return (error.reason === 'Invalid' || error.reason === 'Conflict' || error.code === 422) && /is immutable|immutable field/i.test(error.message);
}

function refusalText(error: ApiError): string {
  return error.status.message ?? error.message;
}

/** The live objects of inventory entries, by id; those that are gone, or whose kind is, are missing. */
export async function readLive(entries: readonly InventoryEntry[], client: KubeClient): Promise<Map<string, KubeObject>> {
  const live = new Map<string, KubeObject>();
  await mapBounded(entries, applyConcurrency, async (entry) => {
    const ref = parseInventoryEntry(entry);
    const kind = ref && (await client.resolve(apiVersionOf(ref), ref.kind));
    const object = kind && (await client.get(kind, { namespace: ref.namespace || undefined, name: ref.name }));
    if (object) live.set(entry.id, object);
  });
  return live;
}
