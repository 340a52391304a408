import type { KindRef, KubeObject, ObjectKey } from '@keelson/kube';
import { keyOf } from '@keelson/kube';
import type { Cache, CacheFilter } from './cache.ts';

const tombstoneLimit = 1000;

interface Shelf {
  readonly objects: Map<string, KubeObject>;
  readonly byOwner: Map<string, Set<string>>;
  /** Versions at which objects went, so that a late answer does not bring one back. */
  readonly gone: Map<string, string>;
}

/** The cache with its writing half, which only informers use. */
export interface ObjectCache extends Cache {
  /** Takes a watch event. Answers what was held before, and whether the event was news. */
  set(kind: KindRef, object: KubeObject): { previous: KubeObject | undefined; changed: boolean };
  remove(kind: KindRef, object: KubeObject): KubeObject | undefined;
  /** Takes a whole list; answers the objects that were held and are not in it. */
  replace(kind: KindRef, objects: readonly KubeObject[], resourceVersion: string): KubeObject[];
  /** Drops all of a kind with what is known of its deletions; answers what was held. For a server that has gone back in time. */
  forget(kind: KindRef): KubeObject[];
  onObserve(listener: (kind: KindRef, object: KubeObject, previous: KubeObject | undefined) => void): void;
}

/** `group/kind`: what names a kind across versions. */
export function kindKey(kind: Pick<KindRef, 'group' | 'kind'>): string {
  return `${kind.group}/${kind.kind}`;
}

export function createObjectCache(): ObjectCache {
  const shelves = new Map<string, Shelf>();
  const listeners: ((kind: KindRef, object: KubeObject, previous: KubeObject | undefined) => void)[] = [];
  const shelfOf = (kind: KindRef): Shelf => {
    const name = kindKey(kind);
    let shelf = shelves.get(name);
    if (!shelf) shelves.set(name, (shelf = { objects: new Map(), byOwner: new Map(), gone: new Map() }));
    return shelf;
  };
  const cache: ObjectCache = {
    get: <T extends KubeObject>(kind: KindRef, key: ObjectKey) => shelfOf(kind).objects.get(keyOf(key)) as T | undefined, // the kind's shelf holds only its type
    list: <T extends KubeObject>(kind: KindRef, filter: CacheFilter = {}) => listShelf(shelfOf(kind), filter) as T[], // likewise
    observe(kind, object) {
      const { previous, changed } = cache.set(kind, object);
      if (changed) for (const listener of listeners) listener(kind, object, previous);
    },
    set(kind, object) {
      const shelf = shelfOf(kind);
      const key = keyOf(object);
      const previous = shelf.objects.get(key);
      const version = object.metadata.resourceVersion;
      if (isNewer(shelf.gone.get(key), version) || (previous && !isNewer(version, previous.metadata.resourceVersion))) return { previous, changed: false };
      if (previous) unindex(shelf, key, previous);
      shelf.objects.set(key, object);
      for (const owner of object.metadata.ownerReferences ?? []) {
        const owned = shelf.byOwner.get(owner.uid) ?? new Set();
        shelf.byOwner.set(owner.uid, owned.add(key));
      }
      return { previous, changed: true };
    },
    remove(kind, object) {
      const shelf = shelfOf(kind);
      const key = keyOf(object);
      const previous = shelf.objects.get(key);
      if (previous && isNewer(previous.metadata.resourceVersion, object.metadata.resourceVersion)) return undefined;
      if (shelf.gone.size >= tombstoneLimit) shelf.gone.delete(shelf.gone.keys().next().value!);
      shelf.gone.set(key, object.metadata.resourceVersion ?? '');
      if (previous) unindex(shelf, key, previous);
      shelf.objects.delete(key);
      return previous;
    },
    replace(kind, objects, resourceVersion) {
      const shelf = shelfOf(kind);
      const keys = new Set(objects.map(keyOf));
      const missing = [...shelf.objects.values()].filter((held) => !keys.has(keyOf(held)) && !isNewer(held.metadata.resourceVersion, resourceVersion));
      for (const held of missing) {
        unindex(shelf, keyOf(held), held);
        shelf.objects.delete(keyOf(held));
      }
      return missing;
    },
    forget(kind) {
      const held = [...shelfOf(kind).objects.values()];
      shelves.delete(kindKey(kind));
      return held;
    },
    onObserve: (listener) => void listeners.push(listener),
  };
  return cache;
}

function listShelf(shelf: Shelf, filter: CacheFilter): KubeObject[] {
  const candidates = filter.ownerUid === undefined ? shelf.objects.values() : [...(shelf.byOwner.get(filter.ownerUid) ?? [])].map((key) => shelf.objects.get(key)!);
  const out: KubeObject[] = [];
  for (const object of candidates) {
    if (filter.namespace !== undefined && object.metadata.namespace !== filter.namespace) continue;
    if (filter.labels && !Object.entries(filter.labels).every(([name, value]) => object.metadata.labels?.[name] === value)) continue;
    out.push(object);
  }
  return out;
}

function unindex(shelf: Shelf, key: string, object: KubeObject): void {
  for (const owner of object.metadata.ownerReferences ?? []) {
    const owned = shelf.byOwner.get(owner.uid);
    owned?.delete(key);
    if (owned?.size === 0) shelf.byOwner.delete(owner.uid);
  }
}

/** True when version `a` is later than `b`. Versions that are not numbers cannot be ordered: only equality is known then. */
export function isNewer(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined) return false;
  if (b === undefined) return true;
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) return a.length !== b.length ? a.length > b.length : a > b;
  return a !== b;
}
