// What server-side apply sees of a schema: which parts are merged and which are owned whole.
// Follows kube-openapi pkg/schemaconv (OpenAPI to structured-merge-diff types).
import { objectMetaSchema } from '../schema/object-meta.ts';
import type { Schema, SchemaResolver } from '../schema/schema.ts';
import { refOf, resolveSchema } from '../schema/schema.ts';

export type ScalarType = 'numeric' | 'string' | 'boolean' | 'untyped';

export interface ListType {
  /** Atomic lists are owned and replaced whole; associative ones are sets (no keys) or maps (keys). */
  readonly atomic: boolean;
  readonly keys: readonly string[];
  readonly element: TypeRef;
}

export interface MapType {
  readonly atomic: boolean;
  /** A declared field; undefined for a name that is not declared. */
  field(name: string): TypeRef | undefined;
  readonly hasFields: boolean;
  /** The type of undeclared names; undefined when they are not allowed. */
  readonly element: TypeRef | undefined;
  /** Defaults of declared fields, which stand in for missing list keys. */
  defaultOf(name: string): unknown;
}

/** A type: which of scalar, list and map a value may be, and how each merges. */
export interface Atom {
  readonly scalar?: ScalarType;
  readonly list?: ListType;
  readonly map?: MapType;
}

/** A type that is made when it is first asked for; schemas may contain themselves. */
export type TypeRef = () => Atom;

function noField(): undefined {
  return undefined;
}

const untypedList: ListType = { atomic: true, keys: [], element: () => untypedAtom };
const untypedMap: MapType = { atomic: true, field: noField, hasFields: false, element: () => untypedAtom, defaultOf: noField };
const deducedMap: MapType = { atomic: false, field: noField, hasFields: false, element: () => deducedAtom, defaultOf: noField };

/** Data without a type, owned whole. */
export const untypedAtom: Atom = { scalar: 'untyped', list: untypedList, map: untypedMap };

/** Data without a schema: maps merge field by field, lists are owned whole. */
export const deducedAtom: Atom = { scalar: 'untyped', list: untypedList, map: deducedMap };

interface Atoms {
  /** Below x-kubernetes-preserve-unknown-fields undeclared fields are allowed at every depth. */
  readonly open: WeakMap<Schema, Atom>;
  readonly closed: WeakMap<Schema, Atom>;
}

const withoutResolver: Atoms = { open: new WeakMap(), closed: new WeakMap() };
const byResolver = new WeakMap<SchemaResolver, Atoms>();
const roots = new WeakMap<Schema, Schema>();

/**
 * The type of a whole object: apiVersion, kind and metadata are what they are for every kind, whatever the schema says of them.
 * Without a schema everything is deduced from the data.
 */
export function objectAtom(schema: Schema | undefined, resolver: SchemaResolver | undefined): Atom {
  if (!schema) return deducedAtom;
  const resolved = resolveSchema(schema, resolver);
  let root = roots.get(resolved);
  if (!root) {
    root = withObjectFields(resolved);
    roots.set(resolved, root);
  }
  return atomOf(root, resolver, false);
}

function withObjectFields(schema: Schema): Schema {
  const text: Schema = { type: 'string' };
  const metadata = schema.properties?.['metadata'];
  // Built-in kinds refer to the full ObjectMeta; CRDs only say that metadata is an object.
  const full = metadata && (refOf(metadata) !== undefined || metadata.properties?.['ownerReferences']) ? metadata : objectMetaSchema;
  return { ...schema, properties: { ...schema.properties, apiVersion: text, kind: text, metadata: full } };
}

function atomOf(schema: Schema, resolver: SchemaResolver | undefined, open: boolean): Atom {
  const atoms = atomsOf(resolver);
  const cache = open ? atoms.open : atoms.closed;
  const known = cache.get(schema);
  if (known) return known;
  const atom = makeAtom(schema, resolver, open);
  cache.set(schema, atom);
  return atom;
}

function atomsOf(resolver: SchemaResolver | undefined): Atoms {
  if (!resolver) return withoutResolver;
  const known = byResolver.get(resolver);
  if (known) return known;
  const atoms: Atoms = { open: new WeakMap(), closed: new WeakMap() };
  byResolver.set(resolver, atoms);
  return atoms;
}

function makeAtom(given: Schema, resolver: SchemaResolver | undefined, open: boolean): Atom {
  const ref = refOf(given);
  if (ref?.endsWith('api.resource.Quantity') || given.format === 'quantity') return { scalar: 'untyped' };
  if (ref?.endsWith('pkg.runtime.RawExtension')) return untypedAtom;
  let schema = resolveSchema(given, resolver);
  if (schema['x-kubernetes-embedded-resource']) schema = withObjectFields(schema);
  const isOpen = open || schema['x-kubernetes-preserve-unknown-fields'] === true;
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.[0];
  switch (type) {
    case undefined:
    case '':
      return { scalar: 'untyped', list: listOf(schema, resolver, isOpen), map: mapOf(schema, resolver, isOpen) };
    case 'object':
      return { map: mapOf(schema, resolver, isOpen) };
    case 'array':
      return { list: listOf(schema, resolver, isOpen) };
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'string':
      return { scalar: schema.format === undefined || schema.format === '' || schema.format === 'byte' ? 'string' : 'untyped' };
    default:
      return { scalar: 'untyped' };
  }
}

function mapOf(schema: Schema, resolver: SchemaResolver | undefined, open: boolean): MapType {
  const properties = schema.properties ?? {};
  const hasFields = Object.keys(properties).length > 0;
  const fields = new Map<string, TypeRef>();
  return {
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    hasFields,
    element: elementOf(schema, resolver, open || !hasFields, open),
    field(name) {
      const known = fields.get(name);
      if (known) return known;
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!property) return undefined;
      const made = () => atomOf(property, resolver, open);
      fields.set(name, made);
      return made;
    },
    defaultOf: (name) => (Object.hasOwn(properties, name) ? properties[name]?.default : undefined),
  };
}

function elementOf(schema: Schema, resolver: SchemaResolver | undefined, free: boolean, open: boolean): TypeRef | undefined {
  const additional = schema.additionalProperties;
  if (additional === undefined) return free ? () => deducedAtom : undefined;
  if (typeof additional === 'object') return () => atomOf(additional, resolver, open);
  return additional ? () => deducedAtom : undefined;
}

function listOf(schema: Schema, resolver: SchemaResolver | undefined, open: boolean): ListType {
  const items = schema.items;
  const element = items ? () => atomOf(items, resolver, open) : () => untypedAtom;
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return { atomic: false, keys: [], element };
  if (type === 'map') return { atomic: false, keys: schema['x-kubernetes-list-map-keys'] ?? [], element };
  const strategy = schema['x-kubernetes-patch-strategy'];
  if (type === undefined && (strategy === 'merge' || strategy === 'merge,retainKeys')) {
    const key = schema['x-kubernetes-patch-merge-key'];
    return { atomic: false, keys: key === undefined ? [] : [key], element };
  }
  return { atomic: true, keys: [], element };
}
