// Server-side apply: structured-merge-diff merge/update.go and
// apimachinery pkg/util/managedfields/internal (the chain of managers around it).
import type { KubeObject } from '../object.ts';
import { isEqual } from '../schema/validate.ts';
import type { Conflict, ConflictAt } from './conflict.ts';
import { conflictsOf, toConflict } from './conflict.ts';
import type { FieldSet } from './field-set.ts';
import { hasPath, isEmptySet, isSameSet } from './field-set.ts';
import { dropGivenUp } from './given-up.ts';
import { lastAppliedAnnotation, lastAppliedSet, withLastApplied } from './last-applied.ts';
import type { Manager, Managers } from './managed-fields.ts';
import { decodeManagers, managerId, tracked, withManagers, withoutManagedFields } from './managed-fields.ts';
import { PatchError } from './patch-error.ts';
import type { TrackingOptions } from './tracking.ts';
import { emptyObject, fit, reconcileAll, recordUpdate, releaseChanged, resetFilter } from './tracking.ts';
import type { Atom } from './typed.ts';
import { objectAtom } from './typed.ts';
import { fieldSetOfTyped } from './typed-compare.ts';
import { mergeTyped } from './typed-merge.ts';

export interface ApplyInput extends TrackingOptions {
  /** The stored object; undefined creates. */
  readonly live?: KubeObject;
  /** What the manager wants, in full. */
  readonly applied: KubeObject;
  /** Take fields that other managers own. */
  readonly force?: boolean;
}

export interface ApplyResult {
  /** The merged object with its managedFields; on a conflict the live one, unchanged. */
  readonly object: KubeObject;
  /** Empty when the apply went through. */
  readonly conflicts: readonly Conflict[];
  /** False when nothing but times would change: then `object` is `live` itself. */
  readonly changed: boolean;
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

function liveManagers(input: ApplyInput): Map<string, Manager> {
  try {
    return decodeManagers(input.live?.metadata.managedFields);
  } catch (cause) {
    throw new PatchError(500, `failed to decode managed fields: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** An object without owners that is applied to for the first time: what is there belongs to `before-first-apply`. */
function attributeToBeforeApply(managers: Map<string, Manager>, atom: Atom, live: KubeObject, options: TrackingOptions): void {
  recordUpdate(managers, atom, emptyObject(live), live, options, 'before-first-apply');
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
