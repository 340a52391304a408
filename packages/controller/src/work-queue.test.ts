import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualEnv } from '@keelson/std/testing';
import { createWorkQueue } from './work-queue.ts';

test('hands a key once however often it was added before it was handled', async () => {
  const { clock } = virtualEnv();
  const queue = createWorkQueue(clock);
  const handled: string[] = [];
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  queue.start(async (key) => void handled.push(key), 1);
  await clock.settle();
  assert.deepEqual(handled, ['a', 'b']);
});

test('never handles one key twice at the same time, and handles it again when it was added meanwhile', async () => {
  const { clock } = virtualEnv();
  const queue = createWorkQueue(clock);
  let running = 0;
  let most = 0;
  let runs = 0;
  queue.start(async () => {
    most = Math.max(most, ++running);
    await clock.sleep(10);
    running--;
    runs++;
  }, 4);
  queue.add('a');
  await clock.advance(5);
  queue.add('a');
  queue.add('a');
  await clock.advance(100);
  assert.deepEqual([most, runs], [1, 2]);
});

test('keeps to its concurrency', async () => {
  const { clock } = virtualEnv();
  const queue = createWorkQueue(clock);
  queue.start(() => clock.sleep(10), 2);
  for (const key of ['a', 'b', 'c']) queue.add(key);
  assert.deepEqual([queue.running, queue.length], [2, 1]);
});

test('the earliest delay of a key holds, and an add overtakes it', async () => {
  const { clock } = virtualEnv();
  const queue = createWorkQueue(clock);
  const at: number[] = [];
  const start = clock.now();
  queue.start(async () => void at.push(clock.now() - start), 1);
  queue.addAfter('a', 50);
  queue.addAfter('a', 20);
  queue.addAfter('a', 90);
  await clock.advance(100);
  queue.addAfter('a', 50);
  queue.add('a');
  await clock.advance(100);
  assert.deepEqual(at, [20, 100]);
});

test('stop waits for what runs and takes nothing more', async () => {
  const { clock } = virtualEnv();
  const queue = createWorkQueue(clock);
  let runs = 0;
  queue.start(async () => {
    await clock.sleep(10);
    runs++;
  }, 1);
  queue.add('a');
  queue.add('b');
  let stopped = false;
  void queue.stop().then(() => (stopped = true));
  queue.add('c');
  await clock.settle();
  assert.equal(stopped, false);
  await clock.advance(100);
  assert.deepEqual([stopped, runs], [true, 1]);
});
