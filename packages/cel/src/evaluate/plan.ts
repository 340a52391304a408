// From a checked tree to closures. What costs how much follows cel-go: interpreter/planner.go decides which parts are one step,
// interpreter/runtimecost.go what a step costs; tests hold it to costs that cel-go printed.
import type { Overload } from '../functions/declare.ts';
import { compileRegex } from '../regex/cache.ts';
import type { Expression, Literal } from '../syntax/ast.ts';
import { isEqual } from '../values/compare.ts';
import type { MapValue, OptionalValue, Value } from '../values/value.ts';
import { CelError, fits, listOf, mapOf, noneValue, typeNameOf } from '../values/value.ts';
import { planComprehension } from './fold.ts';
import type { Frame, Plan, Step } from './frame.ts';
import { spend } from './frame.ts';
import { attempt, optionalItem, readField, readItem } from './select.ts';

/** A step and whether evaluating it on its own costs one unit more (names and selections do, once per chain). */
interface Chain {
  readonly step: Step;
  readonly base: 0 | 1;
}

/** Compiles one node to a step. */
export function planStep(node: Expression, plan: Plan): Step {
  switch (node.kind) {
    case 'literal': {
      const value = literalValue(node.literal);
      return () => value;
    }
    case 'identifier':
    case 'select':
      return counted(planChain(node, plan));
    case 'list':
      return planList(node, plan);
    case 'map':
      return planMap(node, plan);
    case 'comprehension':
      return planComprehension(node, plan, (inner) => planStep(inner, plan));
    default:
      return planCall(node, plan);
  }
}

export function literalValue(literal: Literal): Value {
  switch (literal.type) {
    case 'null':
      return null;
    case 'uint':
      return { kind: 'uint', value: literal.value };
    default:
      return literal.value;
  }
}

function counted({ step, base }: Chain): Step {
  if (base === 0) return step;
  return (frame) => {
    const value = attempt(step, frame);
    spend(frame, 1);
    if (value instanceof CelError) throw value;
    return value;
  };
}

/** Names, selections and indexes are one chain: one unit for it and one for each selection. */
function planChain(node: Expression, plan: Plan): Chain {
  if (node.kind === 'identifier') return { step: planIdentifier(node.name, plan), base: isVariable(node.name, plan) ? 1 : 0 };
  if (node.kind === 'select') {
    const name = plan.checked.qualified.get(node);
    if (name !== undefined) return { step: () => ({ kind: 'type', name }), base: 0 };
    return planSelect(node, plan);
  }
  if (node.kind === 'call' && (node.name === '_[_]' || node.name === '_[?_]' || node.name === '_?._')) return planIndex(node, plan);
  if (node.kind === 'call' && node.name === '_?_:_') return { step: planConditional(node, plan), base: 0 };
  return { step: planStep(node, plan), base: 1 };
}

function isVariable(name: string, plan: Plan): boolean {
  return plan.scope.some(([variable]) => variable === name || `.${variable}` === name);
}

function planIdentifier(name: string, plan: Plan): Step {
  for (let index = plan.scope.length - 1; index >= 0; index--) {
    const [variable, slot] = plan.scope[index] ?? ['', 0];
    if (variable !== name && `.${variable}` !== name) continue;
    return (frame) => {
      const value = frame.slots[slot];
      if (value === undefined) throw new CelError(`no such attribute(s): ${name}`);
      if (value instanceof CelError) throw value;
      return value;
    };
  }
  // The checker has found it, so it is a type.
  const value: Value = { kind: 'type', name };
  return () => value;
}

function planSelect(node: Extract<Expression, { kind: 'select' }>, plan: Plan): Chain {
  const { field } = node;
  const operand = planChain(node.operand, plan);
  const { step } = operand;
  if (node.test) {
    return {
      base: 0,
      step: (frame) => {
        const of = step(frame);
        const has = hasField(of, field);
        spend(frame, 1);
        return has;
      },
    };
  }
  return {
    base: operand.base,
    step: (frame) => {
      const value = readField(step(frame), field);
      spend(frame, 1);
      return value;
    },
  };
}

function hasField(of: Value, field: string): boolean {
  const inner = typeof of === 'object' && of !== null && 'kind' in of && of.kind === 'optional' ? of.value : of;
  if (inner === undefined) return false;
  if (typeof inner === 'object' && inner !== null && 'kind' in inner && inner.kind === 'map') {
    const value = inner.get(field);
    // A declared field that is null counts as not set.
    return value !== undefined && !(inner.isObject && value === null);
  }
  throw new CelError(`unexpected type for has(): ${typeNameOf(inner)}`);
}

function planIndex(node: Extract<Expression, { kind: 'call' }>, plan: Plan): Chain {
  const [of, index] = node.args;
  if (!of || !index) throw new Error('an index has two parts');
  const operand = planChain(of, plan);
  const { step } = operand;
  // An index that is itself a chain is part of this one.
  const inner = index.kind === 'literal' ? undefined : planChain(index, plan);
  const isPlain = index.kind === 'identifier' || index.kind === 'select' || (index.kind === 'call' && ['_[_]', '_[?_]', '_?._'].includes(index.name));
  const key = inner && isPlain ? inner.step : planStep(index, plan);
  const read = node.name === '_[_]' ? readItem : optionalItem;
  return {
    base: operand.base,
    step: (frame) => {
      const from = step(frame);
      const value = read(from, key(frame));
      // Looking for what is not there is free.
      if (value !== noneValue) spend(frame, 1);
      return value;
    },
  };
}

function planConditional(node: Extract<Expression, { kind: 'call' }>, plan: Plan): Step {
  const [condition, truthy, falsy] = node.args;
  if (!condition || !truthy || !falsy) throw new Error('a conditional has three parts');
  const test = planStep(condition, plan);
  const branch = (of: Expression) => (of.kind === 'identifier' || of.kind === 'select' || (of.kind === 'call' && ['_[_]', '_[?_]', '_?._'].includes(of.name)) ? planChain(of, plan).step : planStep(of, plan));
  const [yes, no] = [branch(truthy), branch(falsy)];
  return (frame) => {
    const held = test(frame);
    if (typeof held !== 'boolean') throw new CelError('no such overload');
    return held ? yes(frame) : no(frame);
  };
}

function isConstant(node: Expression): boolean {
  if (node.kind === 'literal') return true;
  if (node.kind === 'list') return node.optional.size === 0 && node.elements.every(isConstant);
  return node.kind === 'map' && node.entries.every((entry) => !entry.optional && isConstant(entry.key) && isConstant(entry.value));
}

const costOfList = 10;
const costOfMap = 30;

function planList(node: Extract<Expression, { kind: 'list' }>, plan: Plan): Step {
  const elements = node.elements.map((element) => planStep(element, plan));
  const make = (frame: Frame) => {
    const values: Value[] = [];
    elements.forEach((element, index) => {
      const value = element(frame);
      if (!node.optional.has(index)) values.push(value);
      else {
        const inner = asOptional(value, 'list element').value;
        if (inner !== undefined) values.push(inner);
      }
    });
    return listOf(values);
  };
  if (isConstant(node)) {
    const value = make(emptyFrame());
    return () => value;
  }
  return (frame) => {
    const list = make(frame);
    spend(frame, costOfList);
    return list;
  };
}

function emptyFrame(): Frame {
  return { slots: [], cost: 0, limit: Infinity };
}

function asOptional(value: Value, what: string): OptionalValue {
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'optional') return value;
  throw new CelError(`cannot initialize optional ${what} from non-optional value`);
}

function planMap(node: Extract<Expression, { kind: 'map' }>, plan: Plan): Step {
  const entries = node.entries.map(({ key, value, optional }) => ({ key: planStep(key, plan), value: planStep(value, plan), optional }));
  const make = (frame: Frame): MapValue => {
    const found: [Value, Value][] = [];
    for (const entry of entries) {
      const key = entry.key(frame);
      const value = entry.value(frame);
      const inner = entry.optional ? asOptional(value, 'entry').value : value;
      if (inner !== undefined) found.push([key, inner]);
    }
    return mapOf(found);
  };
  let known: MapValue | undefined;
  if (isConstant(node)) return () => (known ??= make(emptyFrame()));
  return (frame) => {
    const map = make(frame);
    spend(frame, costOfMap);
    return map;
  };
}

function planCall(node: Extract<Expression, { kind: 'call' }>, plan: Plan): Step {
  switch (node.name) {
    case '_&&_':
      return planLogic(node, plan, false);
    case '_||_':
      return planLogic(node, plan, true);
    case '_[_]':
    case '_[?_]':
    case '_?._':
      return counted(planChain(node, plan));
    case '_?_:_':
      return planConditional(node, plan);
    case '@not_strictly_false':
      return planNotStrictlyFalse(node, plan);
    case '@in':
      return planIn(node, plan);
    case 'or':
    case 'orValue':
      return node.target ? planOr(node, node.target, plan) : planFunction(node, plan);
    default:
      return planFunction(node, plan);
  }
}

/** `&&` and `||`: an error on one side does not matter when the other decides. `decisive` is the value that decides. */
function planLogic(node: Extract<Expression, { kind: 'call' }>, plan: Plan, decisive: boolean): Step {
  const terms = node.args.map((term) => planStep(term, plan));
  return (frame) => {
    let failure: CelError | undefined;
    for (const term of terms) {
      const value = attempt(term, frame);
      if (value === decisive) return decisive;
      if (value instanceof CelError) failure ??= value;
      else if (typeof value !== 'boolean') failure ??= new CelError('no such overload');
    }
    if (failure) throw failure;
    return !decisive;
  };
}

function planNotStrictlyFalse(node: Extract<Expression, { kind: 'call' }>, plan: Plan): Step {
  const [arg] = node.args.map((one) => planStep(one, plan));
  return (frame) => {
    const value = arg ? attempt(arg, frame) : true;
    spend(frame, 1);
    return value !== false;
  };
}

/** Membership in a literal list costs nothing, as cel-go makes a set of it. */
function planIn(node: Extract<Expression, { kind: 'call' }>, plan: Plan): Step {
  const [wanted, list] = node.args;
  if (!wanted || list?.kind !== 'list' || list.elements.length === 0 || !list.elements.every((element) => element.kind === 'literal')) return planFunction(node, plan);
  const values = list.elements.map((element) => (element.kind === 'literal' ? literalValue(element.literal) : null));
  const texts = new Set(values);
  const step = planStep(wanted, plan);
  return (frame) => {
    const value = step(frame);
    return typeof value === 'string' ? texts.has(value) : values.some((one) => isEqual(one, value));
  };
}

/** `o.or(p)` and `o.orValue(v)` evaluate what follows only when `o` is empty. */
function planOr(node: Extract<Expression, { kind: 'call' }>, target: Expression, plan: Plan): Step {
  const first = planStep(target, plan);
  const [otherwise] = node.args;
  const second = otherwise ? planStep(otherwise, plan) : () => noneValue;
  return (frame) => {
    const value = first(frame);
    if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'optional') throw new CelError(`no such overload`);
    if (value.value === undefined) return second(frame);
    return node.name === 'or' ? value : value.value;
  };
}

function planFunction(node: Extract<Expression, { kind: 'call' }>, plan: Plan): Step {
  const overloads = plan.checked.overloads.get(node) ?? [];
  const name = plan.checked.qualified.get(node) ?? node.name;
  const isQualified = plan.checked.qualified.has(node);
  const args = [...(node.target && !isQualified ? [node.target] : []), ...node.args].map((arg) => planStep(arg, plan));
  const last = node.args.at(-1);
  if ((name === 'matches' || name === 'find' || name === 'findAll') && last?.kind === 'literal' && last.literal.type === 'string') void attemptRegex(last.literal.value);
  const [only] = overloads;
  const isSingle = overloads.length === 1;
  const folded = conversions.has(name) && !node.target ? constantOf(node.args[0], plan) : undefined;
  if (folded !== undefined) {
    const value = overloads.find((one) => suits(one, [folded]))?.call([folded]);
    if (value !== undefined) return () => value;
  }
  return (frame) => {
    const values = new Array<Value>(args.length);
    let failure: CelError | undefined;
    for (let index = 0; index < args.length; index++) {
      const value = attempt(args[index] as Step, frame); // index is within bounds
      if (value instanceof CelError) failure ??= value;
      else values[index] = value;
    }
    if (failure) {
      spend(frame, 1);
      throw failure;
    }
    const overload = isSingle && only && suits(only, values) ? only : overloads.find((one) => suits(one, values));
    if (!overload) {
      spend(frame, 1);
      throw new CelError('no such overload');
    }
    let result: Value;
    try {
      result = overload.call(values);
    } catch (error) {
      if (error instanceof CelError) spend(frame, 1);
      throw error;
    }
    spend(frame, isSingle || overload.hasOwnCost ? overload.cost(values, result) : 1);
    return result;
  };
}

/** Conversions of literals are done when the expression is compiled; CelError then. */
const conversions = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint']);

function constantOf(node: Expression | undefined, plan: Plan): Value | undefined {
  if (!node) return undefined;
  if (isConstant(node)) return planStep(node, plan)(emptyFrame());
  if (node.kind !== 'call' || node.target || node.args.length !== 1 || !conversions.has(node.name)) return undefined;
  const inner = constantOf(node.args[0], plan);
  return inner === undefined ? undefined : plan.checked.overloads.get(node)?.find((one) => suits(one, [inner]))?.call([inner]);
}

/** Compiles a literal expression ahead; a wrong one fails when it is used. */
function attemptRegex(pattern: string): boolean {
  try {
    compileRegex(pattern);
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
}

function suits(overload: Overload, values: readonly Value[]): boolean {
  for (let index = 0; index < values.length; index++) {
    const type = overload.parameters[index];
    if (!type || !fits(values[index] as Value, type)) return false; // index is within bounds
  }
  return true;
}
