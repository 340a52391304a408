import { controllerOf, matchesLabels, selectorOf, type KindRef, type KubeObject, type LabelSelector, type ObjectKey } from '@keelson/kube';
import { apiVersionOf } from '@keelson/kube';
import type { Cache, Watch } from '@keelson/controller';

/** An object with the selector that `ownerKeys` reads. */
interface Selecting extends KubeObject {
  spec?: { selector?: LabelSelector };
}

/**
 * A watch's `toKeys`: the object's controller, now and before the change, and for an orphan every owner in its namespace
 * whose selector would take it over.
 */
export function ownerKeys(owner: KindRef, selectorIn: (object: Selecting) => LabelSelector | undefined = (object) => object.spec?.selector): Watch['toKeys'] {
  return (object, cache, previous) => {
    const keys = new Map<string, ObjectKey>();
    const add = (name: string) => keys.set(name, { name, ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}) });
    for (const one of previous ? [object, previous] : [object]) {
      const reference = controllerOf(one);
      if (reference && reference.kind === owner.kind && reference.apiVersion === apiVersionOf(owner)) add(reference.name);
    }
    if (controllerOf(object) === undefined && object.metadata.deletionTimestamp === undefined) {
      for (const name of adopters(object, owner, selectorIn, cache)) add(name);
    }
    return [...keys.values()];
  };
}

function adopters(object: KubeObject, owner: KindRef, selectorIn: (object: Selecting) => LabelSelector | undefined, cache: Cache): string[] {
  const owners = cache.list<Selecting>(owner, object.metadata.namespace ? { namespace: object.metadata.namespace } : {});
  return owners.filter((one) => matchesLabels(selectorOf(selectorIn(one)), object.metadata.labels)).map((one) => one.metadata.name);
}
