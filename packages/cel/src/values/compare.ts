// Equality and order: cel-spec doc/langdef.md "Equality" (heterogeneous) and "Ordering" (numbers across types).
import type { ListValue, MapValue, Value } from './value.ts';
import { CelError, elementsOf, kindOf } from './value.ts';

/** True when both are the same; values of different types are unequal, except numbers. */
export function isEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a === 'string' || typeof b === 'string' || a === null || b === null || typeof a === 'boolean' || typeof b === 'boolean') return false;
  if (isNumber(a) && isNumber(b)) return order(a, b) === 0;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
  if (b instanceof Uint8Array || a.kind !== b.kind) return false;
  // The kinds are the same in each case below.
  if (a.kind === 'list' && b.kind === 'list') return areListsEqual(a, b);
  if (a.kind === 'map' && b.kind === 'map') return areMapsEqual(a, b);
  if (a.kind === 'optional' && b.kind === 'optional') {
    return a.value === undefined || b.value === undefined ? a.value === b.value : isEqual(a.value, b.value);
  }
  if (a.kind === 'timestamp' && b.kind === 'timestamp') return a.ns === b.ns;
  if (a.kind === 'duration' && b.kind === 'duration') return a.ns === b.ns;
  if (a.kind === 'type' && b.kind === 'type') return a.name === b.name;
  if (a.kind === 'ip' && b.kind === 'ip') return a.family === b.family && a.bits === b.bits;
  if (a.kind === 'cidr' && b.kind === 'cidr') return isEqual(a.address, b.address) && a.prefix === b.prefix;
  if (a.kind === 'url' && b.kind === 'url') return a.text === b.text;
  if (a.kind === 'format' && b.kind === 'format') return a.name === b.name;
  if (a.kind === 'quantity' && b.kind === 'quantity') return compareQuantities(a, b) === 0;
  if (a.kind === 'semver' && b.kind === 'semver') return compareSemver(a, b) === 0;
  return false;
}

type Numeric = bigint | number | Extract<Value, { kind: 'uint' }>;

function isNumber(value: Value): value is Numeric {
  return typeof value === 'bigint' || typeof value === 'number' || kindOf(value) === 'uint';
}

/** Order of two numbers; NaN for NaN. JavaScript compares bigint and number by their mathematical values. */
function order(a: Numeric, b: Numeric): number {
  const left = typeof a === 'object' ? a.value : a;
  const right = typeof b === 'object' ? b.value : b;
  if (left < right) return -1;
  if (left > right) return 1;
  return isNaNValue(left) || isNaNValue(right) ? Number.NaN : 0;
}

function isNaNValue(value: bigint | number): boolean {
  return typeof value === 'number' && Number.isNaN(value);
}

function areListsEqual(a: ListValue, b: ListValue): boolean {
  if (a.size !== b.size) return false;
  const keyOf = a.keyOf;
  if (keyOf) {
    const others = new Map([...elementsOf(b)].map((element) => [keyOf(element), element]));
    return [...elementsOf(a)].every((element) => {
      const other = others.get(keyOf(element));
      return other !== undefined && isEqual(element, other);
    });
  }
  if (a.isSet) return [...elementsOf(a)].every((element) => contains(b, element));
  for (let index = 0; index < a.size; index++) if (!isEqual(a.at(index), b.at(index))) return false;
  return true;
}

function areMapsEqual(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const left = a.get(key);
    const right = b.get(key);
    if (left === undefined || right === undefined || !isEqual(left, right)) return false;
  }
  return true;
}

export function contains(list: ListValue, wanted: Value): boolean {
  for (let index = 0; index < list.size; index++) if (isEqual(list.at(index), wanted)) return true;
  return false;
}

/** Negative, zero or positive; throws CelError when two values have no order. */
export function compare(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if (isNumber(a) && isNumber(b)) {
    const found = order(a, b);
    if (Number.isNaN(found)) throw new CelError('NaN values cannot be ordered');
    return found;
  }
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  const [left, right] = [nanoseconds(a), nanoseconds(b)];
  if (left !== undefined && right !== undefined && kindOf(a) === kindOf(b)) return left < right ? -1 : left > right ? 1 : 0;
  throw new CelError('no such overload');
}

function nanoseconds(value: Value): bigint | undefined {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  return value.kind === 'timestamp' || value.kind === 'duration' ? value.ns : undefined;
}

/** By code point, which is the order of UTF-8 bytes. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xe000;
    // Surrogates stand for code points above everything else.
    return isHigh(left) === isHigh(right) ? left - right : isHigh(left) ? 1 : -1;
  }
  return a.length - b.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

export function compareQuantities(a: Decimal, b: Decimal): number {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.digits * 10n ** BigInt(a.exponent - exponent);
  const right = b.digits * 10n ** BigInt(b.exponent - exponent);
  return left < right ? -1 : left > right ? 1 : 0;
}

interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: readonly string[];
}

/** Precedence by semver.org 2.0.0, section 11; the build does not count. */
export function compareSemver(a: Version, b: Version): number {
  for (const part of ['major', 'minor', 'patch'] as const) if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1;
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return Math.sign(b.prerelease.length - a.prerelease.length);
  for (const [index, left] of a.prerelease.entries()) {
    const right = b.prerelease[index];
    if (right === undefined) return 1;
    if (left === right) continue;
    const [isLeft, isRight] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (isLeft && isRight) return BigInt(left) < BigInt(right) ? -1 : 1;
    return isLeft !== isRight ? (isLeft ? -1 : 1) : left < right ? -1 : 1;
  }
  return a.prerelease.length < b.prerelease.length ? -1 : 0;
}
