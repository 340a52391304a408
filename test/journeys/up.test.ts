/** How `keelson up` ends when it may not begin, or may not go on. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { keelsonFolder, type KeelsonFolder } from './keelson-process.ts';

function journeyFolder(context: TestContext): KeelsonFolder {
  const folder = keelsonFolder();
  context.after(() => folder.remove());
  return folder;
}

test('ends with 5 when the time is up, and says what it still waits for', async (context) => {
  const folder = journeyFolder(context);
  const { code, stderr } = await folder.up('--lab-latency', 'realistic', '--until-ready', '--timeout', '4s').ended;
  assert.equal(code, 5, stderr);
  assert.match(stderr, /CLI\.TIMED_OUT/);
  assert.match(stderr, /why: +still waiting for \d+: /);
  assert.match(stderr, /BareMetalHost|Machine|Kustomization/);
});

test('refuses to put a lab beside the store of real machines, and touches nothing', async (context) => {
  const folder = journeyFolder(context);
  mkdirSync(join(folder.dataDir, 'store'), { recursive: true });
  writeFileSync(join(folder.dataDir, 'store', 'data.mdb'), '');
  const { code, stderr } = await folder.up().ended;
  assert.equal(code, 2, stderr);
  assert.match(stderr, /CLI\.NOT_A_LAB/);
  assert.match(folder.run('lab', 'reset', '--confirm', folder.dataDir).stderr, /CLI\.NO_LAB/, 'nor may it be reset as one');
});

test('Ctrl-C ends a running one in order with 0, and the wait for readiness with 130', async (context) => {
  const folder = journeyFolder(context);
  const running = folder.up('--lab-latency', 'realistic');
  await running.said('Repository');
  running.child.kill('SIGINT');
  assert.equal((await running.ended).code, 0, running.output());
  const waiting = folder.up('--lab-latency', 'realistic', '--until-ready');
  await waiting.said('Repository');
  waiting.child.kill('SIGINT');
  const { code, stderr } = await waiting.ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /goes on from here/);
});

test('a mistake in the arguments is told before anything is started', async (context) => {
  const folder = journeyFolder(context);
  for (const args of [['--listen', 'x'], ['--lab-latency', 'slow'], ['--timeout', 'soon'], ['--no-such']]) {
    const { code, stderr } = await folder.up(...args).ended;
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, /CLI\.USAGE/);
  }
});
