// JSON Merge Patch, RFC 7386.
import { isRecord } from '../schema/schema.ts';

/**
 * The document with the patch merged in: null removes, objects merge, everything else replaces. Neither argument is changed;
 * the result may share parts with both. As upstream's library (evanphx/json-patch v4) does beyond the RFC, nulls also go from objects
 * inside new lists, unless the list replaces an object.
 */
export function mergePatch(document: unknown, patch: unknown): unknown {
  if (Array.isArray(patch) && !isRecord(document)) return patch.map(withoutNulls);
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(document) ? { ...document } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else setField(merged, name, mergePatch(merged[name], value));
  }
  return merged;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  return isRecord(value) ? mergePatch(undefined, value) : value;
}

/** Sets a field whatever its name is: `__proto__` from JSON stays data. */
export function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}
