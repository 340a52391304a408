// How functions are declared: a signature in text, what it does, and what a call costs.
import type { Type } from '../types.ts';
import { boolType, bytesType, cidrType, doubleType, durationType, dynType, formatType, intType, ipType, listType, mapType, nullType, optionalType, quantityType, semverType, stringType, timestampType, uintType, urlType } from '../types.ts';
import type { CidrValue, DurationValue, FormatValue, IpValue, ListValue, MapValue, OptionalValue, QuantityValue, SemverValue, TimestampValue, TypeValue, UintValue, UrlValue, Value } from '../values/value.ts';
import { costSize } from '../values/value.ts';

/** One form of a function. A member's first parameter is its target. */
export interface Overload {
  readonly name: string;
  readonly isMember: boolean;
  readonly parameters: readonly Type[];
  readonly result: Type;
  /** Arguments fit the parameters when it is called. Throws CelError. */
  readonly call: (args: readonly Value[]) => Value;
  readonly cost: CallCost;
  /** The cost holds even where the checker could not tell which form is meant. */
  readonly hasOwnCost: boolean;
}

/** Units of cost of a call. */
export type CallCost = (args: readonly Value[], result: Value) => number;

/** The value kinds by the names that signatures use; what a parameter of that name holds at run time. */
interface Kinds {
  int: bigint;
  uint: UintValue;
  double: number;
  bool: boolean;
  string: string;
  bytes: Uint8Array;
  null: null;
  timestamp: TimestampValue;
  duration: DurationValue;
  ip: IpValue;
  cidr: CidrValue;
  url: UrlValue;
  quantity: QuantityValue;
  semver: SemverValue;
  format: FormatValue;
  type: TypeValue;
}

/** The value that a parameter written in a signature receives. */
type Received<T extends string> = T extends keyof Kinds ? Kinds[T] : T extends `list<${string}>` ? ListValue : T extends `map<${string}>` ? MapValue : T extends `optional<${string}>` ? OptionalValue : Value;
type ReceivedAll<T extends readonly string[]> = { [K in keyof T]: T[K] extends string ? Received<T[K]> : never };

interface Form {
  /** Default: 1 per call. */
  readonly cost?: CallCost;
  readonly ownCost?: boolean;
}

function form<const P extends readonly string[]>(name: string, isMember: boolean, parameters: P, result: string, call: (...args: ReceivedAll<P>) => Value, options: Form): Overload {
  return {
    name,
    isMember,
    parameters: parameters.map(typeFromText),
    result: typeFromText(result),
    // The dispatcher has compared the arguments' kinds with the parameters.
    call: (args) => call(...(args as unknown as ReceivedAll<P>)),
    cost: options.cost ?? one,
    hasOwnCost: options.ownCost ?? false,
  };
}

const one: CallCost = () => 1;

/** `name(parameters)`. Types are written as in `list<A>`, `map<string, dyn>`; capital letters are type parameters. */
export function global<const P extends readonly string[]>(name: string, parameters: P, result: string, call: (...args: ReceivedAll<P>) => Value, options: Form = {}): Overload {
  return form(name, false, parameters, result, call, options);
}

/** `target.name(rest)`; the first parameter is the target. */
export function member<const P extends readonly string[]>(name: string, parameters: P, result: string, call: (...args: ReceivedAll<P>) => Value, options: Form = {}): Overload {
  return form(name, true, parameters, result, call, options);
}

const named: Readonly<Record<string, Type>> = {
  int: intType, uint: uintType, double: doubleType, bool: boolType, string: stringType, bytes: bytesType, null: nullType, dyn: dynType, timestamp: timestampType, duration: durationType,
  ip: ipType, cidr: cidrType, url: urlType, quantity: quantityType, semver: semverType, format: formatType, type: { kind: 'type' },
};

/** Reads a type as signatures write it. */
export function typeFromText(text: string): Type {
  const known = named[text];
  if (known) return known;
  if (/^[A-Z]$/.test(text)) return { kind: 'param', name: text };
  const [, outer, inner = ''] = /^(list|map|optional|type)<(.*)>$/.exec(text) ?? [];
  if (outer === 'list') return listType(typeFromText(inner));
  if (outer === 'optional') return optionalType(typeFromText(inner));
  if (outer === 'type') return { kind: 'type', of: typeFromText(inner) };
  const comma = inner.indexOf(', ');
  if (outer === 'map' && comma > 0) return mapType(typeFromText(inner.slice(0, comma)), typeFromText(inner.slice(comma + 2)));
  throw new Error(`no type is written ${text}`);
}

/** A tenth of the size of argument `index` per call: what walking a text costs. `times` for several walks. */
export function walk(index: number, times = 1): CallCost {
  return (args) => Math.ceil(costSize(args[index] ?? null) * times * 0.1);
}

/** A match of the expression in argument 1 against the text in argument 0. */
export const matchCost: CallCost = ([text = null, pattern = null]) => Math.ceil((1 + costSize(text)) * 0.1) * Math.ceil(costSize(pattern) * 0.25);
