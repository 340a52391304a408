import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest } from '../testing/index.ts';
import { tokenAuthenticator } from './authenticator.ts';

const rbac = 'rbac.authorization.k8s.io/v1';

async function world() {
  const authenticator = tokenAuthenticator(new Map([['admin', { name: 'admin', groups: ['system:masters'] }], ['anna', { name: 'anna', groups: ['team'] }]]));
  const server = await createApiServer({ env: virtualEnv(), store: createMemoryStore(), authenticator });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  const whoami = (token: string, headers: Record<string, string>) => rawRequest(server.handler, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { headers: { authorization: `Bearer ${token}`, ...headers }, body: {} });
  const grant = async (rules: readonly object[]) => {
    await client.raw('POST', `/apis/${rbac}/clusterroles`, { apiVersion: rbac, kind: 'ClusterRole', metadata: { name: 'actor' }, rules });
    await client.raw('POST', `/apis/${rbac}/clusterrolebindings`, { apiVersion: rbac, kind: 'ClusterRoleBinding', metadata: { name: 'actor' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'actor' }, subjects: [{ kind: 'User', name: 'anna' }] });
  };
  return { server, whoami, grant };
}

const cases: { name: string; headers: Record<string, string>; user: object }[] = [
  { name: 'a user', headers: { 'impersonate-user': 'bob' }, user: { username: 'bob', groups: ['system:authenticated'] } },
  { name: 'a user in groups', headers: { 'impersonate-user': 'bob', 'impersonate-group': 'a, b' }, user: { username: 'bob', groups: ['a', 'b', 'system:authenticated'] } },
  {
    name: 'a user with everything', headers: { 'impersonate-user': 'bob', 'impersonate-uid': 'u1', 'impersonate-extra-scopes': 'view, edit', 'impersonate-extra-example.com%2fproject': 'x' },
    user: { username: 'bob', uid: 'u1', groups: ['system:authenticated'], extra: { scopes: ['view', 'edit'], 'example.com/project': ['x'] } },
  },
  { name: 'a service account', headers: { 'impersonate-user': 'system:serviceaccount:flux:apply' }, user: { username: 'system:serviceaccount:flux:apply', groups: ['system:serviceaccounts', 'system:serviceaccounts:flux', 'system:authenticated'] } },
  { name: 'a service account in other groups', headers: { 'impersonate-user': 'system:serviceaccount:flux:apply', 'impersonate-group': 'g' }, user: { username: 'system:serviceaccount:flux:apply', groups: ['g', 'system:authenticated'] } },
  { name: 'nobody', headers: { 'impersonate-user': 'system:anonymous' }, user: { username: 'system:anonymous', groups: ['system:unauthenticated'] } },
];
for (const { name, headers, user } of cases) {
  test(`who may do everything acts as ${name}`, async () => {
    const { whoami } = await world();
    const answer = await whoami('admin', headers);
    // Nobody may not even ask who they are.
    if (name === 'nobody') assert.match(answer.text, /User \\"system:anonymous\\" cannot create resource/);
    else assert.deepEqual(answer.body['status'], { userInfo: user });
  });
}

test('impersonation gives the rights of the other, not those of both', async () => {
  const { server } = await world();
  const ask = (headers: Record<string, string>) => rawRequest(server.handler, 'GET', '/api/v1/namespaces', { headers: { authorization: 'Bearer admin', ...headers } });
  assert.equal((await ask({})).status, 200);
  const refused = await ask({ 'impersonate-user': 'bob' });
  assert.deepEqual([refused.status, refused.body['message']], [403, 'namespaces is forbidden: User "bob" cannot list resource "namespaces" in API group "" at the cluster scope']);
  assert.equal((await ask({ 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' })).status, 200);
});

test('every part that is impersonated needs its own right', async () => {
  const { whoami, grant } = await world();
  const refused = await whoami('anna', { 'impersonate-user': 'bob' });
  assert.deepEqual([refused.status, refused.body['message']], [403, 'users "bob" is forbidden: User "anna" cannot impersonate resource "users" in API group "" at the cluster scope']);
  await grant([
    { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['bob'] },
    { apiGroups: [''], resources: ['groups'], verbs: ['impersonate'], resourceNames: ['dev'] },
    { apiGroups: ['authentication.k8s.io'], resources: ['userextras/scopes'], verbs: ['impersonate'] },
  ]);
  const status = async (headers: Record<string, string>) => (await whoami('anna', headers)).status;
  assert.equal(await status({ 'impersonate-user': 'bob', 'impersonate-group': 'dev', 'impersonate-extra-scopes': 'x' }), 201);
  assert.equal(await status({ 'impersonate-user': 'carl' }), 403);
  assert.equal(await status({ 'impersonate-user': 'bob', 'impersonate-group': 'dev, system:masters' }), 403);
  assert.equal(await status({ 'impersonate-user': 'bob', 'impersonate-uid': '1' }), 403);
  assert.equal(await status({ 'impersonate-user': 'bob', 'impersonate-extra-other': 'x' }), 403);
  assert.equal(await status({ 'impersonate-user': 'system:serviceaccount:a:b' }), 403);
});

test('groups without a user are refused', async () => {
  const { whoami } = await world();
  for (const name of ['impersonate-group', 'impersonate-uid', 'impersonate-extra-a']) assert.equal((await whoami('admin', { [name]: 'a' })).status, 400, name);
});

test('the process itself can act as somebody with the rights that one has', async () => {
  const { server } = await world();
  const ask = (headers: Record<string, string>) => rawRequest(server.localHandler, 'GET', '/api/v1/namespaces', { headers });
  assert.equal((await ask({ 'impersonate-user': 'anna' })).status, 403);
  assert.equal((await ask({ 'impersonate-user': 'anna', 'impersonate-group': 'system:masters' })).status, 200);
  const discovery = await rawRequest(server.localHandler, 'GET', '/apis', { headers: { 'impersonate-user': 'anna' } });
  assert.equal(discovery.status, 200, 'by the roles in the store, not by none');
});
