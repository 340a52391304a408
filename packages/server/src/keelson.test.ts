import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore } from '@keelson/apiserver/store';
import { memoryGit } from '@keelson/git/testing';
import { encodeText, readText } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { startKeelson } from './keelson.ts';

const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

async function world(env = virtualEnv(), store = createMemoryStore()) {
  const keelson = await startKeelson({ env, store, dataDir: '/data', git: memoryGit() });
  const ca = textOf(await env.files.read('/data/pki/ca.crt'));
  const ask = async (method: string, path: string, token: string, body?: object) => {
    const answer = await env.net.request({ method, url: `${keelson.apiUrl}${path}`, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: body && encodeText(JSON.stringify(body)) }, { tls: { ca } });
    return { status: answer.status, body: JSON.parse(await readText(answer.body)) as Record<string, unknown> };
  };
  return { env, store, keelson, ask, ca, admin: textOf(await env.files.read('/data/pki/admin.token')) };
}

test('every namespace of the management API has an account and the root certificate, and accounts get tokens that outlive a restart', async () => {
  const { env, store, keelson, ask, admin, ca } = await world();
  await ask('POST', '/api/v1/namespaces', admin, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  const issue = () => ask('POST', '/api/v1/namespaces/team/serviceaccounts/default/token', admin, {});
  await env.clock.runUntil(async () => (await issue()).status === 201, { limitMs: 60_000 });
  const token = ((await issue()).body['status'] as { token: string }).token;
  const root = await ask('GET', '/api/v1/namespaces/team/configmaps/kube-root-ca.crt', admin);
  assert.equal((root.body['data'] as { 'ca.crt': string })['ca.crt'].trim(), ca.trim());
  const whoami = async (of: typeof ask) => (((await of('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', token, {})).body['status'] as { userInfo?: { username: string } } | undefined)?.userInfo?.username);
  assert.equal(await whoami(ask), 'system:serviceaccount:team:default');
  await keelson.close();
  const again = await world(env, store);
  assert.equal(await whoami(again.ask), 'system:serviceaccount:team:default');
  await again.keelson.close();
});

test('requests from outside are in the audit log, those of the process itself and secrets are not', async () => {
  const { env, keelson, ask, admin } = await world();
  await ask('GET', '/api/v1/namespaces/default/secrets', admin);
  await ask('GET', '/api/v1/nodes', 'nonsense');
  await keelson.close();
  const text = textOf(await env.files.read('/data/audit.log'));
  const lines = text.trim().split('\n').map((line) => JSON.parse(line) as { user: string; verb: string; resource?: string; code: number });
  assert.deepEqual(lines.map(({ user, verb, resource, code }) => [user, verb, resource, code]), [['keelson-admin', 'list', 'secrets', 200], ['', 'get', undefined, 401]]);
  assert.ok(!text.includes(admin) && !text.includes('nonsense'));
});
