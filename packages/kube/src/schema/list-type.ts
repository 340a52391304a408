// Uniqueness in lists of type set and map: apiextensions-apiserver pkg/apiserver/schema/listtype.
import type { FieldError } from './field-error.ts';
import { duplicate, goJson, invalid } from './field-error.ts';
import type { Plan } from './plan.ts';
import { isRecord } from './schema.ts';

/** The duplicates in all list sets and list maps below a value. */
export function checkListTypes(plan: Plan, value: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  visit(plan, value, path, errors);
  return errors;
}

function visit(plan: Plan, value: unknown, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    if (plan.isSet) errors.push(...repeated(value).map((index) => duplicate(`${path}[${index}]`, value[index])));
    else if (plan.mapKeys) errors.push(...repeatedKeys(plan.mapKeys, value, path));
    const items = plan.items;
    if (items && mayHoldLists(items)) value.forEach((item, index) => visit(items, item, `${path}[${index}]`, errors));
  } else if (isRecord(value)) {
    for (const name in value) {
      const item = value[name];
      if (typeof item !== 'object' || item === null) continue;
      const property = plan.property(name);
      if (property) visit(property, item, path === '' ? name : `${path}.${name}`, errors);
      else if (plan.additional) visit(plan.additional, item, `${path}[${name}]`, errors);
    }
  }
}

function mayHoldLists(plan: Plan): boolean {
  return plan.hasProperties || plan.additional !== undefined || plan.items !== undefined;
}

/** Indices of the second occurrence of each value that occurs more than once. */
function repeated(values: readonly unknown[]): number[] {
  if (values.length <= 1) return [];
  const times = new Map<string, number>();
  const found: number[] = [];
  values.forEach((value, index) => {
    const key = value === absentKey ? 'absent' : goJson(value);
    const before = times.get(key) ?? 0;
    times.set(key, before + 1);
    if (before === 1) found.push(index);
  });
  return found;
}

/** Stands for a key field that an item does not have. */
const absentKey = Symbol('absent key');

function repeatedKeys(keys: readonly string[], values: readonly unknown[], path: string): FieldError[] {
  const wrong = values.findIndex((value) => value !== null && !isRecord(value));
  if (wrong >= 0) return [invalid(`${path}[${wrong}]`, values[wrong], 'must be an object for an array of list-type map')];
  const shown = values.map((value) =>
    Object.fromEntries(keys.flatMap((key) => (isRecord(value) && value[key] !== undefined ? [[key, value[key]]] : []))),
  );
  const single = keys[0];
  const compared =
    keys.length === 1 && single !== undefined
      ? values.map((value) => (isRecord(value) && value[single] !== undefined ? value[single] : absentKey))
      : shown;
  return repeated(compared).map((index) => duplicate(`${path}[${index}]`, shown[index]));
}
