import type { KindTable, Schema } from './kind-table.ts';

const prefix = '#/definitions/';
const linkedByTable = new WeakMap<KindTable, Map<string, Schema>>();

/**
 * The schema with every `$ref` replaced by the definition itself. Definitions are shared by identity and JSONSchemaProps
 * contains itself, so the result may be a cyclic graph: walk it along a value, never for its own sake.
 * Markers that stand beside a `$ref` (patch strategy, map type) win over those of the definition.
 */
export function linkedSchema(table: KindTable, schema: Schema): Schema {
  let definitions = linkedByTable.get(table);
  if (!definitions) {
    definitions = new Map();
    linkedByTable.set(table, definitions);
  }
  return link(table, schema, definitions);
}

function link(table: KindTable, schema: Schema, definitions: Map<string, Schema>): Schema {
  if (schema.$ref !== undefined) {
    const { $ref, ...beside } = schema;
    const target = linkDefinition(table, $ref.slice(prefix.length), definitions);
    return Object.keys(beside).length === 0 ? target : { ...target, ...beside };
  }
  const out: Record<string, unknown> = { ...schema };
  fill(table, schema, out, definitions);
  return out as Schema;
}

function linkDefinition(table: KindTable, name: string, definitions: Map<string, Schema>): Schema {
  const known = definitions.get(name);
  if (known) return known;
  const definition = table.definitions[name];
  if (!definition) throw new Error(`table ${table.name} has no definition ${name}`);
  const out: Record<string, unknown> = { ...definition };
  // Entered before its parts are linked, so that a definition can contain itself.
  definitions.set(name, out as Schema);
  fill(table, definition, out, definitions);
  return out as Schema;
}

function fill(table: KindTable, schema: Schema, out: Record<string, unknown>, definitions: Map<string, Schema>): void {
  const { properties, items, additionalProperties } = schema;
  if (properties) {
    out['properties'] = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, link(table, part, definitions)]));
  }
  if (items) out['items'] = link(table, items, definitions);
  if (typeof additionalProperties === 'object') out['additionalProperties'] = link(table, additionalProperties, definitions);
}
