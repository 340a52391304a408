// metadata.managedFields: apimachinery pkg/util/managedfields/internal/managedfields.go, capmanagers.go, stripmeta.go.
import type { KubeObject, ManagedFieldsEntry } from '../object.ts';
import { parseTime } from '@keelson/std';
import { isEqual } from '../schema/validate.ts';
import type { FieldSet } from './field-set.ts';
import { decodeFields, difference, emptySet, encodeFields, fieldElement, fieldSetOf, union } from './field-set.ts';

/** One manager's entry, with its fields as a set. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339; undefined when never set. */
  readonly time: string | undefined;
  readonly set: FieldSet;
}

/** Entries by identity. A map that is being worked on; the functions here make new ones. */
export type Managers = ReadonlyMap<string, Manager>;

/** The most Update entries an object keeps; older ones are joined under `ancient-changes`. */
const maxUpdateManagers = 10;
const ancientManager = 'ancient-changes';

/** What makes two entries the same: manager, operation, subresource, and for updates the apiVersion. */
export function managerId(of: Pick<Manager, 'name' | 'operation' | 'apiVersion' | 'subresource'>): string {
  return JSON.stringify({
    manager: of.name,
    operation: of.operation,
    apiVersion: of.operation === 'Update' ? of.apiVersion : undefined,
    subresource: of.subresource || undefined,
  });
}

/** Reads managedFields. Throws an Error that says which entry is wrong. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined | null): Map<string, Manager> {
  const managers = new Map<string, Manager>();
  (entries ?? []).forEach((entry, index) => {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') throw new Error('operation must be `Apply` or `Update`');
    if (!entry.apiVersion) throw new Error('apiVersion must not be empty');
    if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${index}`);
    if (entry.fieldsType !== 'FieldsV1') throw new Error(`invalid fieldsType "${String(entry.fieldsType)}" in managed fields entry ${index}`);
    const manager: Manager = {
      name: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time,
      set: decodeFields(entry.fieldsV1),
    };
    managers.set(managerId(manager), manager);
  });
  return managers;
}

/** managedFields as they are stored: by operation, time, manager, apiVersion and subresource. Undefined when there are none. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()].sort(compareManagers).map((manager) => ({
    ...(manager.name === '' ? {} : { manager: manager.name }),
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    // The wire form is plain JSON that callers may hold and copy.
    fieldsV1: encodeFields(manager.set) as Record<string, unknown>,
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

function compareManagers(a: Manager, b: Manager): number {
  return (
    compareTexts(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    compareTexts(a.name, b.name) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function secondsOf(manager: Manager): number {
  const at = manager.time === undefined ? 0 : parseTime(manager.time);
  return Number.isNaN(at) ? 0 : Math.floor(at / 1000);
}

/** What is never tracked: identity and what the server sets. */
const untracked: FieldSet = fieldSetOf(
  [fieldElement('apiVersion')],
  [fieldElement('kind')],
  [fieldElement('metadata')],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map((name) => [
    fieldElement('metadata'),
    fieldElement(name),
  ]),
);

/** A set without the fields that are never tracked. */
export function tracked(set: FieldSet): FieldSet {
  return difference(set, untracked);
}

/** Joins the oldest Update entries of each apiVersion until no more than ten are left. */
export function capUpdateManagers(managers: Map<string, Manager>): void {
  const updaters = [...managers].filter(([, manager]) => manager.operation === 'Update');
  let count = updaters.length;
  if (count <= maxUpdateManagers) return;
  updaters.sort(([idA, a], [idB, b]) => secondsOf(a) - secondsOf(b) || compareTexts(idA, idB));
  const firstOf = new Map<string, string>();
  for (const [id, manager] of updaters) {
    if (count <= maxUpdateManagers) return;
    const first = firstOf.get(manager.apiVersion);
    if (first === undefined) {
      firstOf.set(manager.apiVersion, id);
      continue;
    }
    const bucket: Manager = { name: ancientManager, operation: 'Update', apiVersion: manager.apiVersion, subresource: '', time: manager.time, set: emptySet };
    const bucketId = managerId(bucket);
    const gathered = managers.get(bucketId)?.set ?? managers.get(first)?.set ?? emptySet;
    if (!managers.has(bucketId)) managers.delete(first);
    managers.delete(id);
    managers.set(bucketId, { ...bucket, set: union(manager.set, gathered) });
    count--;
  }
}

/** The object without managedFields. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** The object with these managers' entries as its managedFields. */
export function withManagers(object: KubeObject, managers: Managers): KubeObject {
  const entries = encodeManagers(managers);
  const bare = withoutManagedFields(object);
  return entries ? { ...bare, metadata: { ...bare.metadata, managedFields: entries } } : bare;
}

/**
 * `before` when the two differ in nothing but the times of their managedFields, `after` otherwise. A write that would change only times
 * is no write (apiserver pkg/endpoints/handlers/fieldmanager/equality.go). Call it on what would be stored, after defaulting.
 */
export function ignoreTimeChanges<T extends KubeObject>(before: T, after: T): T {
  const [old, next] = [before.metadata.managedFields ?? [], after.metadata.managedFields ?? []];
  if (old.length !== next.length) return after;
  if (!isEqual(withoutManagedFields(before), withoutManagedFields(after))) return after;
  const timeless = (entries: readonly ManagedFieldsEntry[]) => entries.map((entry) => JSON.stringify({ ...entry, time: undefined })).sort();
  return isEqual(timeless(old), timeless(next)) ? before : after;
}
