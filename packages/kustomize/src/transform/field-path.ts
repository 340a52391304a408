// The field-spec path language of kustomize: `a/b/c`, `\/` for a slash in a key, `key[]` for a list; lists met on the way are walked element by element.
import { type JsonMap, isMap, member, setMember } from '../json.ts';
import type { FieldSpec } from '../load/kustomization-file.ts';
import type { Gvk } from '../resource.ts';

export interface Segment {
  readonly key: string;
  readonly isList: boolean;
}

export class FieldPathError extends Error {
  override readonly name = 'FieldPathError';
}

const parsed = new Map<string, readonly Segment[]>();

export function parseFieldPath(path: string): readonly Segment[] {
  const known = parsed.get(path);
  if (known) return known;
  const segments = path
    .replace(/^\//, '')
    .split(/(?<!\\)\//)
    .map((part) => part.replaceAll('\\/', '/'))
    .map((part) => (part.endsWith('[]') ? { key: part.slice(0, -2), isList: true } : { key: part, isList: false }));
  // Paths of the tables are few; those of users are forgotten with the process, and bounded.
  if (parsed.size < 5000) parsed.set(path, segments);
  return segments;
}

/** True when a field spec is meant for objects of this kind; an empty part of the spec means any. */
export function specSelects(spec: Pick<FieldSpec, 'group' | 'version' | 'kind'>, gvk: Gvk): boolean {
  return (!spec.group || spec.group === gvk.group) && (!spec.version || spec.version === gvk.version) && (!spec.kind || spec.kind === gvk.kind);
}

/**
 * Calls `visit` with the map and key of every field the path names. With `create`, missing maps on the way are made (never list elements),
 * and `visit` is called also for a missing last field; otherwise only for one that is there.
 * Throws FieldPathError when a scalar stands in the way.
 */
export function visitFields(object: JsonMap, path: string, create: boolean, visit: (holder: JsonMap, key: string) => void): void {
  descend(object, parseFieldPath(path), 0, create, path, visit);
}

function descend(node: unknown, segments: readonly Segment[], depth: number, create: boolean, path: string, visit: (holder: JsonMap, key: string) => void): void {
  if (node === null || node === undefined) return;
  if (Array.isArray(node)) {
    for (const item of node) descend(item, segments, depth, create, path, visit);
    return;
  }
  if (!isMap(node)) throw new FieldPathError(`considering field "${path}": expected a list or a map at "${segments[depth - 1]?.key ?? ''}", found ${JSON.stringify(node)}`);
  const { key, isList } = segments[depth]!;
  const value = member(node, key);
  const isMissing = value === undefined || value === null;
  if (depth === segments.length - 1) {
    if (!isMissing || create) visit(node, key);
    return;
  }
  if (isMissing) {
    if (!create || isList) return;
    setMember(node, key, {});
  } else if (isList && !Array.isArray(value)) {
    throw new FieldPathError(`considering field "${path}": expected a list at "${key}"`);
  }
  descend(member(node, key), segments, depth + 1, create, path, visit);
}
