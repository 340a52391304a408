import type { KindRef, KubeObject, ObjectKey } from '@keelson/kube';

/** What the informers hold. Reading is synchronous and free; the objects are shared, so never change them in place. */
export interface Cache {
  get<T extends KubeObject = KubeObject>(kind: KindRef, key: ObjectKey): T | undefined;
  list<T extends KubeObject = KubeObject>(kind: KindRef, filter?: CacheFilter): readonly T[];
  /** Takes an object a write has just answered, so that the next reconcile sees it before the watch brings it. */
  observe(kind: KindRef, object: KubeObject): void;
}

export interface CacheFilter {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** uid of an owner. */
  readonly ownerUid?: string;
}
