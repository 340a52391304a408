// Operators and standard functions: cel-spec doc/langdef.md "List of Standard Definitions".
// Costs: cel-go interpreter/runtimecost.go.
import { compare, contains, isEqual } from '../values/compare.ts';
import type { ListValue, MapValue, Value } from '../values/value.ts';
import { CelError, costSize, elementsOf, keyText, listOf, textSize } from '../values/value.ts';
import type { CallCost, Overload } from './declare.ts';
import { global, matchCost, member, walk } from './declare.ts';
import { compileRegex } from '../regex/cache.ts';

const smallest: CallCost = ([a = null, b = null]) => Math.ceil(Math.min(costSize(a), costSize(b)) * 0.1);
const both: CallCost = ([a = null, b = null]) => Math.ceil((costSize(a) + costSize(b)) * 0.1);

const minInt = -0x8000_0000_0000_0000n;
const maxInt = 0x7fff_ffff_ffff_ffffn;
const maxUint = 0xffff_ffff_ffff_ffffn;

/** An int within 64 bits; throws CelError beyond. */
export function int64(value: bigint): bigint {
  if (value < minInt || value > maxInt) throw new CelError('integer overflow');
  return value;
}

export function uint64(value: bigint): Value {
  if (value < 0n || value > maxUint) throw new CelError('unsigned integer overflow');
  return { kind: 'uint', value };
}

function divisor(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelError(what);
  return value;
}

const arithmetic: readonly Overload[] = [
  global('_+_', ['int', 'int'], 'int', (a, b) => int64(a + b)),
  global('_+_', ['uint', 'uint'], 'uint', (a, b) => uint64(a.value + b.value)),
  global('_+_', ['double', 'double'], 'double', (a, b) => a + b),
  global('_+_', ['string', 'string'], 'string', (a, b) => a + b, { cost: both }),
  global('_+_', ['bytes', 'bytes'], 'bytes', (a, b) => Uint8Array.from([...a, ...b]), { cost: both }),
  global('_+_', ['list<A>', 'list<A>'], 'list<A>', concatenate),
  global('_-_', ['int', 'int'], 'int', (a, b) => int64(a - b)),
  global('_-_', ['uint', 'uint'], 'uint', (a, b) => uint64(a.value - b.value)),
  global('_-_', ['double', 'double'], 'double', (a, b) => a - b),
  global('_*_', ['int', 'int'], 'int', (a, b) => int64(a * b)),
  global('_*_', ['uint', 'uint'], 'uint', (a, b) => uint64(a.value * b.value)),
  global('_*_', ['double', 'double'], 'double', (a, b) => a * b),
  global('_/_', ['int', 'int'], 'int', (a, b) => int64(a / divisor(b, 'division by zero'))),
  global('_/_', ['uint', 'uint'], 'uint', (a, b) => uint64(a.value / divisor(b.value, 'division by zero'))),
  global('_/_', ['double', 'double'], 'double', (a, b) => a / b),
  global('_%_', ['int', 'int'], 'int', (a, b) => (b === -1n && a === minInt ? int64(maxInt + 1n) : a % divisor(b, 'modulus by zero'))),
  global('_%_', ['uint', 'uint'], 'uint', (a, b) => uint64(a.value % divisor(b.value, 'modulus by zero'))),
  global('-_', ['int'], 'int', (a) => int64(-a)),
  global('-_', ['double'], 'double', (a) => -a),
  global('!_', ['bool'], 'bool', (a) => !a),
];

/** Lists one after the other. Of a list that is a set or map by its schema, the second adds what is new and replaces what has the same key. */
function concatenate(a: ListValue, b: ListValue): Value {
  const { keyOf } = a;
  if (keyOf) {
    const merged = new Map([...elementsOf(a)].map((element) => [keyOf(element), element]));
    for (const element of elementsOf(b)) merged.set(keyOf(element), element);
    return { ...listOf([...merged.values()]), keyOf };
  }
  if (a.isSet) return { ...listOf([...elementsOf(a), ...[...elementsOf(b)].filter((element) => !contains(a, element))]), isSet: true };
  // Views, so that a fold that appends does not copy the list each time.
  const size = a.size + b.size;
  if (size > 64) return { kind: 'list', size, at: (index) => (index < a.size ? a.at(index) : b.at(index - a.size)) };
  return listOf([...elementsOf(a), ...elementsOf(b)]);
}

const ordered = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'] as const;
const mixed = [['int', 'uint'], ['int', 'double'], ['uint', 'int'], ['uint', 'double'], ['double', 'int'], ['double', 'uint']] as const;

function comparisons(name: string, holds: (order: number) => boolean): Overload[] {
  const hasSize = (type: string) => type === 'string' || type === 'bytes';
  const call = (a: Value, b: Value) => holds(compare(a, b));
  return [
    ...ordered.map((type) => global(name, [type, type], 'bool', call, hasSize(type) ? { cost: smallest } : {})),
    ...mixed.map(([left, right]): Overload => global(name, [left, right], 'bool', call)),
  ];
}

const equalCost: CallCost = (args, result) => (isOpaque(args[0]) ? 1 : smallest(args, result));

function isOpaque(value: Value | undefined): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && ['quantity', 'ip', 'cidr', 'format', 'url', 'semver'].includes(value.kind);
}

const relations: readonly Overload[] = [
  global('_==_', ['A', 'A'], 'bool', isEqual, { cost: equalCost, ownCost: true }),
  global('_!=_', ['A', 'A'], 'bool', (a, b) => !isEqual(a, b), { cost: smallest, ownCost: true }),
  ...comparisons('_<_', (order) => order < 0),
  ...comparisons('_<=_', (order) => order <= 0),
  ...comparisons('_>_', (order) => order > 0),
  ...comparisons('_>=_', (order) => order >= 0),
  global('@in', ['A', 'list<A>'], 'bool', (wanted, list) => contains(list, wanted), { cost: ([, list = null]) => costSize(list) }),
  global('@in', ['A', 'map<A, B>'], 'bool', (key, map) => map.get(key) !== undefined),
];

const texts: readonly Overload[] = [
  ...(['global', 'member'] as const).flatMap((how) => {
    const declare = how === 'global' ? global : member;
    return [
      declare('size', ['string'], 'int', (text) => BigInt(textSize(text))),
      declare('size', ['bytes'], 'int', (bytes) => BigInt(bytes.length)),
      declare('size', ['list<A>'], 'int', (list) => BigInt(list.size)),
      declare('size', ['map<A, B>'], 'int', (map) => BigInt(map.size)),
      declare('matches', ['string', 'string'], 'bool', (text, pattern) => compileRegex(pattern).test(text), { cost: matchCost }),
    ];
  }),
  member('contains', ['string', 'string'], 'bool', (text, part) => text.includes(part), {
    cost: ([text = null, part = null]) => Math.ceil(costSize(text) * 0.1) * Math.ceil(costSize(part) * 0.1),
  }),
  member('startsWith', ['string', 'string'], 'bool', (text, part) => text.startsWith(part), { cost: walk(1) }),
  member('endsWith', ['string', 'string'], 'bool', (text, part) => text.endsWith(part), { cost: walk(1) }),
];

/** `cel.@mapInsert` of the two-variable macros: one entry more, or all of another map's. */
function insert(map: MapValue, entries: readonly (readonly [Value, Value])[]): MapValue {
  const own = new Map<string, readonly [Value, Value]>();
  for (const entry of entries) {
    if (map.get(entry[0]) !== undefined) throw new CelError(`insert failed: key ${String(entry[0])} already exists`);
    own.set(keyText(entry[0]) ?? '', entry);
  }
  return {
    kind: 'map',
    size: map.size + own.size,
    get: (key) => own.get(keyText(key) ?? '')?.[1] ?? map.get(key),
    *keys() {
      yield* map.keys();
      for (const [key] of own.values()) yield key;
    },
  };
}

const folds: readonly Overload[] = [
  global('cel.@mapInsert', ['map<A, B>', 'A', 'B'], 'map<A, B>', (map, key, value) => insert(map, [[key, value]])),
  global('cel.@mapInsert', ['map<A, B>', 'map<A, B>'], 'map<A, B>', (map, other) => insert(map, [...other.keys()].map((key) => [key, other.get(key) ?? null] as const))),
];

export const standardFunctions: readonly Overload[] = [...arithmetic, ...relations, ...texts, ...folds];
