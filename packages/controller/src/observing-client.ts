import type { KindRef, KubeObject } from '@keelson/kube';
import type { KubeClient, WriteOptions } from '@keelson/kube/client';
import type { Cache } from './cache.ts';

/** A client that puts what a write has answered into the cache, so that the next reconcile sees its own writes. */
export function observingClient(client: KubeClient, cache: Cache, isCached: (kind: KindRef) => boolean): KubeClient {
  const seen = <T extends KubeObject>(kind: KindRef, object: T, options?: WriteOptions): T => {
    // An object in deletion may be gone by now: only the watch knows.
    if (!options?.dryRun && isCached(kind) && object.metadata?.resourceVersion && !object.metadata.deletionTimestamp) cache.observe(kind, object);
    return object;
  };
  return {
    ...client,
    create: async (kind, object, options) => seen(kind, await client.create(kind, object, options), options),
    update: async (kind, object, options) => seen(kind, await client.update(kind, object, options), options),
    patch: async (kind, key, type, patch, options) => seen(kind, await client.patch(kind, key, type, patch, options), options),
    apply: async (kind, object, options) => seen(kind, await client.apply(kind, object, options), options),
  };
}
