/** List and watch, as client-go's reflector does: a list, then a watch from its version; a fresh list when that has expired. */
import { backoffDelay, describeError, type Env } from '@keelson/std';
import { keyOf, type KindRef, type KubeObject } from '@keelson/kube';
import { ApiError, type KubeClient } from '@keelson/kube/client';
import { isNewer, type ObjectCache } from './object-cache.ts';

export interface InformerEvents {
  /** An object appeared, changed (`previous` is there) or went (`gone`). */
  readonly onChange: (object: KubeObject, previous: KubeObject | undefined, gone: boolean) => void;
  readonly onSynced: () => void;
}

const retry = { firstMs: 100, maxMs: 10_000, factor: 2, jitter: 0.3 };
const pageSize = 500;

/** Keeps the cache of one kind up to date until the signal aborts. Never throws. */
export async function runInformer(kind: KindRef, client: KubeClient, cache: ObjectCache, events: InformerEvents, env: Env, signal: AbortSignal): Promise<void> {
  let version: string | undefined;
  // The newest version that was heard of, by list or watch.
  let newest: string | undefined;
  const hear = (heard: string) => void (newest = heard);
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (version === undefined) {
        version = await relist(kind, client, cache, events, newest);
        hear(version);
        events.onSynced();
      }
      version = await follow(kind, version, client, cache, events, hear, signal);
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      // What the server refuses to go on from (expired with any status, or ahead of a store that was restored) needs a new list.
      if (error instanceof ApiError && error.code !== 429) version = undefined;
      env.log.warn('watch failed; it is tried again', { kind: kind.kind, error: describeError(error), failures });
      await env.clock.sleep(backoffDelay(retry, failures++, env.random), signal).catch(() => {});
    }
  }
}

async function relist(kind: KindRef, client: KubeClient, cache: ObjectCache, events: InformerEvents, newest: string | undefined): Promise<string> {
  const items: KubeObject[] = [];
  let page = await client.list(kind, { limit: pageSize });
  items.push(...page.items);
  while (page.continue) {
    page = await client.list(kind, { limit: pageSize, continue: page.continue });
    items.push(...page.items);
  }
  // A list that is older than what was heard: the store was restored from a backup, and what is held is of a time that never was.
  if (isOrdered(newest, page.resourceVersion) && isNewer(newest, page.resourceVersion)) {
    const keys = new Set(items.map(keyOf));
    for (const lost of cache.forget(kind)) if (!keys.has(keyOf(lost))) events.onChange(lost, lost, true);
  }
  for (const gone of cache.replace(kind, items, page.resourceVersion)) events.onChange(gone, gone, true);
  for (const object of items) {
    const { previous, changed } = cache.set(kind, object);
    if (changed) events.onChange(object, previous, false);
  }
  return page.resourceVersion;
}

function isOrdered(...versions: readonly (string | undefined)[]): boolean {
  return versions.every((version) => version !== undefined && /^\d+$/.test(version));
}

/** Follows one watch to its end; answers the version to go on from, or undefined when a new list is needed. */
async function follow(kind: KindRef, from: string, client: KubeClient, cache: ObjectCache, events: InformerEvents, hear: (version: string) => void, signal: AbortSignal): Promise<string | undefined> {
  let version = from;
  for await (const event of client.watch(kind, { resourceVersion: from, allowBookmarks: true }, signal)) {
    if (event.type === 'ERROR') {
      if (event.status.code === 410) return undefined;
      throw new ApiError(event.status, `watching ${kind.kind}`);
    }
    version = event.object.metadata.resourceVersion ?? version;
    hear(version);
    if (event.type === 'BOOKMARK') continue;
    if (event.type === 'DELETED') {
      const previous = cache.remove(kind, event.object);
      if (previous) events.onChange(event.object, previous, true);
    } else {
      const { previous, changed } = cache.set(kind, event.object);
      if (changed) events.onChange(event.object, previous, false);
    }
  }
  return version;
}
