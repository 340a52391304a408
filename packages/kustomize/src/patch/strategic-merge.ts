// Strategic merge as kustomize's kyaml does it: maps are merged, null deletes, lists with merge keys are merged with the patch's elements first,
// other lists are replaced; `$patch` in maps and list elements. `$retainKeys`, `$setElementOrder` and `$deleteFromPrimitiveList` are not known there.
import { type JsonMap, copyJson, equalJson, isMap, member, setMember } from '../json.ts';
import type { MergeSchema } from './merge-schema.ts';

/** The patch has a map, list or scalar where the target has something else. */
export class StrategicMergeError extends Error {
  override readonly name = 'StrategicMergeError';
}

/** The target with the patch merged into it, changed in place; undefined when the patch deletes it. */
export function mergeStrategic(target: JsonMap, patch: JsonMap, schema: MergeSchema | undefined): JsonMap | undefined {
  const directive = member(patch, '$patch');
  if (directive === 'delete') return undefined;
  if (directive === 'replace') {
    const { $patch: _directive, ...rest } = patch;
    return cleanMap(rest, schema);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' && value === 'merge') continue;
    mergeMember(target, key, value, schema?.fields?.[key]);
  }
  return target;
}

function mergeMember(target: JsonMap, key: string, value: unknown, schema: MergeSchema | undefined): void {
  if (value === null) {
    delete target[key];
    return;
  }
  const there = member(target, key);
  if (there !== undefined && there !== null && shapeOf(there) !== shapeOf(value)) {
    throw new StrategicMergeError(`the field "${key}" is ${shapeOf(there)} in the object and ${shapeOf(value)} in the patch`);
  }
  if (isMap(value) && (isMap(there) || there === undefined || there === null)) {
    const merged = isMap(there) ? mergeStrategic(there, value, schema) : addedMap(value, schema);
    if (merged === undefined) delete target[key];
    else setMember(target, key, merged);
    return;
  }
  if (Array.isArray(value)) {
    setMember(target, key, mergeList(Array.isArray(there) ? there : [], value, schema));
    return;
  }
  setMember(target, key, copyJson(value));
}

function shapeOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : isMap(value) ? 'a map' : 'a scalar';
}

function addedMap(value: JsonMap, schema: MergeSchema | undefined): JsonMap | undefined {
  if (value.$patch === 'delete') return undefined;
  return cleanMap(value, schema);
}

/** A copy without nulls and directives; lists that are replaced as a whole stay as they are. */
function cleanMap(value: JsonMap, schema: MergeSchema | undefined): JsonMap {
  const out: JsonMap = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null || key === '$patch') continue;
    const below = schema?.fields?.[key];
    if (Array.isArray(inner)) setMember(out, key, mergeList([], inner, below));
    else if (!isMap(inner)) setMember(out, key, inner);
    else if (inner.$patch !== 'delete') setMember(out, key, cleanMap(inner, below));
  }
  return out;
}

function mergeList(target: readonly unknown[], patch: readonly unknown[], schema: MergeSchema | undefined): unknown[] {
  if (schema?.set) return [...patch, ...target.filter((item) => !patch.some((other) => equalJson(item, other)))];
  const isReplace = (item: unknown) => isMap(item) && item.$patch === 'replace' && Object.keys(item).length === 1;
  const items = patch.filter((item) => !isReplace(item));
  if (items.length < patch.length) return items.map((item) => (schema?.keys && isMap(item) ? cleanMap(item, schema.items) : copyJson(item)));
  if (!schema?.keys || ![...target, ...patch].every(isMap)) return items.map(copyJson);
  return mergeKeyed(target.filter(isMap), items.filter(isMap), schema.keys, schema.items);
}

/**
 * With one key in use, the patch's elements come first in their order. With several (ports: number and protocol), elements that are there keep their places
 * and new ones come first. An element that has a key where its counterpart has none is taken for it, but upstream then keeps the target's element as it is.
 */
function mergeKeyed(target: readonly JsonMap[], patch: readonly JsonMap[], keys: readonly string[], schema: MergeSchema | undefined): unknown[] {
  // A key that no element has does not count, so ports without a protocol are told apart by their number alone.
  const used = keys.filter((key) => [...target, ...patch].some((item) => member(item, key) !== undefined));
  const isSame = (a: JsonMap, b: JsonMap) => used.every((key) => equalJson(member(a, key), member(b, key)));
  const isKin = (a: JsonMap, b: JsonMap) =>
    used.every((key) => member(a, key) === undefined || member(b, key) === undefined || equalJson(member(a, key), member(b, key)));
  const results: (JsonMap | undefined)[] = [...target];
  const first: (JsonMap | undefined)[] = [];
  for (const item of patch) {
    const index = target.findIndex((candidate) => isSame(candidate, item));
    if (index < 0 && used.length > 1 && target.some((candidate) => isKin(candidate, item))) continue;
    const merged = mergeElement(index < 0 ? undefined : results[index], item, schema);
    if (index >= 0) results[index] = used.length > 1 ? merged : undefined;
    if (index < 0 || used.length <= 1) first.push(merged);
  }
  return [...first, ...results].filter((item) => item !== undefined);
}

/** `$patch: replace` in an element replaces nothing upstream: the target's element stays as it is. */
function mergeElement(target: JsonMap | undefined, item: JsonMap, schema: MergeSchema | undefined): JsonMap | undefined {
  if (item.$patch === 'delete') return undefined;
  if (!target) return cleanMap(item, schema);
  return item.$patch === 'replace' ? target : mergeStrategic(target, item, schema);
}
