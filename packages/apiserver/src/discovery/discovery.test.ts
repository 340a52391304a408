import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CustomResourceDefinition } from '@keelson/api';
import { rawRequest, testApiServer } from '../testing/index.ts';
import { compareVersions } from './version-order.ts';

const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json' };

test('versions are ordered as clients prefer them', () => {
  const given = ['v1beta1', 'v2', 'foo', 'v1', 'v1alpha1', 'v10', 'v1beta2', 'v2alpha1'];
  assert.deepEqual(given.sort(compareVersions), ['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v2alpha1', 'v1alpha1', 'foo']);
});

interface Discovered {
  readonly metadata: { name?: string };
  readonly versions: { version: string; freshness: string; resources: { resource: string; responseKind: object; scope: string; verbs: string[]; subresources?: { subresource: string; responseKind: { kind: string } }[] }[] }[];
}

test('aggregated discovery lists every group with kinds, verbs and subresources', async () => {
  const { handler } = await testApiServer();
  const core = await rawRequest(handler, 'GET', '/api', { headers: aggregated });
  assert.equal(core.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const pods = (core.body['items'] as Discovered[])[0]?.versions[0]?.resources.find((one) => one.resource === 'pods');
  assert.deepEqual(pods?.responseKind, { group: '', version: 'v1', kind: 'Pod' });
  assert.ok(pods?.subresources?.some((sub) => sub.subresource === 'eviction' && sub.responseKind.kind === 'Eviction'));
  const groups = (await rawRequest(handler, 'GET', '/apis', { headers: aggregated })).body['items'] as Discovered[];
  const apps = groups.find((group) => group.metadata.name === 'apps');
  assert.deepEqual(apps?.versions.map((version) => [version.version, version.freshness]), [['v1', 'Current']]);
  const clusters = groups.find((group) => group.metadata.name === 'cluster.x-k8s.io');
  assert.deepEqual(clusters?.versions.map((version) => version.version), ['v1beta2', 'v1beta1']);
  assert.ok(groups.every((group) => group.versions.every((version) => version.resources.every((resource) => resource.responseKind))));
});

test('a document that a client has is not sent again until a kind comes', async () => {
  const { handler, client } = await testApiServer();
  const { etag } = (await rawRequest(handler, 'GET', '/apis', { headers: aggregated })).headers;
  const again = () => rawRequest(handler, 'GET', '/apis', { headers: { ...aggregated, 'if-none-match': etag ?? '' } });
  assert.equal((await again()).status, 304);
  const schema = { openAPIV3Schema: { type: 'object' } };
  await client.create(CustomResourceDefinition, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
    spec: { group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema }] },
  });
  const changed = await again();
  assert.equal(changed.status, 200);
  assert.ok(changed.text.includes('"things"'));
});

test('legacy discovery says the same in its own form', async () => {
  const { handler } = await testApiServer();
  assert.deepEqual((await rawRequest(handler, 'GET', '/api')).body['versions'], ['v1']);
  const groups = (await rawRequest(handler, 'GET', '/apis')).body['groups'] as { name: string; preferredVersion: { groupVersion: string } }[];
  assert.equal(groups.find((group) => group.name === 'cluster.x-k8s.io')?.preferredVersion.groupVersion, 'cluster.x-k8s.io/v1beta2');
  assert.equal((await rawRequest(handler, 'GET', '/apis/apps')).body['kind'], 'APIGroup');
  const { body } = await rawRequest(handler, 'GET', '/apis/apps/v1');
  const resources = body['resources'] as { name: string; kind: string; group?: string; namespaced: boolean; verbs: string[] }[];
  const scale = resources.find((one) => one.name === 'deployments/scale');
  assert.deepEqual([scale?.kind, scale?.group, scale?.verbs], ['Scale', 'autoscaling', ['get', 'patch', 'update']]);
  assert.equal((await rawRequest(handler, 'GET', '/apis/nothing')).status, 404);
  assert.equal((await rawRequest(handler, 'GET', '/apis/apps/v9')).status, 404);
});
