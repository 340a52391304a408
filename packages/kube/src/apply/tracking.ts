// What a write does to the owners of fields: structured-merge-diff merge/update.go.
import type { KubeObject } from '../object.ts';
import type { Schema, SchemaResolver } from '../schema/schema.ts';
import type { FieldSet } from './field-set.ts';
import { difference, emptySet, fieldElement, fieldSetOf, intersection, isEmptySet, recursiveDifference, union } from './field-set.ts';
import type { Manager, Managers } from './managed-fields.ts';
import { managerId, tracked } from './managed-fields.ts';
import { PatchError } from './patch-error.ts';
import type { Atom } from './typed.ts';
import { objectAtom } from './typed.ts';
import type { Comparison } from './typed-compare.ts';
import { compareTyped, reconcileSet } from './typed-compare.ts';
import { formatTypeProblems, typeProblems } from './typed-value.ts';

/** Another version of the kind, for owners that wrote in it. */
export interface OtherVersion {
  readonly schema: Schema | undefined;
  readonly resolver?: SchemaResolver;
  /** The object in this version. */
  convert(object: KubeObject): KubeObject;
}

export interface TrackingOptions {
  /** The schema of `apiVersion`; undefined for a kind without one: then maps merge and lists are owned whole. */
  readonly schema: Schema | undefined;
  readonly resolver?: SchemaResolver;
  /** The field manager's name; the empty name becomes `unknown`. */
  readonly manager: string;
  /** The version the request is in. */
  readonly apiVersion: string;
  readonly subresource?: string;
  /** RFC 3339. */
  readonly time: string;
  /**
   * Fields this endpoint resets, as paths of names: the main one of a kind with a status `[['status']]`, its status subresource
   * `[['metadata'], ['spec']]`. They are neither owned nor in conflict.
   */
  readonly resetFields?: readonly (readonly string[])[];
  /**
   * Other served versions by apiVersion; undefined for one that is gone, whose owners are dropped.
   * Without this option every version of the kind counts as having the same fields.
   */
  readonly versions?: (apiVersion: string) => OtherVersion | undefined;
}

/** The place an object grows from when it is created. */
export function emptyObject(like: KubeObject): KubeObject {
  // Only its type is there.
  return { apiVersion: like.apiVersion, kind: like.kind } as KubeObject;
}

/** Throws PatchError 500, in upstream's words, when an object does not fit its type. */
export function fit(atom: Atom, object: KubeObject, allowDuplicates: boolean, role: 'patch' | 'live' | 'new'): void {
  const problems = typeProblems(atom, object, allowDuplicates);
  if (problems.length === 0) return;
  const doing = role === 'new' ? 'failed to convert new object' : `failed to create typed ${role} object`;
  throw new PatchError(500, `${doing} (${describe(object)}): ${formatTypeProblems(problems)}`);
}

/** Go's notation of an object's place and kind: `ns/name; apps/v1, Kind=Deployment`. */
function describe(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return `${namespace ?? ''}/${name ?? ''}; ${object.apiVersion}, Kind=${object.kind}`;
}

/** Gives an updater what it changed and added, and takes that from everybody else. */
export function recordUpdate(managers: Map<string, Manager>, atom: Atom, before: KubeObject, after: KubeObject, options: TrackingOptions, name: string): void {
  const manager: Omit<Manager, 'set' | 'time'> = {
    name: name || 'unknown',
    operation: 'Update',
    apiVersion: options.apiVersion,
    subresource: options.subresource ?? '',
  };
  reconcileAll(managers, atom, options);
  const { comparison, others } = releaseChanged(managers, undefined, atom, before, after, options);
  managers.clear();
  for (const [other, kept] of others) managers.set(other, kept);
  const set = tracked(union(comparison.modified, comparison.added));
  if (isEmptySet(set)) return;
  const id = managerId(manager);
  const previous = managers.get(id)?.set ?? emptySet;
  managers.set(id, { ...manager, time: options.time, set: union(set, previous) });
}

export interface Released {
  readonly comparison: Comparison;
  /** What each other manager owns of the modified and added fields. */
  readonly taken: ReadonlyMap<string, FieldSet>;
  /** The other managers after they lost that, and what was removed. */
  readonly others: ReadonlyMap<string, Manager>;
}

/** Which fields a change takes from the managers other than `self`. Owners whose version is gone are left out. */
export function releaseChanged(
  managers: Managers,
  self: string | undefined,
  atom: Atom,
  before: KubeObject,
  after: KubeObject,
  options: TrackingOptions,
): Released {
  const filter = resetFilter(options);
  const filtered = (comparison: Comparison): Comparison => ({
    added: filter(comparison.added),
    modified: filter(comparison.modified),
    removed: filter(comparison.removed),
  });
  const comparison = filtered(compareTyped(atom, before, after));
  const byVersion = new Map<string, Comparison>([[options.apiVersion, comparison]]);
  const taken = new Map<string, FieldSet>();
  const others = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    if (id === self) continue;
    let seen = byVersion.get(manager.apiVersion);
    if (!seen) {
      const other = inVersion(manager.apiVersion, atom, options);
      if (!other) continue;
      seen = filtered(compareTyped(other.atom, other.convert(before), other.convert(after)));
      byVersion.set(manager.apiVersion, seen);
    }
    const lost = intersection(manager.set, union(seen.modified, seen.added));
    if (!isEmptySet(lost)) taken.set(id, lost);
    const set = difference(difference(manager.set, lost), seen.removed);
    if (!isEmptySet(set)) others.set(id, { ...manager, set });
  }
  return { comparison, taken, others };
}

/** A version of the kind: its type, and objects in it. */
export interface VersionedType {
  readonly atom: Atom;
  convert(object: KubeObject): KubeObject;
}

/** A version of the kind; undefined when it is gone. */
export function inVersion(apiVersion: string, atom: Atom, options: TrackingOptions): VersionedType | undefined {
  const other = options.versions?.(apiVersion);
  if (options.versions && !other && apiVersion !== options.apiVersion) return undefined;
  return {
    atom: apiVersion === options.apiVersion || !other ? atom : objectAtom(other.schema, other.resolver),
    convert: (object) => (object.apiVersion === apiVersion ? object : other ? other.convert(object) : { ...object, apiVersion }),
  };
}

/** Takes the fields that the endpoint resets out of a set. */
export function resetFilter(options: TrackingOptions): (set: FieldSet) => FieldSet {
  if (!options.resetFields || options.resetFields.length === 0) return (set) => set;
  const reset = fieldSetOf(...options.resetFields.map((path) => path.map(fieldElement)));
  return (set) => recursiveDifference(set, reset);
}

/** Fits all sets to the schema as it is now, and drops owners whose version is gone. True when nothing had to be changed. */
export function reconcileAll(managers: Map<string, Manager>, atom: Atom, options: TrackingOptions): boolean {
  let settled = true;
  for (const [id, manager] of managers) {
    const type = inVersion(manager.apiVersion, atom, options);
    const set = type && reconcileSet(type.atom, manager.set);
    if (set === manager.set) continue;
    settled = false;
    if (set) managers.set(id, { ...manager, set });
    else managers.delete(id);
  }
  return settled;
}
