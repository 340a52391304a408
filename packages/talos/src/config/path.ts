import { isRecord } from './machine-config.ts';

/** The value at a path of keys joined by dots; undefined where a part of it is absent. */
export function readPath(value: unknown, path: string): unknown {
  let current = value;
  for (const key of path.split('.')) {
    if (!isRecord(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}
