// Schemas of a group version as OpenAPI v3 components: kube-apiserver's builder3 and
// apiextensions-apiserver pkg/controller/openapi/builder.
import type { KindTable } from '@keelson/api/tables';
import { loadKindTable } from '@keelson/api/tables';
import type { Schema } from '@keelson/kube/schema';
import type { Resource, ServedVersion } from '../registry/resource.ts';
import { isFields } from '../kinds/fields.ts';

export type Components = Record<string, unknown>;

const definitionsPrefix = '#/definitions/';
const componentsPrefix = '#/components/schemas/';
const metaPackage = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** Names under which a kind and its list stand in the components. */
export interface SchemaNames {
  readonly kind: string;
  readonly list: string;
}

/** Collects the schemas of one document with everything they refer to. */
export interface SchemaCollector {
  /** Adds a kind and its list; answers their names. */
  addKind(served: ServedVersion): SchemaNames;
  /** Adds a definition of the built-ins by its name; answers the reference to it. */
  addDefinition(name: string): { $ref: string };
  readonly components: Components;
}

export function createSchemaCollector(): SchemaCollector {
  const components: Components = {};
  const table = (): KindTable => loadKindTable('kubernetes');
  const addDefinition = (name: string): { $ref: string } => {
    if (!(name in components)) {
      const definition = table().definitions[name];
      // Entered before its parts, since definitions may contain themselves.
      components[name] = {};
      if (definition) components[name] = rewrite(definition, addDefinition);
    }
    return { $ref: `${componentsPrefix}${name}` };
  };
  const addKind = (served: ServedVersion): SchemaNames => {
    const { schema } = served.version.schema();
    const name = schemaName(served, schema);
    const gvk = [{ group: served.resource.group, kind: served.resource.kind, version: served.version.name }];
    if (schema.$ref !== undefined) addDefinition(name);
    else components[name] = { ...(rewrite(schema, addDefinition) as object), properties: kindProperties(schema, addDefinition), 'x-kubernetes-group-version-kind': gvk };
    const list = `${name}List`;
    components[list] = listSchema(served, name, addDefinition);
    return { kind: name, list };
  };
  return { addKind, addDefinition, components };
}

function schemaName({ resource, version }: ServedVersion, schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(definitionsPrefix.length);
  return `${resource.group.split('.').reverse().join('.')}.${version.name}.${resource.kind}`;
}

function kindProperties(schema: Schema, addDefinition: (name: string) => { $ref: string }): object {
  const rewritten = rewrite(schema.properties ?? {}, addDefinition);
  return {
    ...(isFields(rewritten) ? rewritten : {}),
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { allOf: [addDefinition(`${metaPackage}.ObjectMeta`)] },
  };
}

function listSchema(served: ServedVersion, itemName: string, addDefinition: (name: string) => { $ref: string }): object {
  const { resource, version } = served;
  return {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      items: { type: 'array', items: { allOf: [{ $ref: `${componentsPrefix}${itemName}` }] } },
      kind: { type: 'string' },
      metadata: { allOf: [addDefinition(`${metaPackage}.ListMeta`)] },
    },
    'x-kubernetes-group-version-kind': [{ group: resource.group, kind: resource.listKind, version: version.name }],
  };
}

/** The schema with its references pointing into the components; a reference with siblings is wrapped, since siblings are ignored in v3. */
function rewrite(value: unknown, addDefinition: (name: string) => { $ref: string }): unknown {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, addDefinition));
  if (!isFields(value)) return value;
  const { $ref, ...rest } = value;
  const out: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(rest)) out[name] = rewrite(part, addDefinition);
  if (typeof $ref !== 'string' || !$ref.startsWith(definitionsPrefix)) return typeof $ref === 'string' ? { ...out, $ref } : out;
  const reference = addDefinition($ref.slice(definitionsPrefix.length));
  return Object.keys(out).length === 0 ? reference : { ...out, allOf: [reference] };
}

/** Resources of one group version. */
export function servedIn(resources: readonly Resource[], group: string, versionName: string): ServedVersion[] {
  return resources.flatMap((resource) => {
    if (resource.group !== group) return [];
    const version = resource.versions.find((one) => one.name === versionName && one.served);
    return version ? [{ resource, version }] : [];
  });
}
