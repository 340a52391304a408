import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawRequest, testApiServer } from '../testing/index.ts';

interface Document {
  readonly paths: Record<string, Record<string, { requestBody?: { content: object }; parameters?: { name: string }[]; 'x-kubernetes-group-version-kind'?: object }>>;
  readonly components: { schemas: Record<string, { 'x-kubernetes-group-version-kind'?: object[]; properties?: Record<string, object> }> };
}

async function documentOf(groupVersion: string) {
  const { handler } = await testApiServer();
  const index = await rawRequest(handler, 'GET', '/openapi/v3');
  const { serverRelativeURL } = (index.body['paths'] as Record<string, { serverRelativeURL: string }>)[groupVersion]!;
  const answer = await rawRequest(handler, 'GET', serverRelativeURL);
  return { handler, url: serverRelativeURL, answer, document: answer.body as unknown as Document };
}

test('a PATCH of a built-in kind says which patches it takes and that it validates fields', async () => {
  const { document } = await documentOf('apis/apps/v1');
  const patch = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch'];
  assert.deepEqual(Object.keys(patch?.requestBody?.content ?? {}), ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml', 'application/strategic-merge-patch+json']);
  assert.ok(patch?.parameters?.some((parameter) => parameter.name === 'fieldValidation'));
  assert.deepEqual(patch?.['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
});

test('a custom kind has its schema under a name of its own, with ObjectMeta, and no strategic merge patch', async () => {
  const { document } = await documentOf('apis/metal3.io/v1alpha1');
  const schema = document.components.schemas['io.metal3.v1alpha1.BareMetalHost'];
  assert.deepEqual(schema?.['x-kubernetes-group-version-kind'], [{ group: 'metal3.io', kind: 'BareMetalHost', version: 'v1alpha1' }]);
  assert.deepEqual(schema?.properties?.['metadata'], { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }] });
  const patch = document.paths['/apis/metal3.io/v1alpha1/namespaces/{namespace}/baremetalhosts/{name}']?.['patch'];
  assert.ok(!Object.keys(patch?.requestBody?.content ?? {}).includes('application/strategic-merge-patch+json'));
});

test('every reference of every document leads somewhere', async () => {
  const { handler } = await testApiServer();
  const index = (await rawRequest(handler, 'GET', '/openapi/v3')).body['paths'] as Record<string, { serverRelativeURL: string }>;
  assert.ok(Object.keys(index).length > 20);
  for (const { serverRelativeURL } of Object.values(index)) {
    const { text, body } = await rawRequest(handler, 'GET', serverRelativeURL);
    const { schemas } = (body as unknown as Document).components;
    const missing = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].filter((match) => !schemas[match[1]!]);
    assert.deepEqual(missing.map((match) => match[1]), [], serverRelativeURL);
  }
});

test('a document is kept by its hash, and an old hash leads to the new one', async () => {
  const { handler, url, answer } = await documentOf('api/v1');
  assert.equal(answer.headers['cache-control'], 'public, immutable');
  assert.match(answer.headers['expires'] ?? '', /^\w{3}, \d\d \w{3} 2027 00:00:00 GMT$/);
  const moved = await rawRequest(handler, 'GET', '/openapi/v3/api/v1?hash=OLD');
  assert.deepEqual([moved.status, moved.headers['location']], [301, url]);
  assert.equal((await rawRequest(handler, 'GET', '/openapi/v3/api/v1', { headers: { 'if-none-match': answer.headers['etag'] ?? '' } })).status, 304);
  assert.equal((await rawRequest(handler, 'GET', '/openapi/v3/apis/nothing/v1')).status, 404);
});
