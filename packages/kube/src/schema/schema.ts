/**
 * A schema node: OpenAPI v3 as Kubernetes uses it, the structural schema of CRDs included.
 * Plain data, never changed after it was handed to a function of this folder (plans are cached by identity).
 */
export interface Schema {
  /** Names another schema; beside it only `nullable`, `default` and the markers of list, map and patch count. */
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly title?: string;

  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;

  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;

  /** RE2 syntax. */
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;

  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;

  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;

  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'granular' | 'atomic';
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  readonly 'x-kubernetes-group-version-kind'?: readonly { readonly group: string; readonly version: string; readonly kind: string }[];
}

/** One CEL rule of x-kubernetes-validations. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** Finds the schema behind a `$ref`. Throws when there is none; the same ref must give the same object. */
export type SchemaResolver = (ref: string) => Schema;

/**
 * How a schema is meant. `structural` (CRDs): an object without properties has no fields, null is a value, list sets and maps
 * are checked for duplicates. `openapi` (built-in kinds): an object without properties is free-form, null counts as absent,
 * and duplicates are for the kind's own validation.
 */
export type SchemaDialect = 'structural' | 'openapi';

/** The options that every function over a schema shares. */
export interface SchemaOptions {
  /** Needed when the schema has a `$ref`. */
  readonly resolver?: SchemaResolver;
  /** Default: structural. */
  readonly dialect?: SchemaDialect;
}

/** A JSON object that is neither null nor an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields that a reference may override in the schema it names. */
const overrides = [
  'nullable',
  'default',
  'x-kubernetes-map-type',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-patch-merge-key',
] as const;

/**
 * The schema a node stands for: `$ref` followed, also where it stands alone in an allOf, as OpenAPI v3 writes a reference with siblings.
 * Throws when a reference cannot be resolved.
 */
export function resolveSchema(schema: Schema, resolver: SchemaResolver | undefined): Schema {
  let found = schema;
  let above: Partial<Schema> | undefined;
  for (let depth = 0; depth < 32; depth++) {
    const ref = refOf(found);
    if (ref === undefined) return above ? { ...found, ...above } : found;
    if (!resolver) throw new Error(`schema refers to ${ref}, but no resolver was given`);
    for (const field of overrides) {
      if (found[field] !== undefined && above?.[field] === undefined) above = { ...above, [field]: found[field] };
    }
    found = resolver(ref);
  }
  throw new Error(`schema reference ${refOf(schema)} never ends`);
}

/** The reference of a node, its own or that of its only allOf member. */
export function refOf(schema: Schema): string | undefined {
  if (schema.$ref !== undefined) return schema.$ref;
  return schema.allOf?.length === 1 && schema.type === undefined && schema.properties === undefined ? schema.allOf[0]?.$ref : undefined;
}
