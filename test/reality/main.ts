/**
 * `npm run reality`: runs every check whose foreign program is there, prints a line per check and keeps the result in
 * docs/reference. A program is found in PATH or named by KEELSON_<PROGRAM>=path (KEELSON_TALOSCTL, KEELSON_SUSHY_EMULATOR …).
 *
 *   npm run reality [-- NAME …] [--dry]
 *
 * With names only those checks run, and the rows of the others stay as they are. Exits 1 when a check fails.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../program.ts';
import type { Check, FoundProgram, Result } from './check.ts';
import { clusterctlCheck } from './clusterctl.ts';
import { curlCheck } from './curl.ts';
import { fluxCheck } from './flux.ts';
import { gitCheck, sshdCheck } from './git.ts';
import { kubectlCheck } from './kubectl.ts';
import { opensslCheck } from './openssl.ts';
import { pythonCheck } from './python.ts';
import { startReadyKeelson, type ReadyKeelson } from './ready-keelson.ts';
import { readRecord, writeRecord, type RecordedRow } from './record.ts';
import { sushyCheck } from './sushy.ts';
import { talosctlCheck } from './talosctl.ts';
import { readWorksWith } from './works-with-rows.ts';

const checks: readonly Check[] = [kubectlCheck, fluxCheck, clusterctlCheck, gitCheck, sshdCheck, sushyCheck, curlCheck, pythonCheck, talosctlCheck, opensslCheck];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { dry: { type: 'boolean', default: false } } });
const unknown = positionals.filter((name) => !checks.some((check) => check.program === name));
if (unknown.length > 0) {
  console.error(`there is no check of ${unknown.join(', ')}; there are ${checks.map(({ program }) => program).join(', ')}`);
  process.exit(2);
}
const chosen = positionals.length === 0 ? checks : checks.filter(({ program }) => positionals.includes(program));

const folder = mkdtempSync(join(tmpdir(), 'keelson-reality-'));
let ready: Promise<ReadyKeelson> | undefined;
const rows: RecordedRow[] = [];
try {
  for (const check of chosen) rows.push(...(await runCheck(check)));
} finally {
  await (await ready?.catch(() => undefined))?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
if (!values.dry) writeRecord(inOrder(rows), new Map(readWorksWith().rows.map(({ id, protocol }) => [id, protocol])));
process.exitCode = rows.some(({ outcome }) => outcome === 'failed') ? 1 : 0;

async function runCheck(check: Check): Promise<RecordedRow[]> {
  const date = new Date().toISOString().slice(0, 10);
  const program = await check.find();
  if (!program) {
    console.log(`- ${check.name}: not run, ${check.program} is not here`);
    return check.protocols.map((protocol) => ({ protocol, program: check.program, outcome: 'not run', date, shown: [], failed: [] }));
  }
  const result = await resultOf(check, program);
  const release = result.release ?? program.release;
  return result.rows.map(({ protocol, steps }): RecordedRow => {
    const shown = steps.filter(({ passed }) => passed).map(({ what }) => what);
    const failed = steps.filter(({ passed }) => !passed).map(({ what, detail }) => ({ what, detail: withoutPaths(detail ?? '') }));
    const outcome = steps.length === 0 ? 'not run' : failed.length === 0 ? 'passed' : 'failed';
    console.log(`${outcome === 'passed' ? '✔' : outcome === 'failed' ? '✖' : '-'} ${check.name} ${release}: ${protocol}: ${shown.length} of ${steps.length}`);
    for (const { what, detail } of failed) console.log(`    ${what}\n        ${detail.replaceAll('\n', '\n        ')}`);
    return { protocol, program: check.program, release, outcome, date, shown, failed };
  });
}

/** A check that cannot even begin fails as a whole. */
async function resultOf(check: Check, program: FoundProgram): Promise<Result> {
  const own = join(folder, check.name.replaceAll(' ', '-'));
  mkdirSync(own, { recursive: true });
  try {
    return await check.run({ program, folder: own, keelson: () => (ready ??= startReadyKeelson(folder)) });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { rows: check.protocols.map((protocol) => ({ protocol, steps: [{ what: 'the check begins', passed: false, detail }] })) };
  }
}

/** Nothing that is kept says where this machine has its files. */
function withoutPaths(text: string): string {
  return text.replaceAll(folder, '$FOLDER').replaceAll(root, '.').replaceAll(homedir(), '~').replace(/(?<![\w.$])\/(tmp|usr|opt|var)\/[\w./-]+/g, '$PATH');
}

/** The rows of this run, and of the checks that did not take part those of earlier runs. */
function inOrder(now: readonly RecordedRow[]): RecordedRow[] {
  const others = readRecord().filter(({ program }) => !chosen.some((check) => check.program === program) && checks.some((check) => check.program === program));
  const order = (row: RecordedRow) => checks.findIndex((check) => check.program === row.program);
  return [...now, ...others].sort((a, b) => order(a) - order(b));
}
