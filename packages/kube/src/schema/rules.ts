import { planOf } from './plan.ts';
import type { Plan } from './plan.ts';
import type { Schema, SchemaOptions, ValidationRule } from './schema.ts';

/** A CEL rule and where it stands: `spec.containers[*]`, `spec.labels[*]` for values of a map. */
export interface FoundRule extends ValidationRule {
  readonly path: string;
}

/** All CEL rules of a schema (x-kubernetes-validations). They are not evaluated here; a caller may say so. */
export function validationRules(schema: Schema, options: SchemaOptions = {}): FoundRule[] {
  const found: FoundRule[] = [];
  collect(planOf(schema, options.resolver), '', found, new Set());
  return found;
}

function collect(plan: Plan, path: string, found: FoundRule[], above: ReadonlySet<Plan>): void {
  // A recursive schema repeats the rules of the node it returns to.
  if (above.has(plan)) return;
  const within = new Set(above).add(plan);
  for (const rule of plan.schema['x-kubernetes-validations'] ?? []) found.push({ ...rule, path });
  for (const member of plan.allOf) collect(member, path, found, within);
  for (const name of Object.keys(plan.schema.properties ?? {})) {
    const property = plan.property(name);
    if (property) collect(property, path === '' ? name : `${path}.${name}`, found, within);
  }
  if (plan.items) collect(plan.items, `${path}[*]`, found, within);
  if (plan.additional) collect(plan.additional, `${path}[*]`, found, within);
}
