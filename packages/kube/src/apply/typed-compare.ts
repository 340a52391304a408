// Which paths a value has, and which differ between two: structured-merge-diff typed/compare.go, tofieldset.go, remove.go, reconcile_schema.go.
import { isRecord } from '../schema/schema.ts';
import { isEqual } from '../schema/validate.ts';
import type { FieldPath, FieldSet, PathElement } from './field-set.ts';
import {
  FieldSetBuilder,
  below,
  emptySet,
  fieldElement,
  isEmptySet,
  recursiveDifference,
  union,
} from './field-set.ts';
import { setField } from './merge-patch.ts';
import type { Atom, ListType, MapType } from './typed.ts';
import { deduce, isSameAtom, itemElement, partOf } from './typed-value.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** The paths that were added, modified and removed on the way from one value to another of the same type. */
export function compareTyped(atom: Atom, before: unknown, after: unknown): Comparison {
  const run: CompareRun = { path: [], added: new FieldSetBuilder(), modified: new FieldSetBuilder(), removed: new FieldSetBuilder() };
  if (before !== undefined || after !== undefined) compare(atom, before, after, run);
  return { added: run.added.done(), modified: run.modified.done(), removed: run.removed.done() };
}

interface CompareRun {
  readonly path: PathElement[];
  readonly added: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly removed: FieldSetBuilder;
}

function compare(atom: Atom, left: unknown, right: unknown, run: CompareRun): void {
  const [a, b] = [deduce(atom, left), deduce(atom, right)];
  let leaf: boolean;
  if (right === undefined) leaf = comparePart(a, left, right, run);
  else if (left === undefined || isSameAtom(a, b)) leaf = comparePart(b, left, right, run);
  else {
    // The value changed its kind: what either form says counts.
    comparePart(a, left, right, run);
    leaf = comparePart(b, left, right, run);
  }
  if (leaf) return;
  if (left === undefined) run.added.insert(run.path);
  else if (right === undefined) run.removed.insert(run.path);
}

/** True when the values were compared whole. */
function comparePart(atom: Atom, left: unknown, right: unknown, run: CompareRun): boolean {
  const part = partOf(atom);
  if (part && 'map' in part) return compareMaps(part.map, left, right, run);
  if (part && 'list' in part) return compareLists(part.list, left, right, run);
  return compareLeaf(left, right, run);
}

function compareLeaf(left: unknown, right: unknown, run: CompareRun): true {
  if (left === undefined) run.added.insert(run.path);
  else if (right === undefined) run.removed.insert(run.path);
  else if (!isEqual(left, right)) run.modified.insert(run.path);
  return true;
}

function compareMaps(type: MapType, left: unknown, right: unknown, run: CompareRun): boolean {
  const [a, b] = [isRecord(left) ? left : {}, isRecord(right) ? right : {}];
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  if (type.atomic || names.size === 0) return compareLeaf(left, right, run);
  for (const name of names) {
    const field = type.field(name) ?? type.element;
    const [x, y] = [a[name], b[name]];
    if (!field || (x === undefined && y === undefined)) continue;
    run.path.push(fieldElement(name));
    compare(field(), x, y, run);
    run.path.pop();
  }
  return false;
}

function compareLists(type: ListType, left: unknown, right: unknown, run: CompareRun): boolean {
  const [a, b] = [Array.isArray(left) ? left : [], Array.isArray(right) ? right : []];
  if (type.atomic || (a.length === 0 && b.length === 0)) return compareLeaf(left, right, run);
  const [l, r] = [group(type, a), group(type, b)];
  for (const element of new Set([...l.keys(), ...r.keys()])) {
    run.path.push(element);
    compareItems(type, l.get(element) ?? [], r.get(element) ?? [], run);
    run.path.pop();
  }
  return false;
}

/** Items under one key: one to one, or, when a key occurs several times, as one lump. */
function compareItems(type: ListType, left: readonly unknown[], right: readonly unknown[], run: CompareRun): void {
  if (left.length <= 1 && right.length <= 1) compare(type.element(), left[0], right[0], run);
  else if (left.length >= 2 && right.length >= 2) {
    if (!isEqual(left, right)) run.modified.insert(run.path);
  } else if (left.length >= 2) {
    if (right.length > 0) compare(type.element(), undefined, right[0], run);
    run.removed.insert(run.path);
  } else {
    if (left.length > 0) compare(type.element(), left[0], undefined, run);
    run.added.insert(run.path);
  }
}

function group(type: ListType, list: readonly unknown[]): Map<PathElement, unknown[]> {
  const groups = new Map<PathElement, unknown[]>();
  for (const item of list) {
    const element = itemElement(type, item);
    const known = groups.get(element);
    if (known) known.push(item);
    else groups.set(element, [item]);
  }
  return groups;
}

/** All leaves and items a value mentions: what its applier owns. */
export function fieldSetOfTyped(atom: Atom, value: unknown): FieldSet {
  const builder = new FieldSetBuilder();
  collect(atom, value, [], builder);
  return builder.done();
}

function collect(atom: Atom, value: unknown, path: PathElement[], builder: FieldSetBuilder): void {
  const part = partOf(deduce(atom, value));
  if (part && 'map' in part) collectMap(part.map, value, path, builder);
  else if (part && 'list' in part) collectList(part.list, value, path, builder);
  else builder.insert(path);
}

function collectMap(type: MapType, value: unknown, path: PathElement[], builder: FieldSetBuilder): void {
  if (type.atomic) return builder.insert(path);
  if (!isRecord(value)) return;
  for (const name of Object.keys(value)) {
    const item = value[name];
    if (item === undefined) continue;
    const declared = type.field(name);
    const field = declared ?? type.element;
    path.push(fieldElement(name));
    if (field) collect(field(), item, path, builder);
    if (!declared || item === null || (isRecord(item) && Object.keys(item).length === 0)) builder.insert(path);
    path.pop();
  }
}

function collectList(type: ListType, value: unknown, path: PathElement[], builder: FieldSetBuilder): void {
  if (type.atomic) return builder.insert(path);
  if (!Array.isArray(value)) return;
  for (const [element, items] of group(type, value)) {
    path.push(element);
    if (items.length === 1) collect(type.element(), items[0], path, builder);
    builder.insert(path);
    path.pop();
  }
}

/** The value without the fields and items in a set. A part that loses everything becomes null, as upstream leaves it. */
export function removeTyped(atom: Atom, value: unknown, set: FieldSet): unknown {
  const part = partOf(deduce(atom, value));
  if (part && 'map' in part) return removeFromMap(part.map, value, set);
  if (part && 'list' in part) return removeFromList(part.list, value, set);
  return value;
}

function removeFromMap(type: MapType, value: unknown, set: FieldSet): unknown {
  if (!isRecord(value) || type.atomic || Object.keys(value).length === 0) return null;
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const element = fieldElement(name);
    if (set.members.has(element)) continue;
    const inner = below(set, element);
    const field = type.field(name) ?? type.element;
    setField(kept, name, isEmptySet(inner) || !field ? value[name] : removeTyped(field(), value[name], inner));
  }
  return Object.keys(kept).length > 0 ? kept : null;
}

function removeFromList(type: ListType, value: unknown, set: FieldSet): unknown {
  if (!Array.isArray(value) || type.atomic || value.length === 0) return null;
  const kept = value.flatMap((item) => {
    const element = itemElement(type, item);
    if (set.members.has(element)) return [];
    const inner = below(set, element);
    return [isEmptySet(inner) ? item : removeTyped(type.element(), item, inner)];
  });
  return kept.length > 0 ? kept : null;
}

/** The set with every declared field on the way to a member made a member too. */
export function withNamedFields(atom: Atom | undefined, set: FieldSet): FieldSet {
  const members = new Set(set.members);
  const children = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const isField = element.startsWith('f:');
    const declared = isField ? atom?.map?.field(element.slice(2)) : undefined;
    if (declared) members.add(element);
    const type = isField ? (declared ?? atom?.map?.element) : atom?.list?.element;
    children.set(element, withNamedFields(type?.(), child));
  }
  return { members, children };
}

/**
 * A stored set made to fit the type as it is now: where something became atomic since, the owner of its parts owns the whole.
 * The other direction is left as it is.
 */
export function reconcileSet(atom: Atom, set: FieldSet): FieldSet {
  const removed = new FieldSetBuilder();
  const changed = reconcile(atom, set, [], false, removed);
  if (!changed) return set;
  const lumps = removed.done();
  return union(recursiveDifference(set, lumps), lumps);
}

function reconcile(atom: Atom, set: FieldSet | undefined, path: FieldPath, isAtomic: boolean, lumps: FieldSetBuilder): boolean {
  const part = partOf(atom);
  if (!part || 'scalar' in part) return false;
  const type = 'map' in part ? part.map : part.list;
  if ('map' in part && isUntyped(part.map)) return false;
  if (!isAtomic && type.atomic) {
    if (path.length === 0 || ('map' in part && isEmptySet(set ?? emptySet))) return false;
    lumps.insert(path);
    return true;
  }
  let changed = false;
  const source = set ?? emptySet;
  for (const element of new Set([...source.children.keys(), ...source.members])) {
    const inner = 'list' in part ? part.list.element : element.startsWith('f:') ? (part.map.field(element.slice(2)) ?? part.map.element) : part.map.element;
    if (!inner) continue;
    const child = source.children.get(element);
    const leaf = source.members.has(element) && !child;
    if (reconcile(inner(), child, [...path, element], leaf, lumps)) changed = true;
  }
  return changed;
}

/** A map without declared fields whose values have no type either; such data has no ownership markers to reconcile with. */
function isUntyped(map: MapType): boolean {
  return !map.hasFields && map.element?.().scalar === 'untyped';
}
