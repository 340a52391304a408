// CEL rules of schemas: apiextensions-apiserver pkg/apiserver/schema/cel/{compilation,validation}.go. Compiled once per schema node.
import type { Program, Type, Value } from '@keelson/cel';
import { boolType, compile, noneValue, optionalType, readerOf, stringType } from '@keelson/cel';
import type { Reader } from '@keelson/cel';
import type { FieldError, Schema, ValidationRule } from '@keelson/kube/schema';
import { duplicate, forbidden, invalid, isRecord, required } from '@keelson/kube/schema';
import { isSame } from '../kinds/fields.ts';

/** Cost that all rules of one object may have together. */
export const objectCostLimit = 10_000_000;
const maxMessageBytes = 5 * 1024;

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program?: Program;
  readonly usesOldSelf: boolean;
  readonly message?: Program;
  /** Why the rule cannot be used, and why its messageExpression cannot. */
  readonly error?: string;
  readonly messageError?: string;
  /** Where below the node the rule's errors belong. */
  readonly fieldPath?: string;
}

interface RuleNode {
  readonly schema: Schema;
  readonly reader: Reader | undefined;
  readonly rules: readonly CompiledRule[];
  readonly allOf: readonly RuleNode[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly additional: RuleNode | undefined;
}

const roots = new WeakMap<Schema, { readonly node: RuleNode | undefined }>();

/** The node with its rules; undefined when there are none at it or below. */
function nodeOf(schema: Schema, isRoot: boolean): RuleNode | undefined {
  const rules = compileRules(schema, isRoot);
  // A part of an allOf has the type of the schema it is part of.
  const allOf = (schema.allOf ?? []).flatMap((part) => nodeOf({ ...part, type: part.type ?? schema.type, properties: part.properties ?? schema.properties, items: part.items ?? schema.items, additionalProperties: part.additionalProperties ?? schema.additionalProperties, 'x-kubernetes-validations': part['x-kubernetes-validations'] ?? [] }, isRoot) ?? []);
  const properties = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = nodeOf(property, false);
    if (node) properties.set(name, node);
  }
  const items = schema.items && nodeOf(schema.items, false);
  const additional = typeof schema.additionalProperties === 'object' ? nodeOf(schema.additionalProperties, false) : undefined;
  if (rules.length === 0 && properties.size === 0 && !items && !additional && !allOf.some((part) => part.rules.length > 0)) return undefined;
  return { schema, reader: rules.length > 0 ? readerAt(schema, isRoot) : undefined, rules, allOf: allOf.filter((part) => part.rules.length > 0).map((part) => ({ ...part, properties: new Map(), items: undefined, additional: undefined })), properties, items, additional };
}

function readerAt(schema: Schema, isRoot: boolean): Reader | undefined {
  return readerOf(schema, isRoot || schema['x-kubernetes-embedded-resource'] === true);
}

/** The rules that stand at a schema node, compiled. Wrong ones carry their error. `isRoot` is the root of a resource. */
export function compileRules(schema: Schema, isRoot: boolean): CompiledRule[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0) return [];
  const reader = readerAt(schema, isRoot);
  if (!reader) return rules.map((rule) => ({ rule, usesOldSelf: false, error: 'failed to convert to declType for CEL validation rules' }));
  return rules.map((rule) => compileRule(rule, reader.type, schema));
}

function compileRule(rule: ValidationRule, self: Type, schema: Schema): CompiledRule {
  const variables = new Map<string, Type>([['self', self], ['oldSelf', rule.optionalOldSelf === true ? optionalType(self) : self]]);
  const compiled = compile(rule.rule, variables);
  if (!compiled.program) return { rule, usesOldSelf: false, error: `compilation failed: ${compiled.message}` };
  if (compiled.program.type.kind !== boolType.kind) return { rule, usesOldSelf: false, error: 'cel expression must evaluate to a bool' };
  const fieldPath = rule.fieldPath === undefined || rule.fieldPath === '' ? undefined : pathBelow(rule.fieldPath, schema);
  const usable = { rule, program: compiled.program, usesOldSelf: compiled.program.uses.has('oldSelf'), ...(fieldPath === undefined ? {} : { fieldPath }) };
  if (rule.messageExpression === undefined || rule.messageExpression === '') return usable;
  const message = compile(rule.messageExpression, variables);
  if (!message.program) return { ...usable, messageError: `messageExpression compilation failed: ${message.message}` };
  if (message.program.type.kind !== stringType.kind) return { ...usable, messageError: 'messageExpression must evaluate to a string' };
  return { ...usable, message: message.program };
}

/** `.a.b['c']` as it stands in errors; undefined when it leads to nothing in the schema. */
export function pathBelow(fieldPath: string, schema: Schema): string | undefined {
  let at: Schema | undefined = schema;
  let found = '';
  let rest = fieldPath;
  while (rest !== '') {
    const [whole = '', plain, quoted] = /^(?:\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\])/.exec(rest) ?? [];
    const name = plain ?? quoted?.replace(/\\(.)/g, '$1');
    if (name === undefined || !at) return undefined;
    if (at.properties) {
      at = Object.hasOwn(at.properties, name) ? at.properties[name] : undefined;
      found += found === '' ? name : `.${name}`;
    } else {
      at = typeof at.additionalProperties === 'object' ? at.additionalProperties : undefined;
      found += `[${name}]`;
    }
    if (!at) return undefined;
    rest = rest.slice(whole.length);
  }
  return found === '' ? undefined : found;
}

interface Run {
  budget: number;
  readonly errors: FieldError[];
  /** Set when no further rule may run. */
  ended: boolean;
}

/** Where a value stands, what it was, and whether an error about it may be let through because nothing there has changed. */
interface Place {
  readonly path: string;
  readonly old: unknown;
  /** The value has a counterpart in the old object. */
  readonly isMatched: boolean;
  readonly isUnchanged: () => boolean;
}

function rootOf(schema: Schema): RuleNode | undefined {
  let root = roots.get(schema);
  if (!root) roots.set(schema, (root = { node: nodeOf(schema, true) }));
  return root.node;
}

/** True when a resource's schema has a rule anywhere. */
export function hasRules(schema: Schema): boolean {
  return rootOf(schema) !== undefined;
}

/** Evaluates the rules of a schema on an object; `old` is what an update replaces. Errors of what did not change are left out. */
export function ruleErrors(schema: Schema, object: unknown, old: unknown): FieldError[] {
  const root = rootOf(schema);
  if (!root) return [];
  const run: Run = { budget: objectCostLimit, errors: [], ended: false };
  visit(root, object, { path: '', old, isMatched: old !== undefined, isUnchanged: once(() => old !== undefined && isSame(object, old)) }, run);
  return run.errors;
}

function once(answer: () => boolean): () => boolean {
  let known: boolean | undefined;
  return () => (known ??= answer());
}

function visit(node: RuleNode, value: unknown, place: Place, run: Run): void {
  if (run.ended || value === undefined || value === null) return;
  checkRules(node, value, place, run);
  for (const part of node.allOf) if (!run.ended) checkRules(part, value, place, run);
  if (Array.isArray(value)) visitItems(node, value, place, run);
  else if (isRecord(value)) visitFields(node, value, place, run);
}

function visitFields(node: RuleNode, value: Readonly<Record<string, unknown>>, place: Place, run: Run): void {
  if (!node.additional && node.properties.size === 0) return;
  const old = isRecord(place.old) ? place.old : undefined;
  for (const [name, item] of Object.entries(value)) {
    const child = node.properties.get(name) ?? node.additional;
    if (!child || run.ended) continue;
    const isField = node.properties.has(name);
    const path = isField ? (place.path === '' ? name : `${place.path}.${name}`) : `${place.path}[${name}]`;
    visit(child, item, below(place, path, item, old && Object.hasOwn(old, name) ? old[name] : undefined), run);
  }
}

function below(place: Place, path: string, value: unknown, old: unknown): Place {
  // What has no counterpart is judged with what it stands in.
  if (!place.isMatched || old === undefined) return { path, old, isMatched: false, isUnchanged: place.isUnchanged };
  return { path, old, isMatched: true, isUnchanged: once(() => isSame(value, old)) };
}

/** Items of a list of type map have the item with the same keys as their counterpart; others have none. */
function visitItems(node: RuleNode, value: readonly unknown[], place: Place, run: Run): void {
  const { items } = node;
  if (!items) return;
  const keys = node.schema['x-kubernetes-list-type'] === 'map' ? node.schema['x-kubernetes-list-map-keys'] : undefined;
  const keyOf = (item: unknown) => JSON.stringify((keys ?? []).map((key) => (isRecord(item) ? (item[key] ?? items.schema.properties?.[key]?.default) : undefined)));
  const old = new Map<string, unknown>();
  if (keys && Array.isArray(place.old)) for (const item of place.old) if (!old.has(keyOf(item))) old.set(keyOf(item), item);
  value.forEach((item, index) => visit(items, item, below(place, `${place.path}[${index}]`, item, keys ? old.get(keyOf(item)) : undefined), run));
}

function checkRules(node: RuleNode, value: unknown, place: Place, run: Run): void {
  if (node.rules.length === 0) return;
  const type = typeof node.schema.type === 'string' ? node.schema.type : '';
  const field = place.path === '' ? '<nil>' : place.path;
  if (run.budget <= 0) return end(run, invalid(field, type, 'validation failed due to running out of cost budget, no further validation rules will be run'));
  let self: Value | undefined;
  let oldSelf: Value | undefined;
  const hasOld = place.old !== undefined && place.old !== null;
  for (const compiled of node.rules) {
    if (run.ended) return;
    if (compiled.error !== undefined || !compiled.program || !node.reader) {
      run.errors.push(invalid(field, type, `rule compile error: ${compiled.error ?? 'not compiled'}`));
      continue;
    }
    const isOptional = compiled.rule.optionalOldSelf === true;
    if (compiled.usesOldSelf && !hasOld && !isOptional) continue;
    try {
      self ??= node.reader.read(value);
      if (hasOld && compiled.usesOldSelf) oldSelf ??= node.reader.read(place.old);
    } catch (error) {
      run.errors.push(invalid(field, type, `${error instanceof Error ? error.message : String(error)} evaluating rule: ${ruleText(compiled.rule)}`));
      continue;
    }
    const was: Value | undefined = isOptional ? (oldSelf === undefined ? noneValue : { kind: 'optional', value: oldSelf }) : oldSelf;
    checkRule(compiled, { self, oldSelf: was }, { ...place, field, type }, run);
  }
}

function end(run: Run, error: FieldError): void {
  run.errors.push(error);
  run.ended = true;
}

function ruleText(rule: ValidationRule): string {
  return (rule.message || rule.rule).trim();
}

type Variables = Readonly<Record<string, Value | undefined>>;

function checkRule(compiled: CompiledRule, variables: Variables, at: Place & { readonly field: string; readonly type: string }, run: Run): void {
  const { rule, program } = compiled;
  if (!program) return;
  const outcome = program.evaluate(variables);
  if (outcome.cost > run.budget) return end(run, invalid(at.field, at.type, 'validation failed due to running out of cost budget, no further validation rules will be run'));
  run.budget -= outcome.cost;
  if (outcome.error !== undefined) {
    if (outcome.exceeded) return end(run, invalid(at.field, at.type, `'${outcome.error}': no further validation rules will be run due to call cost exceeds limit for rule: ${ruleText(rule)}`));
    const isOverload = outcome.error.startsWith('no such overload');
    run.errors.push(invalid(at.field, at.type, isOverload ? `'${outcome.error}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(rule)}` : `${outcome.error} evaluating rule: ${ruleText(rule)}`));
    return;
  }
  if (outcome.value === true || (!compiled.usesOldSelf && at.isUnchanged())) return;
  const field = compiled.fieldPath === undefined ? at.field : at.path === '' ? compiled.fieldPath : `${at.path}.${compiled.fieldPath}`;
  const message = messageOf(compiled, variables, run);
  if (message.failed !== undefined) return end(run, invalid(field, at.type, message.failed));
  run.errors.push(errorFor(rule.reason, field, at.type, message.text ?? ''));
}

function errorFor(reason: string | undefined, field: string, type: string, message: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(field, message);
    case 'FieldValueRequired':
      return required(field, message);
    case 'FieldValueDuplicate':
      return duplicate(field, type);
    default:
      return invalid(field, type, message);
  }
}

/** The messageExpression's text when it gives a usable one, otherwise the rule's message. `failed` ends the evaluation. */
function messageOf({ rule, message }: CompiledRule, variables: Variables, run: Run): { text?: string; failed?: string } {
  const standard = rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`;
  if (!message) return { text: standard };
  const outcome = message.evaluate(variables);
  if (outcome.cost > run.budget) return { failed: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' };
  if (outcome.error !== undefined && outcome.exceeded) return { failed: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}` };
  run.budget -= outcome.cost;
  const text = typeof outcome.value === 'string' ? outcome.value.trim() : '';
  const isUsable = text !== '' && !text.includes('\n') && new TextEncoder().encode(text).length <= maxMessageBytes;
  return { text: isUsable ? text : standard };
}

/** What is wrong with the rules of a schema, for the validation of its definition. `path` is where the schema stands. */
export function ruleIssues(schema: Schema, path: string, isRoot = true): FieldError[] {
  const errors: FieldError[] = [];
  compileRules(schema, isRoot).forEach(({ rule, error, messageError, fieldPath }, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    if (rule.rule.trim() === '') errors.push(required(`${at}.rule`, 'rule is not specified'));
    else if (error !== undefined) errors.push(invalid(`${at}.rule`, rule, error));
    if (messageError !== undefined) errors.push(invalid(`${at}.messageExpression`, rule, messageError));
    if (rule.fieldPath && fieldPath === undefined && error === undefined) errors.push(invalid(`${at}.fieldPath`, rule.fieldPath, `fieldPath must be a valid path: does not refer to a valid field`));
  });
  for (const [name, property] of Object.entries(schema.properties ?? {})) errors.push(...ruleIssues(property, `${path}.properties[${name}]`, false));
  if (schema.items) errors.push(...ruleIssues(schema.items, `${path}.items`, false));
  if (typeof schema.additionalProperties === 'object') errors.push(...ruleIssues(schema.additionalProperties, `${path}.additionalProperties`, false));
  return errors;
}
