/** What is kept of the checks: reality.json for programs, reality.md for people. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../program.ts';

export interface RecordedRow {
  /** Id of a row in works-with.json. */
  readonly protocol: string;
  readonly program: string;
  /** Absent when it was not run. */
  readonly release?: string;
  readonly outcome: 'passed' | 'failed' | 'not run';
  /** Day of the run. */
  readonly date: string;
  readonly shown: readonly string[];
  readonly failed: readonly { readonly what: string; readonly detail: string }[];
}

export const recordPath = 'docs/reference/reality.json';
export const pagePath = 'docs/reference/reality.md';

export function readRecord(): readonly RecordedRow[] {
  const path = join(root, recordPath);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { rows: RecordedRow[] }).rows : [];
}

export function writeRecord(rows: readonly RecordedRow[], names: ReadonlyMap<string, string>): void {
  writeFileSync(join(root, recordPath), `${JSON.stringify({ rows }, undefined, 2)}\n`);
  writeFileSync(join(root, pagePath), renderPage(rows, names));
}

/** The page: a table, then what each program was asked. */
export function renderPage(rows: readonly RecordedRow[], names: ReadonlyMap<string, string>): string {
  const name = (protocol: string) => names.get(protocol) ?? protocol;
  const verdict = (row: RecordedRow) => (row.outcome === 'failed' ? `**failed**: ${row.failed.length} of ${row.failed.length + row.shown.length}` : row.outcome === 'passed' ? `passed: ${row.shown.length}` : 'not run');
  const table = rows.map((row) => `| ${name(row.protocol)} | ${row.program}${row.release ? ` ${row.release}` : ''} | ${row.outcome === 'not run' ? '' : row.date} | ${verdict(row)} |`);
  const details = rows.filter(({ outcome }) => outcome !== 'not run').map((row) => [
    `## ${name(row.protocol)}: ${row.program} ${row.release ?? ''}`.trimEnd(), '',
    ...row.shown.map((what) => `- ${what}`),
    ...row.failed.map(({ what, detail }) => `- **failed:** ${what}\n\n  \`\`\`\n${detail.split('\n').map((line) => `  ${line}`).join('\n')}\n  \`\`\``),
    '',
  ].join('\n'));
  return `# Reality

Written by \`npm run reality\`. Do not edit. Each row is a program that nobody here wrote, as the other side of a protocol. A program that was not found is not run, and shows nothing.
No row is real hardware.

| protocol | program | date | result |
| --- | --- | --- | --- |
${table.join('\n')}

${details.join('\n')}`;
}
