import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualEnv } from '@keelson/std/testing';
import { testApiServer } from '@keelson/apiserver/testing';
import type { KindRef, KubeObject } from '@keelson/kube';
import type { Controller } from './controller.ts';
import { ownershipGraph, WriterCollisionError } from './ownership.ts';
import { runControllers } from './run.ts';
import { ensureFinalizer, removeFinalizer } from './status.ts';
import { createTestWorld } from './testing/index.ts';

const configMap: KindRef = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const secret: KindRef = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
const key = { namespace: 'default', name: 'a' };
const newConfigMap = (data: Record<string, string>): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...key }, data });

/** Copies a ConfigMap's data into a Secret of the same name. */
const copier = (onReconcile: () => void = () => {}): Controller => ({
  name: 'copier', kind: configMap, reads: [secret], writes: [{ kind: secret, part: 'object', scope: 'copies' }],
  watches: [{ kind: secret, toKeys: (object) => [{ namespace: object.metadata.namespace!, name: object.metadata.name }] }],
  async reconcile(reconciled, { cache, client }) {
    onReconcile();
    const source = cache.get(configMap, reconciled);
    if (!source) return;
    await client.apply(secret, { apiVersion: 'v1', kind: 'Secret', metadata: { ...key }, stringData: source['data'] }, { fieldManager: 'copier', force: true });
  },
});

test('an object that appears is reconciled, and what a watched kind loses comes back', async () => {
  const env = virtualEnv();
  const { client } = await testApiServer(env);
  const world = await createTestWorld({ env, client, controllers: [copier()] });
  await client.create(configMap, newConfigMap({ x: '1' }));
  await world.until(secret, key, () => true);
  await client.delete(secret, key);
  await world.until(secret, key, () => true, { limitMs: 1000 });
  await world.stop();
});

test('a reconcile that fails is tried again later and later, and succeeds in the end', async () => {
  const env = virtualEnv();
  const { client } = await testApiServer(env);
  const at: number[] = [];
  const world = await createTestWorld({ env, client, controllers: [{
    name: 'failing', kind: configMap, reads: [], writes: [],
    async reconcile({ name }) {
      if (name !== 'a') return;
      at.push(env.clock.now());
      if (at.length < 4) throw new Error('not yet');
    },
  }] });
  await client.create(configMap, newConfigMap({}));
  await env.clock.runUntil(() => at.length === 4, { limitMs: 60_000 });
  const gaps = at.slice(1).map((time, i) => time - at[i]!);
  assert.ok(gaps[0]! < gaps[1]! && gaps[1]! < gaps[2]!, `gaps ${gaps}`);
  assert.deepEqual(world.running.states(), []);
  await world.stop();
});

test('states tells what a key waits for and what failed', async () => {
  const env = virtualEnv();
  const { client } = await testApiServer(env);
  const world = await createTestWorld({ env, client, controllers: [{ name: 'waiting', kind: configMap, reads: [], writes: [], reconcile: async ({ name }) => (name === 'a' ? { waitsFor: 'the moon' } : {}) }] });
  await client.create(configMap, newConfigMap({}));
  await env.clock.runUntil(() => world.running.states().length > 0, { limitMs: 1000 });
  assert.equal(world.running.states()[0]?.waitsFor, 'the moon');
  await world.stop();
});

test('controllers go on after the watch was cut and history compacted', async () => {
  const env = virtualEnv();
  const { client, store } = await testApiServer(env);
  const world = await createTestWorld({ env, client, controllers: [copier()] });
  await client.create(configMap, newConfigMap({ x: '1' }));
  await world.until(secret, key, () => true);
  await store.compact(store.revision);
  await client.update(configMap, { ...(await client.get(configMap, key))!, data: { x: '2' } });
  await world.until<KubeObject & { data?: Record<string, string> }>(secret, key, (object) => object.data?.['x'] === Buffer.from('2').toString('base64'));
  await world.stop();
});

test('a finalizer holds an object until it is removed', async () => {
  const env = virtualEnv();
  const { client } = await testApiServer(env);
  let released = false;
  const world = await createTestWorld({ env, client, controllers: [{
    name: 'holder', kind: configMap, reads: [], writes: [{ kind: configMap, part: 'metadata' }],
    async reconcile(reconciled, context) {
      const object = context.cache.get(configMap, reconciled);
      if (!object || reconciled.name !== 'a') return;
      if (!object.metadata.deletionTimestamp) await ensureFinalizer(context, configMap, object, 'test.keelson.dev/hold');
      else if (released) await removeFinalizer(context, configMap, object, 'test.keelson.dev/hold');
      else return { requeueAfterMs: 100, waitsFor: 'release' };
    },
  }] });
  await client.create(configMap, newConfigMap({}));
  await world.until(configMap, key, (object) => object.metadata.finalizers?.length === 1);
  await client.delete(configMap, key);
  await env.clock.advance(1000);
  assert.ok(await client.get(configMap, key));
  released = true;
  await world.untilGone(configMap, key);
  await world.stop();
});

test('two writers of one part of a kind are refused before anything starts', () => {
  const env = virtualEnv();
  const writer = (name: string, scope?: string): Controller => ({ name, kind: configMap, reads: [], writes: [{ kind: secret, part: 'object', ...(scope ? { scope } : {}) }], reconcile: async () => {} });
  const run = (controllers: Controller[]) => runControllers({ controllers, client: undefined as never, env, signal: AbortSignal.abort() });
  assert.throws(() => run([writer('one'), writer('two')]), WriterCollisionError);
  assert.throws(() => run([writer('one', 'a'), writer('two', 'a')]), /one.*two|two.*one/);
  assert.deepEqual(ownershipGraph([writer('one', 'a')]), ['/ConfigMap -> one', 'one -> /Secret object (a)']);
});

test('events of the same content are one Event that is counted up', async () => {
  const env = virtualEnv();
  const { client } = await testApiServer(env);
  const event: KindRef = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
  let runs = 0;
  const world = await createTestWorld({ env, client, controllers: [{
    name: 'teller', kind: configMap, reads: [], writes: [],
    async reconcile({ name }, { cache, events }) {
      const object = cache.get(configMap, { ...key });
      if (name !== 'a' || !object || runs++ >= 3) return;
      events.warning(object, 'Broken', 'it is broken');
      return { requeueAfterMs: 100 };
    },
  }] });
  await client.create(configMap, newConfigMap({}));
  await env.clock.runUntil(async () => (await client.list(event)).items.some((item) => item['count'] === 3), { limitMs: 10_000 });
  assert.equal((await client.list(event, { namespace: 'default' })).items.length, 1);
  await world.stop();
});
