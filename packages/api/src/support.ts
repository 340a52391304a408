import type { KindRef, KubeObject } from '@keelson/kube';
import { supportTable } from './support-table.ts';

/** What we do with the spec of a kind. Paths are dotted, without list indices; a path stands for all below it. */
export interface KindSupport {
  /** Fields that some controller of ours acts on. Every other field of the spec is accepted and kept, and has no effect. */
  readonly acts: readonly string[];
  /** Fields without effect that the user sets to protect data: an object that uses one is refused, not warned about. */
  readonly guards?: readonly Guard[];
  /** Values that mean the same as leaving the field out (defaults), so they deserve no warning. */
  readonly neutral?: Readonly<Record<string, unknown>>;
}

export interface Guard {
  readonly path: string;
  /** What is at stake, for the refusal. */
  readonly because: string;
  /** The field acts, but not while this other field is set to something else than `not`. */
  readonly when?: { readonly path: string; readonly not: unknown };
}

export interface UnsupportedField {
  readonly path: string;
  readonly guardsData: boolean;
  /** What is at stake; empty where no data is. */
  readonly because: string;
}

/** What we say about a kind; undefined for kinds no controller of ours handles and for the built-ins. */
export function supportOf(kind: Pick<KindRef, 'group' | 'kind'>): KindSupport | undefined {
  return supportTable[`${kind.group}/${kind.kind}`];
}

/**
 * The fields of an object's spec that are set and on which nothing of ours acts, each at the highest level that has no
 * acting field below it. Empty for kinds without an entry.
 */
export function unsupportedFieldsUsed(kind: Pick<KindRef, 'group' | 'kind'>, object: KubeObject): readonly UnsupportedField[] {
  const support = supportOf(kind);
  if (!support) return [];
  const found = new Set<string>();
  visit(object['spec'], 'spec', support, found);
  for (const { path, when } of support.guards ?? []) {
    if (when && isOther(object, when) && fieldAt(object, path) != null) found.add(path);
  }
  return [...found].sort().map((path) => {
    const guard = support.guards?.find((one) => covers(one.path, path) || covers(path, one.path));
    return { path, guardsData: guard !== undefined, because: guard?.because ?? '' };
  });
}

function visit(value: unknown, path: string, support: KindSupport, found: Set<string>): void {
  if (value === undefined || value === null || support.acts.some((acting) => covers(acting, path))) return;
  if (!support.acts.some((acting) => acting.startsWith(`${path}.`))) {
    if (!isNeutral(value, path, support)) found.add(path);
    return;
  }
  for (const item of Array.isArray(value) ? value : [value]) {
    if (typeof item !== 'object' || item === null) continue;
    for (const [name, part] of Object.entries(item)) visit(part, `${path}.${name}`, support, found);
  }
}

/** True when every leaf below is at a neutral value. */
function isNeutral(value: unknown, path: string, support: KindSupport): boolean {
  if (support.neutral && Object.hasOwn(support.neutral, path)) return support.neutral[path] === value;
  if (Array.isArray(value)) return value.every((item) => isNeutral(item, path, support));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(([name, part]) => isNeutral(part, `${path}.${name}`, support));
}

function covers(outer: string, path: string): boolean {
  return path === outer || path.startsWith(`${outer}.`);
}

function isOther(object: KubeObject, { path, not }: NonNullable<Guard['when']>): boolean {
  const value = fieldAt(object, path);
  return value !== undefined && value !== null && value !== not;
}

function fieldAt(object: KubeObject, path: string): unknown {
  return path.split('.').reduce<unknown>((current, name) => (typeof current === 'object' && current !== null ? Reflect.get(current, name) : undefined), object);
}
