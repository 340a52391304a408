import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeText, ProblemError } from '@keelson/std';
import { storeConformance } from '../conformance/store-conformance.ts';
import type { Store } from '../store.ts';
import { openLmdbStore } from './lmdb-store.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'keelson-lmdb-'));
const write = (store: Store, key: string, value: string) => store.commit([{ type: 'put', key, encode: () => encodeText(value) }]);

storeConformance('lmdb store', async (options) => {
  const directory = folder();
  const store = openLmdbStore({ directory, ...options });
  return {
    store,
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});

test('lmdb store: what was written is there after closing and opening again, history included', async () => {
  const directory = folder();
  const first = openLmdbStore({ directory });
  await write(first, 'a/b/1', 'x');
  await write(first, 'a/b/1', 'y');
  await first.commit([{ type: 'delete', key: 'a/b/1' }]);
  await write(first, 'a/b/2', 'z');
  await first.close();
  const second = openLmdbStore({ directory });
  assert.equal(second.revision, 5);
  assert.deepEqual(second.list({ prefix: '' }).entries.map((entry) => [entry.key, entry.revision]), [['a/b/2', 5]]);
  const seen: string[] = [];
  second.watch({ prefix: 'a/b/', afterRevision: 2, onEvents: (events) => seen.push(...events.map((event) => `${event.type} ${event.revision}`)) });
  assert.deepEqual(seen, ['put 3', 'delete 4', 'put 5']);
  assert.deepEqual(await write(second, 'a/b/3', 'w'), { ok: true, revisions: [6] });
  await second.close();
  rmSync(directory, { recursive: true, force: true });
});

test('lmdb store: a folder that is open in this process is refused', async () => {
  const directory = folder();
  const store = openLmdbStore({ directory });
  assert.throws(() => openLmdbStore({ directory }), (error) => error instanceof ProblemError && error.problem.code === 'STORE.LOCKED');
  await store.close();
  await openLmdbStore({ directory }).close();
  rmSync(directory, { recursive: true, force: true });
});

test('lmdb store: history is bound by its size too, and what follows closely is kept', async () => {
  const directory = folder();
  const store = openLmdbStore({ directory, historyBytes: 1_000_000 });
  for (let index = 0; index < 500; index++) await write(store, `a/b/small${index}`, 'x');
  assert.equal(store.oldestRevision, 1);
  for (let index = 0; index < 100; index++) await write(store, 'a/b/large', 'x'.repeat(100_000));
  const kept = store.revision - store.oldestRevision;
  assert.ok(kept >= 10 && kept <= 30, `${kept} events of 100 kB are kept`);
  const seen: number[] = [];
  store.watch({ prefix: 'a/b/large', afterRevision: store.revision - 5, onEvents: (events) => seen.push(...events.map((event) => event.revision)) });
  assert.deepEqual(seen, [597, 598, 599, 600, 601]);
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A process that writes keys 1, 2, … and prints each number once its commit is answered. */
function startWriter(directory: string) {
  const program = fileURLToPath(new URL('./testdata/writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=keelson-source', program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const until = async (wanted: (line: string) => boolean) => {
    for (;;) {
      const { value, done } = await lines.next();
      assert.ok(!done, 'the writer ended by itself');
      if (wanted(value)) return value;
    }
  };
  const rest = async () => {
    const left: string[] = [];
    for (let line = await lines.next(); !line.done; line = await lines.next()) left.push(line.value);
    return left;
  };
  const kill = () => {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    return ended;
  };
  return { pid: child.pid, until, kill, rest };
}

test('lmdb store: every acknowledged write survives kill -9, the revisions have no gap, and the lock goes with its process', async () => {
  const directory = folder();
  let acknowledged = 0;
  for (let round = 0; round < 3; round++) {
    const writer = startWriter(directory);
    const wanted = acknowledged + 200;
    await writer.until((line) => Number(line) >= wanted);
    assert.throws(
      () => openLmdbStore({ directory }),
      (error) => error instanceof ProblemError && error.problem.code === 'STORE.LOCKED' && error.problem.summary.includes(`process ${writer.pid}`),
    );
    const rest = writer.rest();
    await writer.kill();
    acknowledged = Math.max(wanted, ...(await rest).map(Number));
    const store = openLmdbStore({ directory });
    const numbers = store.list({ prefix: 'test/numbers/' }).entries.map((entry) => Number(entry.key.slice('test/numbers/'.length)));
    assert.ok(numbers.length >= acknowledged, `${numbers.length} of ${acknowledged} acknowledged writes are there`);
    assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
    const pairs = store.list({ prefix: 'test/pairs/' }).entries.length;
    assert.equal(pairs, numbers.length, 'both writes of a commit are there or none');
    const revisions: number[] = [];
    store.watch({ prefix: '', afterRevision: store.oldestRevision, onEvents: (events) => revisions.push(...events.map((event) => event.revision)) });
    assert.deepEqual(revisions, revisions.map((_, index) => store.oldestRevision + 1 + index));
    assert.equal(revisions.at(-1), store.revision);
    acknowledged = numbers.length;
    await store.close();
  }
  rmSync(directory, { recursive: true, force: true });
});
