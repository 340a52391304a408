import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequest, HttpResponse } from '@keelson/std';
import { encodeText, jsonResponse, readText, textResponse, TransportError } from '@keelson/std';
import type { KindRef } from '../object.ts';
import { ApiError, isAlreadyExists, isConflict, isNotFound } from './client.ts';
import { createKubeClient } from './create-client.ts';
import { splitLines } from './lines.ts';

const ConfigMap: KindRef = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const Deployment: KindRef = { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments', namespaced: true };
const Node: KindRef = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'ns', name: 'd' } };
const status = (code: number, reason: string) => jsonResponse(code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: `${reason}!`, reason, code });

/** A client whose requests are written down and answered by `answer`. */
function recorded(answer: (request: HttpRequest) => HttpResponse | Promise<HttpResponse> = () => jsonResponse(200, {})) {
  const seen: { line: string; body: string; headers: Record<string, string> }[] = [];
  const client = createKubeClient({
    baseUrl: 'https://server:6443/prefix/',
    headers: { authorization: 'Bearer x' },
    transport: async (request) => {
      seen.push({ line: `${request.method} ${request.url}`, body: await readText(request.body), headers: { ...request.headers } });
      return answer(request);
    },
  });
  return { client, seen };
}

test('every call is the request the API asks for', async () => {
  const { client, seen } = recorded();
  const key = { namespace: 'ns', name: 'd' };
  await client.get(Deployment, key);
  await client.get(Node, { name: 'n:1' });
  await client.list(ConfigMap, { labelSelector: 'a in (b,c)', limit: 5, continue: 'tok' });
  await client.create(Deployment, object, { fieldManager: 'me', dryRun: true, fieldValidation: 'Strict' });
  await client.update(Deployment, object, { subresource: 'status' });
  await client.patch(Deployment, key, 'strategic', { a: 1 }, { subresource: 'scale' });
  await client.apply(Deployment, object, { fieldManager: 'me', force: true });
  await client.delete(Deployment, key, { propagationPolicy: 'Foreground', preconditions: { uid: 'u' } });
  await client.raw('GET', '/version');
  const base = 'https://server:6443/prefix';
  const one = `${base}/apis/apps/v1/namespaces/ns/deployments/d`;
  assert.deepEqual(seen.map((request) => request.line), [
    `GET ${one}`,
    `GET ${base}/api/v1/nodes/n%3A1`,
    `GET ${base}/api/v1/configmaps?labelSelector=a+in+%28b%2Cc%29&limit=5&continue=tok`,
    `POST ${base}/apis/apps/v1/namespaces/ns/deployments?fieldManager=me&fieldValidation=Strict&dryRun=All`,
    `PUT ${one}/status`,
    `PATCH ${one}/scale`,
    `PATCH ${one}?fieldManager=me&force=true`,
    `DELETE ${one}`,
    `GET ${base}/version`,
  ]);
  assert.deepEqual([seen[5]?.headers['content-type'], seen[6]?.headers['content-type']], ['application/strategic-merge-patch+json', 'application/apply-patch+yaml']);
  assert.equal(seen[0]?.headers['authorization'], 'Bearer x');
  assert.deepEqual(JSON.parse(seen[7]?.body ?? ''), { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground', preconditions: { uid: 'u' } });
});

test('absence is an answer, every other refusal an ApiError with its reason', async () => {
  const { client } = recorded((request) => (request.url.endsWith('/gone') ? status(404, 'NotFound') : request.method === 'POST' ? status(409, 'AlreadyExists') : request.method === 'PUT' ? status(409, 'Conflict') : status(403, 'Forbidden')));
  assert.equal(await client.get(ConfigMap, { namespace: 'ns', name: 'gone' }), undefined);
  assert.equal(await client.delete(ConfigMap, { namespace: 'ns', name: 'gone' }), false);
  await assert.rejects(client.get(ConfigMap, { namespace: 'ns', name: 'x' }), (error) => error instanceof ApiError && error.code === 403 && error.message === 'getting ConfigMap ns/x: Forbidden!');
  await assert.rejects(client.create(Deployment, object), isAlreadyExists);
  await assert.rejects(client.update(Deployment, object), isConflict);
  await assert.rejects(client.patch(ConfigMap, { namespace: 'ns', name: 'gone' }, 'merge', {}), isNotFound);
});

test('an answer that is no Status is still an ApiError', async () => {
  const { client } = recorded(() => textResponse(502, 'bad gateway\n'));
  await assert.rejects(client.list(ConfigMap), (error) => error instanceof ApiError && error.code === 502 && error.status.message === 'bad gateway');
});

test('no answer is the transport error', async () => {
  const { client } = recorded(() => {
    throw new TransportError('connect refused', 'ECONNREFUSED');
  });
  await assert.rejects(client.get(ConfigMap, { namespace: 'ns', name: 'x' }), TransportError);
});

test('a namespaced object without a namespace is not asked for', async () => {
  const { client, seen } = recorded();
  await assert.rejects(client.get(ConfigMap, { name: 'x' }), /ConfigMap x needs a namespace/);
  assert.deepEqual(seen, []);
});

test('items of a list know their kind though servers leave it out', async () => {
  const { client } = recorded(() => jsonResponse(200, { kind: 'ConfigMapList', metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'a' } }] }));
  const list = await client.list(ConfigMap);
  assert.deepEqual([list.resourceVersion, list.items[0]?.apiVersion, list.items[0]?.kind, list.continue], ['7', 'v1', 'ConfigMap', undefined]);
});

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield encodeText(text);
}

test('a watch reads a line per event, however the stream is cut', async () => {
  const line = (type: string, name: string) => `{"type":"${type}","object":{"metadata":{"name":"${name}"}}}\n`;
  const all = line('ADDED', 'ä') + line('MODIFIED', 'b') + '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n';
  const bytes = encodeText(all);
  for (const size of [1, 3, 7, bytes.length]) {
    async function* cut() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const { client, seen } = recorded(() => ({ status: 200, headers: {}, body: cut() }));
    const events: string[] = [];
    for await (const event of client.watch(ConfigMap, { namespace: 'ns', resourceVersion: '5', allowBookmarks: true, timeoutSeconds: 9 }, new AbortController().signal)) {
      events.push(event.type === 'ERROR' ? `${event.type} ${event.status.code}` : `${event.type} ${event.object.metadata.name}`);
    }
    assert.deepEqual(events, ['ADDED ä', 'MODIFIED b', 'ERROR 410']);
    assert.ok(seen[0]?.line.endsWith('/namespaces/ns/configmaps?resourceVersion=5&watch=true&allowWatchBookmarks=true&timeoutSeconds=9'));
  }
});

test('a watch that is refused throws, one whose reader has lost interest ends', async () => {
  const refused = recorded(() => status(403, 'Forbidden')).client.watch(ConfigMap, {}, new AbortController().signal);
  await assert.rejects(refused[Symbol.asyncIterator]().next(), /watching configmaps: Forbidden!/);
  const abort = new AbortController();
  const { client } = recorded(() => ({
    status: 200,
    headers: {},
    body: (async function* () {
      yield encodeText('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
      abort.abort();
      throw new TransportError('aborted', 'ABORT_ERR');
    })(),
  }));
  const seen: string[] = [];
  for await (const event of client.watch(ConfigMap, {}, abort.signal)) seen.push(event.type);
  assert.deepEqual(seen, ['ADDED']);
});

test('kinds are resolved by discovery, kept, and looked up again when unknown', async () => {
  let served = [{ name: 'deployments', kind: 'Deployment', namespaced: true }, { name: 'deployments/scale', kind: 'Scale', namespaced: true }];
  const { client, seen } = recorded((request) => (request.url.includes('/apps/v1') ? jsonResponse(200, { resources: served }) : status(404, 'NotFound')));
  assert.deepEqual(await client.resolve('apps/v1', 'Deployment'), Deployment);
  assert.deepEqual(await client.resolve('apps/v1', 'Deployment'), Deployment);
  assert.equal(seen.length, 1);
  assert.equal(await client.resolve('apps/v1', 'Scale'), undefined);
  served = [...served, { name: 'things', kind: 'Thing', namespaced: false }];
  assert.equal((await client.resolve('apps/v1', 'Thing'))?.plural, 'things');
  assert.equal(await client.resolve('nothing/v1', 'Thing'), undefined);
});

test('lines are split without their ends, and the last needs none', async () => {
  assert.deepEqual(await all(splitLines(chunks('a', 'b\n', '\nc\nd'))), ['ab', 'c', 'd']);
  assert.deepEqual(await all(splitLines(chunks())), []);
});

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const out: string[] = [];
  for await (const line of lines) out.push(line);
  return out;
}
