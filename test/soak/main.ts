/**
 * `npm run soak`: builds of the whole example that are killed again and again, more than `npm test` has time for.
 *
 *   npm run soak -- --seeds N [--first S] [--kill K] [--dry]
 *
 * Each seed is a build in virtual time with several crashes at effect boundaries; `--kill K` adds K builds of the real
 * process on sockets, killed three times by SIGKILL. After each: everything is ready, etcd was bootstrapped once, no
 * provisioned disk was destroyed, no host was claimed twice. The last result is kept in docs/reference/soak.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../program.ts';
import { killRun, type KillResult } from './real.ts';
import { renderSoak } from './report.ts';
import { boundariesOfExample, soakSeed, type SeedResult } from './virtual.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '20' }, first: { type: 'string', default: '1' }, kill: { type: 'string', default: '0' }, dry: { type: 'boolean', default: false } } });
const [seeds, first, kill] = [values.seeds, values.first, values.kill].map(Number) as [number, number, number]; // three went in
if (![seeds, first, kill].every((value) => Number.isInteger(value) && value >= 0) || seeds + kill === 0) {
  console.error('usage: npm run soak -- --seeds N [--first S] [--kill K] [--dry]');
  process.exit(2);
}

const began = performance.now();
const seconds = (ms: number) => (ms / 1000).toFixed(1);
const results: SeedResult[] = [];
const boundaries = seeds > 0 ? await boundariesOfExample() : 0;
for (let seed = first; seed < first + seeds; seed++) {
  const start = performance.now();
  const result = await soakSeed(seed, boundaries);
  results.push(result);
  console.log(result.failure === undefined
    ? `✔ seed ${seed}: ${result.crashes.length} crashes, ready after ${seconds(result.readyMs)} s of the lab (${seconds(performance.now() - start)} s)`
    : `✖ seed ${seed}: ${result.failure}`);
}

const kills: KillResult[] = [];
const folder = mkdtempSync(join(tmpdir(), 'keelson-soak-'));
try {
  for (let seed = first; seed < first + kill; seed++) {
    const result = await killRun(seed, folder);
    kills.push(result);
    const at = result.killsMs.map((ms) => `${seconds(ms)} s`).join(', ');
    console.log(result.failure === undefined ? `✔ kill -9, seed ${seed}: after ${at}; ready after ${seconds(result.readyMs)} s` : `✖ kill -9, seed ${seed}: after ${at}: ${result.failure}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

if (!values.dry) writeFileSync(join(root, 'docs', 'reference', 'soak.md'), renderSoak({ results, kills, boundaries, command: `npm run soak -- ${process.argv.slice(2).join(' ')}`, tookMs: performance.now() - began }));
process.exitCode = [...results, ...kills].some(({ failure }) => failure !== undefined) ? 1 : 0;
