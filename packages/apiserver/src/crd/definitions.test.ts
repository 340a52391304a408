import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CustomResourceDefinition } from '@keelson/api';
import type { Condition, KindRef, KubeObject } from '@keelson/kube';
import { ApiError, createKubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { rawRequest, testApiServer } from '../testing/index.ts';

const Widget: KindRef = { group: 'example.com', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true };
const specSchema = { type: 'object', properties: { size: { type: 'integer', minimum: 1, default: 3 }, replicas: { type: 'integer' }, names: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } } } };
const version = (name: string, more: object = {}) => ({
  name, served: true, storage: name === 'v1',
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: specSchema, status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } } } } },
  subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' } },
  additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
  ...more,
});
const definition = (versions: object[] = [version('v1')], spec: object = {}): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] }, versions, ...spec },
});
const widget = (name: string, spec: object = {}, apiVersion = 'example.com/v1'): KubeObject => ({ apiVersion, kind: 'Widget', metadata: { namespace: 'default', name }, spec });
const conditionsOf = (object: KubeObject | undefined) => Object.fromEntries((object!['status'] as { conditions: Condition[] }).conditions.map((condition) => [condition.type, condition.status]));

test('a definition serves its kind from the moment it is answered', async () => {
  const { client } = await testApiServer();
  const made = await client.create(CustomResourceDefinition, definition());
  assert.deepEqual(conditionsOf(made), { NamesAccepted: 'True', Established: 'True' });
  const status = made['status'] as { storedVersions: string[]; acceptedNames: { singular: string; listKind: string } };
  assert.deepEqual(status.storedVersions, ['v1']);
  assert.deepEqual([status.acceptedNames.singular, status.acceptedNames.listKind], ['widget', 'WidgetList']);
  const made2 = await client.create(Widget, widget('w', { unknown: 1 }));
  assert.deepEqual(made2['spec'], { size: 3 }, 'pruned and defaulted');
  assert.deepEqual(await client.resolve('example.com/v1', 'Widget'), Widget);
});

test('objects are held to the schema', async () => {
  const { client } = await testApiServer();
  await client.create(CustomResourceDefinition, definition());
  const refused = (spec: object, pattern: RegExp) =>
    assert.rejects(client.create(Widget, widget('w', spec)), (error) => error instanceof ApiError && error.code === 422 && (pattern.test(error.message) || assert.fail(error.message)));
  await refused({ size: 0 }, /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/);
  await refused({ size: 'x' }, /spec\.size: Invalid value: "string": spec\.size in body must be of type integer: "string"/);
  await refused({ names: ['a', 'a'] }, /spec\.names\[1\]: Duplicate value: "a"/);
});

test('an error that was there before does not stop an update elsewhere', async () => {
  const { client } = await testApiServer();
  const stored = await client.create(CustomResourceDefinition, definition());
  await client.create(Widget, widget('w', { size: 5 }));
  const stricter = { ...specSchema, properties: { ...specSchema.properties, size: { type: 'integer', minimum: 10 } } };
  await client.update(CustomResourceDefinition, { ...stored, spec: { ...(stored['spec'] as object), versions: [version('v1', { schema: { openAPIV3Schema: { type: 'object', properties: { spec: stricter } } } })] } });
  const patch = (spec: object) => client.patch(Widget, { namespace: 'default', name: 'w' }, 'merge', { spec });
  assert.deepEqual((await patch({ replicas: 1 }))['spec'], { size: 5, replicas: 1 });
  await assert.rejects(patch({ size: 6 }), /should be greater than or equal to 10/);
});

test('a new default shows on objects that were stored before it', async () => {
  const { client } = await testApiServer();
  const stored = await client.create(CustomResourceDefinition, definition());
  await client.create(Widget, widget('w'));
  const wider = { ...specSchema, properties: { ...specSchema.properties, colour: { type: 'string', default: 'red' } } };
  await client.update(CustomResourceDefinition, { ...stored, spec: { ...(stored['spec'] as object), versions: [version('v1', { schema: { openAPIV3Schema: { type: 'object', properties: { spec: wider } } } })] } });
  const seen = await client.get(Widget, { namespace: 'default', name: 'w' });
  assert.deepEqual(seen?.['spec'], { colour: 'red', size: 3 });
  assert.deepEqual((await client.list(Widget)).items[0]?.['spec'], { colour: 'red', size: 3 });
});

test('every served version shows the same objects, stored in one of them', async () => {
  const { client, store } = await testApiServer();
  await client.create(CustomResourceDefinition, definition([version('v1'), version('v2', { deprecated: true })]));
  const v2 = { ...Widget, version: 'v2' };
  await client.create(v2, widget('w', { size: 4 }, 'example.com/v2'));
  assert.ok(new TextDecoder().decode(store.get('example.com/widgets/default/w')?.value).startsWith('{"apiVersion":"example.com/v1"'));
  assert.equal((await client.get(v2, { namespace: 'default', name: 'w' }))?.apiVersion, 'example.com/v2');
  assert.deepEqual((await client.list(v2)).items.map((item) => item.apiVersion), ['example.com/v2']);
  assert.equal((await client.get(Widget, { namespace: 'default', name: 'w' }))?.apiVersion, 'example.com/v1');
});

test('a deprecated version warns, and one that is not served is not there', async () => {
  const { client, handler } = await testApiServer();
  await client.create(CustomResourceDefinition, definition([version('v1'), version('v2', { deprecated: true, deprecationWarning: 'use v1' }), version('v0', { served: false })]));
  const answer = await rawRequest(handler, 'GET', '/apis/example.com/v2/namespaces/default/widgets');
  assert.equal(answer.headers['warning'], '299 - "use v1"');
  assert.equal((await rawRequest(handler, 'GET', '/apis/example.com/v0/namespaces/default/widgets')).status, 404);
});

test('scale reads and writes the replicas of the object', async () => {
  const { client } = await testApiServer();
  await client.create(CustomResourceDefinition, definition());
  await client.create(Widget, widget('w', { replicas: 2 }));
  await client.patch(Widget, { namespace: 'default', name: 'w' }, 'merge', { status: { replicas: 1, selector: 'a=b' } }, { subresource: 'status' });
  const path = '/apis/example.com/v1/namespaces/default/widgets/w/scale';
  const scale = (await client.raw('GET', path)).body as KubeObject;
  assert.deepEqual([scale.kind, scale['spec'], scale['status']], ['Scale', { replicas: 2 }, { replicas: 1, selector: 'a=b' }]);
  const put = await client.raw('PUT', path, { ...scale, spec: { replicas: 5 } });
  assert.deepEqual([put.status, (put.body as KubeObject)['spec']], [200, { replicas: 5 }]);
  assert.equal((await client.raw('PUT', path, { ...scale, spec: { replicas: 6 } })).status, 409, 'an old version is a conflict');
  assert.equal((await client.raw('PATCH', path, { spec: { replicas: -1 } }, { 'content-type': 'application/merge-patch+json' })).status, 422);
  const live = await client.get(Widget, { namespace: 'default', name: 'w' });
  assert.equal((live!['spec'] as { replicas: number }).replicas, 5);
  assert.ok(live?.metadata.managedFields?.some((entry) => entry.subresource === 'scale'));
});

const wrong: readonly (readonly [string, KubeObject, RegExp])[] = [
  ['a name that is not plural.group', { ...definition(), metadata: { name: 'other.example.com' } }, /must be spec\.names\.plural\+"\."\+spec\.group/],
  ['two storage versions', definition([version('v1'), version('v2', { storage: true })]), /must have exactly one version marked as storage version/],
  ['no schema', definition([version('v1', { schema: undefined })]), /schemas are required/],
  ['a schema without a type', definition([version('v1', { schema: { openAPIV3Schema: { type: 'object', properties: { spec: { properties: {} } } } } })]), /properties\[spec\]\.type: Required value: must not be empty for specified object fields/],
  ['a reference in the schema', definition([version('v1', { schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', $ref: '#/x' } } } } })]), /\$ref is not supported/],
  ['a conversion webhook', definition(undefined, { conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } } }), /conversion by webhook is not supported/],
  ['a protected group without approval', { ...definition(undefined, { group: 'x.k8s.io' }), metadata: { name: 'widgets.x.k8s.io' } }, /protected groups must have approval annotation/],
];
for (const [what, object, pattern] of wrong) {
  test(`a definition with ${what} is refused`, async () => {
    const { client } = await testApiServer();
    await assert.rejects(client.create(CustomResourceDefinition, object), (error) => error instanceof ApiError && error.code === 422 && (pattern.test(error.message) || assert.fail(error.message)));
  });
}

test('a kind whose names are taken in its group is not served', async () => {
  const { client } = await testApiServer();
  await client.create(CustomResourceDefinition, definition());
  const twin = definition(undefined, { names: { plural: 'gadgets', kind: 'Widget', singular: 'gadget' } });
  const made = await client.create(CustomResourceDefinition, { ...twin, metadata: { name: 'gadgets.example.com' } });
  assert.deepEqual(conditionsOf(made), { NamesAccepted: 'False', Established: 'False' });
  assert.equal((await client.raw('GET', '/apis/example.com/v1/gadgets')).status, 404);
});

test('a definition that is deleted takes its objects along and waits for their finalizers', async () => {
  const { client } = await testApiServer();
  await client.create(CustomResourceDefinition, definition());
  await client.create(Widget, widget('a'));
  await client.create(Widget, { ...widget('b'), metadata: { namespace: 'default', name: 'b', finalizers: ['test/hold'] } });
  await client.delete(CustomResourceDefinition, { name: 'widgets.example.com' });
  await settle();
  assert.deepEqual((await client.list(Widget)).items.map((item) => item.metadata.name), ['b']);
  await assert.rejects(client.create(Widget, widget('c')), /terminating/);
  await client.patch(Widget, { namespace: 'default', name: 'b' }, 'merge', { metadata: { finalizers: null } });
  await settle();
  assert.equal(await client.get(CustomResourceDefinition, { name: 'widgets.example.com' }), undefined);
  assert.equal((await client.raw('GET', '/apis/example.com/v1/widgets')).status, 404);
});

/** Lets background work that needs no time come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

test('definitions in the store are served again after a restart', async () => {
  const store = createMemoryStore();
  const env = virtualEnv();
  const first = await createApiServer({ env, store });
  const before = createKubeClient({ transport: first.localHandler, baseUrl: 'http://apiserver' });
  await before.create(CustomResourceDefinition, definition());
  await before.create(Widget, widget('w'));
  await first.close();
  const second = await createApiServer({ env, store });
  const after = createKubeClient({ transport: second.localHandler, baseUrl: 'http://apiserver' });
  assert.deepEqual((await after.list(Widget)).items.map((item) => item.metadata.name), ['w']);
});

test('the kinds that the program brings are definitions too, and can be changed by theirs', async () => {
  const { client } = await testApiServer();
  const { items } = await client.list(CustomResourceDefinition);
  const host = items.find((item) => item.metadata.name === 'baremetalhosts.metal3.io');
  assert.deepEqual(conditionsOf(host), { NamesAccepted: 'True', Established: 'True' });
  const versions = (host!['spec'] as { versions: { additionalPrinterColumns: object[]; schema: { openAPIV3Schema: { properties: { spec: { properties: Record<string, object> } } } } }[] }).versions;
  versions[0]!.schema.openAPIV3Schema.properties.spec.properties['added'] = { type: 'string', default: 'here' };
  await client.update(CustomResourceDefinition, host!);
  const made = await client.create({ group: 'metal3.io', version: 'v1alpha1', kind: 'BareMetalHost', plural: 'baremetalhosts', namespaced: true }, { apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { namespace: 'default', name: 'h' }, spec: { online: true } });
  assert.equal((made['spec'] as { added: string }).added, 'here');
});

test('a server can leave kinds of the program out', async () => {
  const server = await createApiServer({ env: virtualEnv(), store: createMemoryStore(), kinds: (resource) => resource.builtIn });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  assert.equal((await client.raw('GET', '/apis/metal3.io/v1alpha1/baremetalhosts')).status, 404);
  assert.deepEqual((await client.list(CustomResourceDefinition)).items, []);
});
