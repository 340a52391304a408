import type { Cache } from '@keelson/controller';
import { type KindRef, type KubeObject, parseKey } from '@keelson/kube';
import type { Origin } from '@keelson/kustomize';

/**
 * What is remembered of a Kustomization between two reconciles, only to spare work: when to look again if nothing changes, and in which versions
 * its objects were found right. It is not stored; a fresh start applies everything once more.
 */
export interface Remembered {
  /** Everything that went into the last attempt; another one means at once. */
  readonly fingerprint: string;
  readonly dueMs: number;
  /** Health is still waited for, or was found bad: look at it when something changes. */
  readonly watchesHealth: boolean;
  /** Objects of this cluster that we watch: `namespace/name` by kind, with the version that was right. */
  readonly verified: readonly { readonly kind: KindRef; readonly key: string; readonly version: string }[];
  /** Where each object stands in the repository, by inventory id. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Since when definitions or namespaces of the same set are waited for. */
  readonly deferredSinceMs?: number;
  /** When the attempt began that health is waited for. */
  readonly startedMs: number;
  /** Digest of the built objects. */
  readonly digest: string;
}

/** Changes with an object's desired state; not with its status, where the kind tells the two apart. */
export function versionOf(object: KubeObject): string {
  const { uid, generation, resourceVersion, deletionTimestamp } = object.metadata;
  return `${uid} ${generation ?? resourceVersion}${deletionTimestamp ? ' deleting' : ''}`;
}

/** True when an object is not what it was when it was last found right. */
export function hasDrifted(remembered: Remembered, cache: Cache): boolean {
  return remembered.verified.some(({ kind, key, version }) => {
    const object = cache.get(kind, parseKey(key));
    return !object || versionOf(object) !== version;
  });
}
