// Strategic merge as kustomize's kyaml does it: maps are merged, null deletes, lists with merge keys are merged with the patch's elements first,
// other lists are replaced; `$patch` in maps and list elements. `$retainKeys`, `$setElementOrder` and `$deleteFromPrimitiveList` are not known there.
import { type JsonMap, copyJson, equalJson, isMap, member, setMember } from '../json.ts';
import type { MergeSchema } from './merge-schema.ts';

/** The target with the patch merged into it, changed in place; undefined when the patch deletes it. */
export function mergeStrategic(target: JsonMap, patch: JsonMap, schema: MergeSchema | undefined): JsonMap | undefined {
  const directive = member(patch, '$patch');
  if (directive === 'delete') return undefined;
  if (directive === 'replace') {
    const { $patch: _directive, ...rest } = patch;
    return cleanMap(rest);
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
  if (isMap(value) && (isMap(there) || there === undefined || there === null)) {
    const merged = isMap(there) ? mergeStrategic(there, value, schema) : addedMap(value);
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

function addedMap(value: JsonMap): JsonMap | undefined {
  if (value.$patch === 'delete') return undefined;
  return cleanMap(value);
}

/** A copy without nulls and directives, as far as maps go; what is in lists stays. */
function cleanMap(value: JsonMap): JsonMap {
  const out: JsonMap = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null || key === '$patch') continue;
    if (!isMap(inner)) setMember(out, key, copyJson(inner));
    else if (inner.$patch !== 'delete') setMember(out, key, cleanMap(inner));
  }
  return out;
}

function mergeList(target: readonly unknown[], patch: readonly unknown[], schema: MergeSchema | undefined): unknown[] {
  if (schema?.set) return [...patch, ...target.filter((item) => !patch.some((other) => equalJson(item, other)))];
  const replaces = patch.some((item) => isMap(item) && item.$patch === 'replace');
  const items = patch.filter((item) => !(isMap(item) && item.$patch === 'replace' && Object.keys(item).length === 1));
  if (replaces || !schema?.keys || ![...target, ...patch].every(isMap)) return items.map(copyJson);
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
    const merged = item.$patch === 'delete' ? undefined : index < 0 ? cleanMap(item) : mergeStrategic(results[index] ?? {}, item, schema);
    if (index >= 0) results[index] = used.length > 1 ? merged : undefined;
    if (index < 0 || used.length <= 1) first.push(merged);
  }
  return [...first, ...results].filter((item) => item !== undefined);
}
