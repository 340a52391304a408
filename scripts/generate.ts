/**
 * Writes the kind tables (packages/api/tables) from the contract data, the TypeScript declarations
 * (packages/api/src/gen) from the tables, and the tables of README.md (works-with.ts). Without the contract data the
 * first step is not possible: then nothing is written, and the committed files are checked against each other.
 *
 *   node --conditions=keelson-source scripts/generate.ts [--check]
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KindTable } from '../packages/api/src/tables/kind-table.ts';
import { hasContractData, readCrdFile, readOpenApi } from './generate/contract-data.ts';
import { crdTable } from './generate/crd-table.ts';
import { kubernetesTable } from './generate/kubernetes-table.ts';
import { generatedHeader, typescriptIndex, typescriptModule } from './generate/typescript.ts';
import { readmeWithTables } from './works-with.ts';

/** In the order in which a short name that two families share is resolved. */
const tableNames = ['kubernetes', 'flux', 'metal3', 'cluster-api', 'cluster-api-talos'] as const;
const root = new URL('../', import.meta.url);
const tablesFolder = 'packages/api/tables/';
const genFolder = 'packages/api/src/gen/';

function main(): void {
  const check = process.argv.includes('--check');
  const fromData = hasContractData();
  const tables = fromData ? tableNames.map(readTable) : tableNames.map(committedTable);
  const outputs = new Map<string, string>();
  for (const table of tables) outputs.set(`${tablesFolder}${table.name}.json`, tableText(table));
  for (const [path, text] of declarations(tables)) outputs.set(path, text);
  outputs.set('README.md', readmeWithTables(readCommitted('README.md') ?? ''));

  if (fromData && !check) {
    writeOutputs(outputs);
    console.log(`wrote ${outputs.size} files`);
    return;
  }
  if (!fromData) console.log('the contract data (../shared/data) is not here: checking only that the committed files agree with each other');
  const stale = [...[...outputs].filter(([path, text]) => readCommitted(path) !== text).map(([path]) => path), ...strayFiles(outputs)];
  for (const path of stale) console.error(`${path} is not what the generator writes`);
  if (stale.length > 0) process.exitCode = 1;
  else console.log(`${outputs.size} generated files are up to date`);
}

function readTable(name: (typeof tableNames)[number]): KindTable {
  return name === 'kubernetes' ? kubernetesTable(readOpenApi()) : crdTable(name, readCrdFile(name));
}

function committedTable(name: string): KindTable {
  return JSON.parse(readFileSync(new URL(`${tablesFolder}${name}.json`, root), 'utf8')) as KindTable;
}

/** JSON with a line per kind and per definition, so that a change reads as a diff. */
function tableText(table: KindTable): string {
  const kinds = table.kinds.map((kind) => `    ${JSON.stringify(kind)}`).join(',\n');
  const definitions = Object.entries(table.definitions).map(([name, schema]) => `    ${JSON.stringify(name)}: ${JSON.stringify(schema)}`);
  const shared = definitions.length > 0 ? `{\n${definitions.join(',\n')}\n  }` : '{}';
  return `{\n  "name": ${JSON.stringify(table.name)},\n  "source": ${JSON.stringify(table.source)},\n  "kinds": [\n${kinds}\n  ],\n  "definitions": ${shared}\n}\n`;
}

function declarations(tables: readonly KindTable[]): Map<string, string> {
  const outputs = new Map<string, string>();
  const takenBy = new Map<string, string>();
  const modules = tables.map(typescriptModule);
  for (const module of modules) {
    outputs.set(`${genFolder}${module.name}.gen.ts`, module.text);
    for (const name of module.names) {
      const other = takenBy.get(name);
      if (other !== undefined) throw new Error(`${module.name} and ${other} both export ${name}: give one of them a name in scripts/generate/typescript.ts`);
      takenBy.set(name, module.name);
    }
  }
  outputs.set(`${genFolder}index.gen.ts`, typescriptIndex(tables));
  outputs.set(`${genFolder}kinds.gen.ts`, `${generatedHeader}${modules.map((module) => `export * from './${module.name}.gen.ts';\n`).join('')}`);
  return outputs;
}

function readCommitted(path: string): string | undefined {
  const url = new URL(path, root);
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined;
}

/** Files in the generated folders that the generator does not write. */
function strayFiles(outputs: ReadonlyMap<string, string>): string[] {
  return [tablesFolder, genFolder].flatMap((folder) => readdirSync(new URL(folder, root)).map((name) => folder + name)).filter((path) => !outputs.has(path));
}

function writeOutputs(outputs: ReadonlyMap<string, string>): void {
  for (const [path, text] of outputs) {
    const file = fileURLToPath(new URL(path, root));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const path of strayFiles(outputs)) rmSync(new URL(path, root));
}

main();
