import { readFileSync } from 'node:fs';
import { tableIndex } from '../gen/index.gen.ts';
import type { KindDefinition, KindTable, KindTableSummary } from './kind-table.ts';

const loaded = new Map<string, KindTable>();

/** All tables with their groups and kinds, from the generated index: no table is read. */
export function kindTables(): readonly KindTableSummary[] {
  return tableIndex;
}

/**
 * One table with complete schemas, read when first asked for. The result is shared: never change it.
 * Throws for a name that `kindTables` does not list.
 */
export function loadKindTable(name: string): KindTable {
  const known = loaded.get(name);
  if (known) return known;
  if (!tableIndex.some((table) => table.name === name)) throw new Error(`there is no kind table ${name}`);
  const text = readFileSync(new URL(`../../tables/${name}.json`, import.meta.url), 'utf8');
  // The files are generated from the same types; table.test.ts holds them to each other.
  const table = JSON.parse(text) as KindTable;
  loaded.set(name, table);
  return table;
}

/** The definition of a kind with the table it stands in; undefined when no table has it. Loads that table. */
export function findKindDefinition(group: string, kind: string): { readonly table: KindTable; readonly definition: KindDefinition } | undefined {
  const summary = tableIndex.find((table) => table.kinds.some((k) => k.group === group && k.kind === kind));
  if (!summary) return undefined;
  const table = loadKindTable(summary.name);
  const definition = table.kinds.find((k) => k.group === group && k.kind === kind);
  return definition && { table, definition };
}
