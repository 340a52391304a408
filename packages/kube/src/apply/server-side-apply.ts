// Server-side apply and the bookkeeping of field owners: structured-merge-diff merge/update.go and
// apimachinery pkg/util/managedfields/internal (the chain of managers around it).
import type { KubeObject } from '../object.ts';
import { goJson, quote } from '../schema/field-error.ts';
import type { Schema, SchemaResolver } from '../schema/schema.ts';
import { isRecord } from '../schema/schema.ts';
import { isEqual } from '../schema/validate.ts';
import { annotationsMaxBytes } from '../name.ts';
import type { FieldPath, FieldSet } from './field-set.ts';
import {
  difference,
  emptySet,
  fieldElement,
  fieldSetOf,
  formatPath,
  hasPath,
  intersection,
  isEmptySet,
  isSameSet,
  pathsOf,
  recursiveDifference,
  union,
} from './field-set.ts';
import type { Manager, Managers } from './managed-fields.ts';
import { capUpdateManagers, decodeManagers, managerId, tracked, withManagers, withoutManagedFields } from './managed-fields.ts';
import { PatchError } from './patch-error.ts';
import type { Atom } from './typed.ts';
import { objectAtom } from './typed.ts';
import type { Comparison } from './typed-compare.ts';
import { compareTyped, fieldSetOfTyped, reconcileSet, removeTyped, withNamedFields } from './typed-compare.ts';
import { mergeTyped } from './typed-merge.ts';
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

export interface ApplyInput extends TrackingOptions {
  /** The stored object; undefined creates. */
  readonly live?: KubeObject;
  /** What the manager wants, in full. */
  readonly applied: KubeObject;
  /** Take fields that other managers own. */
  readonly force?: boolean;
}

/** A field that another manager owns and that the apply would change. */
export interface Conflict {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** `.spec.replicas` */
  readonly field: string;
  /** `conflict with "m" using apps/v1`: the cause's message. */
  readonly message: string;
}

export interface ApplyResult {
  /** The merged object with its managedFields; on a conflict the live one, unchanged. */
  readonly object: KubeObject;
  /** Empty when the apply went through. */
  readonly conflicts: readonly Conflict[];
  /** False when nothing but times would change: then `object` is `live` itself. */
  readonly changed: boolean;
}

export interface UpdateInput extends TrackingOptions {
  /** The stored object; undefined for a create. */
  readonly before?: KubeObject;
  /** The object as it is to be stored. */
  readonly after: KubeObject;
}

/**
 * Merges what a manager applies into the live object. Fields the manager gave up since its last apply go, unless others own them.
 * Defaults are for the caller to fill in afterwards (they belong to nobody), then `ignoreTimeChanges` decides whether to write.
 * Throws PatchError: 400 for a wrong version or managedFields in the patch, 500 for what does not fit the schema, with upstream's words.
 */
export function serverSideApply(input: ApplyInput): ApplyResult {
  const { applied, apiVersion } = input;
  if (applied.apiVersion !== apiVersion || (input.live && applied.kind !== input.live.kind)) {
    throw new PatchError(400, `invalid object type: ${applied.apiVersion}, Kind=${applied.kind}`);
  }
  if (applied.metadata?.managedFields !== undefined && applied.metadata.managedFields !== null) {
    throw new PatchError(400, 'metadata.managedFields must be nil');
  }
  const atom = objectAtom(input.schema, input.resolver);
  const live = input.live ? withoutManagedFields(input.live) : emptyObject(applied);
  fit(atom, applied, false, 'patch');
  if (input.live) fit(atom, live, true, 'live');

  const managers = liveManagers(input);
  if (managers.size === 0 && input.live) attributeToBeforeApply(managers, atom, live, input);
  const outcome = applyWith(atom, live, managers, input, input.force === true);
  if ('conflicts' in outcome) return resolveConflicts(atom, live, managers, input, outcome.conflicts);
  return finish(input, live, outcome);
}

/**
 * The object to store with its managedFields brought up to date for a create, an update or a patch that is not an apply.
 * Never conflicts. When managedFields cannot be kept (they are malformed, or the object does not fit the schema),
 * the ones stored before stay.
 */
export function trackUpdate(input: UpdateInput): KubeObject {
  const { before, after } = input;
  try {
    return track(input);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const bare = withoutManagedFields(after);
    const kept = before?.metadata.managedFields;
    return kept ? { ...bare, metadata: { ...bare.metadata, managedFields: kept } } : bare;
  }
}

function track(input: UpdateInput): KubeObject {
  const after = withoutManagedFields(input.after);
  const managers = updateManagers(input);
  // An object that nobody tracked before its first apply stays untracked.
  if (managers.size === 0 && input.before?.metadata.uid) return after;
  const atom = objectAtom(input.schema, input.resolver);
  const before = input.before ? withoutManagedFields(input.before) : emptyObject(after);
  fit(atom, after, true, 'new');
  if (input.before) fit(atom, before, true, 'live');
  recordUpdate(managers, atom, before, after, input, input.manager);
  capUpdateManagers(managers);
  return withManagers(after, managers);
}

/** The managers an update starts from: those sent with the object, so that they can be edited, or the stored ones. */
function updateManagers(input: UpdateInput): Map<string, Manager> {
  const sent = input.after.metadata?.managedFields;
  const stored = () => {
    try {
      return decodeManagers(input.before?.metadata.managedFields);
    } catch {
      return new Map<string, Manager>();
    }
  };
  if (input.subresource) return stored();
  if (Array.isArray(sent) && (sent.length === 0 || (sent.length === 1 && Object.keys(sent[0] ?? {}).length === 0))) return new Map();
  try {
    const managers = decodeManagers(sent);
    return managers.size > 0 ? managers : stored();
  } catch {
    return stored();
  }
}

function liveManagers(input: ApplyInput): Map<string, Manager> {
  try {
    return decodeManagers(input.live?.metadata.managedFields);
  } catch (cause) {
    throw new PatchError(500, `failed to decode managed fields: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function emptyObject(like: KubeObject): KubeObject {
  // The place an object grows from when it is created: only its type is there.
  return { apiVersion: like.apiVersion, kind: like.kind } as KubeObject;
}

function fit(atom: Atom, object: KubeObject, allowDuplicates: boolean, role: 'patch' | 'live' | 'new'): void {
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

/** An object without owners that is applied to for the first time: what is there belongs to `before-first-apply`. */
function attributeToBeforeApply(managers: Map<string, Manager>, atom: Atom, live: KubeObject, options: TrackingOptions): void {
  recordUpdate(managers, atom, emptyObject(live), live, options, 'before-first-apply');
}

function recordUpdate(managers: Map<string, Manager>, atom: Atom, before: KubeObject, after: KubeObject, options: TrackingOptions, name: string): void {
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

interface Released {
  readonly comparison: Comparison;
  /** What each other manager owns of the modified and added fields. */
  readonly taken: ReadonlyMap<string, FieldSet>;
  /** The other managers after they lost that, and what was removed. */
  readonly others: ReadonlyMap<string, Manager>;
}

/** Which fields a change takes from the managers other than `self`. Owners whose version is gone are left out. */
function releaseChanged(
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

interface VersionedType {
  readonly atom: Atom;
  convert(object: KubeObject): KubeObject;
}

function inVersion(apiVersion: string, atom: Atom, options: TrackingOptions): VersionedType | undefined {
  if (apiVersion === options.apiVersion) return { atom, convert: (object) => object };
  if (!options.versions) return { atom, convert: (object) => ({ ...object, apiVersion }) };
  const other = options.versions(apiVersion);
  return other && { atom: objectAtom(other.schema, other.resolver), convert: (object) => other.convert(object) };
}

function resetFilter(options: TrackingOptions): (set: FieldSet) => FieldSet {
  if (!options.resetFields || options.resetFields.length === 0) return (set) => set;
  const reset = fieldSetOf(...options.resetFields.map((path) => path.map(fieldElement)));
  return (set) => recursiveDifference(set, reset);
}

/** Fits all sets to the schema as it is now, and drops owners whose version is gone. True when nothing had to be changed. */
function reconcileAll(managers: Map<string, Manager>, atom: Atom, options: TrackingOptions): boolean {
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

interface Applied {
  readonly object: KubeObject;
  readonly managers: Map<string, Manager>;
  readonly id: string;
  /** True when neither the object nor any owner changes. */
  readonly unchanged: boolean;
}

function applyWith(atom: Atom, live: KubeObject, from: Managers, input: ApplyInput, force: boolean): Applied | { readonly conflicts: readonly ConflictAt[] } {
  const managers = new Map(from);
  const wereSettled = reconcileAll(managers, atom, input);
  const manager: Omit<Manager, 'set'> = {
    name: input.manager || 'unknown',
    operation: 'Apply',
    apiVersion: input.apiVersion,
    subresource: input.subresource ?? '',
    time: undefined,
  };
  const id = managerId(manager);
  const last = managers.get(id);
  const merged = asObject(mergeTyped(atom, live, input.applied));
  const set = resetFilter(input)(fieldSetOfTyped(atom, input.applied));
  if (wereSettled && last && isRepeated(input, live, merged, managers, last.set, set)) return { object: live, managers, id, unchanged: true };
  managers.set(id, { ...manager, time: last?.time, set });
  const object = last && !isEmptySet(last.set) ? dropGivenUp(atom, merged, managers, last, input) : merged;
  const { taken, others } = releaseChanged(managers, id, atom, live, object, input);
  if (taken.size > 0 && !force) return { conflicts: conflictsOf(taken, managers) };
  const left = new Map(others);
  const own = tracked(set);
  if (!isEmptySet(own)) left.set(id, { ...manager, time: last?.time, set: own });
  return { object, managers: left, id, unchanged: false };
}

/** The short way for a manager that applies the same again, which is what controllers mostly do. */
function isRepeated(input: ApplyInput, live: KubeObject, merged: KubeObject, managers: Managers, last: FieldSet, set: FieldSet): boolean {
  if (input.manager === 'kubectl' || !isEqual(merged, live) || !isSameSet(tracked(set), last)) return false;
  return [...managers.values()].every((manager) => manager.apiVersion === input.apiVersion);
}

function asObject(value: unknown): KubeObject {
  // A merge of two objects is an object.
  return value as KubeObject;
}

/** Removes what the manager applied last time and does not any more, unless somebody else owns it. */
function dropGivenUp(atom: Atom, merged: KubeObject, managers: Managers, last: Manager, options: TrackingOptions): KubeObject {
  const type = inVersion(last.apiVersion, atom, options);
  if (!type) return merged;
  const converted = type.convert(merged);
  let pruned: unknown = removeTyped(type.atom, converted, withNamedFields(type.atom, last.set));
  pruned = addBackOwned(type.atom, converted, pruned, last.apiVersion, managers, options, atom);
  // Back goes also what was not the manager's to remove.
  const have = withNamedFields(type.atom, fieldSetOfTyped(type.atom, converted));
  const left = withNamedFields(type.atom, fieldSetOfTyped(type.atom, pruned));
  const gone = intersection(difference(have, left), withNamedFields(type.atom, last.set));
  const result = asObject(removeTyped(type.atom, converted, gone));
  if (last.apiVersion === options.apiVersion) return result;
  const target = options.versions?.(options.apiVersion);
  return target ? target.convert(result) : { ...result, apiVersion: options.apiVersion };
}

function addBackOwned(
  atom: Atom,
  merged: KubeObject,
  pruned: unknown,
  apiVersion: string,
  managers: Managers,
  options: TrackingOptions,
  requestAtom: Atom,
): unknown {
  const owned = new Map<string, FieldSet>();
  for (const manager of managers.values()) owned.set(manager.apiVersion, union(owned.get(manager.apiVersion) ?? emptySet, manager.set));
  // The version at hand first, so that what conversion needs is there.
  const versions = [apiVersion, ...[...owned.keys()].filter((version) => version !== apiVersion)];
  let current = pruned;
  for (const version of versions) {
    const set = owned.get(version);
    if (!set) continue;
    const type = version === apiVersion ? { atom, convert: (object: KubeObject) => object } : inVersion(version, requestAtom, options);
    if (!type) continue;
    const whole = type.convert(merged);
    const part = isRecord(current) ? type.convert(asObject(current)) : current;
    const kept = union(withNamedFields(type.atom, fieldSetOfTyped(type.atom, part)), withNamedFields(type.atom, set));
    const gone = difference(withNamedFields(type.atom, fieldSetOfTyped(type.atom, whole)), kept);
    current = removeTyped(type.atom, whole, gone);
  }
  return isRecord(current) && current['apiVersion'] !== apiVersion ? { ...current, apiVersion } : current;
}

interface ConflictAt {
  readonly id: string;
  readonly manager: Manager;
  readonly path: FieldPath;
}

function conflictsOf(taken: ReadonlyMap<string, FieldSet>, managers: Managers): ConflictAt[] {
  return [...taken]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, set]) => {
      const manager = managers.get(id);
      return manager ? pathsOf(set).map((path) => ({ id, manager, path })) : [];
    });
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** kubectl may take what it had applied client-side itself: fields that still are as its annotation says. */
function resolveConflicts(atom: Atom, live: KubeObject, managers: Managers, input: ApplyInput, conflicts: readonly ConflictAt[]): ApplyResult {
  const allowed = input.manager === 'kubectl' ? lastAppliedSet(atom, live, input.apiVersion) : undefined;
  const left = allowed ? conflicts.filter((conflict) => !hasPath(allowed, conflict.path)) : conflicts;
  if (left.length === 0) {
    const outcome = applyWith(atom, live, managers, input, true);
    if (!('conflicts' in outcome)) return finish(input, live, outcome);
  }
  return { object: input.live ?? live, conflicts: left.map(toConflict), changed: false };
}

function toConflict(conflict: ConflictAt): Conflict {
  const { manager, path } = conflict;
  return {
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    subresource: manager.subresource,
    field: formatPath(path),
    message: `conflict with ${showManager(manager)}`,
  };
}

function showManager(manager: Pick<Conflict, 'operation' | 'apiVersion' | 'subresource'> & { readonly name: string }): string {
  const subresource = manager.subresource === '' ? '' : ` with subresource ${quote(manager.subresource)}`;
  const version = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
  return `${quote(manager.name)}${subresource}${version}`;
}

/** The fields of the annotation's object that are unchanged in the live one; undefined when there is no usable annotation. */
function lastAppliedSet(atom: Atom, live: KubeObject, apiVersion: string): FieldSet | undefined {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (!text) return undefined;
  let last: unknown;
  try {
    last = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(last) || last['apiVersion'] !== apiVersion) return undefined;
  if (typeProblems(atom, last, false).length > 0 || typeProblems(atom, live, false).length > 0) return undefined;
  const { added, modified, removed } = compareTyped(atom, last, live);
  return difference(difference(difference(fieldSetOfTyped(atom, last), modified), added), removed);
}

function finish(input: ApplyInput, live: KubeObject, outcome: Applied): ApplyResult {
  if (outcome.unchanged && input.live) return { object: input.live, conflicts: [], changed: false };
  const { managers, id } = outcome;
  let { object } = outcome;
  const same = isEqual(object, live);
  const own = managers.get(id);
  if (!same && own) managers.set(id, { ...own, time: input.time });
  if (input.manager === 'kubectl' && object.metadata?.annotations?.[lastAppliedAnnotation]) object = withLastApplied(object, input.applied);
  const result = withManagers(object, managers);
  if (input.live && isEqual(result, input.live)) return { object: input.live, conflicts: [], changed: false };
  return { object: result, conflicts: [], changed: true };
}

/** kubectl's annotation renewed by what it applies, so that client-side apply can go on from there. */
function withLastApplied(object: KubeObject, applied: KubeObject): KubeObject {
  const { [lastAppliedAnnotation]: _, ...others } = applied.metadata.annotations ?? {};
  const bare = { ...applied, metadata: { ...applied.metadata, annotations: others } };
  if (Object.keys(others).length === 0) delete (bare.metadata as { annotations?: unknown }).annotations;
  const annotations: Record<string, string> = { ...object.metadata.annotations, [lastAppliedAnnotation]: `${goJson(bare)}\n` };
  const bytes = Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > annotationsMaxBytes) delete annotations[lastAppliedAnnotation];
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** The message of the Status with reason Conflict that answers a refused apply. */
export function conflictMessage(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first) return `Apply failed with 1 conflict: ${first.message}: ${first.field}`;
  const byManager = new Map<string, string[]>();
  for (const conflict of conflicts) {
    const shown = showManager({ ...conflict, name: conflict.manager });
    byManager.set(shown, [...(byManager.get(shown) ?? []), conflict.field]);
  }
  const lines = [...byManager].flatMap(([manager, fields]) => [`conflicts with ${manager}:`, ...fields.map((field) => `- ${field}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** The causes of that Status. */
export function conflictCauses(conflicts: readonly Conflict[]): { reason: 'FieldManagerConflict'; message: string; field: string }[] {
  return conflicts.map(({ message, field }) => ({ reason: 'FieldManagerConflict', message, field }));
}
