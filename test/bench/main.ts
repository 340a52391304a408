/**
 * `npm run bench -- main-job`: the figures of the main job, measured on the installed program, against their targets.
 * `npm run bench -- store`: the figures of the store alone, in this process.
 *
 *   npm run bench -- main-job [--runs 3] [--sources] [--dry]
 *   npm run bench -- store [--dry]
 *
 * Writes docs/reference/performance.md (performance-store.md) and exits 1 when a target is missed. `--sources` measures the
 * sources in the repository instead, `--dry` writes nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, sourceCommand } from '../program.ts';
import { installInto } from './installation.ts';
import { measureMainJob } from './main-job.ts';
import { mainJobTargets, renderReport, type Figure } from './report.ts';
import { isMet, measureStore, renderStoreReport } from './store.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '3' }, sources: { type: 'boolean', default: false }, dry: { type: 'boolean', default: false } },
});
const runs = Number(values.runs);
const subject = positionals.join();
if ((subject !== 'main-job' && subject !== 'store') || !Number.isInteger(runs) || runs < 1) {
  console.error('usage: npm run bench -- main-job [--runs 3] [--sources] [--dry]\n       npm run bench -- store [--dry]');
  process.exit(2);
}

const written = `npm run bench -- ${process.argv.slice(2).join(' ')}`;
const page = (name: string) => join(root, 'docs', 'reference', name);

const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-'));
try {
  process.exitCode = (subject === 'store' ? await benchStore() : await benchMainJob()) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** True when no target is missed. */
async function benchMainJob(): Promise<boolean> {
  if (!values.sources) console.log('building and installing …');
  const command = values.sources ? sourceCommand : await installInto(folder);
  const measured = await measureMainJob(command, { folder, runs, say: (line) => console.log(line) });
  const figures = mainJobTargets.map((target): Figure => ({ ...target, value: target.of(measured), passed: target.of(measured) <= target.target }));
  for (const { what, value, unit, target, passed } of figures) console.log(`${passed ? '✔' : '✖'} ${what}: ${value} ${unit} (at most ${target} ${unit})`);
  if (!values.dry) writeFileSync(page('performance.md'), renderReport({ measured, figures, what: values.sources ? 'the sources in the repository' : 'the installed program (emitted, packed, installed by npm)', command: written }));
  return figures.every(({ passed }) => passed);
}

/** True when no target is missed. */
async function benchStore(): Promise<boolean> {
  const figures = await measureStore(folder, (line) => console.log(line));
  for (const { what } of figures.filter((figure) => !isMet(figure))) console.log(`✖ ${what} misses its target`);
  if (!values.dry) writeFileSync(page('performance-store.md'), renderStoreReport(figures, written));
  return figures.every(isMet);
}
