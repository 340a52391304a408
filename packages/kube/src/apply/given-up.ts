// What goes when a manager stops applying it: structured-merge-diff merge/update.go (prune).
import type { KubeObject } from '../object.ts';
import { isRecord } from '../schema/schema.ts';
import type { FieldSet } from './field-set.ts';
import { difference, emptySet, intersection, union } from './field-set.ts';
import type { Manager, Managers } from './managed-fields.ts';
import type { TrackingOptions, VersionedType } from './tracking.ts';
import { inVersion } from './tracking.ts';
import type { Atom } from './typed.ts';
import { fieldSetOfTyped, removeTyped, withNamedFields } from './typed-compare.ts';

/** Removes what the manager applied last time and does not any more, unless somebody else owns it. `atom` is the request's type. */
export function dropGivenUp(atom: Atom, merged: KubeObject, managers: Managers, last: Manager, options: TrackingOptions): KubeObject {
  const type = inVersion(last.apiVersion, atom, options);
  if (!type) return merged;
  const whole = type.convert(merged);
  const without = removeTyped(type.atom, whole, withNamedFields(type.atom, last.set));
  const left = withOwned(atom, whole, without, last.apiVersion, managers, options);
  // Back goes also what was not the manager's to remove.
  const gone = intersection(difference(pathsIn(type, whole), pathsIn(type, left)), withNamedFields(type.atom, last.set));
  const result = asObject(removeTyped(type.atom, whole, gone));
  return inVersion(options.apiVersion, atom, options)?.convert(result) ?? result;
}

/** Adds back what others own, or the manager itself by what it applies now; each owner's fields in the version it wrote in. */
function withOwned(atom: Atom, whole: KubeObject, without: unknown, apiVersion: string, managers: Managers, options: TrackingOptions): unknown {
  const owned = new Map<string, FieldSet>();
  for (const manager of managers.values()) owned.set(manager.apiVersion, union(owned.get(manager.apiVersion) ?? emptySet, manager.set));
  // The version at hand first, so that what conversion needs is there.
  const versions = [apiVersion, ...[...owned.keys()].filter((version) => version !== apiVersion)];
  let left = without;
  for (const version of versions) {
    const set = owned.get(version);
    const type = inVersion(version, atom, options);
    if (!set || !type) continue;
    const all = type.convert(whole);
    const kept = union(pathsIn(type, isRecord(left) ? type.convert(asObject(left)) : left), withNamedFields(type.atom, set));
    left = removeTyped(type.atom, all, difference(pathsIn(type, all), kept));
  }
  return isRecord(left) ? (inVersion(apiVersion, atom, options)?.convert(asObject(left)) ?? left) : left;
}

function pathsIn(type: VersionedType, value: unknown): FieldSet {
  return withNamedFields(type.atom, fieldSetOfTyped(type.atom, value));
}

function asObject(value: unknown): KubeObject {
  // An object without some of its fields is an object.
  return value as KubeObject;
}
