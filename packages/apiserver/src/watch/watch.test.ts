import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMap } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import type { KubeClient, WatchOptions } from '@keelson/kube/client';
import { createKubeClient } from '@keelson/kube/client';
import type { HttpResponse } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { testApiServer } from '../testing/index.ts';
import { watchQueueLimit } from './watch-verb.ts';

const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name, labels }, data,
});

/** The revision of a server that has just started. */
const startRevision = (await testApiServer()).store.revision;

/** Collects a watch as `TYPE name@version`, versions counted from the start; `next(n)` waits for the first n. */
function collect(client: KubeClient, options: WatchOptions = {}) {
  const abort = new AbortController();
  const seen: string[] = [];
  let wake = () => {};
  let ended = false;
  const done = (async () => {
    for await (const event of client.watch(ConfigMap, { namespace: 'default', ...options }, abort.signal)) {
      seen.push(event.type === 'ERROR' ? `ERROR ${event.status.code} ${event.status.reason}` : `${event.type} ${event.object.metadata.name ?? '-'}@${Number(event.object.metadata.resourceVersion) - startRevision}`);
      wake();
    }
    ended = true;
    wake();
  })();
  const next = async (count: number) => {
    while (seen.length < count && !ended) await new Promise<void>((resolve) => (wake = resolve));
    return seen.slice(0, count);
  };
  return { seen, next, done, stop: () => abort.abort() };
}

test('a watch from a version brings every later change in order', async () => {
  const { client, store } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  const from = String(store.revision);
  const watch = collect(client, { resourceVersion: from });
  await client.update(ConfigMap, configMap('a', { x: '1' }));
  await client.create(ConfigMap, configMap('b'));
  await client.delete(ConfigMap, { namespace: 'default', name: 'a' });
  assert.deepEqual(await watch.next(3), ['MODIFIED a@2', 'ADDED b@3', 'DELETED a@4']);
  const late = collect(client, { resourceVersion: from });
  assert.deepEqual(await late.next(3), watch.seen, 'also when it comes later');
  watch.stop();
  late.stop();
  await watch.done;
});

test('without a version a watch begins with what is there', async () => {
  const { client } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  const watch = collect(client);
  await watch.next(1);
  await client.create(ConfigMap, configMap('b'));
  assert.deepEqual(await watch.next(2), ['ADDED a@1', 'ADDED b@2']);
  watch.stop();
});

test('an object that leaves the selector is deleted for the watch, one that enters is added', async () => {
  const { client, store } = await testApiServer();
  const watch = collect(client, { labelSelector: 'show=yes', resourceVersion: String(store.revision) });
  await client.create(ConfigMap, configMap('a', {}, { show: 'no' }));
  await client.update(ConfigMap, configMap('a', {}, { show: 'yes' }));
  await client.update(ConfigMap, configMap('a', { x: '1' }, { show: 'yes' }));
  await client.update(ConfigMap, configMap('a', { x: '1' }, { show: 'no' }));
  await client.delete(ConfigMap, { namespace: 'default', name: 'a' });
  await client.create(ConfigMap, configMap('b', {}, { show: 'yes' }));
  assert.deepEqual(await watch.next(4), ['ADDED a@2', 'MODIFIED a@3', 'DELETED a@4', 'ADDED b@6']);
  watch.stop();
});

test('a watch of one name hears of that name only', async () => {
  const { client, store } = await testApiServer();
  const watch = collect(client, { fieldSelector: 'metadata.name=b', resourceVersion: String(store.revision) });
  await client.create(ConfigMap, configMap('a'));
  await client.create(ConfigMap, configMap('b'));
  assert.deepEqual(await watch.next(1), ['ADDED b@2']);
  watch.stop();
});

test('a version that is compacted is answered by an error event, and the watch ends', async () => {
  const server = await createApiServer({ env: virtualEnv(), store: createMemoryStore({ historyLimit: 5 }) });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  for (let index = 0; index < 40; index++) await client.create(ConfigMap, configMap(`c${index}`));
  const watch = collect(client, { resourceVersion: '7' });
  await watch.done;
  assert.deepEqual(watch.seen, ['ERROR 410 Expired']);
});

test('a watch ends after its time, with a bookmark for those who take them', async () => {
  const env = virtualEnv();
  const { client, store } = await testApiServer(env);
  const watch = collect(client, { resourceVersion: String(store.revision), timeoutSeconds: 90, allowBookmarks: true });
  await client.create(ConfigMap, configMap('a'));
  await watch.next(1);
  await env.clock.advance(60_000);
  assert.deepEqual(await watch.next(2), ['ADDED a@1', 'BOOKMARK -@1']);
  await env.clock.advance(30_000);
  await watch.done;
  assert.deepEqual(watch.seen, ['ADDED a@1', 'BOOKMARK -@1', 'BOOKMARK -@1']);
});

test('watch-list sends the state, then the bookmark that ends it, then what is new', async () => {
  const { client, handler, store } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  const answer = await handler({ method: 'GET', url: '/api/v1/namespaces/default/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true', headers: {} });
  const events: { type: string; object: KubeObject }[] = [];
  await client.create(ConfigMap, configMap('b'));
  for await (const chunk of stream(answer)) {
    events.push(...new TextDecoder().decode(chunk).trim().split('\n').map((line) => JSON.parse(line) as { type: string; object: KubeObject }));
    if (events.length >= 3) break;
  }
  assert.deepEqual(events.map((event) => event.type), ['ADDED', 'BOOKMARK', 'ADDED']);
  assert.deepEqual(events[1]?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  assert.equal(events[1]?.object.metadata.resourceVersion, String(store.revision - 1));
});

function stream(answer: HttpResponse): AsyncIterable<Uint8Array> {
  assert.ok(answer.body !== undefined && !(answer.body instanceof Uint8Array));
  return answer.body;
}

test('watch-list without the match that belongs to it is refused', async () => {
  const { client } = await testApiServer();
  assert.equal((await client.raw('GET', '/api/v1/configmaps?watch=1&sendInitialEvents=true')).status, 422);
});

test('every watcher of an object gets the same bytes', async () => {
  const { client, handler } = await testApiServer();
  const watch = () => handler({ method: 'GET', url: '/api/v1/configmaps?watch=1&resourceVersion=5', headers: {} });
  const [one, two] = [stream(await watch()), stream(await watch())];
  await client.create(ConfigMap, configMap('a'));
  const first = (await one[Symbol.asyncIterator]().next()).value;
  const second = (await two[Symbol.asyncIterator]().next()).value;
  assert.equal(first, second);
});

test('a watcher that does not read is ended and not kept in memory', async () => {
  const { client, handler } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  const answer = await handler({ method: 'GET', url: '/api/v1/configmaps?watch=1&resourceVersion=6', headers: {} });
  for (let index = 0; index <= watchQueueLimit; index++) await client.patch(ConfigMap, { namespace: 'default', name: 'a' }, 'merge', { data: { n: String(index) } });
  let lines = 0;
  for await (const chunk of stream(answer)) lines += chunk.length > 0 ? 1 : 0;
  assert.equal(lines, watchQueueLimit);
});

test('a watch as a table names its columns once', async () => {
  const { client, handler } = await testApiServer();
  const answer = await handler({ method: 'GET', url: '/api/v1/configmaps?watch=1&resourceVersion=5', headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } });
  await client.create(ConfigMap, configMap('a'));
  await client.create(ConfigMap, configMap('b'));
  const events: { object: { columnDefinitions: unknown[]; rows: { cells: unknown[] }[] } }[] = [];
  for await (const chunk of stream(answer)) {
    events.push(JSON.parse(new TextDecoder().decode(chunk)) as (typeof events)[number]);
    if (events.length === 2) break;
  }
  assert.deepEqual(events.map((event) => event.object.columnDefinitions.length), [3, 0]);
  assert.deepEqual(events[1]?.object.rows[0]?.cells, ['b', 0, '0s']);
});
