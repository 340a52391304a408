// Strategic merge patch with its directives: apimachinery pkg/util/strategicpatch/patch.go;
// the codes of refusals as apiserver pkg/endpoints/handlers/patch.go gives them.
import type { Schema, SchemaResolver } from '../schema/schema.ts';
import { isRecord, resolveSchema } from '../schema/schema.ts';
import { setField } from './merge-patch.ts';
import { PatchError } from './patch-error.ts';
import { goPlain } from './typed-value.ts';

type JsonMap = Record<string, unknown>;

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

const badRetainKeys = () => new PatchError(400, 'invalid patch format of retainKeys');
const badPrimitiveList = () => new PatchError(400, 'invalid patch format of primitive list');
const listOfLists = () => new PatchError(422, 'lists of lists are not supported');
const noMergeKey = (item: JsonMap, key: string) => new PatchError(500, `map: ${goPlain(item)} does not contain declared merge key: ${key}`);
const wrongKind = (expected: string, value: unknown) => new PatchError(500, `expected a ${expected}, but received a ${kindOf(value)}`);

/**
 * The document with a strategic merge patch applied. Lists merge where the schema has a patch strategy (by its merge key, or as sets of
 * scalars) and are replaced elsewhere, also where there is no schema. Neither argument is changed.
 * Throws PatchError: 400 for a malformed directive, 422 for lists of lists, 500 for items without their merge key.
 */
export function strategicMergePatch(original: unknown, patch: unknown, schema?: Schema, resolver?: SchemaResolver): JsonMap {
  if (!isRecord(patch) || (original !== undefined && original !== null && !isRecord(original))) {
    throw new PatchError(400, 'invalid JSON document');
  }
  return mergeMap(structuredClone(original ?? {}), structuredClone(patch), schema && resolveSchema(schema, resolver), resolver);
}

interface FieldMeta {
  readonly schema: Schema | undefined;
  /** `merge`, `replace` or none; retainKeys only acts through its directive. */
  readonly strategy: string;
  readonly mergeKey: string;
}

/** What the schema says of a field: its own schema (of its items, for a list) and how it is patched. */
function fieldMeta(schema: Schema | undefined, name: string, resolver: SchemaResolver | undefined): FieldMeta {
  const property = schema?.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  const additional = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  const given = property ?? additional;
  const field = given && resolveSchema(given, resolver);
  const strategies = (field?.['x-kubernetes-patch-strategy'] ?? '').split(',').filter((strategy) => strategy !== 'retainKeys');
  const items = field?.items && resolveSchema(field.items, resolver);
  return { schema: items ?? field, strategy: strategies[0] ?? '', mergeKey: field?.['x-kubernetes-patch-merge-key'] ?? '' };
}

function mergeMap(original: JsonMap, patch: JsonMap, schema: Schema | undefined, resolver: SchemaResolver | undefined): JsonMap {
  if (Object.hasOwn(patch, directive)) return mapDirective(patch);
  dropUnretained(original, patch);
  mergeOrderedLists(original, patch, schema, resolver);
  for (const [name, value] of Object.entries(patch)) {
    const isDeletion = name.startsWith(deletePrefix);
    const key = isDeletion ? name.slice(deletePrefix.length) : name;
    if (value === null) {
      delete original[key];
      continue;
    }
    const before = Object.hasOwn(original, key) ? original[key] : undefined;
    if (before === undefined || kindOf(before) !== kindOf(value)) {
      if (!isDeletion) takeOver(original, key, value);
      continue;
    }
    const meta = fieldMeta(schema, key, resolver);
    if (isRecord(value) && isRecord(before)) {
      setField(original, key, meta.strategy === 'replace' ? value : mergeMap(before, value, meta.schema, resolver));
    } else if (Array.isArray(value) && Array.isArray(before)) {
      setField(original, key, mergeLists(before, value, meta, isDeletion, resolver));
    } else {
      setField(original, key, value);
    }
  }
  return original;
}

/** `$patch` in a map: replace takes the patch as it is, delete leaves nothing. */
function mapDirective(patch: JsonMap): JsonMap {
  const { [directive]: wanted, ...rest } = patch;
  if (wanted === 'replace') return rest;
  if (wanted === 'delete') return {};
  throw unknownDirective(wanted, patch);
}

function unknownDirective(wanted: unknown, patch: JsonMap): PatchError {
  return new PatchError(500, `unknown patch type: ${String(wanted)} in map: ${goPlain(patch)}`);
}

/** Takes a new value without its nulls and directives; a value that is itself a directive leaves nothing. */
function takeOver(original: JsonMap, key: string, value: unknown): void {
  const clean = withoutDirectives(withoutNulls(value));
  if (clean === dropped) delete original[key];
  else setField(original, key, clean);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, item]) => (item === null ? [] : [[name, withoutNulls(item)]])));
}

const dropped = Symbol('dropped');

function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== dropped);
  if (!isRecord(value)) return value;
  if (Object.hasOwn(value, directive)) return dropped;
  const clean: JsonMap = {};
  for (const [name, item] of Object.entries(value)) {
    const next = withoutDirectives(item);
    if (next !== dropped) setField(clean, name, next);
  }
  return clean;
}

/** `$retainKeys`: drops what the list does not name. Everything the patch sets must be named. */
function dropUnretained(original: JsonMap, patch: JsonMap): void {
  const list = patch[retainKeys];
  if (list === undefined) return;
  delete patch[retainKeys];
  if (!Array.isArray(list)) throw badRetainKeys();
  const retained = new Set<unknown>(list);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || name.startsWith(deletePrefix) || name.startsWith(orderPrefix)) continue;
    if (!retained.has(name)) throw badRetainKeys();
  }
  for (const name of Object.keys(original)) if (!retained.has(name)) delete original[name];
}

/** Lists with `$setElementOrder`: merged like any other, then put into the order given. */
function mergeOrderedLists(original: JsonMap, patch: JsonMap, schema: Schema | undefined, resolver: SchemaResolver | undefined): void {
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(orderPrefix)) continue;
    delete patch[name];
    if (!Array.isArray(order)) throw wrongKind('[]interface {}', order);
    const key = name.slice(orderPrefix.length);
    const [before, change] = [original[key], patch[key]];
    if (before !== undefined && !Array.isArray(before)) throw wrongKind('[]interface {}', before);
    if (change !== undefined && !Array.isArray(change)) throw wrongKind('[]interface {}', change);
    if (before === undefined && change === undefined) continue;
    const meta = fieldMeta(schema, key, resolver);
    checkOrder(change ?? [], order, meta.mergeKey);
    const merged = mergeWithOrder(before, change, meta, resolver);
    setField(original, key, inOrder(merged, order, before ?? [], meta.mergeKey));
    delete patch[key];
  }
}

function mergeWithOrder(before: unknown[] | undefined, change: unknown[] | undefined, meta: FieldMeta, resolver: SchemaResolver | undefined): unknown[] {
  if (before === undefined) return (change ?? []).map(withoutDirectives).filter((item) => item !== dropped);
  return change === undefined ? before : mergeLists(before, change, meta, false, resolver);
}

/** The items of the patch must be among those of the order list, in the same order. */
function checkOrder(change: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  const items = change.filter((item) => !(isRecord(item) && Object.hasOwn(item, directive)));
  if (order.length === 0 || items.length === 0) return;
  let at = 0;
  for (const wanted of order) {
    if (at < items.length && isSameItem(items[at], wanted, mergeKey)) at++;
  }
  if (at < items.length) {
    throw new PatchError(500, `The order in patch list:\n${goPlain(change)}\n doesn't match ${orderPrefix.slice(0, -1)} list:\n${goPlain(order)}\n`);
  }
}

function isSameItem(a: unknown, b: unknown, mergeKey: string): boolean {
  if (mergeKey === '') return a === b;
  return keyOfItem(a, mergeKey) === keyOfItem(b, mergeKey);
}

function keyOfItem(item: unknown, mergeKey: string): unknown {
  if (!isRecord(item)) throw wrongKind('map[string]interface {}', item);
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
  return item[mergeKey];
}

function mergeLists(before: readonly unknown[], change: readonly unknown[], meta: FieldMeta, isDeletion: boolean, resolver: SchemaResolver | undefined): unknown[] {
  if (meta.strategy !== 'merge' && !isDeletion) return [...change];
  if (before.length === 0 && change.length === 0) return [];
  const kind = itemKind(before, change);
  if (kind !== 'map') {
    if (isDeletion) return before.filter((item) => !change.includes(item));
    return inOrder([...new Set([...before, ...change])], change, before, '');
  }
  if (isDeletion) throw badPrimitiveList();
  if (meta.mergeKey === '') throw new PatchError(500, 'cannot merge lists without merge key for struct');
  const { kept, items } = applyItemDirectives(before, change, meta.mergeKey);
  const merged = [...kept];
  for (const item of items) {
    const key = keyOfItem(item, meta.mergeKey);
    const at = merged.findIndex((other) => isRecord(other) && other[meta.mergeKey] === key);
    const known = merged[at];
    if (isRecord(known)) merged[at] = mergeMap(known, item, meta.schema, resolver);
    else merged.push(item);
  }
  return inOrder(merged, items, kept, meta.mergeKey);
}

/** `$patch: delete` and `$patch: replace` among the items of a list. */
function applyItemDirectives(before: readonly unknown[], change: readonly unknown[], mergeKey: string): { kept: readonly unknown[]; items: JsonMap[] } {
  let kept = before;
  let replaces = false;
  const items: JsonMap[] = [];
  for (const item of change) {
    if (!isRecord(item)) throw wrongKind('map[string]interface {}', item);
    if (!Object.hasOwn(item, directive)) {
      items.push(item);
      continue;
    }
    switch (item[directive]) {
      case 'delete': {
        const key = keyOfItem(item, mergeKey);
        kept = kept.filter((other) => !(isRecord(other) && other[mergeKey] === key));
        break;
      }
      case 'replace':
        replaces = true;
        break;
      case 'merge':
        throw new PatchError(500, 'merging lists cannot yet be specified in the patch');
      default:
        throw unknownDirective(item[directive], item);
    }
  }
  // What a replacing list gives stands for itself: its items merge with nothing.
  return replaces ? { kept: items.splice(0), items: [] } : { kept, items };
}

/**
 * Items in the wanted order; those that the order does not name keep their place relative to it, as far as the order
 * in the server's list tells.
 */
function inOrder(merged: readonly unknown[], order: readonly unknown[], serverOrder: readonly unknown[], mergeKey: string): unknown[] {
  const placeIn = (list: readonly unknown[], item: unknown) =>
    list.findIndex((other) => (mergeKey === '' ? other === item : isRecord(other) && isRecord(item) && other[mergeKey] === item[mergeKey]));
  if (mergeKey !== '') for (const item of [...merged, ...order]) keyOfItem(item, mergeKey);
  const sorted = (items: readonly unknown[], by: readonly unknown[]) =>
    items
      .map((item) => ({ item, place: placeIn(by, item) }))
      .sort((a, b) => (a.place < 0 || b.place < 0 ? 0 : a.place - b.place))
      .map(({ item }) => item);
  const ordered = sorted(merged.filter((item) => placeIn(order, item) >= 0), order);
  const others = sorted(merged.filter((item) => placeIn(order, item) < 0), serverOrder);
  const result: unknown[] = [];
  while (ordered.length > 0 && others.length > 0) {
    const [mine, theirs] = [placeIn(serverOrder, others[0]), placeIn(serverOrder, ordered[0])];
    result.push(mine >= 0 && theirs >= 0 && mine < theirs ? others.shift() : ordered.shift());
  }
  return [...result, ...others, ...ordered];
}

function itemKind(before: readonly unknown[], change: readonly unknown[]): 'map' | 'scalar' {
  const kinds = new Set([...before, ...change].map(kindOf));
  const [first] = kinds;
  if (first === 'list') throw listOfLists();
  if (kinds.size > 1) throw new PatchError(500, `list element types are not identical: ${goPlain([before, change])}`);
  return first === 'map' ? 'map' : 'scalar';
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (isRecord(value)) return 'map';
  return value === null ? 'null' : typeof value;
}
