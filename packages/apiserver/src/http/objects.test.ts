import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, ConfigMap, Deployment, Lease, Secret } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { ApiError } from '@keelson/kube/client';
import { rawRequest, testApiServer } from '../testing/index.ts';

const configMap = (name: string, data: Record<string, string> = {}, more: object = {}): KubeObject => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name, ...more }, data,
});
const host = (name: string, spec: object = {}): KubeObject => ({
  apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { namespace: 'default', name }, spec: { online: true, ...spec },
});
const deployment = (name: string, more: object = {}): KubeObject => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: 'default', name },
  spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'x:1' }] } }, ...more },
});
const failsWith = (code: number, reason: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApiError, String(error));
  assert.deepEqual([error.code, error.reason], [code, reason], error.message);
  assert.match(error.status.message ?? '', message);
  return true;
};

test('a new object gets its system fields, and those a client brings are dropped', async () => {
  const { client } = await testApiServer();
  const made = await client.create(BareMetalHost, { ...host('h'), metadata: { namespace: 'default', name: 'h', uid: 'mine', generation: 7, creationTimestamp: '1999-01-01T00:00:00Z' }, status: { errorCount: 3 } });
  assert.match(made.metadata.uid ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(made.metadata.generation, 1);
  assert.equal(made.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(made['status'], undefined, 'status has its own endpoint');
  assert.deepEqual(await client.get(BareMetalHost, { namespace: 'default', name: 'h' }), made);
});

test('defaults of the schema are filled in and unknown fields are pruned with a warning', async () => {
  const { client, handler } = await testApiServer();
  const made = await client.create(BareMetalHost, host('h', { nonsense: 1 }));
  assert.deepEqual(made['spec'], { online: true, automatedCleaningMode: 'metadata' });
  const path = '/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts';
  const warned = await rawRequest(handler, 'POST', path, { body: host('h2', { nonsense: 1 }) });
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"spec.nonsense\\""');
  const silent = await rawRequest(handler, 'POST', `${path}?fieldValidation=Ignore`, { body: host('h3', { nonsense: 1 }) });
  assert.equal(silent.headers['warning'], undefined);
  const strict = await rawRequest(handler, 'POST', `${path}?fieldValidation=Strict`, { body: host('h4', { nonsense: 1 }) });
  assert.deepEqual([strict.status, strict.body['message']], [400, 'strict decoding error: unknown field "spec.nonsense"']);
});

test('a field that stands twice is a strict error', async () => {
  const { handler } = await testApiServer();
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}';
  const answer = await rawRequest(handler, 'POST', '/api/v1/namespaces/default/configmaps?fieldValidation=Strict', { body });
  assert.deepEqual([answer.status, answer.body['message']], [400, 'strict decoding error: duplicate field "data.x"']);
});

test('a name that is taken, a namespace that is not there and a wrong name are refused in upstream words', async () => {
  const { client } = await testApiServer();
  await client.create(ConfigMap, configMap('a'));
  await assert.rejects(client.create(ConfigMap, configMap('a')), failsWith(409, 'AlreadyExists', /^configmaps "a" already exists$/));
  await assert.rejects(client.create(ConfigMap, configMap('a', {}, { namespace: 'nowhere' })), failsWith(404, 'NotFound', /^namespaces "nowhere" not found$/));
  await assert.rejects(client.create(ConfigMap, configMap('A_b')), failsWith(422, 'Invalid', /^ConfigMap "A_b" is invalid: metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain/));
  await assert.rejects(client.create(ConfigMap, configMap('b', {}, { labels: { 'bad key': 'x' } })), failsWith(422, 'Invalid', /metadata\.labels: Invalid value: "bad key"/));
});

test('generateName makes a name that fits', async () => {
  const { client } = await testApiServer();
  const { metadata } = await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-', namespace: 'default' } } as KubeObject);
  assert.match(metadata.name, /^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

test('an update needs the version it was made from where the kind says so', async () => {
  const { client } = await testApiServer();
  const made = await client.create(BareMetalHost, host('h'));
  await client.update(BareMetalHost, { ...made, spec: { online: false } });
  await assert.rejects(client.update(BareMetalHost, { ...made, spec: { online: true } }), failsWith(409, 'Conflict', /^Operation cannot be fulfilled on baremetalhosts\.metal3\.io "h": the object has been modified/));
  await assert.rejects(client.update(BareMetalHost, host('h')), failsWith(422, 'Invalid', /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/));
  await client.create(ConfigMap, configMap('a'));
  const overwritten = await client.update(ConfigMap, configMap('a', { x: '1' }));
  assert.deepEqual(overwritten['data'], { x: '1' });
});

test('a PUT creates a Lease that is not there, and is refused for a ConfigMap', async () => {
  const { client } = await testApiServer();
  const lease: KubeObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: 'default', name: 'l' }, spec: { holderIdentity: 'me' } };
  assert.equal((await client.update(Lease, lease)).metadata.name, 'l');
  await assert.rejects(client.update(ConfigMap, configMap('nothing')), failsWith(404, 'NotFound', /^configmaps "nothing" not found$/));
});

test('status and the rest are written through endpoints of their own, and only the rest counts generations', async () => {
  const { client } = await testApiServer();
  const made = await client.create(BareMetalHost, host('h'));
  const status = { operationalStatus: 'OK', errorMessage: '', poweredOn: true, provisioning: { ID: '', state: 'available', image: { url: '' } } };
  const withStatus = await client.update(BareMetalHost, { ...made, spec: { online: false }, metadata: { ...made.metadata, labels: { not: 'taken' } }, status }, { subresource: 'status' });
  assert.equal((withStatus['spec'] as { online: boolean }).online, true);
  assert.equal(withStatus.metadata.labels, undefined);
  assert.equal(withStatus.metadata.generation, 1);
  const changed = await client.update(BareMetalHost, { ...withStatus, spec: { online: false }, status: undefined });
  assert.equal(changed.metadata.generation, 2);
  assert.equal((changed['status'] as { poweredOn: boolean }).poweredOn, true);
  const labelled = await client.patch(BareMetalHost, { namespace: 'default', name: 'h' }, 'merge', { metadata: { labels: { a: 'b' } } });
  assert.equal(labelled.metadata.generation, 2, 'metadata is no new generation');
});

test('a write that changes nothing is no write', async () => {
  const { client, store } = await testApiServer();
  const made = await client.create(ConfigMap, configMap('a', { x: '1', y: '2' }));
  const before = store.revision;
  const again = await client.update(ConfigMap, configMap('a', { y: '2', x: '1' }));
  assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
  await client.patch(ConfigMap, { namespace: 'default', name: 'a' }, 'merge', { data: { x: '1' } });
  const applied = await client.apply(Deployment, deployment('d'), { fieldManager: 'me' });
  const reapplied = await client.apply(Deployment, deployment('d'), { fieldManager: 'me' });
  assert.equal(reapplied.metadata.resourceVersion, applied.metadata.resourceVersion);
  assert.equal(store.revision, before + 1);
});

test('patches of every kind change the live object', async () => {
  const { client } = await testApiServer();
  const key = { namespace: 'default', name: 'd' };
  await client.create(Deployment, deployment('d'));
  await client.patch(Deployment, key, 'json', [{ op: 'replace', path: '/spec/replicas', value: 3 }]);
  await client.patch(Deployment, key, 'merge', { metadata: { annotations: { a: 'b' } } });
  const patched = await client.patch(Deployment, key, 'strategic', { spec: { template: { spec: { containers: [{ name: 'side', image: 'y:1' }] } } } });
  const spec = patched['spec'] as { replicas: number; template: { spec: { containers: { name: string; imagePullPolicy: string }[] } } };
  assert.equal(spec.replicas, 3);
  assert.deepEqual(spec.template.spec.containers.map((container) => container.name), ['side', 'c']);
  assert.equal(spec.template.spec.containers[0]!.imagePullPolicy, 'IfNotPresent', 'defaults run on the result');
  await assert.rejects(client.patch(Deployment, key, 'json', [{ op: 'test', path: '/spec/replicas', value: 9 }]), failsWith(422, 'Invalid', /./));
  await assert.rejects(client.patch(Deployment, key, 'merge', { metadata: { resourceVersion: '1' } }), failsWith(409, 'Conflict', /modified/));
  await assert.rejects(client.patch(Deployment, key, 'merge', { metadata: { uid: 'other' } }), failsWith(409, 'Conflict', /UID in precondition/));
});

test('a custom kind takes no strategic merge patch', async () => {
  const { client } = await testApiServer();
  await client.create(BareMetalHost, host('h'));
  await assert.rejects(client.patch(BareMetalHost, { namespace: 'default', name: 'h' }, 'strategic', {}), failsWith(415, 'UnsupportedMediaType', /application\/merge-patch\+json/));
});

test('server-side apply makes, merges, prunes what its owner gives up and refuses what others own', async () => {
  const { client } = await testApiServer();
  const apply = (manager: string, data: Record<string, string>, force = false) => client.apply(ConfigMap, configMap('a', data), { fieldManager: manager, force });
  await apply('one', { x: '1', y: '1' });
  await apply('two', { z: '2' });
  assert.deepEqual((await apply('one', { x: '1' }))['data'], { x: '1', z: '2' });
  await assert.rejects(apply('two', { x: '9', z: '2' }), failsWith(409, 'Conflict', /^Apply failed with 1 conflict: conflict with "one": \.data\.x$/));
  const forced = await apply('two', { x: '9', z: '2' }, true);
  assert.deepEqual(forced['data'], { x: '9', z: '2' });
  const owners = (forced.metadata.managedFields ?? []).map((entry) => `${entry.manager} ${entry.operation}`);
  assert.deepEqual(owners, ['two Apply'], 'a manager that lost its last field is gone');
});

test('apply needs a manager, and its status endpoint owns status only', async () => {
  const { client, handler } = await testApiServer();
  const path = '/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts/h';
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const refused = await rawRequest(handler, 'PATCH', path, { body: host('h'), headers });
  assert.deepEqual([refused.status, refused.body['message']], [422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch']);
  const yaml = await rawRequest(handler, 'PATCH', `${path}?fieldManager=me`, { body: 'apiVersion: metal3.io/v1alpha1\nkind: BareMetalHost\nmetadata:\n  name: h\nspec:\n  online: true\n', headers });
  assert.equal(yaml.status, 201);
  const status = { operationalStatus: 'OK', errorMessage: '', poweredOn: true, provisioning: { ID: '', state: 'available', image: { url: '' } } };
  const applied = await client.apply(BareMetalHost, { ...host('h', { online: false }), status } as KubeObject, { fieldManager: 'me', subresource: 'status' });
  assert.equal((applied['spec'] as { online: boolean }).online, true);
  const entry = applied.metadata.managedFields?.find((one) => one.subresource === 'status');
  assert.deepEqual(Object.keys(entry?.fieldsV1 ?? {}), ['f:status']);
});

test('a dry run answers the result and stores nothing', async () => {
  const { client, store } = await testApiServer();
  const before = store.revision;
  const made = await client.create(Deployment, deployment('d'), { dryRun: true });
  assert.ok(made.metadata.uid);
  assert.equal(made.metadata.resourceVersion, undefined);
  assert.equal((made['spec'] as { replicas: number }).replicas, 1);
  assert.equal((await client.apply(Deployment, deployment('e'), { fieldManager: 'me', dryRun: true })).metadata.name, 'e');
  assert.equal(store.revision, before);
  await client.create(Deployment, deployment('d'));
  const stored = store.revision;
  assert.equal(await client.delete(Deployment, { namespace: 'default', name: 'd' }, { dryRun: true }), true);
  await client.patch(Deployment, { namespace: 'default', name: 'd' }, 'merge', { spec: { replicas: 5 } }, { dryRun: true });
  assert.equal(store.revision, stored);
});

test('a delete keeps to its preconditions and waits for finalizers', async () => {
  const { client } = await testApiServer();
  const key = { namespace: 'default', name: 'h' };
  const made = await client.create(BareMetalHost, { ...host('h'), metadata: { namespace: 'default', name: 'h', finalizers: ['test/hold'] } });
  await assert.rejects(client.delete(BareMetalHost, key, { preconditions: { uid: 'other' } }), failsWith(409, 'Conflict', /Precondition failed: UID in precondition: other/));
  assert.equal(await client.delete(BareMetalHost, key), true);
  const dying = await client.get(BareMetalHost, key);
  assert.equal(dying?.metadata.deletionTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(dying?.metadata.generation, (made.metadata.generation ?? 0) + 1);
  await assert.rejects(client.patch(BareMetalHost, key, 'merge', { metadata: { finalizers: ['test/hold', 'test/new'] } }), failsWith(422, 'Invalid', /no new finalizers can be added if the object is being deleted/));
  await assert.rejects(client.create(BareMetalHost, host('h')), failsWith(409, 'AlreadyExists', /^object is being deleted: /));
  await client.patch(BareMetalHost, key, 'merge', { metadata: { finalizers: [] } });
  assert.equal(await client.get(BareMetalHost, key), undefined);
  assert.equal(await client.delete(BareMetalHost, key), false);
});

test('a collection is deleted by its selector', async () => {
  const { client, handler } = await testApiServer();
  for (const name of ['a', 'b', 'c']) await client.create(ConfigMap, configMap(name, {}, { labels: { keep: name === 'c' ? 'yes' : 'no' } }));
  const answer = await rawRequest(handler, 'DELETE', '/api/v1/namespaces/default/configmaps?labelSelector=keep%3Dno');
  assert.equal(answer.status, 200);
  assert.deepEqual((await client.list(ConfigMap, { namespace: 'default' })).items.map((item) => item.metadata.name), ['c']);
});

test('stored bytes differ from request to request only in what changed', async () => {
  const { client, store } = await testApiServer();
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: 's' }, stringData: { password: 'x' } } as KubeObject);
  const text = new TextDecoder().decode(store.get('core/secrets/default/s')?.value);
  assert.ok(text.startsWith('{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"default","uid":'), text);
  assert.ok(text.includes('"data":{"password":"eA=="}'));
  assert.ok(!text.includes('stringData":{'), 'the plain form is not stored');
});

test('requests that cannot be read are refused and the server goes on', async () => {
  const { handler } = await testApiServer();
  const path = '/api/v1/namespaces/default/configmaps';
  const deep = `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`;
  const cases: readonly (readonly [string, string, unknown, Record<string, string>, number])[] = [
    ['POST', path, 'not json', {}, 400],
    ['POST', path, '[]', {}, 400],
    ['POST', path, deep, {}, 400],
    ['POST', path, new Uint8Array([0x7b, 0xff, 0x7d]), {}, 400],
    ['POST', path, '{}', { 'content-type': 'text/html' }, 415],
    ['POST', path, new Uint8Array(3 * 1024 * 1024 + 1), {}, 413],
    ['POST', path, { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'a' } }, {}, 400],
    ['POST', path, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }, {}, 400],
    ['POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'other' } }, {}, 400],
    ['POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { x: 5 } } }, {}, 400],
    ['POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: 'x' }, {}, 400],
    ['POST', path, new Uint8Array([0x6b, 0x38, 0x73, 0, 0xff]), { 'content-type': 'application/vnd.kubernetes.protobuf' }, 400],
    ['POST', `${path}?dryRun=Some`, {}, {}, 422],
    ['POST', `${path}?fieldValidation=Perhaps`, {}, {}, 422],
    ['GET', `${path}?labelSelector=a%20b`, undefined, {}, 400],
    ['GET', `${path}?fieldSelector=spec.x%3D1`, undefined, {}, 400],
    ['GET', `${path}?limit=many`, undefined, {}, 400],
    ['GET', `${path}?continue=nonsense`, undefined, {}, 400],
    ['GET', `${path}?resourceVersion=abc`, undefined, {}, 400],
    ['GET', `${path}/..%2f..%2fsecrets`, undefined, {}, 404],
    ['GET', '/api/v1/namespaces/default/nothings', undefined, {}, 404],
    ['GET', '/apis/nothing.example/v1/things', undefined, {}, 404],
    ['GET', '/api/v1/namespaces/default/configmaps/a/status', undefined, {}, 404],
    ['POST', '/api/v1/namespaces/default/configmaps/a', {}, {}, 405],
    ['GET', path, undefined, { accept: 'text/html' }, 406],
    ['DELETE', '/api/v1/namespaces/default', undefined, {}, 403],
  ];
  for (const [method, url, body, headers, status] of cases) {
    const answer = await rawRequest(handler, method, url, { body, headers });
    assert.equal(answer.status, status, `${method} ${url}: ${answer.text.slice(0, 200)}`);
    assert.equal(answer.body['kind'], 'Status');
    assert.equal(answer.body['code'], status);
  }
  assert.equal((await rawRequest(handler, 'GET', path)).status, 200);
});
