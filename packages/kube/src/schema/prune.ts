// Pruning of fields that a schema does not know: apiextensions-apiserver pkg/apiserver/schema/pruning,
// and for metadata pkg/apiserver/schema/objectmeta.
import { objectMetaSchema } from './object-meta.ts';
import type { Plan } from './plan.ts';
import { planOf } from './plan.ts';
import type { Schema, SchemaOptions } from './schema.ts';
import { isRecord } from './schema.ts';

export interface PruneOptions extends SchemaOptions {
  /** True (default) when the value is a whole object: its apiVersion, kind and metadata stay, whatever the schema says. */
  readonly root?: boolean;
}

export interface Pruned<T> {
  readonly value: T;
  /** Paths of what was removed, sorted: `spec.foo`, `spec.list[0].bar`. */
  readonly unknown: readonly string[];
}

const typeFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** The value without unknown fields, and where those were. The argument is not changed; what needs no change is shared with it. */
export function prune<T>(schema: Schema, value: T, options: PruneOptions = {}): Pruned<T> {
  const run: Run = { unknown: [], openObjects: options.dialect === 'openapi' };
  const plan = planOf(schema, options.resolver);
  const isRoot = options.root ?? true;
  const kept = cut(plan, value, '', isRoot, run);
  // Pruning removes fields only; the kind of the root value stays.
  return { value: kept as T, unknown: run.unknown.sort() };
}

interface Run {
  readonly unknown: string[];
  readonly openObjects: boolean;
}

/** `plan` undefined: nothing is known below, everything goes. */
function cut(plan: Plan | undefined, value: unknown, path: string, isObject: boolean, run: Run): unknown {
  if (Array.isArray(value)) return cutList(value, path, run, (item, at) => cut(plan?.items, item, at, false, run));
  if (!isRecord(value) || (!plan && run.openObjects)) return value;
  if (plan && isFree(plan, run)) return plan.keepsUnknown ? keepUnknown(plan, value, path, isObject, run) : value;
  const embedded = isObject || plan?.isEmbedded === true;
  return cutFields(value, path, run, (name, item, at) => {
    if (embedded && typeFields.has(name)) return name === 'metadata' ? cutMetadata(plan, item, at, run) : item;
    const property = plan?.property(name);
    if (property) return cut(property, item, at, false, run);
    if (plan?.schema.additionalProperties) return cut(plan.additional, item, at, false, run);
    return gone;
  });
}

/** Unknown fields stay here; known ones below are pruned by their own schema again. */
function keepUnknown(plan: Plan, value: Readonly<Record<string, unknown>>, path: string, isObject: boolean, run: Run): unknown {
  return cutFields(value, path, run, (name, item, at) => {
    if ((isObject || plan.isEmbedded) && typeFields.has(name)) return name === 'metadata' ? cutMetadata(plan, item, at, run) : item;
    const property = plan.property(name) ?? plan.additional;
    return property ? cut(property, item, at, false, run) : item;
  });
}

function isFree(plan: Plan, run: Run): boolean {
  if (plan.keepsUnknown) return true;
  return run.openObjects && !plan.hasProperties && plan.schema.additionalProperties === undefined;
}

/** Metadata is ObjectMeta's, whatever the schema restricts in it. Absent members count as unknown when they are not ObjectMeta's. */
function cutMetadata(plan: Plan | undefined, value: unknown, path: string, run: Run): unknown {
  const own = plan?.property('metadata');
  const known = own?.property('ownerReferences') ? own : planOf(objectMetaSchema, undefined);
  return cut(known, value, path, false, { ...run, openObjects: true });
}

const gone = Symbol('gone');

function cutFields(
  value: Readonly<Record<string, unknown>>,
  path: string,
  run: Run,
  keep: (name: string, item: unknown, at: string) => unknown,
): Record<string, unknown> {
  let kept: Record<string, unknown> | undefined;
  for (const name of Object.keys(value)) {
    const item = value[name];
    const at = path === '' ? name : `${path}.${name}`;
    const next = keep(name, item, at);
    if (next === item) continue;
    kept ??= { ...value };
    if (next === gone) {
      run.unknown.push(at);
      delete kept[name];
    } else kept[name] = next;
  }
  return kept ?? value;
}

function cutList(value: readonly unknown[], path: string, run: Run, keep: (item: unknown, at: string) => unknown): unknown {
  let kept: unknown[] | undefined;
  value.forEach((item, index) => {
    const next = keep(item, `${path}[${index}]`);
    if (next !== item) (kept ??= [...value])[index] = next;
  });
  return kept ?? value;
}
