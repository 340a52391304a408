import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
interface Row {
  readonly floor: number;
  readonly mayImport: readonly string[];
  readonly mayImportEntry?: readonly string[];
  readonly mayImportLazily?: readonly string[];
  readonly reason: string;
}
const architecture = JSON.parse(readFileSync(join(root, 'architecture.json'), 'utf8')) as {
  packages: Record<string, Row>;
  tests: { mayImport: readonly string[] };
  world: { modules: readonly string[]; globals: readonly string[]; allowed: Record<string, string> };
};

interface Source {
  readonly path: string;
  readonly package: string;
  readonly text: string;
  readonly isTest: boolean;
}

const sources: Source[] = [];
for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name, 'src');
  if (!existsSync(folder)) continue;
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file)) continue;
    const path = relative(root, join(folder, file));
    sources.push({ path, package: name, text: readFileSync(join(folder, file), 'utf8'), isTest: /\.test\.ts$|(^|\/)testing\//.test(file) });
  }
}

/** The specifiers a source imports; `lazy` for dynamic import(). */
function importsOf(source: Source): { specifier: string; lazy: boolean }[] {
  const code = source.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const fixed = [...code.matchAll(/^\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm)].map((m) => ({ specifier: m[1] ?? m[2]!, lazy: false }));
  const lazy = [...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map((m) => ({ specifier: m[1]!, lazy: true }));
  return [...fixed, ...lazy];
}

test('the table names every package, and every package in it exists', () => {
  const there = readdirSync(join(root, 'packages')).filter((name) => existsSync(join(root, 'packages', name, 'package.json')));
  assert.deepEqual(Object.keys(architecture.packages).sort(), there.sort());
});

test('the test reads the sources it judges', () => {
  assert.ok(sources.length > 100, `only ${sources.length} sources were read`);
  assert.ok(sources.flatMap(importsOf).length > 500);
});

test('a package imports only what its row allows', () => {
  const wrong: string[] = [];
  for (const source of sources) {
    const row = architecture.packages[source.package]!;
    for (const { specifier, lazy } of importsOf(source)) {
      const match = /^@keelson\/([^/]+)(?:\/(.+))?$/.exec(specifier);
      if (!match) continue;
      const [, name, entry] = match;
      const full = entry ? `${name}/${entry}` : name!;
      const allowed = name === source.package
        || row.mayImport.includes(name!)
        || row.mayImportEntry?.includes(full)
        || (lazy && row.mayImportLazily?.includes(name!))
        || (source.isTest && architecture.tests.mayImport.includes(full))
        // Types vanish: a lazily loaded package may be named in a type.
        || (row.mayImportLazily?.includes(name!) && new RegExp(`import type [^;]*from '${specifier}'`).test(source.text));
      if (!allowed) wrong.push(`${source.path} imports ${specifier}: ${row.reason}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('a package imports only from lower floors', () => {
  const wrong: string[] = [];
  for (const [name, row] of Object.entries(architecture.packages)) {
    for (const other of [...row.mayImport, ...(row.mayImportEntry ?? []).map((entry) => entry.split('/')[0]!)]) {
      const floor = architecture.packages[other]!.floor;
      const ok = floor < row.floor || (row.floor === 1 && floor === 1) || row.floor === 5;
      if (!ok) wrong.push(`${name} (floor ${row.floor}) -> ${other} (floor ${floor})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('each package declares what it imports, and imports what it declares', () => {
  const wrong: string[] = [];
  for (const name of Object.keys(architecture.packages)) {
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as { dependencies?: Record<string, string> };
    const declared = new Set(Object.keys(manifest.dependencies ?? {}));
    const used = new Set(sources.filter((source) => source.package === name && !source.isTest).flatMap(importsOf)
      .map(({ specifier }) => specifier).filter((s) => !s.startsWith('.') && !s.startsWith('node:'))
      .map((s) => s.split('/').slice(0, s.startsWith('@') ? 2 : 1).join('/')).filter((s) => s !== `@keelson/${name}`));
    for (const dependency of used) if (!declared.has(dependency)) wrong.push(`${name} imports ${dependency} and does not declare it`);
    for (const dependency of declared) if (!used.has(dependency) && dependency.startsWith('@keelson/')) wrong.push(`${name} declares ${dependency} and does not import it`);
  }
  assert.deepEqual(wrong, []);
});

test('only std and the named folders touch the outside world', () => {
  const wrong: string[] = [];
  const { modules, globals, allowed } = architecture.world;
  for (const source of sources) {
    if (source.isTest || Object.keys(allowed).some((folder) => source.path.startsWith(`${folder}/`))) continue;
    for (const { specifier } of importsOf(source)) if (modules.includes(specifier)) wrong.push(`${source.path} imports ${specifier}`);
    const code = source.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '').replace(/'[^'\n]*'|`[^`]*`/g, "''");
    for (const name of globals) if (new RegExp(`(?<![.\\w])${name}\\(`).test(code)) wrong.push(`${source.path} calls ${name}`);
    if (/\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|process\.nextTick/.test(code)) wrong.push(`${source.path} reads the clock or the random generator of the machine`);
  }
  assert.deepEqual(wrong, []);
});

test('every folder allowed to touch the world still exists', () => {
  for (const folder of Object.keys(architecture.world.allowed)) assert.ok(existsSync(join(root, folder)), folder);
});
