import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@keelson/kube';
import { snapshotOf } from '@keelson/trace';
import { createProgress } from './progress.ts';
import { createStyle } from './style.ts';
import { stripColour } from './table.ts';

const host = (name: string, state: string, more: object = {}): KubeObject => ({ apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { name, namespace: 'd' }, spec: {}, status: { operationalStatus: 'OK', provisioning: { state }, ...more } });

function progress(isTerminal: boolean) {
  let text = '';
  const shown = createProgress({ write: (part) => (text += part), isTerminal, style: createStyle(isTerminal), startedMs: 0, columns: () => 40 });
  return { show: (nowMs: number, ...objects: KubeObject[]) => shown.show(snapshotOf(objects, nowMs), nowMs), clear: () => shown.clear(), take: () => { const taken = text; text = ''; return taken; } };
}

test('a log gets a line for each change, with the time since the start', () => {
  const { show, take } = progress(false);
  show(1_000, host('a', 'inspecting'), host('b', 'available'));
  assert.equal(take(), '   +1.0s  BareMetalHost/d/a  ◐ working  inspecting\n   +1.0s  BareMetalHost/d/b  ✔ ready  available\n');
  show(2_000, host('a', 'inspecting'), host('b', 'available'));
  assert.equal(take(), '');
  show(3_500, host('a', 'available'));
  assert.equal(take(), '   +3.5s  BareMetalHost/d/a  ✔ ready  available\n   +3.5s  BareMetalHost/d/b  gone\n');
});

test('a terminal gets what is open, redrawn in place and no wider than it is', () => {
  const { show, take, clear } = progress(true);
  show(1_000, host('a', 'registering', { operationalStatus: 'error', errorMessage: 'x'.repeat(200) }), host('b', 'available'), host('c', 'unmanaged'));
  const lines = stripColour(take()).split('\n');
  assert.match(lines[0]!, /1s {2}1 of 2 ready/);
  assert.equal(lines.length, 3, 'what is off or ready is not open');
  assert.ok(lines.every((line) => [...line].length <= 40));
  show(2_000, host('a', 'available'));
  assert.ok(take().startsWith('\u001b[2A\u001b[J'), 'both lines are taken away');
  clear();
  assert.equal(take(), '\u001b[1A\u001b[J');
  clear();
  assert.equal(take(), '');
});

test('a thousand hosts do not fill the terminal', () => {
  const { show, take } = progress(true);
  show(0, ...Array.from({ length: 1000 }, (_none, i) => host(`h${i}`, 'inspecting')));
  const lines = stripColour(take()).trimEnd().split('\n');
  assert.equal(lines.length, 26);
  assert.match(lines.at(-1)!, /and 976 more/);
});
