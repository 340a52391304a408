// Structural schemas as types, and JSON values read by them: k8s.io/apiserver pkg/cel/common/{schemas,values}.go, pkg/cel/escaping.go.
import { parseDuration, parseTimestamp } from './functions/time.ts';
import type { Type } from './types.ts';
import { boolType, bytesType, doubleType, durationType, dynType, intType, listType, mapType, stringType, timestampType } from './types.ts';
import type { ListValue, MapValue, Value } from './values/value.ts';
import { CelError } from './values/value.ts';

/** What is read of a schema node. */
export interface StructuralSchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly nullable?: boolean;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: boolean | StructuralSchema;
  readonly items?: StructuralSchema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

const keywords = new Set(['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while']);

/** A property's name as an expression writes it; undefined when it cannot be written. */
export function escapeName(name: string): string | undefined {
  if (keywords.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_.\-/][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replace(/__|[.\-/]/g, (part) => ({ __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' })[part] ?? part);
}

const metadataSchema: StructuralSchema = { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } };

/** The schema as rules at the root of a resource see it: apiVersion, kind, and of metadata the names. */
function withTypeMeta(schema: StructuralSchema): StructuralSchema {
  const { properties = {} } = schema;
  return { ...schema, properties: { ...properties, kind: { type: 'string' }, apiVersion: { type: 'string' }, metadata: metadataSchema } };
}

/** How values of one schema node are read. */
export interface Reader {
  readonly type: Type;
  /** Throws CelError for a value that the schema does not allow. */
  read(value: unknown): Value;
}

const readers = new WeakMap<StructuralSchema, Reader | null>();
const rootReaders = new WeakMap<StructuralSchema, Reader | null>();
let names = 0;

/** The reader of a schema node, made once; undefined for what expressions cannot see. `isRoot` is a resource, embedded or not. */
export function readerOf(schema: StructuralSchema, isRoot = schema['x-kubernetes-embedded-resource'] === true): Reader | undefined {
  const cache = isRoot ? rootReaders : readers;
  const known = cache.get(schema);
  if (known !== undefined) return known ?? undefined;
  const made = makeReader(isRoot ? withTypeMeta(schema) : schema);
  const reader = made && nullAware(made, schema.nullable === true);
  cache.set(schema, reader ?? null);
  return reader;
}

function nullAware(reader: Reader, isNullable: boolean): Reader {
  return {
    type: reader.type,
    read(value) {
      if (value !== null && value !== undefined) return reader.read(value);
      if (isNullable) return null;
      throw new CelError('invalid data, got null for schema with nullable=false');
    },
  };
}

function makeReader(schema: StructuralSchema): Reader | undefined {
  if (schema['x-kubernetes-int-or-string']) return { type: dynType, read: readIntOrString };
  switch (schema.type) {
    case 'array':
      return arrayReader(schema);
    case 'object':
      return schema.additionalProperties && typeof schema.additionalProperties === 'object' ? mapReader(schema.additionalProperties) : objectReader(schema);
    case 'string':
      return textReader(schema.format);
    case 'boolean':
      return { type: boolType, read: (value) => (typeof value === 'boolean' ? value : wrong('a boolean')) };
    case 'number':
      return { type: doubleType, read: (value) => (typeof value === 'number' ? value : wrong('a number')) };
    case 'integer':
      return { type: intType, read: (value) => (typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : wrong('an integer')) };
    default:
      return undefined;
  }
}

function wrong(wanted: string): never {
  throw new CelError(`invalid data, expected ${wanted}`);
}

function readIntOrString(value: unknown): Value {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  return wrong('XIntOrString value to be either a string or integer');
}

function textReader(format: string | undefined): Reader {
  const read = <T extends Value>(type: Type, convert: (text: string) => T | undefined): Reader => ({
    type,
    read(value) {
      if (typeof value !== 'string') return wrong('a string');
      const found = convert(value);
      if (found === undefined) throw new CelError(`Invalid ${format} ${value}`);
      return found;
    },
  });
  const moment = (ns: bigint | undefined): Value | undefined => (ns === undefined ? undefined : { kind: 'timestamp', ns });
  switch (format) {
    case 'byte':
      return read(bytesType, (text) => new Uint8Array(Buffer.from(text, 'base64')));
    case 'duration':
      return read(durationType, (text): Value | undefined => {
        const ns = parseDuration(text) ?? parseDuration(text.replaceAll(' ', ''));
        return ns === undefined ? undefined : { kind: 'duration', ns };
      });
    case 'date':
      return read(timestampType, (text) => moment(parseTimestamp(`${text}T00:00:00Z`)));
    case 'date-time':
      return read(timestampType, (text) => moment(parseTimestamp(text)));
    default:
      return read(stringType, (text) => text);
  }
}

function arrayReader(schema: StructuralSchema): Reader | undefined {
  const items = schema.items && readerOf(schema.items);
  if (!items) return undefined;
  const listKind = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const extra = listKind === 'set' ? { isSet: true } : listKind === 'map' ? { keyOf: (element: Value) => JSON.stringify(keys.map((key) => keyPart(element, key))) } : {};
  return {
    type: listType(items.type),
    read(value) {
      if (!Array.isArray(value)) return wrong('an array');
      const list: readonly unknown[] = value;
      const found: ListValue = { kind: 'list', size: list.length, at: (index) => items.read(list[index]), ...extra };
      return found;
    },
  };
}

function keyPart(element: Value, key: string): string {
  const value = typeof element === 'object' && element !== null && 'kind' in element && element.kind === 'map' ? element.get(escapeName(key) ?? key) : undefined;
  return `${typeof value}:${String(value)}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapReader(schema: StructuralSchema): Reader | undefined {
  const values = readerOf(schema);
  if (!values) return undefined;
  return {
    type: mapType(stringType, values.type),
    read(value) {
      if (!isRecord(value)) return wrong('an object');
      const names = Object.keys(value);
      const found: MapValue = {
        kind: 'map',
        size: names.length,
        get: (key) => (typeof key === 'string' && Object.hasOwn(value, key) ? values.read(value[key]) : undefined),
        keys: () => names,
      };
      return found;
    },
  };
}

function objectReader(schema: StructuralSchema): Reader {
  const fields = new Map<string, { readonly name: string; readonly reader: Reader }>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(name);
    const reader = readerOf(property);
    if (escaped !== undefined && reader) fields.set(escaped, { name, reader });
  }
  const type: Type = { kind: 'object', name: `object${names++}`, fields: new Map([...fields].map(([escaped, { reader }]) => [escaped, reader.type])) };
  return {
    type,
    read(value) {
      if (!isRecord(value)) return wrong('an object');
      const present = () => [...fields].filter(([, { name }]) => Object.hasOwn(value, name)).map(([escaped]) => escaped);
      const found: MapValue = {
        kind: 'map',
        isObject: true,
        get size() {
          return present().length;
        },
        get(key) {
          const field = typeof key === 'string' ? fields.get(key) : undefined;
          return field && Object.hasOwn(value, field.name) ? field.reader.read(value[field.name]) : undefined;
        },
        keys: present,
      };
      return found;
    },
  };
}
