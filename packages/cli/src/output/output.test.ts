import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderProblem } from './failure.ts';
import { createStyle, wantsColour } from './style.ts';
import { renderTable, stripColour } from './table.ts';
import { timeColumn } from './times.ts';

test('columns stand under each other, two spaces apart, without spaces at the end', () => {
  assert.equal(renderTable(['NAME', 'STATE', 'WHY'], [['a', 'ready', ''], ['longer', 'off', 'x']]), 'NAME    STATE  WHY\na       ready\nlonger  off    x\n');
  assert.equal(renderTable(['NAME'], []), 'NAME\n');
});

test('colour takes no room, and is not cut open', () => {
  const { state } = createStyle(true);
  const rows = [[state('ready'), 'a long reason'], [state('failed'), 'no']];
  const table = renderTable(['STATE', 'WHY'], rows, { width: 14 });
  assert.equal(stripColour(table), 'STATE     WHY\n✔ ready   a l…\n✗ failed  no\n');
  assert.ok(table.split('\n').every((line) => line.split('\u001b[').length % 2 === 1), 'a colour that is begun is ended');
});

test('what is piped is not cut', () => {
  assert.match(renderTable(['WHY'], [['x'.repeat(500)]]), /x{500}/);
});

test('times are ages for people and RFC 3339 for programs', () => {
  const piped = timeColumn(undefined);
  const shown = timeColumn(80, ['AGO', 'TIME']);
  assert.deepEqual([piped.header, piped.cell(Date.UTC(2026, 0, 1), 0), piped.cell(undefined, 0)], ['SINCE', '2026-01-01T00:00:00Z', '']);
  assert.deepEqual([shown.header, shown.cell(1_000, 61_000), shown.cell(undefined, 0)], ['AGO', '1m', '']);
});

const colourCases: readonly [flag: string | undefined, environment: Record<string, string>, isTerminal: boolean, wants: boolean][] = [
  [undefined, {}, true, true], [undefined, {}, false, false], [undefined, { NO_COLOR: '1' }, true, false], [undefined, { NO_COLOR: '' }, true, true],
  ['always', { NO_COLOR: '1' }, false, true], ['never', {}, true, false], ['auto', {}, true, true], ['auto', { NO_COLOR: '1' }, true, false],
];
for (const [flag, environment, isTerminal, wants] of colourCases) {
  test(`colour with --color ${flag ?? '(absent)'}, ${JSON.stringify(environment)}, ${isTerminal ? 'a terminal' : 'a pipe'}: ${wants}`, () => assert.equal(wantsColour(flag, environment, isTerminal), wants));
}

test('a state is a sign and a word, coloured or not', () => {
  for (const colour of [true, false]) assert.deepEqual((['ready', 'working', 'waiting', 'failed', 'off'] as const).map((name) => stripColour(createStyle(colour).state(name))), ['✔ ready', '◐ working', '… waiting', '✗ failed', '○ off']);
});

test('a problem has four parts and a code, and leaves out what it does not know', () => {
  const full = { code: 'HOST.X', severity: 'error' as const, summary: 'host r1u01: cannot power on', why: '401', where: 'hosts/r1.yaml:3', next: ['do this', 'or that'], reason: 'X' };
  assert.equal(renderProblem(full), `${'✗ host r1u01: cannot power on'.padEnd(70)} [HOST.X]\n  why:   401\n  where: hosts/r1.yaml:3\n  next:  do this\n         or that\n`);
  assert.equal(renderProblem({ ...full, why: '', where: '', next: [] }), `${'✗ host r1u01: cannot power on'.padEnd(70)} [HOST.X]\n`);
});
