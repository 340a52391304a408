// Validation of objects against a schema, with the API server's rules and words:
// kube-openapi pkg/validation/validate, apiextensions-apiserver pkg/apiserver/validation/validation.go.
import type { FieldError } from './field-error.ts';
import { invalid, notSupported, required, showValue, tooLong, tooMany, typeInvalid, quote } from './field-error.ts';
import { checkListTypes } from './list-type.ts';
import type { Plan } from './plan.ts';
import { planOf } from './plan.ts';
import type { Schema, SchemaOptions } from './schema.ts';
import { isRecord } from './schema.ts';

export interface ValidateOptions extends SchemaOptions {
  /** Where the value stands, as `spec.template`; default: the root. */
  readonly path?: string;
}

/**
 * The errors of a value; empty when it is valid. CEL rules are not evaluated (`validationRules` lists them).
 * Order: type, then compositions, then the value's own fields, then duplicates in list sets and maps.
 */
export function validate(schema: Schema, value: unknown, options: ValidateOptions = {}): FieldError[] {
  const plan = planOf(schema, options.resolver);
  const run: Run = { found: [], path: options.path ?? '', nullIsAbsent: options.dialect === 'openapi' };
  check(plan, value, run);
  const errors = run.found.map((of) => of.error);
  if (options.dialect !== 'openapi') errors.push(...checkListTypes(plan, value, options.path ?? ''));
  return errors;
}

/** An error with the sentence it is recognised by: the same sentence is reported once. */
interface Found {
  readonly error: FieldError;
  readonly sentence: string;
}

interface Run {
  found: Found[];
  path: string;
  readonly nullIsAbsent: boolean;
}

/**
 * Checks one value and answers how many checks held below it. Upstream counts them to pick, of several alternatives that all fail,
 * the one whose errors are shown; the counting here follows it.
 */
function check(plan: Plan, value: unknown, run: Run): number {
  if (value === null || value === undefined) return checkNull(plan, run);
  let held = 1;
  if (plan.types.length > 0 || plan.format !== '') held += 1 + checkType(plan, value, run);
  held += 2 + (plan.composes ? checkCompositions(plan, value, run) : 0);
  switch (typeof value) {
    case 'string':
      held += 1 + checkText(plan, value, run);
      break;
    case 'number':
      checkNumber(plan, value, run);
      held += 2;
      break;
    default:
      if (Array.isArray(value)) held += 2 + checkList(plan, value, run);
  }
  checkEnum(plan, value, run);
  held += 1;
  if (isRecord(value)) held += 1 + checkObject(plan, value, run);
  return held;
}

function checkNull(plan: Plan, run: Run): number {
  if (run.nullIsAbsent) return 1;
  let held = 1;
  if (plan.types.length > 0 && !plan.types.includes('null') && !plan.nullable) {
    held = 0;
    wrongType(plan.types.join(','), 'null', run);
  }
  checkEnum(plan, null, run);
  return held;
}

function checkType(plan: Plan, value: unknown, run: Run): 0 | 1 {
  const { types, format } = plan;
  const type = jsonType(value);
  const fits = types.includes(type) || (type === 'integer' && types.includes('number'));
  const isText = type === 'string' || type === 'array';
  if (format === '') {
    if (fits || types.length === 0) return 1;
  } else if (!isText) {
    if (fits) return 1;
    // Upstream names the formats here, its own names for those of numbers.
    return wrongType(format, { integer: 'int64', number: 'float64' }[type] ?? '', run);
  } else if (fits || !(types.includes('number') || types.includes('integer'))) {
    // Texts and lists of a formatted, non-numeric schema are left to the format check.
    return 1;
  }
  return wrongType(types.join(','), type, run);
}

function wrongType(wanted: string, seen: string, run: Run): 0 {
  const detail = `${run.path} in body must be of type ${wanted}: ${quote(seen)}`;
  report(run, typeInvalid(fieldOf(run.path), seen, detail), detail);
  return 0;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function checkText(plan: Plan, value: string, run: Run): number {
  const { schema } = plan;
  const path = run.path;
  const length = schema.maxLength !== undefined || schema.minLength !== undefined ? runes(value) : 0;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    report(run, tooLong(fieldOf(path), schema.maxLength), `${path} should be at most ${schema.maxLength} chars long`);
  } else if (schema.minLength !== undefined && length < schema.minLength) {
    const detail = `${path} in body should be at least ${schema.minLength} chars long`;
    report(run, invalid(fieldOf(path), value, detail), detail);
  } else if (typeof plan.pattern === 'string') {
    const detail = `${path} in body should match '${schema.pattern}, but pattern is invalid: ${plan.pattern}'`;
    report(run, invalid(fieldOf(path), value, detail), detail);
  } else if (plan.pattern && !plan.pattern.test(value)) {
    const detail = `${path} in body should match '${schema.pattern}'`;
    report(run, invalid(fieldOf(path), value, detail), detail);
  }
  if (!plan.checkFormat) return 0;
  if (!plan.checkFormat(value)) {
    const detail = `${path} in body must be of type ${schema.format}: ${quote(value)}`;
    report(run, typeInvalid(fieldOf(path), value, detail), detail);
  }
  return 1;
}

/** Unicode code points, which is how lengths are counted. */
function runes(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-2147483648, 2147483647],
  int64: [-(2 ** 63), 2 ** 63],
};

function checkNumber(plan: Plan, value: number, run: Run): void {
  const { schema, types } = plan;
  const path = run.path;
  if (types.length === 1 && types[0] === 'integer') {
    const named = plan.format === '' ? undefined : plan.format;
    const [low, high] = ranges[named ?? 'int64'] ?? [0, 0];
    if (!Number.isInteger(value) || value < low || value > high || (named !== 'int32' && value === high)) {
      const format = named ? `with format ${named}` : '(default format)';
      ownerless(run, `Checked value must be of type integer ${format} in ${path}`);
    }
  } else if (types.length === 1 && types[0] === 'number' && schema.format === 'float' && Math.abs(value) > 3.4028234663852886e38) {
    ownerless(run, `Checked value must be of type number with format float in ${path}`);
  }
  const complain = (detail: string) => report(run, invalid(fieldOf(path), value, detail), detail);
  const { multipleOf, minimum, maximum } = schema;
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) complain(`${path} in body should be a multiple of ${multipleOf}`);
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    complain(`${path} in body should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    complain(`${path} in body should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
}

function isMultiple(value: number, factor: number): boolean {
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
}

function checkEnum(plan: Plan, value: unknown, run: Run): void {
  const members = plan.schema.enum;
  if (members === undefined || members.length === 0) return;
  if (plan.enumTexts?.has(value)) return;
  if (value !== null && members.some((member) => member !== null && isEqual(member, value))) return;
  const shown = members.map((member) => (typeof member === 'string' ? member : showValue(member)));
  report(run, notSupported(fieldOf(run.path), value, shown), `${run.path} in body should be one of ${shown.join(' ')}`);
}

function checkList(plan: Plan, value: readonly unknown[], run: Run): number {
  const { schema } = plan;
  const path = run.path;
  let held = 0;
  const items = plan.items;
  if (items) {
    for (let index = 0; index < value.length; index++) {
      run.path = `${path}[${index}]`;
      held += check(items, value[index], run);
    }
    run.path = path;
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    const detail = `${path} in body should have at least ${schema.minItems} items`;
    report(run, invalid(fieldOf(path), value.length, detail), detail);
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    report(run, tooMany(fieldOf(path), value.length, schema.maxItems), `${path} in body should have at most ${schema.maxItems} items`);
  }
  if (schema.uniqueItems && value.some((item, index) => value.slice(0, index).some((other) => isEqual(item, other)))) {
    const detail = `${path} in body shouldn't contain duplicates`;
    report(run, invalid(fieldOf(path), '', detail), detail);
  }
  return held;
}

function checkObject(plan: Plan, value: Readonly<Record<string, unknown>>, run: Run): number {
  const { schema } = plan;
  const path = run.path;
  if (schema.minProperties !== undefined || schema.maxProperties !== undefined) checkSize(schema, Object.keys(value).length, run);
  let held = 0;
  for (const name in value) {
    const item = value[name];
    if (item === undefined) continue;
    const property = plan.property(name);
    if (property) {
      run.path = path === '' ? name : `${path}.${name}`;
      held += check(property, item, run);
    } else if (plan.additional) {
      run.path = `${path}.${name}`;
      held += check(plan.additional, item, run);
    } else if (!plan.allowsAdditional) {
      const detail = `${path}.${name} in body is a forbidden property`;
      report(run, invalid(fieldOf(path), name, detail), detail);
    }
  }
  run.path = path;
  for (const name of plan.required) {
    const item = value[name];
    if (item === undefined || (item === null && run.nullIsAbsent)) {
      report(run, required(fieldOf(`${path}.${name}`)), `${path}.${name} in body is required`);
    }
  }
  return held;
}

function checkSize(schema: Schema, size: number, run: Run): void {
  const path = run.path;
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    const detail = `${path} in body should have at least ${schema.minProperties} properties`;
    report(run, invalid(fieldOf(path), size, detail), detail);
  }
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    report(run, tooMany(fieldOf(path), size, schema.maxProperties), `${path} in body should have at most ${schema.maxProperties} properties`);
  }
}

interface Outcome {
  readonly found: readonly Found[];
  readonly held: number;
}

function attempt(plan: Plan, value: unknown, run: Run): Outcome {
  const before = run.found;
  run.found = [];
  const held = check(plan, value, run);
  const found = run.found;
  run.found = before;
  return { found, held };
}

function checkCompositions(plan: Plan, value: unknown, run: Run): number {
  const { anyOf, oneOf, allOf, not } = plan;
  const path = run.path;
  let held = 0;
  if (anyOf.length > 0) {
    const outcome = firstGood(anyOf, value, run);
    if (outcome.found.length > 0) ownerless(run, `${quote(path)} must validate at least one schema (anyOf)`);
    held += keep(outcome, run);
  }
  if (oneOf.length > 0) held += checkOneOf(oneOf, value, run);
  if (allOf.length > 0) {
    const outcomes = allOf.map((member) => attempt(member, value, run));
    for (const outcome of outcomes) held += keep(outcome, run);
    const good = outcomes.filter((outcome) => outcome.found.length === 0).length;
    if (good !== allOf.length) ownerless(run, `${quote(path)} must validate all the schemas (allOf)${good === 0 ? '. None validated' : ''}`);
  }
  if (not && attempt(not, value, run).found.length === 0) ownerless(run, `${quote(path)} must not validate the schema (not)`);
  return held;
}

/** The first alternative without errors, or the one that got furthest. */
function firstGood(plans: readonly Plan[], value: unknown, run: Run): Outcome {
  let best: Outcome | undefined;
  for (const plan of plans) {
    const outcome = attempt(plan, value, run);
    if (outcome.found.length === 0) return outcome;
    if (!best || outcome.held > best.held) best = outcome;
  }
  return best ?? { found: [], held: 0 };
}

function checkOneOf(plans: readonly Plan[], value: unknown, run: Run): number {
  const outcomes = plans.map((plan) => attempt(plan, value, run));
  const good = outcomes.filter((outcome) => outcome.found.length === 0);
  const first = good[0];
  if (good.length === 1 && first) return keep(first, run);
  const seen = good.length === 0 ? 'Found none valid' : `Found ${good.length} valid alternatives`;
  ownerless(run, `${quote(run.path)} must validate one and only one schema (oneOf). ${seen}`);
  if (good.length > 0) return 0;
  return keep(outcomes.reduce((best, outcome) => (outcome.held > best.held ? outcome : best)), run);
}

function keep(outcome: Outcome, run: Run): number {
  for (const of of outcome.found) report(run, of.error, of.sentence);
  return outcome.held;
}

/** An error that upstream ties to no field. */
function ownerless(run: Run, sentence: string): void {
  report(run, invalid('<nil>', '', sentence), sentence);
}

function report(run: Run, error: FieldError, sentence: string): void {
  if (!run.found.some((known) => known.sentence === sentence)) run.found.push({ error, sentence });
}

/** Upstream writes a path below the root with a leading dot in some places and takes it away in the error. */
function fieldOf(path: string): string {
  if (path === '') return '<nil>';
  return path.startsWith('.') ? path.slice(1) : path;
}

/** Deep equality of JSON values. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  // Both are plain JSON objects here.
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(right, key) && isEqual(left[key], right[key]));
}
