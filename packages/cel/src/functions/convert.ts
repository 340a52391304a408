// Conversions: cel-spec doc/langdef.md "List of Standard Definitions" (bool, bytes, double, int, string, uint, type, dyn).
import type { Value } from '../values/value.ts';
import { CelError, typeNameOf } from '../values/value.ts';
import type { Overload } from './declare.ts';
import { global, walk } from './declare.ts';
import { int64, uint64 } from './standard.ts';

/** A double as Go's strconv 'g' format with the fewest digits prints it. */
export function showDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 21) return fixed(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** Without an exponent, which JavaScript writes below 1e-6. */
function fixed(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const digits = mantissa.replace(/[-.]/g, '');
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(-Number(exponent) - 1)}${digits}`;
}

function wholeOf(value: number, what: string): bigint {
  if (!Number.isFinite(value)) throw new CelError(what);
  return BigInt(Math.trunc(value));
}

const unreadable = (type: string) => new CelError(`type conversion error from 'string' to '${type}'`);

function parseWhole(text: string, type: 'int' | 'uint'): bigint {
  if (!(type === 'int' ? /^[+-]?\d+$/ : /^\d+$/).test(text)) throw unreadable(type);
  const value = BigInt(text.replace(/^\+/, ''));
  const isInside = type === 'int' ? BigInt.asIntN(64, value) === value : BigInt.asUintN(64, value) === value;
  if (!isInside) throw unreadable(type);
  return value;
}

function parseDouble(text: string): number {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) throw unreadable('double');
  const value = Number(text);
  if (!Number.isFinite(value)) throw unreadable('double');
  return value;
}

function parseBool(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw unreadable('bool');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const same = (value: Value): Value => value;

export const conversionFunctions: readonly Overload[] = [
  global('bool', ['bool'], 'bool', same),
  global('bool', ['string'], 'bool', parseBool),
  global('bytes', ['bytes'], 'bytes', same),
  global('bytes', ['string'], 'bytes', (text) => new TextEncoder().encode(text), { cost: walk(0) }),
  global('double', ['double'], 'double', same),
  global('double', ['int'], 'double', (value) => Number(value)),
  global('double', ['uint'], 'double', ({ value }) => Number(value)),
  global('double', ['string'], 'double', parseDouble),
  global('int', ['int'], 'int', same),
  global('int', ['uint'], 'int', ({ value }) => int64(value)),
  global('int', ['double'], 'int', (value) => {
    // The ends of the range are not representable and refused, as cel-go does.
    if (!(value > -9223372036854775808 && value < 9223372036854775808)) throw new CelError('integer overflow');
    return int64(wholeOf(value, 'integer overflow'));
  }),
  global('int', ['string'], 'int', (text) => parseWhole(text, 'int')),
  global('uint', ['uint'], 'uint', same),
  global('uint', ['int'], 'uint', (value) => uint64(value)),
  global('uint', ['double'], 'uint', (value) => uint64(value < 0 ? -1n : wholeOf(value, 'unsigned integer overflow'))),
  global('uint', ['string'], 'uint', (text) => uint64(parseWhole(text, 'uint'))),
  global('string', ['string'], 'string', same),
  global('string', ['bool'], 'string', (value) => String(value)),
  global('string', ['int'], 'string', (value) => value.toString()),
  global('string', ['uint'], 'string', ({ value }) => value.toString()),
  global('string', ['double'], 'string', showDouble),
  global('string', ['bytes'], 'string', decode, { cost: walk(0) }),
  global('type', ['A'], 'type<A>', (value) => ({ kind: 'type', name: typeNameOf(value) })),
  global('dyn', ['A'], 'dyn', same),
];
