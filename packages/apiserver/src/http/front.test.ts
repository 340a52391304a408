import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { HttpResponse } from '@keelson/std';
import { encodeText, readBody } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { tokenAuthenticator } from '../authn/authenticator.ts';
import type { ApiServerOptions } from '../server.ts';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest } from '../testing/index.ts';
import type { AuditEntry } from './audit.ts';
import { compressFromBytes, takesGzip } from './compress.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const configMaps = '/api/v1/namespaces/default/configmaps';

async function world(options: Partial<ApiServerOptions> = {}) {
  const env = virtualEnv();
  const users = new Map([['admin', { name: 'admin', groups: ['system:masters'] }], ['anna', { name: 'anna', groups: ['system:masters'] }], ['nobody', { name: 'nobody', groups: [] }]]);
  const entries: AuditEntry[] = [];
  const server = await createApiServer({ env, store: createMemoryStore(), authenticator: tokenAuthenticator(users), audit: (entry) => void entries.push(entry), ...options });
  const ask = (method: string, path: string, token = 'admin', body?: unknown, headers: Record<string, string> = {}) => rawRequest(server.handler, method, path, { body, headers: { ...bearer(token), ...headers } });
  return { env, server, ask, entries };
}

test('a user who asks too often is told when to come back, others go on', async () => {
  const { env, server, ask } = await world({ limits: { perSecond: 2, burst: 3 } });
  const statuses = [];
  for (let index = 0; index < 5; index++) statuses.push((await ask('GET', configMaps)).status);
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  const refused = await ask('GET', configMaps);
  assert.deepEqual([refused.headers['retry-after'], refused.body['reason'], (refused.body['details'] as { retryAfterSeconds: number }).retryAfterSeconds], ['1', 'TooManyRequests', 1]);
  assert.equal((await ask('GET', configMaps, 'anna')).status, 200);
  assert.equal((await ask('GET', '/readyz')).status, 200, 'probes are not counted');
  assert.equal((await rawRequest(server.localHandler, 'GET', configMaps)).status, 200, 'the process itself is not counted');
  await env.clock.advance(1_000);
  assert.deepEqual([(await ask('GET', configMaps)).status, (await ask('GET', configMaps)).status, (await ask('GET', configMaps)).status], [200, 200, 429]);
});

test('what a user is refused counts as well, and acting as others is no way around', async () => {
  const { ask } = await world({ limits: { perSecond: 1, burst: 2 } });
  assert.deepEqual([(await ask('GET', configMaps, 'nobody')).status, (await ask('GET', configMaps, 'nobody')).status, (await ask('GET', configMaps, 'nobody')).status], [403, 403, 429]);
  const as = (name: string) => ask('GET', configMaps, 'admin', undefined, { 'impersonate-user': name, 'impersonate-group': 'system:masters' });
  assert.deepEqual([(await as('a')).status, (await as('b')).status, (await as('c')).status], [200, 200, 429]);
});

test('requests at the same time have a limit of their own, and leave when they are answered', async () => {
  const { server, ask } = await world({ limits: { inFlight: 2 } });
  let finish = () => {};
  const held = new Promise<void>((resolve) => (finish = resolve));
  const slow = async function* () {
    await held;
    yield encodeText('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"a"}}');
  };
  const post = () => server.handler({ method: 'POST', url: configMaps, headers: { ...bearer('admin'), 'content-type': 'application/json' }, body: slow() });
  const waiting = [post(), post()];
  await Promise.resolve();
  const refused = await ask('GET', configMaps);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1']);
  finish();
  assert.deepEqual((await Promise.all(waiting)).map((answer) => answer.status), [201, 201]);
  assert.equal((await ask('GET', configMaps)).status, 200);
});

test('watches are counted apart, until they end', async () => {
  const { server, ask } = await world({ limits: { inFlight: 1, streams: 2 } });
  const abort = new AbortController();
  const watch = (signal?: AbortSignal): Promise<HttpResponse> => server.handler({ method: 'GET', url: `${configMaps}?watch=true&timeoutSeconds=60`, headers: bearer('admin'), signal });
  const first = await watch();
  const second = await watch(abort.signal);
  assert.deepEqual([first.status, second.status, (await watch()).status], [200, 200, 429]);
  assert.equal((await ask('GET', configMaps)).status, 200);
  abort.abort();
  const third = await watch();
  assert.equal(third.status, 200, 'a client that is gone has ended its watch');
  const reader = (third.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const reading = reader.next();
  await ask('POST', configMaps, 'admin', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'w' } });
  assert.equal((await reading).done, false);
  await reader.return?.();
  const fourth = await watch();
  assert.equal(fourth.status, 200, 'a reader that stops has ended it');
  const idle = (fourth.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (let lines = 0; lines < 1; lines++) await idle.next();
  const nothing = idle.next();
  await idle.return?.();
  assert.equal((await nothing).done, true, 'also while it waits for a line');
  assert.equal((await watch()).status, 200);
});

test('the audit log says who asked for what and what came of it', async () => {
  const { env, ask, entries } = await world();
  const time = new RegExp(`^${new Date(env.clock.now()).toISOString().slice(0, 19)}`);
  await ask('POST', `${configMaps}?dryRun=All&fieldManager=x`, 'admin', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'a-' }, data: { k: 'hidden' } });
  await ask('GET', '/api/v1/namespaces/kube-system/secrets/s', 'nobody');
  await ask('GET', '/apis', 'admin', undefined, { 'impersonate-user': 'bob' });
  await ask('GET', '/apis', 'wrong-token');
  await ask('PUT', `${configMaps}/none/status`);
  assert.match(entries[0]!.time, time);
  assert.match(entries[0]!.name ?? '', /^a-.{5}$/);
  const masters = ['system:masters', 'system:authenticated'];
  assert.deepEqual(entries.map(({ time: _time, reason: _reason, ...entry }) => ({ ...entry, ...(entry.verb === 'create' && { name: 'a-' }) })), [
    { user: 'admin', groups: masters, userAgent: 'test/1', verb: 'create', path: configMaps, group: '', resource: 'configmaps', namespace: 'default', name: 'a-', dryRun: true, code: 201, latencyMs: 0, decision: 'allow' },
    { user: 'nobody', groups: ['system:authenticated'], userAgent: 'test/1', verb: 'get', path: '/api/v1/namespaces/kube-system/secrets/s', group: '', resource: 'secrets', namespace: 'kube-system', name: 's', code: 403, latencyMs: 0, decision: 'forbid' },
    { user: 'admin', groups: masters, impersonated: 'bob', userAgent: 'test/1', verb: 'get', path: '/apis', code: 200, latencyMs: 0, decision: 'allow' },
    { user: '', groups: [], userAgent: 'test/1', verb: 'get', path: '/apis', code: 401, latencyMs: 0, decision: 'none' },
    { user: 'admin', groups: masters, userAgent: 'test/1', verb: 'update', path: `${configMaps}/none/status`, group: '', resource: 'configmaps', subresource: 'status', namespace: 'default', name: 'none', code: 404, latencyMs: 0, decision: 'allow' },
  ]);
  const text = JSON.stringify(entries);
  for (const secret of ['hidden', 'wrong-token', 'Bearer', 'fieldManager']) assert.ok(!text.includes(secret), secret);
});

test('an audit log that fails stops no request', async () => {
  const { ask } = await world({ audit: () => { throw new Error('full'); } });
  assert.equal((await ask('GET', configMaps)).status, 200);
});

test('big answers are packed for those who take gzip', async () => {
  const { server, ask } = await world();
  await ask('POST', configMaps, 'admin', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' }, data: { text: 'x'.repeat(compressFromBytes) } });
  const get = (path: string, encoding?: string) => server.handler({ method: 'GET', url: path, headers: { ...bearer('admin'), ...(encoding && { 'accept-encoding': encoding }) } });
  const plain = await get(configMaps);
  const packed = await get(configMaps, 'br, gzip;q=0.5');
  assert.deepEqual([plain.headers['content-encoding'], packed.headers['content-encoding'], packed.headers['vary']], [undefined, 'gzip', 'Accept-Encoding']);
  const [plainBody, packedBody] = [await readBody(plain.body), await readBody(packed.body)];
  assert.ok(packedBody.length < plainBody.length / 10);
  assert.deepEqual(gunzipSync(packedBody).toString(), Buffer.from(plainBody).toString());
  assert.equal((await get('/api/v1/namespaces', 'gzip')).headers['content-encoding'], undefined, 'small ones are not');
});

const encodings: [string | undefined, boolean][] = [[undefined, false], ['', false], ['gzip', true], ['GZIP', true], ['deflate, gzip;q=1.0, *;q=0.5', true], ['gzip;q=0', false], ['*', true], ['gzip;q=0, *', false], ['identity', false]];
for (const [header, takes] of encodings) test(`Accept-Encoding ${String(header)} ${takes ? 'takes' : 'does not take'} gzip`, () => assert.equal(takesGzip(header), takes));
