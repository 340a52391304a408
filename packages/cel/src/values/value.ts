// Values at run time: cel-spec doc/langdef.md "Values". An int is a bigint, a double a number, so that 1 and 1.0 stay apart.
import type { Type } from '../types.ts';

export interface UintValue {
  readonly kind: 'uint';
  readonly value: bigint;
}

/** A list; elements are converted when they are read. `unordered` and `keyOf` are list types set and map of a schema. */
export interface ListValue {
  readonly kind: 'list';
  readonly size: number;
  at(index: number): Value;
  readonly isSet?: boolean;
  /** The key of an element of a list of type map, for equality and merging. */
  readonly keyOf?: (element: Value) => string;
}

/** A map or an object with declared fields. */
export interface MapValue {
  readonly kind: 'map';
  readonly size: number;
  /** The value of a key; undefined when it is not there. */
  get(key: Value): Value | undefined;
  keys(): Iterable<Value>;
  /** Objects with declared fields say so; a missing field of theirs reads differently. */
  readonly isObject?: boolean;
}

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export interface TimestampValue {
  readonly kind: 'timestamp';
  readonly ns: bigint;
}

export interface DurationValue {
  readonly kind: 'duration';
  readonly ns: bigint;
}

export interface TypeValue {
  readonly kind: 'type';
  readonly name: string;
}

export interface OptionalValue {
  readonly kind: 'optional';
  readonly value?: Value;
}

/** A decimal: digits * 10^exponent. `suffix` is how it was written, for printing. */
export interface QuantityValue {
  readonly kind: 'quantity';
  readonly digits: bigint;
  readonly exponent: number;
  readonly text: string;
}

export interface IpValue {
  readonly kind: 'ip';
  readonly family: 4 | 6;
  readonly bits: bigint;
}

export interface CidrValue {
  readonly kind: 'cidr';
  readonly address: IpValue;
  readonly prefix: number;
}

export interface UrlValue {
  readonly kind: 'url';
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

export interface SemverValue {
  readonly kind: 'semver';
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: readonly string[];
  readonly build: readonly string[];
}

export interface FormatValue {
  readonly kind: 'format';
  readonly name: string;
  /** Counted by the cost of validate(). */
  readonly maxRegexSize: number;
  check(text: string): readonly string[];
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | UintValue
  | ListValue
  | MapValue
  | TimestampValue
  | DurationValue
  | TypeValue
  | OptionalValue
  | QuantityValue
  | IpValue
  | CidrValue
  | UrlValue
  | SemverValue
  | FormatValue;

export type ValueKind =
  | 'null' | 'bool' | 'int' | 'double' | 'string' | 'bytes' | 'uint' | 'list' | 'map' | 'timestamp' | 'duration' | 'type' | 'optional'
  | 'quantity' | 'ip' | 'cidr' | 'url' | 'semver' | 'format';

/** A failed evaluation; `&&`, `||` and `?:` may still have an answer. */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}

export function kindOf(value: Value): ValueKind {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    default:
      return value === null ? 'null' : value instanceof Uint8Array ? 'bytes' : value.kind;
  }
}

const typeNames: Readonly<Record<ValueKind, string>> = {
  null: 'null_type', bool: 'bool', int: 'int', double: 'double', string: 'string', bytes: 'bytes', uint: 'uint', list: 'list', map: 'map',
  timestamp: 'google.protobuf.Timestamp', duration: 'google.protobuf.Duration', type: 'type', optional: 'optional_type',
  quantity: 'kubernetes.Quantity', ip: 'net.IP', cidr: 'net.CIDR', url: 'kubernetes.URL', semver: 'kubernetes.Semver', format: 'kubernetes.NamedFormat',
};

export function typeNameOf(value: Value): string {
  return typeNames[kindOf(value)];
}

/** True when a value may stand where a parameter of that type is declared; elements are not looked at. */
export function fits(value: Value, type: Type): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
    case 'error':
      return true;
    case 'object':
      return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && value.kind === 'map';
    case 'opaque':
      return typeNameOf(value) === type.name;
    default:
      return kindOf(value) === type.kind;
  }
}

export function listOf(elements: readonly Value[]): ListValue {
  return {
    kind: 'list',
    size: elements.length,
    at(index) {
      const found = elements[index];
      if (found === undefined) throw new CelError(`index out of bounds: ${index}`);
      return found;
    },
  };
}

export function* elementsOf(list: ListValue): Generator<Value> {
  for (let index = 0; index < list.size; index++) yield list.at(index);
}

/** A key as text, so that 1, 1u and 1.0 are the same key, as they are equal. Undefined for what cannot be a key. */
export function keyText(key: Value): string | undefined {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `n${BigInt(key)}` : undefined;
  return typeof key === 'object' && key !== null && !(key instanceof Uint8Array) && key.kind === 'uint' ? `n${key.value}` : undefined;
}

export function mapOf(entries: readonly (readonly [Value, Value])[]): MapValue {
  const byKey = new Map<string, readonly [Value, Value]>();
  for (const entry of entries) {
    const text = keyText(entry[0]);
    if (text === undefined) throw new CelError('unsupported key type');
    if (byKey.has(text)) throw new CelError('Failed with repeated key');
    byKey.set(text, entry);
  }
  return {
    kind: 'map',
    size: byKey.size,
    get(key) {
      const text = keyText(key);
      return text === undefined ? undefined : byKey.get(text)?.[1];
    },
    *keys() {
      for (const [key] of byKey.values()) yield key;
    },
  };
}

export const noneValue: OptionalValue = { kind: 'optional' };

/** Code points of a text. */
export function textSize(text: string): number {
  let size = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length) {
      size--;
      at++;
    }
  }
  return size;
}

/** What `size()` gives, and 1 for what has none: the unit of costs. */
export function costSize(value: Value): number {
  if (typeof value === 'string') return textSize(value);
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  switch (value.kind) {
    case 'list':
    case 'map':
      return value.size;
    case 'optional':
      return value.value === undefined ? 1 : costSize(value.value);
    case 'ip':
      return value.family === 4 ? 4 : 16;
    case 'cidr':
      return value.address.family === 4 ? 4 : 16;
    default:
      return 1;
  }
}
