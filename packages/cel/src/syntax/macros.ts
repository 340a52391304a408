// Macros: cel-spec doc/langdef.md "Macros"; optMap/optFlatMap and the two-variable forms as cel-go's cel/library.go and
// ext/comprehensions.go expand them. The expansions matter: runtime cost is counted on what they expand to.
import type { Comprehension, Expression } from './ast.ts';
import { CelSyntaxError } from './ast.ts';

type Call = Extract<Expression, { kind: 'call' }>;
const accumulator = '@result';

/** What a macro call stands for; undefined when the call is no macro. Throws CelSyntaxError when its arguments are wrong. */
export function expandMacro(call: Call): Expression | undefined {
  const { name, target, args, at } = call;
  if (!target) return name === 'has' && args.length === 1 ? expandHas(args[0], at) : undefined;
  const [first, second, third, fourth] = args;
  if (first === undefined || second === undefined) return undefined;
  const count = args.length;
  if (count === 2) return expandOneVariable(name, target, first, second, at);
  if (count === 3 && third) return expandThree(name, target, first, second, third, at);
  if (count === 4 && third && fourth && name === 'transformMap') return transform('transformMap', pair(first, second), target, third, fourth, at);
  if (count === 4 && third && fourth && name === 'transformList') return transform('transformList', pair(first, second), target, third, fourth, at);
  if (count === 4 && third && fourth && name === 'transformMapEntry') return transform('transformMapEntry', pair(first, second), target, third, fourth, at);
  return undefined;
}

function expandHas(arg: Expression | undefined, at: number): Expression {
  if (arg?.kind === 'select' && !arg.test) return { ...arg, at, test: true };
  throw new CelSyntaxError(arg?.at ?? at, 'invalid argument to has() macro');
}

function expandOneVariable(name: string, target: Expression, first: Expression, second: Expression, at: number): Expression | undefined {
  switch (name) {
    case 'all':
    case 'exists':
    case 'exists_one':
    case 'existsOne':
      return quantify(name, [simpleName(first)], target, second, at);
    case 'map':
      return collect(simpleName(first), target, undefined, second, at);
    case 'filter':
      return collect(simpleName(first), target, second, first, at);
    case 'optMap':
    case 'optFlatMap':
      return expandOptional(name, simpleName(first), target, second, at);
    case 'sortBy':
      return expandSortBy(simpleName(first), target, second, at);
    default:
      return undefined;
  }
}

function expandThree(name: string, target: Expression, first: Expression, second: Expression, third: Expression, at: number): Expression | undefined {
  switch (name) {
    case 'map':
      return collect(simpleName(first), target, second, third, at);
    case 'all':
    case 'exists':
    case 'existsOne':
    case 'exists_one':
      return quantify(name, pair(first, second), target, third, at);
    case 'transformList':
    case 'transformMap':
    case 'transformMapEntry':
      return transform(name, pair(first, second), target, undefined, third, at);
    default:
      return undefined;
  }
}

function simpleName(expression: Expression): string {
  if (expression.kind !== 'identifier' || expression.name.startsWith('.')) throw new CelSyntaxError(expression.at, 'argument must be a simple name');
  if (expression.name === accumulator || expression.name === '__result__') throw new CelSyntaxError(expression.at, 'iteration variable overwrites accumulator variable');
  return expression.name;
}

function pair(first: Expression, second: Expression): [string, string] {
  const names: [string, string] = [simpleName(first), simpleName(second)];
  if (names[0] === names[1]) throw new CelSyntaxError(second.at, `duplicate variable name: ${names[0]}`);
  return names;
}

const bool = (at: number, value: boolean): Expression => ({ kind: 'literal', at, literal: { type: 'bool', value } });
const int = (at: number, value: bigint): Expression => ({ kind: 'literal', at, literal: { type: 'int', value } });
const name = (at: number, of: string): Expression => ({ kind: 'identifier', at, name: of });
const apply = (at: number, of: string, ...args: Expression[]): Expression => ({ kind: 'call', at, name: of, args });
const list = (at: number, ...elements: Expression[]): Expression => ({ kind: 'list', at, elements, optional: new Set() });

function fold(at: number, variables: readonly string[], range: Expression, parts: Pick<Comprehension, 'init' | 'condition' | 'step' | 'result'>): Comprehension {
  const [variable = '', variable2] = variables;
  return { kind: 'comprehension', at, variable, ...(variable2 === undefined ? {} : { variable2 }), range, accumulator, ...parts };
}

function quantify(macro: 'all' | 'exists' | 'exists_one' | 'existsOne', variables: readonly string[], range: Expression, predicate: Expression, at: number): Expression {
  const result = name(at, accumulator);
  if (macro === 'all') {
    return fold(at, variables, range, { init: bool(at, true), condition: apply(at, '@not_strictly_false', result), step: apply(at, '_&&_', result, predicate), result });
  }
  if (macro === 'exists') {
    const condition = apply(at, '@not_strictly_false', apply(at, '!_', result));
    return fold(at, variables, range, { init: bool(at, false), condition, step: apply(at, '_||_', result, predicate), result });
  }
  const step = apply(at, '_?_:_', predicate, apply(at, '_+_', result, int(at, 1n)), result);
  return fold(at, variables, range, { init: int(at, 0n), condition: bool(at, true), step, result: apply(at, '_==_', result, int(at, 1n)) });
}

function collect(variable: string, range: Expression, filter: Expression | undefined, element: Expression, at: number): Expression {
  const result = name(at, accumulator);
  const append = apply(at, '_+_', result, list(at, element));
  return fold(at, [variable], range, { init: list(at), condition: bool(at, true), step: filter ? apply(at, '_?_:_', filter, append, result) : append, result });
}

function transform(macro: 'transformList' | 'transformMap' | 'transformMapEntry', variables: [string, string], range: Expression, filter: Expression | undefined, element: Expression, at: number): Expression {
  const result = name(at, accumulator);
  const grown =
    macro === 'transformList'
      ? apply(at, '_+_', result, list(at, element))
      : macro === 'transformMap'
        ? apply(at, 'cel.@mapInsert', result, name(at, variables[0]), element)
        : apply(at, 'cel.@mapInsert', result, element);
  const init: Expression = macro === 'transformList' ? list(at) : { kind: 'map', at, entries: [] };
  return fold(at, variables, range, { init, condition: bool(at, true), step: filter ? apply(at, '_?_:_', filter, grown, result) : grown, result });
}

/** `l.sortBy(v, key)` sorts by a list of keys made first; `l` is evaluated once. */
function expandSortBy(variable: string, target: Expression, key: Expression, at: number): Expression {
  const input = '@__sortBy_input__';
  const keys = collect(variable, name(at, input), undefined, key, at);
  return {
    kind: 'comprehension',
    at,
    variable: '#unused',
    range: list(at),
    accumulator: input,
    init: target,
    condition: bool(at, false),
    step: name(at, input),
    result: { kind: 'call', at, name: '@sortByAssociatedKeys', target: name(at, input), args: [keys] },
  };
}

/** `o.optMap(v, e)` is `o.hasValue() ? optional.of(e with v = o.value()) : optional.none()`. */
function expandOptional(macro: 'optMap' | 'optFlatMap', variable: string, target: Expression, body: Expression, at: number): Expression {
  const member = (of: string): Expression => ({ kind: 'call', at, name: of, target, args: [] });
  const bound: Expression = {
    kind: 'comprehension',
    at,
    variable: '#unused',
    range: list(at),
    accumulator: variable,
    init: member('value'),
    condition: bool(at, false),
    step: name(at, variable),
    result: body,
  };
  return apply(at, '_?_:_', member('hasValue'), macro === 'optMap' ? apply(at, 'optional.of', bound) : bound, apply(at, 'optional.none'));
}
