import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeText } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { boundHistory } from './history.ts';
import { createMemoryStore } from './memory/memory-store.ts';

test('history older than its age is forgotten, younger is kept, and idle stores forget too', async () => {
  const env = virtualEnv();
  const store = createMemoryStore();
  const stop = new AbortController();
  const errors: unknown[] = [];
  const running = boundHistory(store, env.clock, stop.signal, (error) => errors.push(error), { maxAgeMs: 600_000, stepMs: 60_000 });
  const write = () => store.commit([{ type: 'put', key: 'a/b/1', encode: () => encodeText('x') }]);
  for (let minute = 0; minute < 20; minute++) {
    await write();
    await env.clock.advance(60_000);
  }
  assert.equal(store.revision, 21);
  assert.equal(store.oldestRevision, 11, 'the last ten minutes are there');
  await env.clock.advance(30 * 60_000);
  assert.equal(store.oldestRevision, store.revision);
  stop.abort();
  await running;
  assert.deepEqual(errors, []);
});

test('a compaction that fails is told, and tried again', async () => {
  const env = virtualEnv();
  const inner = createMemoryStore();
  const stop = new AbortController();
  const errors: unknown[] = [];
  let broken = true;
  const store = Object.create(inner, { compact: { value: (revision: number) => (broken ? Promise.reject(new Error('disk full')) : inner.compact(revision)) } }) as typeof inner; // the store with one method replaced
  void boundHistory(store, env.clock, stop.signal, (error) => errors.push(error), { maxAgeMs: 60_000, stepMs: 60_000 });
  const write = () => inner.commit([{ type: 'put', key: 'a/b/1', encode: () => encodeText('x') }]);
  for (let step = 0; step < 3; step++) {
    await write();
    await env.clock.advance(60_000);
  }
  assert.ok(errors.length > 0);
  broken = false;
  await env.clock.advance(120_000);
  assert.equal(inner.oldestRevision, inner.revision);
  stop.abort();
});
