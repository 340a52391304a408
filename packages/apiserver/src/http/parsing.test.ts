import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { isPath, readPath } from './json-path.ts';
import { chooseForm } from './negotiate.ts';
import { parseResourcePath } from './path.ts';

const paths: readonly (readonly [string, object | undefined])[] = [
  ['/api/v1', { group: '', version: 'v1' }],
  ['/api/v1/nodes/n1', { group: '', version: 'v1', resource: 'nodes', name: 'n1' }],
  ['/api/v1/namespaces', { group: '', version: 'v1', resource: 'namespaces' }],
  ['/api/v1/namespaces/x', { group: '', version: 'v1', resource: 'namespaces', name: 'x' }],
  ['/api/v1/namespaces/x/status', { group: '', version: 'v1', resource: 'namespaces', name: 'x', subresource: 'status' }],
  ['/api/v1/namespaces/x/finalize', { group: '', version: 'v1', resource: 'namespaces', name: 'x', subresource: 'finalize' }],
  ['/api/v1/namespaces/x/pods', { group: '', version: 'v1', resource: 'pods', namespace: 'x' }],
  ['/api/v1/namespaces/x/pods/p/log', { group: '', version: 'v1', resource: 'pods', namespace: 'x', name: 'p', subresource: 'log' }],
  ['/api/v1/namespaces/x/pods/p/proxy/a/b', { group: '', version: 'v1', resource: 'pods', namespace: 'x', name: 'p', subresource: 'proxy', rest: ['a', 'b'] }],
  ['/api/v1/watch/namespaces/x/pods', { group: '', version: 'v1', resource: 'pods', namespace: 'x', isWatch: true }],
  ['/apis/apps/v1/namespaces/x/deployments/d/scale/', { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'x', name: 'd', subresource: 'scale' }],
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles', name: 'system:node' }],
  ['/apis/apps', undefined],
  ['/version', undefined],
  ['/api/v1/namespaces/a%2fb/pods', undefined],
  ['/api/v1/namespaces/../secrets', undefined],
  ['/api/v1/namespaces//pods', undefined],
  ['/api/v1/namespaces/%zz/pods', undefined],
];
for (const [path, expected] of paths) {
  test(`the path ${path} is ${expected ? 'read' : 'no resource'}`, () => {
    const found = parseResourcePath(path);
    const defined = found && Object.fromEntries(Object.entries(found).filter(([name, value]) => value !== undefined && !(name === 'isWatch' && value === false) && !(name === 'rest' && found.rest.length === 0)));
    assert.deepEqual(defined, expected);
  });
}

test('json paths read names, quoted names, indices, stars and filters', () => {
  const object = { spec: { 'a.b': 1, list: [{ n: 'x', v: 1 }, { n: 'y', v: 2, ok: true }] }, status: { conditions: [{ type: 'Ready', status: 'True' }] } };
  const cases: readonly (readonly [string, unknown[]])[] = [
    ['.spec.list[0].n', ['x']],
    ['{.spec.list[*].v}', [1, 2]],
    ['.spec.list[-1].n', ['y']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Other')].status", []],
    ['.spec.list[?(@.v==2)].n', ['y']],
    ['.spec.list[?(@.ok==true)].n', ['y']],
    [".spec['a.b']", [1]],
    ['.spec.a\\.b', [1]],
    ['.spec.nothing.deeper', []],
    ['.constructor', []],
  ];
  for (const [path, expected] of cases) assert.deepEqual(readPath(object, path), expected, path);
  assert.equal(isPath('.a[?(@.b > 1)]'), false);
});

test('an answer has the first form of the Accept header that can be given', () => {
  const all = { table: true, metadata: true };
  assert.deepEqual(chooseForm(undefined, all), { kind: 'object' });
  assert.deepEqual(chooseForm('application/vnd.kubernetes.protobuf,application/json', all), { kind: 'object' });
  assert.deepEqual(chooseForm('application/json;as=Table;v=v1;g=meta.k8s.io,application/json', all), { kind: 'table', version: 'v1' });
  assert.deepEqual(chooseForm('application/json;as=Table;v=v2;g=meta.k8s.io,application/json', all), { kind: 'object' });
  assert.deepEqual(chooseForm('application/json;as=Table;v=v1;g=meta.k8s.io', { table: false, metadata: true }), undefined);
  assert.deepEqual(chooseForm('application/json;q=0.1, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', all), { kind: 'metadata', version: 'v1' });
  assert.deepEqual(chooseForm('text/html', all), undefined);
});

test('fields that stand twice are found wherever they are', () => {
  assert.deepEqual(duplicateFields('{"a":1,"b":{"c":[{"d":1,"d":2}]},"a":3}'), ['duplicate field "b.c[0].d"', 'duplicate field "a"']);
  assert.deepEqual(duplicateFields('{"a":"\\"b\\":1","\\u0061":2}'), ['duplicate field "a"']);
  assert.deepEqual(duplicateFields(' [ { } , [ ] , "x" , -1.5e3 , true ] '), []);
});

test('a continue token is read back, and what we did not write is refused', () => {
  assert.deepEqual(decodeContinue(encodeContinue(7, 'default/a')), { revision: 7, start: 'default/a' });
  const forged = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const token of ['x', forged({}), forged({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' }), forged({ v: 'meta.k8s.io/v1', rv: 1, start: '../../secrets' }), forged({ v: 'other', rv: 1, start: 'a' })]) {
    assert.throws(() => decodeContinue(token), /continue key is not valid/);
  }
});
