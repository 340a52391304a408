// Quantities: apimachinery pkg/api/resource as text, k8s.io/apiserver pkg/cel/library/quantity.go as functions.
import { compareQuantities } from '../values/compare.ts';
import type { QuantityValue } from '../values/value.ts';
import { CelError } from '../values/value.ts';
import type { Overload } from './declare.ts';
import { global, member, walk } from './declare.ts';

const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binary: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const maxLength = 256;

/** Reads `100m`, `1.5Gi`, `2e3`; undefined when it is no quantity. */
export function parseQuantity(text: string): QuantityValue | undefined {
  const found = text.length > maxLength ? null : /^([+-]?)(\d+\.?\d*|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei)|([numkMGTPE]?)|[eE]([+-]?\d{1,4}))$/.exec(text);
  if (!found) return undefined;
  const [, sign, number = '', two, ten, power] = found;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(`${whole}${fraction}` || '0') * (sign === '-' ? -1n : 1n);
  const shifted = two === undefined ? digits : digits << BigInt(binary[two] ?? 0);
  const exponent = (power === undefined ? (decimal[ten ?? ''] ?? 0) : Number(power)) - fraction.length;
  return reduce(shifted, exponent, text);
}

/** Finer than a nano is rounded up, away from zero. */
function reduce(digits: bigint, exponent: number, text: string): QuantityValue {
  let [left, power] = [digits, exponent];
  if (power < -9) {
    const unit = 10n ** BigInt(-9 - power);
    const size = left < 0n ? -left : left;
    const rounded = (size + unit - 1n) / unit;
    left = left < 0n ? -rounded : rounded;
    power = -9;
  }
  while (left !== 0n && left % 10n === 0n && power < 0) {
    left /= 10n;
    power++;
  }
  return { kind: 'quantity', digits: left, exponent: left === 0n ? 0 : power, text };
}

function combine(a: QuantityValue, b: Pick<QuantityValue, 'digits' | 'exponent'>, sign: 1n | -1n): QuantityValue {
  const exponent = Math.min(a.exponent, b.exponent);
  const at = (of: Pick<QuantityValue, 'digits' | 'exponent'>) => of.digits * 10n ** BigInt(of.exponent - exponent);
  return reduce(at(a) + sign * at(b), exponent, '');
}

function asInteger(of: QuantityValue): bigint | undefined {
  if (of.exponent < 0) return undefined;
  const value = of.digits * 10n ** BigInt(of.exponent);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

const one = { ownCost: true };
const walked = { cost: walk(0), ownCost: true };

export const quantityFunctions: readonly Overload[] = [
  global('quantity', ['string'], 'quantity', (text) => {
    const found = parseQuantity(text);
    if (found) return found;
    throw new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }, walked),
  global('isQuantity', ['string'], 'bool', (text) => parseQuantity(text) !== undefined, walked),
  global('sign', ['quantity'], 'int', (of) => (of.digits < 0n ? -1n : of.digits > 0n ? 1n : 0n), one),
  member('isInteger', ['quantity'], 'bool', (of) => asInteger(of) !== undefined, one),
  member('asInteger', ['quantity'], 'int', (of) => {
    const value = asInteger(of);
    if (value === undefined) throw new CelError('cannot convert value to integer');
    return value;
  }, one),
  member('asApproximateFloat', ['quantity'], 'double', (of) => Number(`${of.digits}e${of.exponent}`), one),
  member('isGreaterThan', ['quantity', 'quantity'], 'bool', (a, b) => compareQuantities(a, b) > 0, one),
  member('isLessThan', ['quantity', 'quantity'], 'bool', (a, b) => compareQuantities(a, b) < 0, one),
  member('compareTo', ['quantity', 'quantity'], 'int', (a, b) => BigInt(compareQuantities(a, b)), one),
  member('add', ['quantity', 'quantity'], 'quantity', (a, b) => combine(a, b, 1n), one),
  member('add', ['quantity', 'int'], 'quantity', (a, b) => combine(a, { digits: b, exponent: 0 }, 1n), one),
  member('sub', ['quantity', 'quantity'], 'quantity', (a, b) => combine(a, b, -1n), one),
  member('sub', ['quantity', 'int'], 'quantity', (a, b) => combine(a, { digits: b, exponent: 0 }, -1n), one),
];
