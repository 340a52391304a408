// Inventory ids as kustomize-controller writes them: `<namespace>_<name>_<group>_<kind>`, with `:` in RBAC names as `__`.
import { type KubeObject, parseApiVersion } from '@keelson/kube';

export interface InventoryEntry {
  readonly id: string;
  /** The version of the API the object was applied with. */
  readonly v: string;
}

export interface InventoryRef {
  readonly namespace: string;
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The entry of an applied object; its namespace must be what it was applied to ('' for a cluster-wide kind). */
export function inventoryEntry(object: KubeObject): InventoryEntry {
  const { group, version } = parseApiVersion(object.apiVersion);
  return { id: [object.metadata.namespace ?? '', object.metadata.name.replaceAll(':', '__'), group, object.kind].join('_'), v: version };
}

/** Takes an id apart; undefined when it is none. */
export function parseInventoryEntry(entry: InventoryEntry): InventoryRef | undefined {
  const match = /^([^_]*)_(.+)_([^_]*)_([^_]+)$/.exec(entry.id);
  if (!match) return undefined;
  return { namespace: match[1]!, name: match[2]!.replaceAll('__', ':'), group: match[3]!, kind: match[4]!, version: entry.v };
}

/** Entries of both, each id once; the second's version wins. */
export function mergeInventory(first: readonly InventoryEntry[], second: readonly InventoryEntry[]): InventoryEntry[] {
  const merged = new Map([...first, ...second].map((entry) => [entry.id, entry]));
  return [...merged.values()];
}

/** `Deployment/shop/web`, as Flux names objects in messages. */
export function refText(ref: Pick<InventoryRef, 'kind' | 'namespace' | 'name'>): string {
  return ref.namespace ? `${ref.kind}/${ref.namespace}/${ref.name}` : `${ref.kind}/${ref.name}`;
}

export function objectText(object: KubeObject): string {
  return refText({ kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name });
}
