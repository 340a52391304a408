// Owner references: what is deleted with its owner, what holds it back and what is left behind
// (kubernetes/pkg/controller/garbagecollector).
import type { KubeObject, OwnerReference } from '@keelson/kube';
import { parseApiVersion } from '@keelson/kube';
import type { Bytes } from '@keelson/std';
import { deleteObject, foregroundFinalizer, orphanFinalizer } from '../registry/delete.ts';
import { decodeObject } from '../registry/encode.ts';
import { toStored } from '../registry/read.ts';
import type { Machine } from '../registry/request-context.ts';
import type { Resource } from '../registry/resource.ts';
import { keyParts, objectKey } from '../registry/resource.ts';
import { updateObject } from '../registry/write.ts';
import type { StoreEvent } from '../store/store.ts';
import { ignoreNotFound, internalRequest } from './internal-request.ts';
import { createKeyQueue } from './key-queue.ts';

export interface GarbageCollector {
  /** Resolves when everything that happened so far has been followed up. */
  idle(): Promise<void>;
  close(): void;
}

const fieldManager = 'garbage-collector';
const ownersMarker = Buffer.from('"ownerReferences":[');
const deletionMarker = Buffer.from('"deletionTimestamp":"');

/**
 * Follows the store and keeps to the owner references: background deletion of dependents, `foregroundDeletion`, `orphan`, and dependents
 * whose owners never were. Works from the store's bytes; only objects with owners or in deletion are parsed.
 */
export function startGarbageCollector(machine: Machine): GarbageCollector {
  const { store, registry } = machine;
  /** Store keys of dependents by the uid of their owner, and back. */
  const dependents = new Map<string, Set<string>>();
  const owners = new Map<string, readonly string[]>();

  const index = (key: string, uids: readonly string[]) => {
    for (const uid of owners.get(key) ?? []) {
      const keys = dependents.get(uid);
      keys?.delete(key);
      if (keys?.size === 0) dependents.delete(uid);
    }
    if (uids.length === 0) owners.delete(key);
    else owners.set(key, uids);
    for (const uid of uids) dependents.set(uid, (dependents.get(uid) ?? new Set()).add(key));
  };
  const queue = createKeyQueue(machine.env, fieldManager, (key) => follow(key));
  const dependentsOf = (uid: string) => [...(dependents.get(uid) ?? [])];

  const see = (key: string, value: Bytes | undefined, previous: Bytes | undefined) => {
    if (!value) {
      index(key, []);
      const uid = previous && decodeObject(previous).metadata.uid;
      if (uid) for (const dependent of dependentsOf(uid)) queue.add(dependent);
      // A gone dependent may be what an owner waits for.
      for (const owner of previous && includes(previous, ownersMarker) ? (decodeObject(previous).metadata.ownerReferences ?? []) : []) addOwner(key, owner);
      return;
    }
    const hasOwners = includes(value, ownersMarker);
    const isDying = includes(value, deletionMarker);
    if (!hasOwners && owners.has(key)) index(key, []);
    if (!hasOwners && !isDying) return;
    const { metadata } = decodeObject(value);
    const uids = (metadata.ownerReferences ?? []).map((owner) => owner.uid);
    const isNews = uids.join() !== (owners.get(key) ?? []).join();
    if (isNews) index(key, uids);
    if (isNews || (metadata.deletionTimestamp !== undefined && isOurs(metadata.finalizers))) queue.add(key);
    // An owner that has begun its foreground deletion holds its dependents to account.
    if (metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(foregroundFinalizer) && metadata.uid) {
      for (const dependent of dependentsOf(metadata.uid)) queue.add(dependent);
    }
  };
  const addOwner = (dependentKey: string, owner: OwnerReference) => {
    const key = ownerKey(dependentKey, owner);
    if (key !== undefined && store.get(key)) queue.add(key);
  };
  /** Where an owner is stored; undefined when its kind is not served. */
  const ownerKey = (dependentKey: string, owner: OwnerReference): string | undefined => {
    const dependent = registry.ofKey(dependentKey);
    const resource = ownerResource(owner);
    if (!dependent || !resource) return undefined;
    const { namespace } = keyParts(dependent, dependentKey);
    return objectKey(resource, resource.namespaced ? namespace : undefined, owner.name);
  };
  const ownerResource = (owner: OwnerReference): Resource | undefined => {
    const { group } = parseApiVersion(owner.apiVersion);
    return registry.all().find((resource) => resource.group === group && resource.kind === owner.kind);
  };
  /** How an owner stands; undefined when it cannot be told, since its kind is not served. */
  const lookUp = (dependentKey: string, owner: OwnerReference): 'solid' | 'waiting' | 'absent' | undefined => {
    const resource = ownerResource(owner);
    if (!resource) return undefined;
    const dependent = registry.ofKey(dependentKey);
    // An owner in a namespace cannot own what is in none.
    if (resource.namespaced && dependent && !dependent.namespaced) return 'absent';
    const key = ownerKey(dependentKey, owner);
    const stored = key === undefined ? undefined : store.get(key);
    if (!stored) return 'absent';
    const { metadata } = decodeObject(stored.value);
    if (metadata.uid !== owner.uid) return 'absent';
    return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(foregroundFinalizer) ? 'waiting' : 'solid';
  };

  const follow = async (key: string): Promise<void> => {
    const stored = store.get(key);
    const resource = registry.ofKey(key);
    if (!stored || !resource) return;
    const object = decodeObject(stored.value);
    const { metadata } = object;
    if (metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(orphanFinalizer)) await orphan(key, resource, object);
    else if (metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(foregroundFinalizer)) await finishForeground(key, resource, object);
    if ((metadata.ownerReferences?.length ?? 0) > 0 && store.get(key)) await attend(key, resource, object);
  };

  /** Deletes a dependent that no owner keeps; drops references to owners that are gone while another keeps it. */
  const attend = async (key: string, resource: Resource, object: KubeObject): Promise<void> => {
    const { metadata } = object;
    // What is being deleted goes on by itself, unless it is to take its own dependents first.
    if (metadata.deletionTimestamp !== undefined) return;
    const { namespace, name } = keyParts(resource, key);
    const states = (metadata.ownerReferences ?? []).map((owner) => ({ owner, state: lookUp(key, owner) }));
    if (states.some(({ state }) => state === undefined)) return;
    const request = internalRequest(resource, namespace, fieldManager);
    const leaving = states.filter(({ state }) => state !== 'solid').map(({ owner }) => owner.uid);
    if (leaving.length === 0) return;
    if (leaving.length < states.length) {
      await dropOwners(key, resource, leaving);
      return;
    }
    const waits = states.some(({ state }) => state === 'waiting');
    const hasDependents = metadata.uid !== undefined && dependentsOf(metadata.uid).length > 0;
    const propagation = waits && hasDependents ? 'Foreground' : existingPropagation(metadata.finalizers);
    await deleteObject(machine, request, name, { propagation, uid: metadata.uid, resourceVersion: metadata.resourceVersion }).catch(ignoreNotFound);
  };

  const dropOwners = async (key: string, resource: Resource, uids: readonly string[]): Promise<void> => {
    const { namespace, name } = keyParts(resource, key);
    const gone = new Set(uids);
    await updateObject(machine, internalRequest(resource, namespace, fieldManager), name, (live) => {
      const left = (live.metadata.ownerReferences ?? []).filter((owner) => !gone.has(owner.uid));
      if (left.length > 0) live.metadata.ownerReferences = left;
      else delete live.metadata.ownerReferences;
      return toStored({ resource, version: resource.versions.find((version) => version.storage)! }, live);
    }).catch(ignoreNotFound);
  };

  const orphan = async (key: string, resource: Resource, object: KubeObject): Promise<void> => {
    const uid = object.metadata.uid ?? '';
    for (const dependent of dependentsOf(uid)) {
      const of = registry.ofKey(dependent);
      if (of) await dropOwners(dependent, of, [uid]);
    }
    await removeFinalizer(key, resource, orphanFinalizer);
  };

  const finishForeground = async (key: string, resource: Resource, object: KubeObject): Promise<void> => {
    const uid = object.metadata.uid ?? '';
    let blocked = false;
    for (const dependent of dependentsOf(uid)) {
      const stored = store.get(dependent);
      const owner = stored && decodeObject(stored.value).metadata.ownerReferences?.find((one) => one.uid === uid);
      if (!owner) continue;
      queue.add(dependent);
      if (owner.blockOwnerDeletion === true) blocked = true;
    }
    if (!blocked) await removeFinalizer(key, resource, foregroundFinalizer);
  };

  const removeFinalizer = async (key: string, resource: Resource, finalizer: string): Promise<void> => {
    const { namespace, name } = keyParts(resource, key);
    await updateObject(machine, internalRequest(resource, namespace, fieldManager), name, (live) => {
      live.metadata.finalizers = (live.metadata.finalizers ?? []).filter((one) => one !== finalizer);
      if (live.metadata.finalizers.length === 0) delete live.metadata.finalizers;
      return live;
    }).catch(ignoreNotFound);
  };

  for (const entry of store.list({ prefix: '' }).entries) see(entry.key, entry.value, undefined);
  const onEvents = (events: readonly StoreEvent[]) => {
    for (const event of events) see(event.key, event.value, event.previous?.value);
  };
  const watch = store.watch({ prefix: '', onEvents });
  // A kind that is served now may be the owner that could not be found before.
  registry.onChange(() => {
    for (const key of owners.keys()) queue.add(key);
  });
  return {
    idle: () => queue.idle(),
    close() {
      watch.close();
      queue.close();
    },
  };
}

function includes(bytes: Bytes, marker: Buffer): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(marker);
}

function isOurs(finalizers: readonly string[] | undefined): boolean {
  return finalizers?.some((finalizer) => finalizer === foregroundFinalizer || finalizer === orphanFinalizer) ?? false;
}

function existingPropagation(finalizers: readonly string[] | undefined): 'Orphan' | 'Foreground' | 'Background' {
  if (finalizers?.includes(orphanFinalizer)) return 'Orphan';
  return finalizers?.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
}
