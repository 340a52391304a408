/**
 * Writes the "works with" tables of README.md, from the protocols and lab tests named in test/reality/works-with.json
 * and from what foreign programs have shown (docs/reference/reality.json).
 *
 *   node scripts/run.mjs scripts/works-with.ts [--check]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { supportTable } from '../packages/api/src/support-table.ts';
import { readRecord, pagePath, type RecordedRow } from '../test/reality/record.ts';
import { readWorksWith, worksWithPath, type WorksWith, type WorksWithRow } from '../test/reality/works-with-rows.ts';
import { replaceBetween } from './markers.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** README.md as it must be. Throws when a row names a test that is not there, or a foreign program shows a protocol that has no row. */
export function readmeWithTables(readme: string): string {
  const worksWith = readWorksWith();
  const record = readRecord();
  check(worksWith, record);
  const tables = replaceBetween(readme, 'works-with', `${keelsonTable(worksWith, record)}\n\n${labTable(worksWith, record)}`);
  return replaceBetween(tables, 'unsupported', unsupportedList(worksWith));
}

function check({ rows }: WorksWith, record: readonly RecordedRow[]): void {
  for (const { id, lab } of rows) {
    if (lab.length === 0) throw new Error(`${worksWithPath}: ${id} names no test`);
    for (const path of lab) if (!existsSync(join(root, path))) throw new Error(`${worksWithPath}: ${id} names ${path}, which does not exist`);
  }
  for (const { protocol } of record) if (!rows.some(({ id }) => id === protocol)) throw new Error(`${worksWithPath} has no row ${protocol}, which a check has filled`);
}

function keelsonTable({ rows }: WorksWith, record: readonly RecordedRow[]): string {
  const lines = rows.filter(({ side }) => side === 'keelson').map((row) => `| ${row.protocol} | ${tests(row)} | ${programs(row, record) ?? 'own lab only'} | never |`);
  return ['| What Keelson speaks | our lab | a foreign program | real hardware |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** The lab is the other side of every protocol, so that what it does itself has to be shown too. */
function labTable({ rows }: WorksWith, record: readonly RecordedRow[]): string {
  const lines = rows.filter(({ side }) => side === 'lab').map((row) => `| ${row.protocol} | ${tests(row)} | ${programs(row, record) ?? 'never'} |`);
  return ['| What the lab plays | our tests | a foreign program |', '| --- | --- | --- |', ...lines].join('\n');
}

function tests({ lab }: WorksWithRow): string {
  return lab.map((path) => `[${basename(path, '.test.ts')}](${path})`).join(', ');
}

/** The programs that were the other side of a protocol; undefined when there was none. */
function programs({ id }: WorksWithRow, record: readonly RecordedRow[]): string | undefined {
  const shown = record.filter(({ protocol, outcome, shown: steps }) => protocol === id && outcome !== 'not run' && steps.length > 0);
  if (shown.length === 0) return undefined;
  return shown.map(({ program, release, shown: steps, failed }) => {
    const count = failed.length === 0 ? `${steps.length}` : `${steps.length} of ${steps.length + failed.length}`;
    return `${program} ${release ?? ''} ([${count}](${pagePath}))`;
  }).join(', ');
}

function unsupportedList({ unsupported }: WorksWith): string {
  const refused = Object.entries(supportTable).flatMap(([kind, { guards }]) => (guards ?? []).map(({ path }) => `${kind.split('/')[1]} \`${path}\``));
  return [
    ...unsupported.map((line) => `- ${line}`),
    `- Fields that guard data and are not acted on make the object refused, with the reason: ${refused.join(', ')}.`,
    '- Every other field that upstream has is kept and validated; one that has no effect gives a warning.',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'README.md');
  const before = readFileSync(path, 'utf8');
  const after = readmeWithTables(before);
  if (!process.argv.includes('--check')) writeFileSync(path, after);
  else if (after !== before) {
    console.error('README.md is not what scripts/works-with.ts writes');
    process.exitCode = 1;
  }
}
