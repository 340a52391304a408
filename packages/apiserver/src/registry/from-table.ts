import type { KindDefinition, KindSummary, KindTable, KindVersion, Schema as TableSchema } from '@keelson/api/tables';
import { kindTables, loadKindTable } from '@keelson/api/tables';
import type { Schema, SchemaResolver } from '@keelson/kube/schema';
import { builtInStrategy } from '../kinds/built-in.ts';
import { contractAdapters } from '../kinds/conversion/contract-adapters.ts';
import { versionAdapters } from '../kinds/version-adapters.ts';
import { customStrategy } from '../kinds/strategy.ts';
import type { Resource, ResourceVersion, VersionSchema } from './resource.ts';
import { groupSegment } from './resource.ts';

/** Groups whose kinds answer questions and store nothing. */
const reviewGroups: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

/**
 * Every kind of the api tables as a resource. Names come from the generated index; a table is read when a request first needs
 * a column, a subresource or a schema of one of its kinds.
 */
export function tableResources(): Resource[] {
  return kindTables().flatMap((table) => table.kinds.filter((kind) => !reviewGroups.has(kind.group)).map((kind) => tableResource(table.name, kind)));
}

function tableResource(tableName: string, summary: KindSummary): Resource {
  const definition = lazy(() => {
    const found = loadKindTable(tableName).kinds.find((kind) => kind.group === summary.group && kind.kind === summary.kind);
    if (!found) throw new Error(`table ${tableName} has no kind ${summary.kind}.${summary.group}`);
    return found;
  });
  const versions = lazy(() => definition().versions.map((version) => tableVersion(loadKindTable(tableName), definition(), version)));
  return {
    group: summary.group,
    kind: summary.kind,
    get listKind() {
      return definition().listKind;
    },
    plural: summary.plural,
    singular: summary.singular,
    shortNames: summary.shortNames,
    categories: summary.categories,
    namespaced: summary.namespaced,
    verbs: summary.verbs,
    builtIn: summary.builtIn,
    get versions() {
      return versions();
    },
    strategy: summary.builtIn ? builtInStrategy(summary.group, summary.kind) : customStrategy,
    prefix: prefixOf(summary.group, summary.plural),
    schemaRevision: 0,
  };
}

/** events.k8s.io shows the same objects as core's events. */
function prefixOf(group: string, plural: string): string {
  return group === 'events.k8s.io' && plural === 'events' ? 'core/events/' : `${groupSegment(group)}/${plural}/`;
}

function tableVersion(table: KindTable, kind: KindDefinition, version: KindVersion): ResourceVersion {
  const schemaOf = (one: KindVersion) => lazy((): VersionSchema => ({ schema: asSchema(one.schema), resolver: tableResolver(table), dialect: kind.builtIn ? 'openapi' : 'structural' }));
  return {
    name: version.name,
    served: version.served,
    storage: version.storage,
    columns: version.columns,
    selectableFields: version.selectableFields,
    subresources: version.subresources,
    scale: version.scale,
    schema: schemaOf(version),
    ...versionAdapters(kind.group, kind.kind, version.name),
    ...contractAdapters(kind.group, kind.kind, version.name, kind.versions.map((one) => ({ name: one.name, storage: one.storage, schema: schemaOf(one) }))),
  };
}

const resolvers = new WeakMap<KindTable, SchemaResolver>();

/** Finds definitions of a table; one resolver per table, because compiled schemas are kept by it. */
export function tableResolver(table: KindTable): SchemaResolver {
  const known = resolvers.get(table);
  if (known) return known;
  const prefix = '#/definitions/';
  const resolver: SchemaResolver = (ref) => {
    const found = table.definitions[ref.startsWith(prefix) ? ref.slice(prefix.length) : ref];
    if (!found) throw new Error(`table ${table.name} has no definition ${ref}`);
    return asSchema(found);
  };
  resolvers.set(table, resolver);
  return resolver;
}

/** The tables and the engines declare the same shape, each for itself. */
function asSchema(schema: TableSchema): Schema {
  return schema;
}

/** A value made on first use. */
export function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
