import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMap, Namespace, Secret } from '@keelson/api';
import type { Condition, KubeObject } from '@keelson/kube';
import { ownerReference } from '@keelson/kube';
import { createKubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { testApiServer } from '../testing/index.ts';

const configMap = (name: string, owners: KubeObject[] = [], more: object = {}): KubeObject => ({
  apiVersion: 'v1', kind: 'ConfigMap',
  metadata: { namespace: 'default', name, ...(owners.length > 0 && { ownerReferences: owners.map((owner) => ownerReference(owner, { controller: owner === owners[0] })) }), ...more },
});
const key = (name: string) => ({ namespace: 'default', name });

async function world() {
  const { client, server } = await testApiServer();
  const names = async () => {
    await server.settled();
    return (await client.list(ConfigMap, { namespace: 'default' })).items.map((item) => item.metadata.name);
  };
  return { client, server, names };
}

test('dependents go after their owner in the background, and theirs after them', async () => {
  const { client, names } = await world();
  const owner = await client.create(ConfigMap, configMap('a-owner'));
  const child = await client.create(ConfigMap, configMap('b-child', [owner]));
  await client.create(ConfigMap, configMap('c-grandchild', [child]));
  await client.create(ConfigMap, configMap('d-other'));
  await client.delete(ConfigMap, key('a-owner'), { propagationPolicy: 'Background' });
  assert.equal(await client.get(ConfigMap, key('a-owner')), undefined, 'the owner is gone at once');
  assert.deepEqual(await names(), ['d-other']);
});

test('a dependent stays while one of its owners does, and loses the reference to the other', async () => {
  const { client, names } = await world();
  const [one, two] = [await client.create(ConfigMap, configMap('one')), await client.create(ConfigMap, configMap('two'))];
  await client.create(ConfigMap, configMap('child', [one, two]));
  await client.delete(ConfigMap, key('one'));
  assert.deepEqual(await names(), ['child', 'two']);
  const child = await client.get(ConfigMap, key('child'));
  assert.deepEqual(child?.metadata.ownerReferences?.map((owner) => owner.name), ['two']);
  await client.delete(ConfigMap, key('two'));
  assert.deepEqual(await names(), []);
});

test('in the foreground the owner waits for the dependents that block it', async () => {
  const { client, server, names } = await world();
  const owner = await client.create(ConfigMap, configMap('owner'));
  await client.create(ConfigMap, configMap('child', [owner], { finalizers: ['test/hold'] }));
  await client.delete(ConfigMap, key('owner'), { propagationPolicy: 'Foreground' });
  await server.settled();
  const waiting = await client.get(ConfigMap, key('owner'));
  assert.deepEqual(waiting?.metadata.finalizers, ['foregroundDeletion']);
  assert.ok((await client.get(ConfigMap, key('child')))?.metadata.deletionTimestamp);
  await client.patch(ConfigMap, key('child'), 'merge', { metadata: { finalizers: null } });
  assert.deepEqual(await names(), []);
});

test('in the foreground an owner without dependents goes at once', async () => {
  const { client, names } = await world();
  await client.create(ConfigMap, configMap('owner'));
  await client.delete(ConfigMap, key('owner'), { propagationPolicy: 'Foreground' });
  assert.deepEqual(await names(), []);
});

test('orphans stay and forget their owner', async () => {
  const { client, names } = await world();
  const owner = await client.create(ConfigMap, configMap('owner'));
  await client.create(ConfigMap, configMap('child', [owner]));
  await client.delete(ConfigMap, key('owner'), { propagationPolicy: 'Orphan' });
  assert.deepEqual(await names(), ['child']);
  assert.equal((await client.get(ConfigMap, key('child')))?.metadata.ownerReferences, undefined);
});

test('what names an owner that never was is deleted, and so is what names another of the same name', async () => {
  const { client, names } = await world();
  const owner = await client.create(ConfigMap, configMap('owner'));
  await client.create(ConfigMap, configMap('ghost', [{ ...owner, metadata: { ...owner.metadata, name: 'nobody', uid: 'none' } }]));
  await client.create(ConfigMap, configMap('mistaken', [{ ...owner, metadata: { ...owner.metadata, uid: 'older' } }]));
  assert.deepEqual(await names(), ['owner']);
});

test('an owner of a kind that is not served is left alone', async () => {
  const { client, names } = await world();
  await client.create(ConfigMap, configMap('child', [{ apiVersion: 'nothing.example/v1', kind: 'Thing', metadata: { name: 't', uid: 'u' } }]));
  assert.deepEqual(await names(), ['child']);
});

test('owners that own each other do not block', async () => {
  const { client, names } = await world();
  const one = await client.create(ConfigMap, configMap('one'));
  const two = await client.create(ConfigMap, configMap('two', [one]));
  await client.patch(ConfigMap, key('one'), 'merge', { metadata: { ownerReferences: [ownerReference(two)] } });
  await client.delete(ConfigMap, key('one'), { propagationPolicy: 'Background' });
  assert.deepEqual(await names(), []);
});

test('a server that starts over a store finishes what was begun', async () => {
  const store = createMemoryStore();
  const env = virtualEnv();
  const first = await createApiServer({ env, store });
  const before = createKubeClient({ transport: first.localHandler, baseUrl: 'http://apiserver' });
  const owner = await before.create(ConfigMap, configMap('owner'));
  await before.create(ConfigMap, configMap('child', [owner]));
  await before.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  await before.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'team', name: 's' } });
  await first.close();
  await before.delete(ConfigMap, key('owner'));
  await before.delete(Namespace, { name: 'team' });
  await settle();
  assert.ok(await before.get(ConfigMap, key('child')), 'nobody was there to do it');
  const second = await createApiServer({ env, store });
  await second.settled();
  const after = createKubeClient({ transport: second.localHandler, baseUrl: 'http://apiserver' });
  assert.equal(await after.get(ConfigMap, key('child')), undefined);
  assert.equal(await after.get(Namespace, { name: 'team' }), undefined);
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

test('a namespace that is deleted takes its content along', async () => {
  const { client, server } = await world();
  const made = await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  assert.deepEqual([made.metadata.labels, made['spec'], made['status']], [{ 'kubernetes.io/metadata.name': 'team' }, { finalizers: ['kubernetes'] }, { phase: 'Active' }]);
  for (const name of ['a', 'b']) await client.create(ConfigMap, { ...configMap(name), metadata: { namespace: 'team', name } });
  await client.create(ConfigMap, configMap('elsewhere'));
  await client.delete(Namespace, { name: 'team' });
  await server.settled();
  assert.equal(await client.get(Namespace, { name: 'team' }), undefined);
  assert.deepEqual((await client.list(ConfigMap)).items.map((item) => item.metadata.name), ['elsewhere']);
});

test('a namespace says what it waits for, takes nothing new, and goes when that is gone', async () => {
  const { client, server } = await world();
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  await client.create(ConfigMap, { ...configMap('held'), metadata: { namespace: 'team', name: 'held', finalizers: ['test/hold'] } });
  await client.delete(Namespace, { name: 'team' });
  await server.settled();
  const waiting = await client.get(Namespace, { name: 'team' });
  const { phase, conditions } = waiting!['status'] as { phase: string; conditions: Condition[] };
  assert.equal(phase, 'Terminating');
  assert.deepEqual(conditions.filter((condition) => condition.status === 'True').map((condition) => condition.message), [
    'Some resources are remaining: configmaps has 1 resource instances',
    'Some content in the namespace has finalizers remaining: test/hold in 1 resource instances',
  ]);
  await assert.rejects(client.create(ConfigMap, { ...configMap('late'), metadata: { namespace: 'team', name: 'late' } }), /unable to create new content in namespace team because it is being terminated/);
  await client.patch(ConfigMap, { namespace: 'team', name: 'held' }, 'merge', { metadata: { finalizers: null } });
  await server.settled();
  assert.equal(await client.get(Namespace, { name: 'team' }), undefined);
});

test('a namespace with a finalizer of its own waits for that too', async () => {
  const { client, server } = await world();
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team', finalizers: ['test/hold'] } });
  await client.delete(Namespace, { name: 'team' });
  await server.settled();
  assert.deepEqual((await client.get(Namespace, { name: 'team' }))?.['spec'], { finalizers: [] });
  await client.patch(Namespace, { name: 'team' }, 'merge', { metadata: { finalizers: null } });
  assert.equal(await client.get(Namespace, { name: 'team' }), undefined);
});
