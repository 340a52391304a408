import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMap } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { createKubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { certificateAuthenticator, firstOf, tokenAuthenticator } from '../authn/authenticator.ts';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest } from '../testing/index.ts';

const tokens = new Map([
  ['admin-token', { name: 'admin', groups: ['system:masters'] }],
  ['anna-token', { name: 'anna', groups: ['team'] }],
]);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function world() {
  const env = virtualEnv();
  const server = await createApiServer({ env, store: createMemoryStore(), authenticator: firstOf(certificateAuthenticator, tokenAuthenticator(tokens)) });
  return { env, server, client: createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' }) };
}

test('probes and the version are for everybody, everything else needs to say who asks', async () => {
  const { server } = await world();
  for (const path of ['/healthz', '/livez', '/readyz', '/readyz?verbose', '/readyz/store', '/version']) assert.equal((await rawRequest(server.handler, 'GET', path)).status, 200, path);
  for (const path of ['/api', '/apis', '/api/v1/namespaces', '/openapi/v3', '/']) {
    const answer = await rawRequest(server.handler, 'GET', path);
    assert.deepEqual([answer.status, answer.body['reason'], answer.body['message']], [401, 'Unauthorized', 'Unauthorized'], path);
  }
  assert.equal((await rawRequest(server.handler, 'GET', '/healthz', { headers: bearer('wrong') })).status, 401);
});

test('a server without an authenticator lets nobody in', async () => {
  const server = await createApiServer({ env: virtualEnv(), store: createMemoryStore() });
  assert.equal((await rawRequest(server.handler, 'GET', '/api/v1/namespaces', { headers: bearer('admin-token') })).status, 401);
});

test('a client certificate names user and groups', async () => {
  const { server, env } = await world();
  const key = generateKey('ed25519');
  const now = env.clock.now();
  const pem = issueCertificate({ subject: { commonName: 'operator', organizations: ['system:masters'] }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem, notBeforeMs: now, notAfterMs: now + 1000, usages: ['client'] });
  const ask = (certificate: string | undefined) => server.handler({ method: 'GET', url: '/api/v1/namespaces', headers: {}, peer: { address: '127.0.0.1', certificate } });
  assert.equal((await ask(pem)).status, 200);
  assert.equal((await ask(undefined)).status, 401);
});

test('who has no role is told what is missing, in upstream words', async () => {
  const { server } = await world();
  const answer = await rawRequest(server.handler, 'GET', '/api/v1/namespaces/default/configmaps/a', { headers: bearer('anna-token') });
  assert.deepEqual([answer.status, answer.body['message']], [403, 'configmaps "a" is forbidden: User "anna" cannot get resource "configmaps" in API group "" in the namespace "default"']);
  const cluster = await rawRequest(server.handler, 'GET', '/api/v1/nodes', { headers: bearer('anna-token') });
  assert.equal(cluster.body['message'], 'nodes is forbidden: User "anna" cannot list resource "nodes" in API group "" at the cluster scope');
  assert.equal((await rawRequest(server.handler, 'GET', '/apis', { headers: bearer('anna-token') })).status, 200, 'discovery is for everybody with a name');
});

test('roles and bindings in the store say who may do what', async () => {
  const { server, client } = await world();
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'a' } } as KubeObject);
  await client.raw('POST', `${rbac}/namespaces/default/roles`, { apiVersion, kind: 'Role', metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['a'], verbs: ['get', 'watch'] }] });
  await client.raw('POST', `${rbac}/namespaces/default/rolebindings`, { apiVersion, kind: 'RoleBinding', metadata: { name: 'b' }, roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'Group', name: 'team' }] });
  const ask = async (method: string, path: string) => (await rawRequest(server.handler, method, path, { headers: bearer('anna-token') })).status;
  assert.equal(await ask('GET', '/api/v1/namespaces/default/configmaps/a'), 200);
  assert.equal(await ask('GET', '/api/v1/namespaces/default/configmaps/b'), 403);
  assert.equal(await ask('GET', '/api/v1/namespaces/default/configmaps'), 403);
  assert.equal(await ask('DELETE', '/api/v1/namespaces/default/configmaps/a'), 403);
  assert.equal(await ask('GET', '/api/v1/namespaces/kube-system/configmaps/a'), 403);
  await client.raw('POST', `${rbac}/clusterrolebindings`, { apiVersion, kind: 'ClusterRoleBinding', metadata: { name: 'v' }, roleRef: { kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'User', name: 'anna' }] });
  assert.equal(await ask('GET', '/api/v1/configmaps'), 200);
  assert.equal(await ask('GET', '/api/v1/secrets'), 403, 'view does not show secrets');
});

test('reviews answer who somebody is and what they may do, and store nothing', async () => {
  const { server } = await world();
  const { revision } = server.store;
  const post = async (path: string, body: object) => (await rawRequest(server.handler, 'POST', path, { body, headers: bearer('admin-token') })).body['status'] as Record<string, unknown>;
  assert.deepEqual(await post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {}), { userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] } });
  assert.equal((await post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'anna-token' } }))['authenticated'], true);
  assert.equal((await post('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'nothing' } }))['authenticated'], undefined);
  const access = (spec: object) => post('/apis/authorization.k8s.io/v1/subjectaccessreviews', { spec });
  const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'default' };
  assert.equal((await access({ user: 'anna', resourceAttributes }))['allowed'], false);
  assert.equal((await access({ user: 'x', groups: ['system:masters'], resourceAttributes }))['allowed'], true);
  assert.equal((await post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { spec: { resourceAttributes } }))['allowed'], true);
  assert.equal(server.store.revision, revision);
  const table = await rawRequest(server.handler, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body: { spec: { resourceAttributes } }, headers: { ...bearer('admin-token'), accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
  assert.equal(table.status, 406);
});
