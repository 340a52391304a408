// JSON Merge Patch, RFC 7386.
import { isRecord } from '../schema/schema.ts';

/**
 * The document with the patch merged in: null removes, objects merge, everything else replaces. Neither argument is changed;
 * the result may share parts with both.
 */
export function mergePatch(document: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(document) ? { ...document } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else setField(merged, name, mergePatch(merged[name], value));
  }
  return merged;
}

/** Sets a field whatever its name is: `__proto__` from JSON stays data. */
export function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}
