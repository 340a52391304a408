import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { tokenAuthenticator } from '../authn/authenticator.ts';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { rawRequest } from '../testing/index.ts';
import { uncovered } from './rule-cover.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const base = `/apis/${apiVersion}`;
const read = ['get', 'list'];
const bound = (kind: string, name: string, subject: string) => ({ roleRef: { apiGroup: group, kind, name }, subjects: [{ kind: 'User', name: subject }] });

/** A world in which anna may write roles and bindings, and read config maps in `default`. */
async function world(store: Store = createMemoryStore()) {
  const authenticator = tokenAuthenticator(new Map([['admin', { name: 'admin', groups: ['system:masters'] }], ['anna', { name: 'anna', groups: [] }]]));
  const server = await createApiServer({ env: virtualEnv(), store, authenticator });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  const write = (path: string, kind: string, name: string, rest: object) => client.raw('POST', `${base}/${path}`, { apiVersion, kind, metadata: { name }, ...rest });
  const send = (method: string, path: string, body: object) => rawRequest(server.handler, method, `${base}/${path}`, { headers: { authorization: 'Bearer anna' }, body });
  const prepare = async (rules: readonly object[]) => {
    await write('clusterroles', 'ClusterRole', 'annas', { rules: [{ apiGroups: [group], resources: ['*'], verbs: ['create', 'update', 'get'] }, ...rules] });
    await write('clusterrolebindings', 'ClusterRoleBinding', 'annas', bound('ClusterRole', 'annas', 'anna'));
  };
  const patch = async (path: string, body: object) => {
    const { status } = await rawRequest(server.localHandler, 'PATCH', path, { headers: { 'content-type': 'application/merge-patch+json' }, body });
    assert.equal(status, 200);
  };
  return { server, client, write, patch, send, prepare };
}

test('a writer of roles gives only what they have', async () => {
  const { send, prepare } = await world();
  await prepare([{ apiGroups: [''], resources: ['configmaps'], verbs: read }]);
  const role = (rules: readonly object[], name = 'r') => send('POST', 'namespaces/default/roles', { apiVersion, kind: 'Role', metadata: { name }, rules });
  assert.equal((await role([{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['a'] }])).status, 201);
  const refused = await role([{ apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get'] }], 's');
  assert.deepEqual([refused.status, refused.body['message']], [
    403,
    'roles.rbac.authorization.k8s.io "s" is forbidden: user "anna" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
  ]);
  const grown = await send('PUT', 'namespaces/default/roles/r', { apiVersion, kind: 'Role', metadata: { name: 'r' }, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] });
  assert.equal(grown.status, 403);
  const relabelled = await send('PUT', 'namespaces/default/roles/r', { apiVersion, kind: 'Role', metadata: { name: 'r', labels: { a: 'b' } }, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['a'] }] });
  assert.equal(relabelled.status, 200);
});

test('a writer of bindings binds only roles whose rights they have, or that they may bind', async () => {
  const { send, prepare } = await world();
  await prepare([{ apiGroups: [''], resources: ['configmaps'], verbs: read }, { apiGroups: [group], resources: ['clusterroles'], verbs: ['bind'], resourceNames: ['view'] }]);
  const bind = (name: string) => send('POST', 'namespaces/default/rolebindings', { apiVersion, kind: 'RoleBinding', metadata: { name }, ...bound('ClusterRole', name, 'bob') });
  assert.equal((await bind('cluster-admin')).status, 403);
  assert.equal((await bind('edit')).status, 403);
  assert.equal((await bind('view')).status, 201);
  assert.equal((await bind('annas')).status, 201);
  assert.equal((await bind('nothing')).status, 404);
});

test('who may escalate gives everything', async () => {
  const { send, prepare } = await world();
  await prepare([{ apiGroups: [group], resources: ['clusterroles'], verbs: ['escalate'] }]);
  const role = { apiVersion, kind: 'ClusterRole', metadata: { name: 'all' }, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] };
  assert.equal((await send('POST', 'clusterroles', role)).status, 201);
});

test('a role that sums up others needs every right, as nobody knows what it will become', async () => {
  const { send, prepare } = await world();
  await prepare([]);
  const role = { apiVersion, kind: 'ClusterRole', metadata: { name: 'sum' }, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }, rules: [] };
  assert.equal((await send('POST', 'clusterroles', role)).status, 403);
});

const covers: [string, object, object, boolean][] = [
  ['a star', { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { apiGroups: ['a', 'b'], resources: ['x/y'], verbs: ['get'] }, true],
  ['a star is no part of a list', { apiGroups: [''], resources: ['pods'], verbs: ['get'] }, { apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }, false],
  ['a subresource of all', { apiGroups: [''], resources: ['*/scale'], verbs: ['get'] }, { apiGroups: [''], resources: ['x/scale'], verbs: ['get'] }, true],
  ['another subresource', { apiGroups: [''], resources: ['*/scale'], verbs: ['get'] }, { apiGroups: [''], resources: ['x/status'], verbs: ['get'] }, false],
  ['one name of all', { apiGroups: [''], resources: ['x'], verbs: ['get'] }, { apiGroups: [''], resources: ['x'], verbs: ['get'], resourceNames: ['a'] }, true],
  ['all of one name', { apiGroups: [''], resources: ['x'], verbs: ['get'], resourceNames: ['a'] }, { apiGroups: [''], resources: ['x'], verbs: ['get'] }, false],
  ['a path below', { nonResourceURLs: ['/a/*'], verbs: ['get'] }, { nonResourceURLs: ['/a/b'], verbs: ['get'] }, true],
  ['a path above', { nonResourceURLs: ['/a/b'], verbs: ['get'] }, { nonResourceURLs: ['/a/*'], verbs: ['get'] }, false],
];
for (const [name, owned, wanted, isCovered] of covers) {
  test(`rules compare: ${name}`, () => assert.equal(uncovered([{ ...owned }], [{ ...wanted }]).length === 0, isCovered));
}

test('labelled roles become part of admin, edit and view, and leave them again', async () => {
  const { server, client, write, patch } = await world();
  const rules = async (name: string) => ((await client.raw('GET', `${base}/clusterroles/${name}`)).body as { rules: { resources?: string[] }[] }).rules;
  const has = async (name: string) => (await rules(name)).some((rule) => rule.resources?.includes('widgets'));
  assert.equal(await has('view'), false);
  await write('clusterroles', 'ClusterRole', 'widgets-view', { rules: [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: read }] });
  await patch(`${base}/clusterroles/widgets-view`, { metadata: { labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } } });
  await server.settled();
  assert.deepEqual([await has('view'), await has('edit'), await has('admin')], [true, true, true]);
  await client.raw('DELETE', `${base}/clusterroles/widgets-view`);
  await server.settled();
  assert.deepEqual([await has('view'), await has('edit'), await has('admin')], [false, false, false]);
});

test('the roles of every cluster are in the store, complete from the start, and written once', async () => {
  const store = createMemoryStore();
  const { server, client } = await world(store);
  const names = ((await client.raw('GET', `${base}/clusterroles`)).body as { items: { metadata: { name: string } }[] }).items.map((role) => role.metadata.name);
  for (const name of ['cluster-admin', 'admin', 'edit', 'view', 'system:discovery', 'system:auth-delegator']) assert.ok(names.includes(name), name);
  const edit = ((await client.raw('GET', `${base}/clusterroles/edit`)).body as { rules: { resources?: string[]; verbs: string[] }[] }).rules;
  const allows = (resource: string, verb: string) => edit.some((rule) => rule.resources?.includes(resource) && rule.verbs.includes(verb));
  assert.deepEqual([allows('pods/log', 'get'), allows('secrets', 'delete'), allows('serviceaccounts/token', 'create'), allows('deployments', 'patch'), allows('leases', 'update'), allows('roles', 'create')], [true, true, true, true, true, false]);
  await server.settled();
  const { revision } = store;
  await server.close();
  const second = await world(store);
  await second.server.settled();
  assert.equal(store.revision, revision, 'a second start changes nothing');
});

test('a start gives roles of the cluster back what they lack, but not where that is not wanted', async () => {
  const store = createMemoryStore();
  const { server, patch } = await world(store);
  await patch(`${base}/clusterroles/system:basic-user`, { rules: [] });
  await patch(`${base}/clusterroles/system:discovery`, { rules: [], metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } } });
  await server.close();
  const second = await world(store);
  const count = async (name: string) => ((await second.client.raw('GET', `${base}/clusterroles/${name}`)).body as { rules: object[] | null }).rules?.length ?? 0;
  assert.ok((await count('system:basic-user')) > 0);
  assert.equal(await count('system:discovery'), 0);
});
