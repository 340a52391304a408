// `'...'.format([...])`: cel-go ext/formatting.go.
import { compareTexts } from '../values/compare.ts';
import type { ListValue, Value } from '../values/value.ts';
import { CelError, elementsOf, typeNameOf } from '../values/value.ts';
import { showDuration, showTimestamp } from './time.ts';

/** Fills the clauses %s %d %f %e %b %x %X %o of a text. Throws CelError. */
export function formatText(text: string, args: ListValue): string {
  let filled = '';
  let index = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '%') {
      filled += text[at];
      continue;
    }
    at++;
    if (text[at] === '%') {
      filled += '%';
      continue;
    }
    const precision = /^\.(\d*)/.exec(text.slice(at));
    if (precision) at += precision[0].length;
    const clause = text[at];
    if (clause === undefined) throw new CelError('unexpected end of string');
    if (index >= args.size) throw new CelError(`index ${index} out of range`);
    filled += formatOne(clause, args.at(index++), precision?.[1] === undefined || precision[1] === '' ? 6 : Number(precision[1]));
  }
  return filled;
}

function formatOne(clause: string, value: Value, precision: number): string {
  switch (clause) {
    case 's':
      return show(value);
    case 'd':
      return typeof value === 'number' && !Number.isFinite(value) ? show(value) : String(whole(value, 'decimal', 'integers'));
    case 'f':
    case 'e':
      return float(value, clause, precision);
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : whole(value, 'binary', 'integers and bools').toString(2);
    case 'o':
      return whole(value, 'octal', 'integers').toString(8);
    case 'x':
    case 'X': {
      const text = typeof value === 'string' ? hex(new TextEncoder().encode(value)) : value instanceof Uint8Array ? hex(value) : whole(value, 'hex', 'integers, byte buffers, and strings').toString(16);
      return clause === 'x' ? text : text.toUpperCase();
    }
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${clause}"`);
  }
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function whole(value: Value, what: string, allowed: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'uint') return value.value;
  throw new CelError(`error during formatting: ${what} clause can only be used on ${allowed}, was given ${typeNameOf(value)}`);
}

function float(value: Value, clause: 'f' | 'e', precision: number): string {
  const number = value === 'NaN' ? Number.NaN : value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : typeof value === 'number' ? value : Number(whole(value, clause === 'f' ? 'fixed-point' : 'scientific', 'doubles'));
  if (!Number.isFinite(number)) return show(number);
  if (clause === 'f') return number.toFixed(Math.min(precision, 100));
  const [mantissa = '', exponent = '+0'] = number.toExponential(Math.min(precision, 100)).split('e');
  // The locale writes powers of ten with raised digits.
  const raised = [...exponent.slice(1).padStart(2, '0')].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

/** Inside lists and maps, texts are quoted. */
function showInside(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null && 'kind' in value && (value.kind === 'timestamp' || value.kind === 'duration') ? `${value.kind}("${show(value)}")` : show(value);
}

function show(value: Value): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return Number.isNaN(value) ? 'NaN' : value === Infinity ? 'Infinity' : value === -Infinity ? '-Infinity' : String(value);
    default:
  }
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  switch (value.kind) {
    case 'uint':
      return value.value.toString();
    case 'timestamp':
      return showTimestamp(value.ns);
    case 'duration':
      return showDuration(value.ns);
    case 'type':
      return value.name;
    case 'list':
      return `[${[...elementsOf(value)].map(showInside).join(', ')}]`;
    case 'map':
      return `{${[...value.keys()]
          .map((key) => [showInside(key), value.get(key) ?? null] as const)
        .sort(([a], [b]) => compareTexts(a, b))
        .map(([key, item]) => `${key}:${showInside(item)}`)
        .join(', ')}}`;
    default:
      throw new CelError(`error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`);
  }
}
