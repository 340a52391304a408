/** The OpenAPI document of the built-in kinds → their kind table: resources from the paths, schemas as definitions. */
import type { KindDefinition, KindTable, KindVersion, Schema, Subresource } from '../../packages/api/src/tables/kind-table.ts';
import type { OpenApiFile, OpenApiOperation } from './contract-data.ts';
import { builtInGroups, categoriesOf, defaultColumns, printerColumns, scalePaths, selectableFields, shortNames } from './kubernetes-names.ts';

interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly subresource?: string;
  readonly watch: boolean;
}

interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  kind: string;
  namespaced: boolean;
  readonly verbs: Set<string>;
  readonly subresources: Map<string, { verbs: Set<string>; kind?: Subresource['kind'] }>;
}

const verbOfAction: Readonly<Record<string, string>> = {
  post: 'create',
  put: 'update',
  patch: 'patch',
  get: 'get',
  list: 'list',
  delete: 'delete',
  deletecollection: 'deletecollection',
  watch: 'watch',
  watchlist: 'watch',
};
const stable = /^v\d+$/;
const refPrefix = '#/definitions/';

export function kubernetesTable(file: OpenApiFile): KindTable {
  const schemaName = schemaNames(file.definitions);
  const byKind = new Map<string, KindDefinition>();
  for (const resource of readResources(file.paths)) {
    const name = schemaName.get(`${resource.group}/${resource.version}/${resource.kind}`);
    if (!name) throw new Error(`no definition for ${resource.plural}.${resource.group}/${resource.version}`);
    const key = `${resource.group}/${resource.kind}`;
    const known = byKind.get(key);
    byKind.set(key, known ? withVersion(known, resource, name) : kindDefinition(resource, name));
  }
  const kinds = [...byKind.values()];
  const roots = [...kinds.flatMap((kind) => kind.versions.map((version) => version.schema)), ...subresourceSchemas(kinds, schemaName)];
  return { name: 'kubernetes', source: file.source, kinds, definitions: reachable(roots, file.definitions) };
}

/** `/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale` in parts; undefined for a path that is no resource. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  const root = parts.shift();
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.length === 0) return undefined;
  const watch = parts[0] === 'watch';
  if (watch) parts.shift();
  const namespaced = parts[0] === 'namespaces' && parts[1] === '{namespace}';
  if (namespaced) parts.splice(0, 2);
  const [plural, name, ...rest] = parts;
  if (plural === undefined) return undefined;
  const subresource = name === '{name}' && rest[0] !== undefined ? rest[0] : undefined;
  return { group, version, plural, namespaced, subresource, watch };
}

function readResources(paths: OpenApiFile['paths']): Resource[] {
  const resources = new Map<string, Resource>();
  for (const [text, operations] of Object.entries(paths)) {
    const path = parseResourcePath(text);
    if (!path || !builtInGroups.includes(path.group) || !stable.test(path.version)) continue;
    for (const operation of Object.values(operations)) addOperation(resources, path, operation);
  }
  return [...resources.values()].filter((resource) => resource.kind !== '');
}

function addOperation(resources: Map<string, Resource>, path: ResourcePath, { action, gvk }: OpenApiOperation): void {
  if (!action || !gvk) return;
  const key = `${path.group}/${path.version}/${path.plural}`;
  const resource: Resource = resources.get(key) ?? {
    group: path.group,
    version: path.version,
    plural: path.plural,
    kind: '',
    namespaced: false,
    verbs: new Set(),
    subresources: new Map(),
  };
  resources.set(key, resource);
  resource.namespaced ||= path.namespaced;
  const verb = verbOfAction[action] ?? 'connect';
  if (path.subresource === undefined) {
    resource.kind = gvk.kind;
    resource.verbs.add(verb);
    return;
  }
  const known = resource.subresources.get(path.subresource) ?? { verbs: new Set<string>() };
  resource.subresources.set(path.subresource, known);
  // Connecting subresources are reached by get and create in authorization.
  for (const one of verb === 'connect' ? ['create', 'get'] : [verb]) known.verbs.add(one);
  if (verb !== 'connect') known.kind = gvk;
}

function kindDefinition(resource: Resource, schemaName: string): KindDefinition {
  return {
    group: resource.group,
    kind: resource.kind,
    listKind: `${resource.kind}List`,
    plural: resource.plural,
    singular: resource.kind.toLowerCase(),
    shortNames: shortNames[resource.plural] ?? [],
    categories: categoriesOf(resource.plural),
    namespaced: resource.namespaced,
    builtIn: true,
    verbs: [...resource.verbs].sort(),
    versions: [kindVersion(resource, schemaName)],
  };
}

/** Two stable versions (autoscaling): the newest is stored. */
function withVersion(kind: KindDefinition, resource: Resource, schemaName: string): KindDefinition {
  return { ...kind, versions: [...kind.versions.map((version) => ({ ...version, storage: false })), kindVersion(resource, schemaName)] };
}

function kindVersion(resource: Resource, schemaName: string): KindVersion {
  const qualified = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  const scale = resource.subresources.has('scale') ? scalePaths[resource.plural] : undefined;
  const subresources = [...resource.subresources].map(([name, { verbs, kind }]): Subresource => {
    const foreign = kind && (kind.kind !== resource.kind || kind.group !== resource.group);
    return { name, verbs: [...verbs].sort(), ...(foreign ? { kind } : {}) };
  });
  return {
    name: resource.version,
    served: true,
    storage: true,
    schema: { $ref: refPrefix + schemaName },
    columns: printerColumns[qualified] ?? defaultColumns,
    selectableFields: selectableFields[qualified] ?? [],
    subresources: subresources.sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...(scale ? { scale } : {}),
  };
}

/** The definition's name by `group/version/Kind`. */
function schemaNames(definitions: OpenApiFile['definitions']): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, schema] of Object.entries(definitions)) {
    for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) names.set(`${group}/${version}/${kind}`, name);
  }
  return names;
}

function subresourceSchemas(kinds: readonly KindDefinition[], names: Map<string, string>): Schema[] {
  const all = kinds.flatMap((kind) => kind.versions.flatMap((version) => version.subresources.flatMap((sub) => (sub.kind ? [sub.kind] : []))));
  return all.flatMap(({ group, version, kind }) => {
    const name = names.get(`${group}/${version}/${kind}`);
    return name ? [{ $ref: refPrefix + name }] : [];
  });
}

/** Definitions that the roots need, sorted by name. */
function reachable(roots: readonly Schema[], definitions: OpenApiFile['definitions']): Record<string, Schema> {
  const found = new Map<string, Schema>();
  const visit = (schema: Schema): void => {
    if (schema.$ref !== undefined) {
      const name = schema.$ref.slice(refPrefix.length);
      if (found.has(name)) return;
      const definition = correctDefinition(name, definitions[name]!);
      found.set(name, definition);
      return visit(definition);
    }
    for (const part of Object.values(schema.properties ?? {})) visit(part);
    if (schema.items) visit(schema.items);
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties);
  };
  for (const root of roots) visit(root);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Where OpenAPI v2 cannot say what the server does. Go types with their own JSON form become the structural schema that
 * accepts the same values; the two list-key defaults that server-side apply needs are upstream's `+default` markers.
 */
export function correctDefinition(name: string, schema: Schema): Schema {
  switch (name.slice(name.lastIndexOf('.') + 1)) {
    case 'IntOrString':
      return { format: 'int-or-string', 'x-kubernetes-int-or-string': true };
    case 'Quantity':
      // Any JSON number is accepted beside the string, as `cpu: 0.5`.
      return { format: 'quantity', anyOf: [{ type: 'string' }, { type: 'number' }] };
    case 'RawExtension':
    case 'FieldsV1':
      return { ...schema, 'x-kubernetes-preserve-unknown-fields': true };
    case 'JSON':
    case 'JSONSchemaPropsOrArray':
    case 'JSONSchemaPropsOrBool':
    case 'JSONSchemaPropsOrStringArray':
      return { 'x-kubernetes-preserve-unknown-fields': true };
    case 'ContainerPort':
    case 'ServicePort':
      if (!name.startsWith('io.k8s.api.core.v1.')) return schema;
      return { ...schema, properties: { ...schema.properties, protocol: { ...schema.properties?.['protocol'], default: 'TCP' } } };
    default:
      return schema;
  }
}
