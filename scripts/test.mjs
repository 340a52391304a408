// `npm test`: set-up, then every check and every test; the last line is `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, pinnedNode, root, run, sourceConditions } from './node.mjs';
import { installMissingPrograms } from './programs.mjs';

ensureInstalled();
installMissingPrograms();

const only = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
const began = Date.now();

/** A check is a program that exits 0; it counts as one test. */
function check(name, command, args) {
  const start = Date.now();
  const ok = run(command, args) === 0;
  counts[ok ? 'passed' : 'failed']++;
  console.log(`${ok ? '✔' : '✖'} ${name} (${Date.now() - start} ms)`);
}

if (only.length === 0) {
  const node = pinnedNode();
  check('types', node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit', '-p', 'tsconfig.json']);
  check('lint', node, [...sourceConditions, 'scripts/lint.ts']);
  check('generated files are as their generators write them', node, [...sourceConditions, 'scripts/generate.ts', '--check']);
}

const folder = mkdtempSync(join(tmpdir(), 'keelson-test-'));
const summary = join(folder, 'summary.json');
const patterns = only.length > 0 ? only : ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts'];
const tests = spawnSync(pinnedNode(), [
  ...sourceConditions, '--test', '--test-concurrency=2', '--test-timeout=300000',
  '--test-reporter=./scripts/test-reporter.mjs', '--test-reporter-destination=stdout', ...patterns,
], { cwd: root, stdio: 'inherit', env: { ...process.env, KEELSON_TEST_SUMMARY: summary } });
if (existsSync(summary)) {
  const result = JSON.parse(readFileSync(summary, 'utf8'));
  for (const name of ['passed', 'failed', 'skipped']) counts[name] += result[name];
}
if ((!existsSync(summary) || tests.status !== 0) && counts.failed === 0) counts.failed++;
rmSync(folder, { recursive: true });

const skipsForbidden = process.env.CI === 'true' && counts.skipped > 0;
if (skipsForbidden) console.log(`✖ CI allows no skipped test: ${counts.skipped} skipped`);
console.log(`in ${Math.round((Date.now() - began) / 1000)} s`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 || counts.passed === 0 || skipsForbidden ? 1 : 0);
