import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryFiles } from '@keelson/std';
import { Journal, journalOrder } from './journal.ts';

const make = (files = memoryFiles()) => ({ files, journal: new Journal({ files, folder: '/j', machine: 'm1', order: journalOrder() }) });

test('full segments leave the state file, and loading puts all entries together in order', async () => {
  const { files, journal } = make();
  for (let i = 1; i <= 300; i++) journal.add({ atMs: i, event: 'reset', by: 'test', detail: String(i) });
  await journal.closeSegments();
  assert.equal((await files.list('/j')).length, 2);
  assert.equal(journal.open.length, 300 - 256);
  const order = journalOrder();
  const again = new Journal({ files, folder: '/j', machine: 'm1', order });
  await again.load(journal.open);
  assert.deepEqual(again.entries, journal.entries);
  assert.equal(again.open.length, 300 - 256);
  assert.equal(order.next(), 301);
});

test('a crash between a segment and the state file loses nothing and doubles nothing', async () => {
  const { files, journal } = make();
  for (let i = 1; i <= 130; i++) journal.add({ atMs: i, event: 'reset', by: 'test', detail: String(i) });
  const openBefore = journal.open;
  await journal.closeSegments();
  const again = new Journal({ files, folder: '/j', machine: 'm1', order: journalOrder() });
  await again.load(openBefore);
  assert.deepEqual(again.entries.map((entry) => entry.seq), Array.from({ length: 130 }, (_none, i) => i + 1));
});
