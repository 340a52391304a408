// Kubernetes' protobuf bodies as JSON values: apimachinery pkg/runtime/serializer/protobuf, and the JSON forms of its special types.
import { rfc3339 } from '@keelson/std';
import { badRequest } from '../http/api-status.ts';
import type { FieldRow } from './table.ts';
import { messageName, messageTable } from './table.ts';
import type { WireField } from './wire.ts';
import { readFields, toDouble, toInt } from './wire.ts';

/** Media type of Kubernetes' protobuf bodies. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = [0x6b, 0x38, 0x73, 0x00] as const;
/** The deepest nesting of messages. */
const maxDepth = 100;

/** True when bytes carry the envelope's magic number. */
export function isProtobufBody(bytes: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

/** The object in an envelope, as its JSON would be. 400 when it is damaged or of a kind that has no protobuf form here. */
export function decodeProtobufObject(bytes: Uint8Array): unknown {
  try {
    const envelope = fieldsByNumber(bytes.subarray(magic.length));
    const type = fieldsByNumber(bytesOf(envelope.get(1)));
    const apiVersion = textOf(type.get(1));
    const kind = textOf(type.get(2));
    const name = messageName(apiVersion, kind);
    if (name === undefined) throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in protobuf`);
    return { apiVersion, kind, ...decodeMessage(name, bytesOf(envelope.get(2)), 0) };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`error decoding the protobuf body: ${error.message}`);
    throw error;
  }
}

function fieldsByNumber(bytes: Uint8Array): Map<number, WireField> {
  return new Map([...readFields(bytes)].map((field) => [field.number, field]));
}

function bytesOf(field: WireField | undefined): Uint8Array {
  return field?.bytes ?? new Uint8Array();
}

function textOf(field: WireField | undefined): string {
  return utf8.decode(bytesOf(field));
}

const utf8 = new TextDecoder('utf-8');

function decodeMessage(name: string, bytes: Uint8Array, depth: number): Record<string, unknown> {
  if (depth > maxDepth) throw new RangeError(`messages are nested more than ${maxDepth} levels deep`);
  const rows = messageTable()[name];
  if (!rows) throw new RangeError(`message ${name} is not known`);
  const out: Record<string, unknown> = {};
  for (const field of readFields(bytes)) {
    const row = rows[String(field.number)];
    // Fields of a newer release are left out, as its JSON form would be pruned.
    if (row) addField(out, row, field, depth);
  }
  return out;
}

function addField(out: Record<string, unknown>, [name, type, marks = '']: FieldRow, field: WireField, depth: number): void {
  if (type.startsWith('*')) {
    const known = out[name];
    const items: unknown[] = Array.isArray(known) ? known : [];
    items.push(...repeatedValues(type.slice(1), field, depth));
    out[name] = items;
    return;
  }
  if (type.startsWith('%')) {
    const entry = fieldsByNumber(bytesOf(field));
    const map = (out[name] ??= {}) as Record<string, unknown>;
    const value = entry.get(2) ?? { number: 2, bytes: new Uint8Array(), varint: 0n };
    Object.defineProperty(map, textOf(entry.get(1)), { value: singleValue(type.slice(1), value, depth), enumerable: true, writable: true, configurable: true });
    return;
  }
  const value = singleValue(type, field, depth);
  if (marks.includes('i')) {
    Object.assign(out, value);
    return;
  }
  const isZero = value === '' || value === 0 || value === false || value === undefined;
  if (!isZero || (marks.includes('k') && value !== undefined)) out[name] = value;
}

function repeatedValues(type: string, field: WireField, depth: number): unknown[] {
  // Numbers may come packed.
  if (type !== 'int' || field.bytes === undefined) return [singleValue(type, field, depth)];
  const numbers: unknown[] = [];
  for (const packed of readFields(field.bytes, true)) numbers.push(toInt(packed.varint ?? 0n));
  return numbers;
}

function singleValue(type: string, field: WireField, depth: number): unknown {
  switch (type) {
    case 'string':
      return textOf(field);
    case 'bool':
      return (field.varint ?? 0n) !== 0n;
    case 'int':
      return toInt(field.varint ?? 0n);
    case 'double':
      return toDouble(field);
    case 'bytes':
      return Buffer.from(bytesOf(field)).toString('base64');
    default:
      return specialValue(type, bytesOf(field), depth) ?? plainMessage(type, bytesOf(field), depth);
  }
}

function plainMessage(type: string, bytes: Uint8Array, depth: number): unknown {
  if (specialTypes.has(type)) return undefined;
  return decodeMessage(type, bytes, depth + 1);
}

const specialTypes: ReadonlySet<string> = new Set([
  'meta.v1.Time', 'meta.v1.MicroTime', 'meta.v1.Duration', 'meta.v1.FieldsV1', 'meta.v1.Verbs', 'api.resource.Quantity', 'util.intstr.IntOrString', 'runtime.RawExtension',
  'apiextensions.v1.JSON', 'apiextensions.v1.JSONSchemaPropsOrArray', 'apiextensions.v1.JSONSchemaPropsOrBool', 'apiextensions.v1.JSONSchemaPropsOrStringArray',
]);

/** Types whose JSON form is not that of their message. */
function specialValue(type: string, bytes: Uint8Array, depth: number): unknown {
  if (type.endsWith('.ExtraValue') || type === 'meta.v1.Verbs') return [...readFields(bytes)].map((field) => textOf(field));
  if (!specialTypes.has(type)) return undefined;
  const fields = fieldsByNumber(bytes);
  switch (type) {
    case 'meta.v1.Time':
    case 'meta.v1.MicroTime':
      return timeText(type === 'meta.v1.MicroTime', fields);
    case 'meta.v1.Duration':
      return durationText(fields.get(1)?.varint ?? 0n);
    case 'api.resource.Quantity':
      return textOf(fields.get(1));
    case 'util.intstr.IntOrString':
      return (fields.get(1)?.varint ?? 0n) === 0n ? toInt(fields.get(2)?.varint ?? 0n) : textOf(fields.get(3));
    case 'meta.v1.FieldsV1':
    case 'runtime.RawExtension':
    case 'apiextensions.v1.JSON':
      return rawJson(bytesOf(fields.get(1)));
    case 'apiextensions.v1.JSONSchemaPropsOrBool':
      return fields.has(2) ? decodeMessage('apiextensions.v1.JSONSchemaProps', bytesOf(fields.get(2)), depth + 1) : (fields.get(1)?.varint ?? 0n) !== 0n;
    default:
      return oneOrMany(type, bytes, depth);
  }
}

/** A schema or a list of schemas or of texts. */
function oneOrMany(type: string, bytes: Uint8Array, depth: number): unknown {
  const schema = 'apiextensions.v1.JSONSchemaProps';
  const many: unknown[] = [];
  for (const field of readFields(bytes)) {
    if (field.number === 1) return decodeMessage(schema, bytesOf(field), depth + 1);
    many.push(type.endsWith('OrStringArray') ? textOf(field) : decodeMessage(schema, bytesOf(field), depth + 1));
  }
  return many;
}

function rawJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new RangeError('embedded JSON cannot be read');
  }
}

/** An empty message is no time. */
function timeText(isMicro: boolean, fields: ReadonlyMap<number, WireField>): string | undefined {
  if (fields.size === 0) return undefined;
  const seconds = toInt(fields.get(1)?.varint ?? 0n);
  // Go's zero time.
  if (seconds <= -62135596800) return undefined;
  const whole = rfc3339(seconds * 1000);
  if (!isMicro) return whole;
  const micros = Math.floor(toInt(fields.get(2)?.varint ?? 0n) / 1000);
  return `${whole.slice(0, -1)}.${String(micros).padStart(6, '0')}Z`;
}

/** Go's time.Duration as text: the largest units first. */
function durationText(nanoseconds: bigint): string {
  const total = BigInt.asIntN(64, nanoseconds);
  if (total === 0n) return '0s';
  const sign = total < 0n ? '-' : '';
  const size = total < 0n ? -total : total;
  if (size < 1_000_000_000n) {
    const [unit, divisor] = size < 1_000n ? ['ns', 1n] : size < 1_000_000n ? ['µs', 1_000n] : ['ms', 1_000_000n];
    return `${sign}${decimal(size, divisor)}${unit}`;
  }
  const hours = size / 3_600_000_000_000n;
  const minutes = (size / 60_000_000_000n) % 60n;
  const seconds = decimal(size % 60_000_000_000n, 1_000_000_000n);
  return `${sign}${hours > 0n ? `${hours}h` : ''}${hours > 0n || minutes > 0n ? `${minutes}m` : ''}${seconds}s`;
}

function decimal(value: bigint, divisor: bigint): string {
  const digits = String(divisor).length - 1;
  const fraction = digits === 0 ? '' : String(value % divisor).padStart(digits, '0').replace(/0+$/, '');
  return `${value / divisor}${fraction === '' ? '' : `.${fraction}`}`;
}
