// Lists and sets: k8s.io/apiserver pkg/cel/library/lists.go, cel-go ext/lists.go version 3 and ext/sets.go.
import { compare, contains, isEqual } from '../values/compare.ts';
import type { ListValue, Value } from '../values/value.ts';
import { CelError, costSize, elementsOf, listOf, noneValue } from '../values/value.ts';
import type { CallCost, Overload } from './declare.ts';
import { global, member } from './declare.ts';
import { duration } from './time.ts';
import { int64, uint64 } from './standard.ts';

/** The size of a list and, for lists of texts, of what is in it. */
const traverse: CallCost = ([list = null]) => {
  if (typeof list === 'string' || list instanceof Uint8Array) return Math.floor(costSize(list) * 0.1);
  if (typeof list !== 'object' || list === null || list.kind !== 'list') return 1;
  let cost = 0;
  for (const element of elementsOf(list)) cost += traverse([element], null);
  return cost;
};
const traversed = { cost: traverse, ownCost: true };
const size = (value: Value | undefined) => costSize(value ?? null);
const made = { cost: ((_args, result) => 11 + size(result)) satisfies CallCost };
const squared = { cost: (([list]) => 11 + 2 * size(list) ** 2) satisfies CallCost };
const crossed = { cost: (([a, b]) => 1 + size(a) * size(b)) satisfies CallCost };
const crossedTwice = { cost: (([a, b]) => 1 + 2 * size(a) * size(b)) satisfies CallCost };
const walkedAnew = { cost: (([list]) => 11 + size(list)) satisfies CallCost };
const sortable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'] as const;
const summable = ['int', 'uint', 'double', 'duration'] as const;

function isSorted(list: ListValue): boolean {
  for (let index = 1; index < list.size; index++) if (compare(list.at(index - 1), list.at(index)) > 0) return false;
  return true;
}

function extreme(list: ListValue, sign: 1 | -1, name: string): Value {
  if (list.size === 0) throw new CelError(`${name} called on empty list`);
  return [...elementsOf(list)].reduce((best, element) => (compare(element, best) * sign > 0 ? element : best));
}

function add(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return int64(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && 'kind' in a && 'kind' in b) {
    if (a.kind === 'uint' && b.kind === 'uint') return uint64(a.value + b.value);
    if (a.kind === 'duration' && b.kind === 'duration') return duration(a.ns + b.ns);
  }
  throw new CelError('no such overload');
}

const zeros: Readonly<Record<(typeof summable)[number], Value>> = { int: 0n, uint: { kind: 'uint', value: 0n }, double: 0, duration: { kind: 'duration', ns: 0n } };

function indexOf(list: ListValue, wanted: Value): bigint {
  for (let index = 0; index < list.size; index++) if (isEqual(list.at(index), wanted)) return BigInt(index);
  return -1n;
}

function lastIndexOf(list: ListValue, wanted: Value): bigint {
  for (let index = list.size - 1; index >= 0; index--) if (isEqual(list.at(index), wanted)) return BigInt(index);
  return -1n;
}

function slice(list: ListValue, start: bigint, end: bigint): Value {
  if (start < 0n || end < 0n) throw new CelError(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end) throw new CelError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (BigInt(list.size) < end) throw new CelError(`cannot slice(${start}, ${end}), list is length ${list.size}`);
  return listOf([...elementsOf(list)].slice(Number(start), Number(end)));
}

function flatten(list: ListValue, depth: bigint): Value[] {
  if (depth < 0n) throw new CelError('level must be non-negative');
  return [...elementsOf(list)].flatMap((element) =>
    depth > 0n && typeof element === 'object' && element !== null && 'kind' in element && element.kind === 'list' ? flatten(element, depth - 1n) : [element],
  );
}

function sort(list: ListValue, keys: ListValue): Value {
  if (list.size !== keys.size) throw new CelError(`@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`);
  return listOf([...elementsOf(list)].map((element, index) => [element, keys.at(index)] as const).sort(([, a], [, b]) => compare(a, b)).map(([element]) => element));
}

function distinct(list: ListValue): Value {
  const found: Value[] = [];
  for (const element of elementsOf(list)) if (!found.some((known) => isEqual(known, element))) found.push(element);
  return listOf(found);
}

/** A range longer than this is refused before memory is taken. */
const maxRange = 1_000_000n;

function range(count: bigint): Value {
  if (count > maxRange) throw new CelError(`lists.range(${count}) is too long`);
  return listOf(Array.from({ length: Number(count < 0n ? 0n : count) }, (_, index) => BigInt(index)));
}

const everyIn = (list: ListValue, other: ListValue): boolean => [...elementsOf(other)].every((element) => contains(list, element));

export const listFunctions: readonly Overload[] = [
  ...sortable.flatMap((type) => [
    member('isSorted', [`list<${type}>`], 'bool', isSorted, traversed),
    member('min', [`list<${type}>`], type, (list) => extreme(list, -1, 'min'), traversed),
    member('max', [`list<${type}>`], type, (list) => extreme(list, 1, 'max'), traversed),
    member('sort', [`list<${type}>`], `list<${type}>`, (list) => sort(list, list), squared),
    member('@sortByAssociatedKeys', ['list<T>', `list<${type}>`], 'list<T>', sort, squared),
  ]),
  ...summable.map((type) => member('sum', [`list<${type}>`], type, (list) => [...elementsOf(list)].reduce(add, zeros[type]), traversed)),
  member('indexOf', ['list<A>', 'A'], 'int', indexOf, traversed),
  member('lastIndexOf', ['list<A>', 'A'], 'int', lastIndexOf, traversed),
  member('slice', ['list<A>', 'int', 'int'], 'list<A>', slice, made),
  member('flatten', ['list<list<A>>'], 'list<A>', (list) => listOf(flatten(list, 1n)), walkedAnew),
  member('flatten', ['list<dyn>', 'int'], 'list<dyn>', (list, depth) => listOf(flatten(list, depth)), walkedAnew),
  member('reverse', ['list<A>'], 'list<A>', (list) => listOf([...elementsOf(list)].reverse()), made),
  member('distinct', ['list<A>'], 'list<A>', distinct, squared),
  member('first', ['list<A>'], 'optional<A>', (list) => (list.size === 0 ? noneValue : { kind: 'optional', value: list.at(0) })),
  member('last', ['list<A>'], 'optional<A>', (list) => (list.size === 0 ? noneValue : { kind: 'optional', value: list.at(list.size - 1) })),
  global('lists.range', ['int'], 'list<int>', range, made),
  global('sets.contains', ['list<A>', 'list<A>'], 'bool', everyIn, crossed),
  global('sets.equivalent', ['list<A>', 'list<A>'], 'bool', (a, b) => everyIn(a, b) && everyIn(b, a), crossedTwice),
  global('sets.intersects', ['list<A>', 'list<A>'], 'bool', (a, b) => [...elementsOf(b)].some((element) => contains(a, element)), crossed),
];
