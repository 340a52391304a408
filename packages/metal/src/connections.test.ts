import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bmc, BmcDriver, BmcTarget } from '@keelson/bmc';
import { virtualEnv } from '@keelson/std/testing';
import { bmcConnections } from './connections.ts';

const target: BmcTarget = { origin: 'http://bmc:80' };

function counting() {
  const env = virtualEnv({ seed: 1 });
  const log: string[] = [];
  let opened = 0;
  const driver: BmcDriver = {
    name: 'counting',
    async connect() {
      const number = ++opened;
      log.push(`open ${number}`);
      // Only close is used here.
      return { driver: 'counting', close: async () => void log.push(`close ${number}`) } as unknown as Bmc;
    },
  };
  return { env, log, connections: bmcConnections(driver) };
}

test('uses one connection for as long as address and credentials stay', async () => {
  const { env, log, connections } = counting();
  for (const version of ['a', 'a', 'b']) await connections.use(env, 'host', version, target, async () => {});
  assert.deepEqual(log, ['open 1', 'close 1', 'open 2']);
});

test('opens anew after a failure', async () => {
  const { env, log, connections } = counting();
  await assert.rejects(connections.use(env, 'host', 'a', target, () => Promise.reject(new Error('broken'))), /broken/);
  await connections.use(env, 'host', 'a', target, async () => {});
  assert.deepEqual(log, ['open 1', 'close 1', 'open 2']);
});

test('closes a connection that was idle for five minutes, counted from its last use', async () => {
  const { env, log, connections } = counting();
  await connections.use(env, 'host', 'a', target, async () => {});
  await env.clock.advance(4 * 60_000);
  await connections.use(env, 'host', 'a', target, async () => {});
  await env.clock.advance(4 * 60_000);
  assert.equal(connections.size, 1);
  await env.clock.advance(60_000);
  assert.equal(connections.size, 0);
  assert.deepEqual(log, ['open 1', 'close 1']);
  assert.equal(env.clock.pending, 0);
});

test('closes what is opened while everything is closed', async () => {
  const { env, log, connections } = counting();
  await connections.use(env, 'one', 'a', target, async () => {});
  await connections.use(env, 'two', 'a', target, () => connections.closeAll());
  await connections.use(env, 'three', 'a', target, async () => {});
  assert.deepEqual(log.filter((line) => line.startsWith('close')).sort(), ['close 1', 'close 2', 'close 3']);
  assert.equal(env.clock.pending, 0);
});
