/**
 * The proto3 encoding of the Talos API's messages, by full message name, over protobufjs and the tables in schema.ts.
 *
 * How values look, in both directions: field names in lowerCamelCase; 64-bit integers are `bigint`; enums are their names
 * (a number that no name stands for stays a number); bytes are Uint8Array; maps are plain objects.
 * Decoded messages are complete: scalars have their zero value, lists and maps are empty, messages, members of a oneof and
 * fields with explicit presence are absent when they were not sent. For encoding everything may be left out.
 */
import { createRequire } from 'node:module';
import type * as Protobuf from 'protobufjs';
import { enumValues, messageFields } from './schema.gen.ts';
import type { TalosMessageName } from './method.ts';
import type { TalosMessages } from './types.gen.ts';

/** A message for encoding: any field may be left out, at any depth. */
export type Encodable<T> = T extends Uint8Array | string | number | bigint | boolean
  ? T
  : T extends readonly (infer E)[]
    ? readonly Encodable<E>[]
    : { readonly [K in keyof T]?: Encodable<T[K]> };

/** A value that does not fit its field, or bytes that are not such a message. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

type Plain = Record<string, unknown>;

interface Built {
  readonly type: Protobuf.Type;
  readonly fields: ReadonlyMap<string, Protobuf.Field>;
}

interface Library {
  readonly message: (name: string) => Built;
  readonly Long: LongFactory;
}

interface LongFactory {
  fromString(text: string, unsigned: boolean): unknown;
}

let library: Library | undefined;

/** Loads protobufjs and links all messages, once, when first needed: importing this module costs neither. */
function loadLibrary(): Library {
  const require = createRequire(import.meta.url);
  // The modules have no ES exports to type a require() with; both are the packages' main objects.
  const protobuf = require('protobufjs/light') as typeof Protobuf;
  const root = protobuf.Root.fromJSON({ nested: buildNamespaces() });
  const built = new Map<string, Built>();
  return {
    // protobufjs brings `long` as a dependency and exposes it untyped.
    Long: protobuf.util.Long as unknown as LongFactory,
    message(name) {
      const known = built.get(name);
      if (known) return known;
      const type = root.lookupType(name);
      const entry = { type, fields: new Map(type.fieldsArray.map((field) => [field.name, field.resolve()] as const)) };
      built.set(name, entry);
      return entry;
    },
  };
}

interface Node {
  nested: Record<string, Node>;
  fields?: Record<string, { id: number; type: string; rule?: string; keyType?: string; options?: Record<string, unknown> }>;
  oneofs?: Record<string, { oneof: string[] }>;
  values?: Readonly<Record<string, number>>;
}

/** The tables as the nested JSON that protobufjs reads. */
function buildNamespaces(): Record<string, Node> {
  const top: Node = { nested: {} };
  const at = (name: string): Node => name.split('.').reduce((node, part) => (node.nested[part] ??= { nested: {} }), top);
  for (const [name, lines] of Object.entries(messageFields)) {
    const node = at(name);
    node.fields = {};
    for (const line of lines) addField(node, line);
  }
  for (const [name, values] of Object.entries(enumValues)) at(name).values = values;
  return top.nested;
}

function addField(node: Node, line: string): void {
  const match = /^(\d+) (\w+) (?:(\[\]|map|\?|oneof (\w+)):)?(.+)$/.exec(line);
  if (!match) throw new Error(`unreadable schema line ${line}`);
  const [, id, name, label, oneof, type] = match;
  const field = { id: Number(id), type: type!.includes('.') ? `.${type}` : type! };
  const member = oneof ?? (label === '?' ? `_${name}` : undefined);
  if (member) ((node.oneofs ??= {})[member] ??= { oneof: [] }).oneof.push(name!);
  node.fields![name!] = label === '[]' ? { ...field, rule: 'repeated' } : label === 'map' ? { ...field, keyType: 'string' } : field;
}

function loaded(): Library {
  return (library ??= loadLibrary());
}

/** The bytes of a message. Throws WireError when a field is unknown or a value does not fit. */
export function encode<N extends TalosMessageName>(name: N, value: Encodable<TalosMessages[N]>): Uint8Array {
  const { message } = loaded();
  // A mapped type of an interface has no index signature; the walk reads it by the names of the schema.
  const built = toMessage(name, value as Plain, name);
  const bytes = message(name).type.encode(built).finish();
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The message in `bytes`; unknown fields are skipped. Throws WireError when they are not a message of this kind. */
export function decode<N extends TalosMessageName>(name: N, bytes: Uint8Array): TalosMessages[N] {
  const { message } = loaded();
  let raw: Protobuf.Message;
  try {
    raw = message(name).type.decode(bytes);
  } catch (cause) {
    throw new WireError(`decoding ${name} from ${bytes.length} bytes`, { cause });
  }
  // fromMessage walks the same schema that the interfaces are generated from.
  return fromMessage(name, raw as unknown as Plain) as unknown as TalosMessages[N];
}

/** Whether this name is a message of the Talos API: for `Any` and for COSI specs. */
export function isMessageName(name: string): name is TalosMessageName {
  return Object.hasOwn(messageFields, name);
}

function toMessage(name: string, value: Plain, path: string): Protobuf.Message {
  const { fields, type } = loaded().message(name);
  if (typeof value !== 'object' || value === null) throw new WireError(`${path}: expected a message, got ${describe(value)}`);
  const out: Plain = {};
  const taken = new Map<string, string>();
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const field = fields.get(key);
    if (!field) throw new WireError(`${path}: ${name} has no field ${key}`);
    const oneof = field.partOf?.name;
    const other = oneof && taken.get(oneof);
    if (other) throw new WireError(`${path}: ${other} and ${key} exclude each other`);
    if (oneof) taken.set(oneof, key);
    const converted = toField(field, item, `${path}.${key}`);
    if (!hasImplicitPresence(field) || !isZero(item, converted)) out[key] = converted;
  }
  return type.create(out);
}

/** Proto3's plain scalars: their zero value is not written. */
function hasImplicitPresence(field: Protobuf.Field): boolean {
  return !field.repeated && !field.map && !field.partOf && !isMessageField(field);
}

function isZero(given: unknown, converted: unknown): boolean {
  return converted === 0 || given === 0n || given === '' || given === false || (given instanceof Uint8Array && given.length === 0);
}

function toField(field: Protobuf.Field, item: unknown, path: string): unknown {
  if (field.repeated) {
    if (!Array.isArray(item)) throw new WireError(`${path}: expected a list, got ${describe(item)}`);
    return item.map((element, index) => toScalar(field, element, `${path}[${index}]`));
  }
  if (field.map) {
    if (typeof item !== 'object' || item === null) throw new WireError(`${path}: expected a map, got ${describe(item)}`);
    return Object.fromEntries(Object.entries(item).map(([key, element]) => [key, toScalar(field, element, `${path}.${key}`)]));
  }
  return toScalar(field, item, path);
}

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

function toScalar(field: Protobuf.Field, item: unknown, path: string): unknown {
  const resolved = field.resolvedType;
  if (resolved) {
    const target = resolved.fullName.slice(1);
    const values = enumValues[target];
    return values ? toEnum(target, values, item, path) : toMessage(target, item as Plain, path);
  }
  const fail = () => new WireError(`${path}: ${describe(item)} is not a ${field.type}`);
  switch (field.type) {
    case 'string':
      if (typeof item !== 'string') throw fail();
      return item;
    case 'bool':
      if (typeof item !== 'boolean') throw fail();
      return item;
    case 'bytes':
      if (!(item instanceof Uint8Array)) throw fail();
      return item;
    case 'double':
    case 'float':
      if (typeof item !== 'number') throw fail();
      return item;
    default:
      return toInteger(field.type, item, fail);
  }
}

function toInteger(type: string, item: unknown, fail: () => WireError): unknown {
  const [low, high] = ranges[type]!;
  const isWide = type.endsWith('64');
  if (isWide ? typeof item !== 'bigint' : typeof item !== 'number' || !Number.isInteger(item)) throw fail();
  const whole = BigInt(item as bigint | number);
  if (whole < low || whole > high) throw fail();
  return isWide ? loaded().Long.fromString(whole.toString(), type === 'uint64') : item;
}

function toEnum(name: string, values: Readonly<Record<string, number>>, item: unknown, path: string): number {
  if (typeof item === 'number' && Number.isInteger(item)) return item;
  const number = typeof item === 'string' && Object.hasOwn(values, item) ? values[item] : undefined;
  if (number === undefined) throw new WireError(`${path}: ${describe(item)} is not one of ${name}: ${Object.keys(values).join(', ')}`);
  return number;
}

/** What a value is, without showing it: it may be a secret. */
function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : value instanceof Uint8Array ? 'bytes' : typeof value;
}

function fromMessage(name: string, raw: Plain): Plain {
  const { fields } = loaded().message(name);
  const out: Plain = {};
  for (const [key, field] of fields) {
    const isSent = Object.hasOwn(raw, key) && raw[key] !== null && raw[key] !== undefined;
    const item = raw[key];
    if (field.repeated) out[key] = isSent ? (item as unknown[]).map((element) => fromScalar(field, element)) : [];
    else if (field.map) out[key] = isSent ? Object.fromEntries(Object.entries(item as Plain).map(([k, element]) => [k, fromScalar(field, element)])) : {};
    else if (isSent) out[key] = fromScalar(field, item);
    else if (!field.partOf && !isMessageField(field)) out[key] = zero(field);
  }
  return out;
}

function isMessageField(field: Protobuf.Field): boolean {
  return field.resolvedType !== null && enumValues[field.resolvedType.fullName.slice(1)] === undefined;
}

const enumNames = new Map<string, ReadonlyMap<number, string>>();

/** Names by number; where two names share a number the first declared one stands. */
function namesOf(name: string): ReadonlyMap<number, string> {
  let names = enumNames.get(name);
  if (!names) {
    names = new Map(Object.entries(enumValues[name]!).toReversed().map(([key, value]) => [value, key]));
    enumNames.set(name, names);
  }
  return names;
}

function fromScalar(field: Protobuf.Field, item: unknown): unknown {
  const resolved = field.resolvedType;
  if (resolved) {
    const target = resolved.fullName.slice(1);
    if (enumValues[target]) return namesOf(target).get(item as number) ?? item;
    return fromMessage(target, item as Plain);
  }
  if (field.type.endsWith('64')) return BigInt(String(item));
  // A copy: protobufjs hands out views into the whole received message, and Buffers at that.
  if (field.type === 'bytes') return Uint8Array.from(item as Uint8Array);
  return item;
}

function zero(field: Protobuf.Field): unknown {
  if (field.resolvedType) return namesOf(field.resolvedType.fullName.slice(1)).get(0) ?? 0;
  if (field.type === 'string') return '';
  if (field.type === 'bool') return false;
  if (field.type === 'bytes') return new Uint8Array();
  return field.type.endsWith('64') ? 0n : 0;
}
