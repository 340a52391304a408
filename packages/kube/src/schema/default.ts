// Structural defaulting: apiextensions-apiserver pkg/apiserver/schema/defaulting (algorithm.go, prunenulls.go).
import type { Plan } from './plan.ts';
import { planOf } from './plan.ts';
import type { Schema, SchemaOptions } from './schema.ts';
import { isRecord } from './schema.ts';

/**
 * The value with defaults filled in. A null where the schema does not allow null is replaced by the default, or dropped when there is none;
 * a null that is allowed stays. The argument is not changed; what needs no change is shared with it.
 */
export function applyDefaults<T>(schema: Schema, value: T, options: SchemaOptions = {}): T {
  // Defaulting keeps the kind of value at the root: an object stays an object.
  return fill(planOf(schema, options.resolver), value) as T;
}

function fill(plan: Plan | undefined, value: unknown): unknown {
  if (!plan) return value;
  if (Array.isArray(value)) return fillList(plan.items, value);
  if (isRecord(value)) return fillObject(plan, value);
  return value;
}

function fillObject(plan: Plan, value: Readonly<Record<string, unknown>>): unknown {
  let filled: Record<string, unknown> | undefined;
  const edit = () => (filled ??= { ...value });
  for (const [name, preset] of plan.defaults) {
    const have = value[name];
    const property = plan.property(name);
    if (have === undefined || (have === null && property?.nullable === false)) edit()[name] = structuredClone(preset);
  }
  const current = filled ?? value;
  for (const name of Object.keys(current)) {
    const have = current[name];
    const property = plan.property(name) ?? plan.additional;
    if (!property) continue;
    if (have === null && !property.nullable) {
      const preset = property.schema.default;
      if (preset === undefined || preset === null) delete edit()[name];
      else edit()[name] = fill(property, structuredClone(preset));
      continue;
    }
    const next = fill(property, have);
    if (next !== have) edit()[name] = next;
  }
  return filled ?? value;
}

function fillList(items: Plan | undefined, value: readonly unknown[]): unknown {
  if (!items) return value;
  let filled: unknown[] | undefined;
  value.forEach((have, index) => {
    const preset = items.schema.default;
    const start = have === null && !items.nullable && preset !== undefined ? structuredClone(preset) : have;
    const next = fill(items, start);
    if (next !== have) (filled ??= [...value])[index] = next;
  });
  return filled ?? value;
}
