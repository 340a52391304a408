// Marks on applied objects that kustomize-controller honours, as label or annotation, their values in any case.
import type { KubeObject, ObjectKey } from '@keelson/kube';

const prefix = 'kustomize.toolkit.fluxcd.io';
export const ownerNameLabel = `${prefix}/name`;
export const ownerNamespaceLabel = `${prefix}/namespace`;

/** True when the object carries the mark with this value. */
export function hasMark(object: KubeObject, mark: 'prune' | 'ssa' | 'force' | 'reconcile', value: string): boolean {
  const key = `${prefix}/${mark}`;
  const { labels, annotations } = object.metadata;
  return [labels?.[key], annotations?.[key]].some((text) => text?.toLowerCase() === value.toLowerCase());
}

/** True when it is neither applied nor pruned. */
export function isLeftAlone(object: KubeObject): boolean {
  return hasMark(object, 'reconcile', 'disabled') || hasMark(object, 'ssa', 'Ignore');
}

/** True when it is never deleted because it left the repository. */
export function isKept(object: KubeObject): boolean {
  return hasMark(object, 'prune', 'disabled') || isLeftAlone(object);
}

/** True when both owner labels name this Kustomization. */
export function isOwnedByKustomization(object: KubeObject, owner: ObjectKey): boolean {
  const { labels } = object.metadata;
  return labels?.[ownerNameLabel] === owner.name && labels[ownerNamespaceLabel] === owner.namespace;
}
