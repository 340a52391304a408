import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, ConfigMap, Event, Pod, Secret } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { ApiError } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { createKubeClient } from '@keelson/kube/client';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest, testApiServer } from '../testing/index.ts';

const configMap = (name: string, labels: Record<string, string> = {}, namespace = 'default'): KubeObject => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels }, data: { a: '1' },
});
const tableAccept = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

async function filled(count: number) {
  const server = await testApiServer();
  for (let index = 0; index < count; index++) await server.client.create(ConfigMap, configMap(`c${String(index).padStart(3, '0')}`, { half: index % 2 === 0 ? 'even' : 'odd' }));
  return server;
}

test('a list carries the store version, and an empty one an empty list', async () => {
  const { client, handler, store } = await testApiServer();
  const empty = await rawRequest(handler, 'GET', '/api/v1/namespaces/default/configmaps');
  assert.equal(empty.text, `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"${store.revision}"},"items":[]}\n`);
  await client.create(ConfigMap, configMap('a'));
  assert.equal((await client.list(ConfigMap)).resourceVersion, String(store.revision));
});

test('pages together are the list as it was when the first was asked for', async () => {
  const { client } = await filled(10);
  const first = await client.list(ConfigMap, { namespace: 'default', limit: 4 });
  await client.delete(ConfigMap, { namespace: 'default', name: 'c007' });
  await client.create(ConfigMap, configMap('c0075'));
  const second = await client.list(ConfigMap, { namespace: 'default', limit: 4, continue: first.continue });
  const third = await client.list(ConfigMap, { namespace: 'default', limit: 4, continue: second.continue });
  assert.deepEqual([...first.items, ...second.items, ...third.items].map((item) => item.metadata.name), Array.from({ length: 10 }, (_, index) => `c00${index}`));
  assert.equal(third.continue, undefined);
  assert.equal(second.resourceVersion, first.resourceVersion);
});

test('a page says how many are left unless a selector hides it', async () => {
  const { handler } = await filled(10);
  const plain = await rawRequest(handler, 'GET', '/api/v1/namespaces/default/configmaps?limit=4');
  assert.equal((plain.body['metadata'] as { remainingItemCount: number }).remainingItemCount, 6);
  const selected = await rawRequest(handler, 'GET', '/api/v1/namespaces/default/configmaps?limit=2&labelSelector=half%3Deven');
  assert.equal((selected.body['metadata'] as { remainingItemCount?: number }).remainingItemCount, undefined);
  assert.deepEqual((selected.body['items'] as KubeObject[]).map((item) => item.metadata.name), ['c000', 'c002']);
});

test('a page whose version is compacted is refused with a token for the rest', async () => {
  const env = virtualEnv();
  const server = await createApiServer({ env, store: createMemoryStore({ historyLimit: 5 }) });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  for (let index = 0; index < 6; index++) await client.create(ConfigMap, configMap(`c${index}`));
  const first = await client.list(ConfigMap, { namespace: 'default', limit: 3 });
  for (let index = 0; index < 40; index++) await client.update(ConfigMap, { ...configMap('c0'), data: { n: String(index) } });
  let token: string | undefined;
  await assert.rejects(client.list(ConfigMap, { namespace: 'default', limit: 3, continue: first.continue }), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.code, error.reason], [410, 'Expired']);
    token = (error.status as { metadata?: { continue?: string } }).metadata?.continue;
    return true;
  });
  const rest = await client.list(ConfigMap, { namespace: 'default', limit: 3, continue: token });
  assert.deepEqual(rest.items.map((item) => item.metadata.name), ['c3', 'c4', 'c5']);
});

test('a version that has not come yet is answered with a timeout to try again', async () => {
  const { handler } = await testApiServer();
  for (const path of ['/api/v1/configmaps?resourceVersion=99999', '/api/v1/namespaces/default?resourceVersion=99999', '/api/v1/namespaces?resourceVersion=99999&resourceVersionMatch=Exact']) {
    const answer = await rawRequest(handler, 'GET', path);
    assert.equal(answer.status, 504, path);
    assert.equal(answer.headers['retry-after'], '1');
  }
});

test('an exact version shows the collection as it was', async () => {
  const { client, store } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  const then = store.revision;
  await client.create(ConfigMap, configMap('b'));
  const at = await client.raw('GET', `/api/v1/configmaps?resourceVersion=${then}&resourceVersionMatch=Exact`);
  assert.deepEqual((at.body as { items: KubeObject[] }).items.map((item) => item.metadata.name), ['a']);
});

test('combinations of list options that mean nothing are refused', async () => {
  const { handler } = await testApiServer();
  const queries = ['resourceVersionMatch=Exact', 'resourceVersionMatch=Exact&resourceVersion=0', 'resourceVersionMatch=Other&resourceVersion=1', 'sendInitialEvents=true'];
  for (const query of queries) assert.equal((await rawRequest(handler, 'GET', `/api/v1/configmaps?${query}`)).status, 422, query);
});

test('field selectors pick by name, namespace and the fields of the kind', async () => {
  const { client } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  await client.create(ConfigMap, configMap('a', {}, 'kube-system'));
  await client.create(ConfigMap, configMap('b'));
  const names = async (fieldSelector: string, namespace?: string) => (await client.list(ConfigMap, { fieldSelector, namespace })).items.map((item) => `${item.metadata.namespace}/${item.metadata.name}`);
  assert.deepEqual(await names('metadata.name=a'), ['default/a', 'kube-system/a']);
  assert.deepEqual(await names('metadata.name=a,metadata.namespace=default'), ['default/a']);
  assert.deepEqual(await names('metadata.name!=a', 'default'), ['default/b']);
  for (const type of ['Opaque', 'example.com/x']) await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: type.toLowerCase().replace('/', '-') }, type } as KubeObject);
  assert.deepEqual((await client.list(Secret, { fieldSelector: 'type=example.com/x' })).items.map((item) => item.metadata.name), ['example.com-x']);
});

test('events of the new group are the events of core, in their own words', async () => {
  const { client } = await testApiServer();
  await client.create(Event, { apiVersion: 'v1', kind: 'Event', metadata: { namespace: 'default', name: 'e' }, involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' }, reason: 'Because', message: 'text', type: 'Normal', count: 2 } as KubeObject);
  const { body } = await client.raw('GET', '/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dp');
  const [event] = (body as { items: Record<string, unknown>[] }).items;
  assert.deepEqual([event?.['apiVersion'], event?.['note'], event?.['deprecatedCount'], (event!['regarding'] as { name: string }).name], ['events.k8s.io/v1', 'text', 2, 'p']);
  await client.raw('POST', '/apis/events.k8s.io/v1/namespaces/default/events', { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'n' }, regarding: { kind: 'Node', name: 'n1' }, note: 'new', reason: 'R', type: 'Normal', eventTime: '2026-01-01T00:00:00.000000Z' });
  assert.equal((await client.get(Event, { namespace: 'default', name: 'n' }))?.['message'], 'new');
});

test('a table has the columns of the kind, ages, and metadata for the client to sort by', async () => {
  const env = virtualEnv();
  const { client, handler } = await testApiServer(env);
  await client.create(BareMetalHost, { apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { namespace: 'default', name: 'h' }, spec: { online: true } });
  await env.clock.advance(90_000);
  const { body } = await rawRequest(handler, 'GET', '/apis/metal3.io/v1alpha1/baremetalhosts', { headers: tableAccept });
  assert.equal(body['kind'], 'Table');
  const columns = (body['columnDefinitions'] as { name: string; priority: number }[]).filter((column) => column.priority === 0).map((column) => column.name);
  assert.deepEqual(columns, ['Name', 'State', 'Consumer', 'Online', 'Error', 'Age']);
  const [row] = body['rows'] as { cells: unknown[]; object: KubeObject }[];
  assert.deepEqual(row?.cells, ['h', null, null, null, null, 'true', null, '90s']);
  assert.deepEqual([row?.object.kind, row?.object.metadata.name], ['PartialObjectMetadata', 'h']);
});

test('a pod is shown with its computed columns', async () => {
  const { client, handler } = await testApiServer();
  await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name: 'p' }, spec: { containers: [{ name: 'c', image: 'x' }] } } as KubeObject);
  const { body } = await rawRequest(handler, 'GET', '/api/v1/namespaces/default/pods/p', { headers: tableAccept });
  assert.deepEqual((body['rows'] as { cells: unknown[] }[])[0]?.cells, ['p', '0/1', 'Pending', '0', '0s', '<none>', '<none>', '<none>', '<none>']);
});

test('metadata alone can be asked for', async () => {
  const { client, handler } = await testApiServer();
  await client.create(ConfigMap, configMap('a', { x: 'y' }));
  const { body } = await rawRequest(handler, 'GET', '/api/v1/configmaps', { headers: { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' } });
  assert.equal(body['kind'], 'PartialObjectMetadataList');
  const [item] = body['items'] as Record<string, unknown>[];
  assert.deepEqual(Object.keys(item ?? {}), ['kind', 'apiVersion', 'metadata']);
});
