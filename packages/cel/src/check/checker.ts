// Gradual type checking: cel-spec doc/langdef.md "Gradual Type Checking"; messages as cel-go checker/errors.go words them.
import type { Overload } from '../functions/declare.ts';
import type { Comprehension, Expression, Issue } from '../syntax/ast.ts';
import type { Type } from '../types.ts';
import { boolType, bytesType, doubleType, durationType, dynType, errorType, intType, isOptional, listType, mapType, nullType, optionalType, showType, stringType, timestampType, uintType } from '../types.ts';
import type { Bindings } from './unify.ts';
import { assign, freshen, isSameType, substitute } from './unify.ts';

/** What an expression may name. */
export interface Declarations {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
}

export interface Checked {
  readonly type: Type;
  readonly issues: readonly Issue[];
  /** The overloads that a call may mean; one, unless an argument's type is only known at run time. */
  readonly overloads: ReadonlyMap<Expression, readonly Overload[]>;
  /** Calls and selections that are a function or a type with dots in its name, and the name. */
  readonly qualified: ReadonlyMap<Expression, string>;
  readonly types: ReadonlyMap<Expression, Type>;
  /** Variables that are used. */
  readonly used: ReadonlySet<string>;
}

interface Run {
  readonly declarations: Declarations;
  readonly bindings: Bindings;
  readonly issues: Issue[];
  readonly overloads: Map<Expression, readonly Overload[]>;
  readonly qualified: Map<Expression, string>;
  readonly types: Map<Expression, Type>;
  readonly used: Set<string>;
  readonly scopes: Map<string, Type>[];
  fresh: number;
  /** Above zero inside the arguments of format(), where types may be mixed. */
  mixed: number;
}

const typeNames: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['int', intType], ['uint', uintType], ['double', doubleType], ['bool', boolType], ['string', stringType], ['bytes', bytesType], ['null_type', nullType],
  ['list', listType(dynType)], ['map', mapType(dynType, dynType)], ['type', { kind: 'type' }], ['google.protobuf.Timestamp', timestampType], ['google.protobuf.Duration', durationType],
  ['optional_type', optionalType(dynType)],
]);

/** Finds the type of every part of an expression, and what is wrong with it. */
export function check(expression: Expression, declarations: Declarations): Checked {
  const run: Run = { declarations, bindings: new Map(), issues: [], overloads: new Map(), qualified: new Map(), types: new Map(), used: new Set(), scopes: [], fresh: 0, mixed: 0 };
  const type = substitute(run.bindings, typeOf(expression, run), true);
  for (const [node, found] of run.types) run.types.set(node, substitute(run.bindings, found, true));
  return { type, issues: run.issues, overloads: run.overloads, qualified: run.qualified, types: run.types, used: run.used };
}

function report(run: Run, at: number, message: string): Type {
  run.issues.push({ at, message });
  return errorType;
}

function show(run: Run, type: Type): string {
  return showType(substitute(run.bindings, type, false));
}

function freshParameter(run: Run): Type {
  return { kind: 'param', name: `_${run.fresh++}` };
}

function typeOf(node: Expression, run: Run): Type {
  const found = infer(node, run);
  run.types.set(node, found);
  return found;
}

function infer(node: Expression, run: Run): Type {
  switch (node.kind) {
    case 'literal':
      return { kind: node.literal.type };
    case 'identifier':
      return identifierType(node.name, run) ?? report(run, node.at, `undeclared reference to '${node.name}' (in container '')`);
    case 'select':
      return selectType(node, run);
    case 'call':
      return callType(node, run);
    case 'list':
      return listLiteralType(node, run);
    case 'map':
      return mapLiteralType(node, run);
    default:
      return comprehensionType(node, run);
  }
}

function identifierType(name: string, run: Run): Type | undefined {
  const plain = name.startsWith('.') ? name.slice(1) : name;
  for (let index = run.scopes.length - 1; index >= 0 && plain === name; index--) {
    const found = run.scopes[index]?.get(name);
    if (found) return found;
  }
  const variable = run.declarations.variables.get(plain);
  if (variable) {
    run.used.add(plain);
    return variable;
  }
  const type = typeNames.get(plain);
  return type && { kind: 'type', of: type };
}

/** `a.b.c` as one name; undefined when the chain does not begin with a name. */
function qualifiedName(node: Expression): string | undefined {
  if (node.kind === 'identifier') return node.name;
  if (node.kind !== 'select' || node.test) return undefined;
  const before = qualifiedName(node.operand);
  return before === undefined ? undefined : `${before}.${node.field}`;
}

function selectType(node: Extract<Expression, { kind: 'select' }>, run: Run): Type {
  const name = qualifiedName(node);
  const type = name === undefined ? undefined : typeNames.get(name);
  if (type && name !== undefined) {
    run.qualified.set(node, name);
    return { kind: 'type', of: type };
  }
  const operand = typeOf(node.operand, run);
  const field = fieldType(operand, node.field, node.at, run);
  return node.test ? boolType : field;
}

function fieldType(operand: Type, field: string, at: number, run: Run): Type {
  const found = substitute(run.bindings, operand, false);
  if (isOptional(found)) {
    const inner = fieldType(found.parameters[0] ?? dynType, field, at, run);
    return isOptional(inner) ? inner : optionalType(inner);
  }
  switch (found.kind) {
    case 'map':
      return found.value;
    case 'object':
      return found.fields.get(field) ?? report(run, at, `undefined field '${field}'`);
    case 'param':
      assign(run.bindings, found, dynType);
      return dynType;
    case 'dyn':
    case 'error':
      return dynType;
    default:
      return report(run, at, `type '${show(run, found)}' does not support field selection`);
  }
}

function callType(node: Extract<Expression, { kind: 'call' }>, run: Run): Type {
  const { functions } = run.declarations;
  if (node.name === '_?._') return optionalSelectType(node, run);
  if (node.target) {
    const prefix = qualifiedName(node.target);
    const name = prefix === undefined ? undefined : `${prefix}.${node.name}`;
    const isShadowed = prefix !== undefined && identifierType(prefix.split('.')[0] ?? '', run) !== undefined && !functions.has(name ?? '');
    if (name !== undefined && functions.has(name) && !isShadowed) {
      run.qualified.set(node, name);
      return resolveCall(node, name, false, node.args.map((arg) => typeOf(arg, run)), run);
    }
    const isFormat = node.name === 'format';
    const target = typeOf(node.target, run);
    if (isFormat) run.mixed++;
    const types = [target, ...node.args.map((arg) => typeOf(arg, run))];
    if (isFormat) run.mixed--;
    if (!functions.has(node.name)) return report(run, node.at, `undeclared reference to '${node.name}' (in container '')`);
    return resolveCall(node, node.name, true, types, run);
  }
  const name = node.name.startsWith('.') ? node.name.slice(1) : node.name;
  const types = node.args.map((arg) => typeOf(arg, run));
  if (!functions.has(name)) return report(run, node.at, `undeclared reference to '${name}' (in container '')`);
  if (name === '_&&_' || name === '_||_') {
    node.args.forEach((arg, index) => assertType(run, arg, types[index] ?? dynType, boolType));
    return boolType;
  }
  return resolveCall(node, name, false, types, run);
}

function optionalSelectType(node: Extract<Expression, { kind: 'call' }>, run: Run): Type {
  const [operand, field] = node.args;
  if (!operand || field?.kind !== 'literal' || field.literal.type !== 'string') return report(run, node.at, 'unsupported optional field selection');
  const type = substitute(run.bindings, typeOf(operand, run), false);
  const inner = fieldType(isOptional(type) ? (type.parameters[0] ?? dynType) : type, field.literal.value, node.at, run);
  return isOptional(inner) ? inner : optionalType(inner);
}

function resolveCall(node: Extract<Expression, { kind: 'call' }>, name: string, isMember: boolean, args: readonly Type[], run: Run): Type {
  const found: Overload[] = [];
  let result: Type | undefined;
  for (const overload of run.declarations.functions.get(name) ?? []) {
    if (overload.isMember !== isMember || overload.parameters.length !== args.length) continue;
    const suffix = `#${run.fresh++}`;
    const trial: Bindings = new Map(run.bindings);
    if (!args.every((arg, index) => assign(trial, arg, freshen(overload.parameters[index] ?? dynType, suffix)))) continue;
    for (const [parameter, type] of trial) run.bindings.set(parameter, type);
    found.push(overload);
    const type = substitute(run.bindings, freshen(overload.result, suffix), false);
    result = result === undefined || isSameType(result, type) ? type : dynType;
  }
  run.overloads.set(node, found);
  if (result) return result;
  const shown = isMember ? `${show(run, args[0] ?? dynType)}.(${args.slice(1).map((arg) => show(run, arg)).join(', ')})` : `(${args.map((arg) => show(run, arg)).join(', ')})`;
  if (args.some((arg) => arg.kind === 'error')) return errorType;
  return report(run, node.at, `found no matching overload for '${name}' applied to '${shown}'`);
}

/** All elements of a literal are of one type; dyn and null go with others. */
function joined(before: Type | undefined, next: Type, at: number, run: Run): Type {
  if (before === undefined) return next;
  const trial: Bindings = new Map(run.bindings);
  if (assign(trial, next, before)) {
    for (const [parameter, type] of trial) run.bindings.set(parameter, type);
    return before.kind === 'dyn' || next.kind !== 'dyn' ? (before.kind === 'null' ? next : before) : next;
  }
  if (run.mixed > 0) return dynType;
  if (before.kind !== 'error' && next.kind !== 'error') report(run, at, `expected type '${show(run, before)}' but found '${show(run, next)}'`);
  return before;
}

function elementType(element: Expression, isOptionalElement: boolean, run: Run): Type {
  const type = substitute(run.bindings, typeOf(element, run), false);
  if (!isOptionalElement) return type;
  if (isOptional(type)) return type.parameters[0] ?? dynType;
  if (type.kind === 'dyn' || type.kind === 'error') return dynType;
  return report(run, element.at, `expected type 'optional_type(${show(run, type)})' but found '${show(run, type)}'`);
}

function listLiteralType(node: Extract<Expression, { kind: 'list' }>, run: Run): Type {
  let element: Type | undefined;
  node.elements.forEach((one, index) => {
    element = joined(element, elementType(one, node.optional.has(index), run), one.at, run);
  });
  return listType(element ?? freshParameter(run));
}

function mapLiteralType(node: Extract<Expression, { kind: 'map' }>, run: Run): Type {
  let key: Type | undefined;
  let value: Type | undefined;
  for (const entry of node.entries) {
    key = joined(key, typeOf(entry.key, run), entry.key.at, run);
    value = joined(value, elementType(entry.value, entry.optional, run), entry.value.at, run);
  }
  return mapType(key ?? freshParameter(run), value ?? freshParameter(run));
}

function comprehensionType(node: Comprehension, run: Run): Type {
  const range = substitute(run.bindings, typeOf(node.range, run), false);
  const accumulator = typeOf(node.init, run);
  const [first, second] = variableTypes(node, range, run);
  const variables = new Map<string, Type>();
  variables.set(node.variable, first);
  if (node.variable2 !== undefined) variables.set(node.variable2, second);
  // The result sees the accumulator, but not the loop's variables.
  run.scopes.push(new Map([[node.accumulator, accumulator]]), variables);
  assertType(run, node.condition, typeOf(node.condition, run), boolType);
  assertType(run, node.step, typeOf(node.step, run), accumulator);
  run.scopes.pop();
  const result = typeOf(node.result, run);
  run.scopes.pop();
  return substitute(run.bindings, result, false);
}

function assertType(run: Run, node: Expression, actual: Type, wanted: Type): void {
  if (!assign(run.bindings, actual, wanted) && actual.kind !== 'error') report(run, node.at, `expected type '${show(run, wanted)}' but found '${show(run, actual)}'`);
}

function variableTypes(node: Comprehension, range: Type, run: Run): [Type, Type] {
  switch (range.kind) {
    case 'list':
      return node.variable2 === undefined ? [range.element, dynType] : [intType, range.element];
    case 'map':
      return [range.key, range.value];
    case 'param':
      assign(run.bindings, range, dynType);
      return [dynType, dynType];
    case 'dyn':
    case 'error':
      return [dynType, dynType];
    default:
      report(run, node.range.at, `expression of type '${show(run, range)}' cannot be range of a comprehension (must be list, map, or dynamic)`);
      return [errorType, errorType];
  }
}
