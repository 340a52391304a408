/** Runs oxlint with rules made from architecture.json, so that the editor's message carries the reason. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

interface Row {
  readonly mayImport: readonly string[];
  readonly mayImportEntry?: readonly string[];
  readonly mayImportLazily?: readonly string[];
  readonly reason: string;
}
const architecture = JSON.parse(readFileSync('architecture.json', 'utf8')) as { packages: Record<string, Row> };
const base = JSON.parse(readFileSync('.oxlintrc.json', 'utf8')) as { overrides?: unknown[] };

const overrides = Object.entries(architecture.packages).map(([name, row]) => {
  const open = new Set([name, ...row.mayImport, ...(row.mayImportLazily ?? []), ...(row.mayImportEntry ?? []).map((entry) => entry.split('/')[0])]);
  const closed = Object.keys(architecture.packages).filter((other) => !open.has(other));
  return {
    files: [`packages/${name}/src/**/*.ts`],
    rules: closed.length === 0 ? {} : { 'no-restricted-imports': ['error', { patterns: [{ group: closed.flatMap((other) => [`@keelson/${other}`, `@keelson/${other}/*`]), message: `${name}: ${row.reason} (architecture.json)` }] }] },
  };
});
const testsAreFree = { files: ['**/*.test.ts', '**/testing/**'], rules: { 'no-restricted-imports': 'off' } };

// Globs in a configuration are relative to its own folder, so it stands in the root (and git ignores it).
const config = '.oxlintrc.made.json';
writeFileSync(config, JSON.stringify({ ...base, overrides: [...overrides, testsAreFree, ...(base.overrides ?? [])] }));
const run = spawnSync(process.execPath, ['node_modules/oxlint/bin/oxlint', '-c', config, '--deny-warnings', 'packages', 'scripts', 'test'], { stdio: 'inherit' });
rmSync(config);
process.exit(run.status ?? 1);
