/**
 * `npm run bench -- main-job`: the figures of the main job, measured on the installed program, against their targets.
 *
 *   npm run bench -- main-job [--runs 3] [--sources] [--dry]
 *
 * Writes docs/reference/performance.md and exits 1 when a target is missed. `--sources` measures the sources in the
 * repository instead, `--dry` writes nothing.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root, sourceCommand } from '../program.ts';
import { installInto } from './installation.ts';
import { measureMainJob } from './main-job.ts';
import { mainJobTargets, renderReport, type Figure } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '3' }, sources: { type: 'boolean', default: false }, dry: { type: 'boolean', default: false } },
});
const runs = Number(values.runs);
if (positionals.join() !== 'main-job' || !Number.isInteger(runs) || runs < 1) {
  console.error('usage: npm run bench -- main-job [--runs 3] [--sources] [--dry]');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-'));
try {
  if (!values.sources) console.log('building and installing …');
  const command = values.sources ? sourceCommand : await installInto(folder);
  const measured = await measureMainJob(command, { folder, runs, say: (line) => console.log(line) });
  const figures = mainJobTargets.map((target): Figure => ({ ...target, value: target.of(measured), passed: target.of(measured) <= target.target }));
  for (const { what, value, unit, target, passed } of figures) console.log(`${passed ? '✔' : '✖'} ${what}: ${value} ${unit} (at most ${target} ${unit})`);
  if (!values.dry) writeFileSync(join(root, 'docs', 'reference', 'performance.md'), renderReport({ measured, figures, what: values.sources ? 'the sources in the repository' : 'the installed program (emitted, packed, installed by npm)', command: `npm run bench -- ${process.argv.slice(2).join(' ')}` }));
  process.exitCode = figures.every(({ passed }) => passed) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
