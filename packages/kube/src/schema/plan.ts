import { formatCheck } from './format.ts';
import { compilePattern } from './pattern.ts';
import type { Schema, SchemaResolver } from './schema.ts';
import { resolveSchema } from './schema.ts';

/**
 * A schema node made ready for use: reference followed, pattern compiled, enumeration indexed. Built once per node and kept;
 * children are built when they are first met, because most objects touch little of their schema and some schemas are recursive.
 */
export interface Plan {
  readonly schema: Schema;
  /** Allowed JSON types; empty allows any. */
  readonly types: readonly string[];
  readonly nullable: boolean;
  /** The format, when it means something for the type; empty otherwise. */
  readonly format: string;
  readonly isSet: boolean;
  readonly mapKeys: readonly string[] | undefined;
  readonly keepsUnknown: boolean;
  readonly isEmbedded: boolean;
  readonly hasProperties: boolean;
  readonly required: readonly string[];
  /** Names of properties with a default, with that default. */
  readonly defaults: readonly (readonly [string, unknown])[];
  readonly pattern: RegExp | string | undefined;
  readonly checkFormat: ((text: string) => boolean) | undefined;
  /** Texts of the enumeration, when all its members are texts. */
  readonly enumTexts: ReadonlySet<unknown> | undefined;
  /** False when additional properties are refused (`additionalProperties: false`). */
  readonly allowsAdditional: boolean;
  readonly composes: boolean;
  /** The plan of a declared property. */
  property(name: string): Plan | undefined;
  readonly additional: Plan | undefined;
  readonly items: Plan | undefined;
  readonly allOf: readonly Plan[];
  readonly anyOf: readonly Plan[];
  readonly oneOf: readonly Plan[];
  readonly not: Plan | undefined;
}

const unresolved = new WeakMap<Schema, Plan>();
const byResolver = new WeakMap<SchemaResolver, WeakMap<Schema, Plan>>();

/** The plan of a schema node; the same node and resolver give the same plan. */
export function planOf(schema: Schema, resolver: SchemaResolver | undefined): Plan {
  const plans = plansOf(resolver);
  const known = plans.get(schema);
  if (known) return known;
  const plan = makePlan(resolveSchema(schema, resolver), resolver);
  plans.set(schema, plan);
  return plan;
}

function plansOf(resolver: SchemaResolver | undefined): WeakMap<Schema, Plan> {
  if (!resolver) return unresolved;
  const known = byResolver.get(resolver);
  if (known) return known;
  const plans = new WeakMap<Schema, Plan>();
  byResolver.set(resolver, plans);
  return plans;
}

function makePlan(schema: Schema, resolver: SchemaResolver | undefined): Plan {
  const properties = schema.properties;
  const children = new Map<string, Plan | undefined>();
  const child = <T>(make: () => T) => {
    let made: { value: T } | undefined;
    return () => (made ??= { value: make() }).value;
  };
  const one = (of: Schema | undefined) => child(() => (of ? planOf(of, resolver) : undefined));
  const several = (of: readonly Schema[] | undefined) => child(() => (of ?? []).map((member) => planOf(member, resolver)));
  const additional = one(typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  const items = one(schema.items);
  const [allOf, anyOf, oneOf, not] = [several(schema.allOf), several(schema.anyOf), several(schema.oneOf), one(schema.not)];
  const types = typesOf(schema);
  const format = formatOf(schema, types);
  const texts = schema.enum !== undefined && schema.enum.length > 0 && schema.enum.every((member) => typeof member === 'string');
  const listType = schema['x-kubernetes-list-type'];
  return {
    schema,
    types,
    format,
    nullable: schema.nullable === true,
    isSet: listType === 'set',
    mapKeys: listType === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined,
    keepsUnknown: schema['x-kubernetes-preserve-unknown-fields'] === true,
    isEmbedded: schema['x-kubernetes-embedded-resource'] === true,
    hasProperties: properties !== undefined && Object.keys(properties).length > 0,
    required: schema.required ?? [],
    defaults: defaultsOf(properties, resolver),
    pattern: schema.pattern === undefined || schema.pattern === '' ? undefined : compilePattern(schema.pattern),
    checkFormat: format === '' ? undefined : formatCheck(format),
    enumTexts: texts ? new Set(schema.enum) : undefined,
    allowsAdditional: schema.additionalProperties !== false,
    composes: [schema.allOf, schema.anyOf, schema.oneOf].some((of) => of !== undefined && of.length > 0) || schema.not !== undefined,
    property(name) {
      const known = children.get(name);
      if (known !== undefined || children.has(name)) return known;
      const made = properties && Object.hasOwn(properties, name) ? one(properties[name])() : undefined;
      // Only declared names are kept, so that strangers' keys do not fill the memory.
      if (made) children.set(name, made);
      return made;
    },
    get additional() {
      return additional();
    },
    get items() {
      return items();
    },
    get allOf() {
      return allOf();
    },
    get anyOf() {
      return anyOf();
    },
    get oneOf() {
      return oneOf();
    },
    get not() {
      return not();
    },
  };
}

const intOrString: readonly string[] = ['integer', 'string'];

function typesOf(schema: Schema): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] || (schema.format === 'int-or-string' && schema.type === 'string')) return intOrString;
  if (schema.type === undefined || schema.type === '') return [];
  return typeof schema.type === 'string' ? [schema.type] : schema.type;
}

/** Formats that are unknown for a type are as if they were not there. */
function formatOf(schema: Schema, types: readonly string[]): string {
  const { format } = schema;
  if (format === undefined) return '';
  const [type] = types;
  if (types.length === 1 && type === 'integer') return format === 'int32' || format === 'int64' ? format : '';
  if (types.length === 1 && type === 'number') return format === 'float' || format === 'double' ? format : '';
  return (types.length !== 1 || type === 'string') && formatCheck(format) ? format : '';
}

function defaultsOf(properties: Schema['properties'], resolver: SchemaResolver | undefined): (readonly [string, unknown])[] {
  return Object.entries(properties ?? {}).flatMap(([name, schema]) => {
    // A reference is not followed here: what it names may lead back to this node.
    const value = schema.default ?? (schema.$ref !== undefined && resolver ? resolver(schema.$ref).default : undefined);
    return value === undefined || value === null ? [] : [[name, value] as const];
  });
}
