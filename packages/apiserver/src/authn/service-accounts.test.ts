import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { generateKey } from '@keelson/std/x509';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest } from '../testing/index.ts';
import { tokenAuthenticator } from './authenticator.ts';
import { tokenKey } from './json-web-token.ts';

const privateKeyPem = generateKey('p256').privateKeyPem;
const admin = { authorization: 'Bearer admin' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const rbac = 'rbac.authorization.k8s.io/v1';

async function world() {
  const env = virtualEnv();
  const authenticator = tokenAuthenticator(new Map([['admin', { name: 'admin', groups: ['system:masters'] }]]));
  const server = await createApiServer({ env, store: createMemoryStore(), authenticator, serviceAccountTokens: { privateKeyPem } });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  await client.raw('POST', '/api/v1/namespaces/default/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } });
  const ask = (spec: object, name = 'robot') => rawRequest(server.handler, 'POST', `/api/v1/namespaces/default/serviceaccounts/${name}/token`, { headers: admin, body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } });
  const issue = async (spec: object = {}) => {
    const answer = await ask(spec);
    assert.equal(answer.status, 201, answer.text);
    return (answer.body['status'] as { token: string }).token;
  };
  const status = async (token: string) => (await rawRequest(server.handler, 'GET', '/api', { headers: bearer(token) })).status;
  const review = async (spec: object) => (await rawRequest(server.handler, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', { headers: admin, body: { spec } })).body['status'] as Record<string, unknown>;
  return { env, server, client, ask, issue, status, review };
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;

test('a token stands for its service account, with the groups of service accounts', async () => {
  const { server, client, issue } = await world();
  const token = await issue();
  const answer = await rawRequest(server.handler, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { headers: bearer(token), body: {} });
  const { userInfo } = answer.body['status'] as { userInfo: { username: string; groups: string[]; extra: Record<string, string[]> } };
  assert.equal(userInfo.username, 'system:serviceaccount:default:robot');
  assert.deepEqual(userInfo.groups, ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated']);
  assert.deepEqual(userInfo.extra, { 'authentication.kubernetes.io/credential-id': [`JTI=${String(claimsOf(token)['jti'])}`] });
  assert.equal((await rawRequest(server.handler, 'GET', '/api/v1/namespaces/default/configmaps', { headers: bearer(token) })).status, 403);
  await client.raw('POST', `/apis/${rbac}/namespaces/default/rolebindings`, { apiVersion: rbac, kind: 'RoleBinding', metadata: { name: 'b' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }] });
  assert.equal((await rawRequest(server.handler, 'GET', '/api/v1/namespaces/default/configmaps', { headers: bearer(token) })).status, 200);
});

test('the claims of a token are those clients read', async () => {
  const { env, client, issue } = await world();
  const claims = claimsOf(await issue({ audiences: ['vault'], expirationSeconds: 900 }));
  const account = (await client.raw('GET', '/api/v1/namespaces/default/serviceaccounts/robot')).body as { metadata: { uid: string } };
  const now = Math.floor(env.clock.now() / 1000);
  assert.deepEqual({ ...claims, jti: '' }, {
    iss: 'https://kubernetes.default.svc.cluster.local', sub: 'system:serviceaccount:default:robot', aud: ['vault'], iat: now, nbf: now, exp: now + 900, jti: '',
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid: account.metadata.uid } },
  });
});

test('a token ends with its time, with its account, and with what it is bound to', async () => {
  const { env, client, issue, status, ask } = await world();
  const short = await issue({ expirationSeconds: 600 });
  assert.equal(await status(short), 200);
  await env.clock.advance(599_000);
  assert.equal(await status(short), 200);
  await env.clock.advance(1_000);
  assert.equal(await status(short), 401);

  await client.raw('POST', '/api/v1/namespaces/default/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } });
  const ref = { kind: 'Secret', apiVersion: 'v1', name: 's' };
  const bound = await issue({ boundObjectRef: ref });
  assert.equal(await status(bound), 200);
  assert.equal((await ask({ boundObjectRef: { ...ref, uid: 'other' } })).status, 409);
  assert.equal((await ask({ boundObjectRef: { ...ref, name: 'none' } })).status, 404);
  assert.equal((await ask({ boundObjectRef: { ...ref, kind: 'ConfigMap' } })).status, 400);
  await client.raw('DELETE', '/api/v1/namespaces/default/secrets/s');
  assert.equal(await status(bound), 401);

  const last = await issue();
  await client.raw('DELETE', '/api/v1/namespaces/default/serviceaccounts/robot');
  assert.equal(await status(last), 401);
  await client.raw('POST', '/api/v1/namespaces/default/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } });
  assert.equal(await status(last), 401, 'a new account of the same name is another one');
});

test('a token is bound to a pod of its own account only, and names the pod and its node', async () => {
  const { client, ask, issue, review } = await world();
  const pod = (name: string, serviceAccountName: string) => client.raw('POST', '/api/v1/namespaces/default/pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { serviceAccountName, nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] } });
  await client.raw('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  await pod('mine', 'robot');
  await pod('theirs', 'other');
  const answer = await ask({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'theirs' } });
  assert.deepEqual([answer.status, /different serviceaccount name/.test(answer.text)], [422, true]);
  const { user } = (await review({ token: await issue({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'mine' } }) })) as { user: { extra: Record<string, string[]> } };
  assert.deepEqual([user.extra['authentication.kubernetes.io/pod-name'], user.extra['authentication.kubernetes.io/node-name']], [['mine'], ['n1']]);
});

test('a token for another audience is not for this server, and a review says for whom it is', async () => {
  const { issue, status, review } = await world();
  const token = await issue({ audiences: ['vault', 'registry'] });
  assert.equal(await status(token), 401);
  assert.deepEqual((await review({ token, audiences: ['vault', 'x'] }))['audiences'], ['vault']);
  assert.equal((await review({ token }))['authenticated'], undefined);
  assert.equal((await review({ token: 'admin', audiences: ['vault'] }))['authenticated'], undefined);
  assert.equal((await review({ token: 'admin' }))['authenticated'], true);
});

test('a token that this key has not signed is refused, however it looks', async () => {
  const { issue, status } = await world();
  const token = await issue();
  const [head, body, signature] = token.split('.') as [string, string, string];
  const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  const admin2 = Buffer.from(JSON.stringify({ ...claimsOf(token), sub: 'system:serviceaccount:kube-system:root' })).toString('base64url');
  const foreign = tokenKey(generateKey('p256').privateKeyPem).sign(claimsOf(token));
  for (const wrong of [`${none}.${body}.`, `${none}.${body}.${signature}`, `${head}.${admin2}.${signature}`, `${head}.${body}.`, `${head}.${body}`, `${token}.x`, foreign, 'x'.repeat(20_000)]) {
    assert.equal(await status(wrong), 401, wrong.slice(0, 60));
  }
});

test('the times asked for are checked, and a dry run issues nothing', async () => {
  const { ask, server } = await world();
  assert.match((await ask({ expirationSeconds: 599 })).text, /may not specify a duration less than 10 minutes/);
  assert.equal((await ask({ expirationSeconds: 2 ** 33 })).status, 422);
  assert.equal((await ask({}, 'nobody')).status, 404);
  const dry = await rawRequest(server.handler, 'POST', '/api/v1/namespaces/default/serviceaccounts/robot/token?dryRun=All', { headers: admin, body: {} });
  assert.deepEqual([dry.status, (dry.body['status'] as { token: string }).token], [201, '']);
});

test('the key set lets others check tokens', async () => {
  const { server } = await world();
  const keys = await rawRequest(server.handler, 'GET', '/openid/v1/jwks', { headers: admin });
  assert.equal(keys.headers['content-type'], 'application/jwk-set+json');
  const [key] = keys.body['keys'] as Record<string, string>[];
  assert.deepEqual([key?.['alg'], key?.['kty'], key?.['kid'], key?.['d']], ['ES256', 'EC', tokenKey(privateKeyPem).keyId, undefined]);
  const about = await rawRequest(server.handler, 'GET', '/.well-known/openid-configuration', { headers: admin });
  assert.equal(about.body['jwks_uri'], 'https://kubernetes.default.svc.cluster.local/openid/v1/jwks');
});

test('RSA keys sign too, other keys are refused', () => {
  const key = tokenKey(generateKey('rsa2048').privateKeyPem);
  assert.deepEqual([key.algorithm, key.read(key.sign({ a: 1 }))], ['RS256', { a: 1 }]);
  assert.throws(() => tokenKey(generateKey('ed25519').privateKeyPem), /P-256 or RSA/);
});

test('a server without a key issues no tokens', async () => {
  const server = await createApiServer({ env: virtualEnv(), store: createMemoryStore() });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  await client.raw('POST', '/api/v1/namespaces/default/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } });
  assert.equal((await rawRequest(server.localHandler, 'POST', '/api/v1/namespaces/default/serviceaccounts/a/token', { body: {} })).status, 405);
});
