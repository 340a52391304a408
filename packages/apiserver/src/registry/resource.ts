import type { PrinterColumn, ScalePaths, Subresource } from '@keelson/api/tables';
import type { KubeObject } from '@keelson/kube';
import type { Schema, SchemaDialect, SchemaResolver } from '@keelson/kube/schema';
import type { Strategy } from '../kinds/strategy.ts';

/** A kind as this server serves it, in all its versions. */
export interface Resource {
  readonly group: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** Built-in kinds take strategic merge patches and protobuf; custom ones do not. */
  readonly builtIn: boolean;
  /** Served versions first; exactly one has `storage`. */
  readonly versions: readonly ResourceVersion[];
  readonly strategy: Strategy;
  /** Where its objects are in the store: `<group or core>/<plural>/`. */
  readonly prefix: string;
  /** Values written at or before this revision may lack what the schema now says: they are read, not passed through. */
  readonly schemaRevision: number;
  /** Its definition is being deleted: nothing new is taken. */
  readonly isTerminating?: boolean;
}

export interface ResourceVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  /** The warning that every request to it carries. */
  readonly deprecationWarning?: string;
  readonly columns: readonly PrinterColumn[];
  /** Paths as `.spec.nodeName`. */
  readonly selectableFields: readonly string[];
  readonly subresources: readonly Subresource[];
  readonly scale?: ScalePaths;
  /** Loads and compiles on first use. */
  schema(): VersionSchema;
  /** From the storage version to this one, in place of a mere change of apiVersion. */
  readonly fromStorage?: (object: KubeObject) => KubeObject;
  readonly toStorage?: (object: KubeObject) => KubeObject;
}

export interface VersionSchema {
  readonly schema: Schema;
  readonly resolver?: SchemaResolver;
  readonly dialect: SchemaDialect;
}

/** A resource at the version a request names. */
export interface ServedVersion {
  readonly resource: Resource;
  readonly version: ResourceVersion;
}

/** The group as it stands in store keys. */
export function groupSegment(group: string): string {
  return group === '' ? 'core' : group;
}

/** The store key of an object. */
export function objectKey(resource: Resource, namespace: string | undefined, name: string): string {
  return `${collectionPrefix(resource, namespace)}${name}`;
}

/** The prefix of all objects of a resource, or of those in one namespace. */
export function collectionPrefix(resource: Resource, namespace: string | undefined): string {
  return resource.namespaced && namespace ? `${resource.prefix}${namespace}/` : resource.prefix;
}

/** Namespace and name of a store key of this resource. */
export function keyParts(resource: Resource, key: string): { namespace?: string; name: string } {
  const rest = key.slice(resource.prefix.length);
  const slash = rest.indexOf('/');
  return resource.namespaced && slash >= 0 ? { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) } : { name: rest };
}

/** `group/version` as in an object's apiVersion. */
export function groupVersion(of: ServedVersion): string {
  return of.resource.group === '' ? of.version.name : `${of.resource.group}/${of.version.name}`;
}

export function storageVersion(resource: Resource): ResourceVersion {
  const found = resource.versions.find((version) => version.storage);
  if (!found) throw new Error(`${resource.plural}.${resource.group} has no storage version`);
  return found;
}

export function hasSubresource(version: ResourceVersion, name: string): boolean {
  return version.subresources.some((sub) => sub.name === name);
}

/** A resource whose strategy is changed in parts; its tables stay unread. */
export function withStrategy(resource: Resource, changes: Partial<Strategy>): Resource {
  const strategy: Strategy = { ...resource.strategy, ...changes };
  // Inherits the getters instead of running them, as a spread would.
  return Object.create(resource, { strategy: { value: strategy, enumerable: true } }) as Resource;
}
