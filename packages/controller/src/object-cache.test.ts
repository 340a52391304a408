import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindRef, KubeObject } from '@keelson/kube';
import { createObjectCache, isNewer } from './object-cache.ts';

const kind: KindRef = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const object = (name: string, resourceVersion: string, owner?: string): KubeObject => ({
  apiVersion: 'v1', kind: 'ConfigMap',
  metadata: { name, namespace: 'a', resourceVersion, labels: { name }, ...(owner ? { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: owner }] } : {}) },
});

test('an older version never replaces a newer one', () => {
  const cache = createObjectCache();
  cache.set(kind, object('a', '10'));
  assert.equal(cache.set(kind, object('a', '9')).changed, false);
  assert.equal(cache.get(kind, { namespace: 'a', name: 'a' })?.metadata.resourceVersion, '10');
});

test('a late answer of a write does not bring a deleted object back', () => {
  const cache = createObjectCache();
  cache.set(kind, object('a', '10'));
  cache.remove(kind, object('a', '12'));
  cache.observe(kind, object('a', '11'));
  assert.equal(cache.get(kind, { namespace: 'a', name: 'a' }), undefined);
  cache.observe(kind, object('a', '13'));
  assert.equal(cache.get(kind, { namespace: 'a', name: 'a' })?.metadata.resourceVersion, '13');
});

test('lists by owner, labels and namespace, and forgets an owner that changed', () => {
  const cache = createObjectCache();
  cache.set(kind, object('a', '1', 'u1'));
  cache.set(kind, object('b', '2', 'u1'));
  cache.set(kind, object('a', '3', 'u2'));
  const names = (filter: Parameters<typeof cache.list>[1]) => cache.list(kind, filter).map((o) => o.metadata.name);
  assert.deepEqual([names({ ownerUid: 'u1' }), names({ ownerUid: 'u2' }), names({ labels: { name: 'b' } }), names({ namespace: 'z' })], [['b'], ['a'], ['b'], []]);
});

test('a fresh list removes what is not in it, but not what is newer than the list', () => {
  const cache = createObjectCache();
  cache.set(kind, object('old', '1'));
  cache.set(kind, object('new', '9'));
  assert.deepEqual(cache.replace(kind, [], '5').map((o) => o.metadata.name), ['old']);
  assert.deepEqual(cache.list(kind).map((o) => o.metadata.name), ['new']);
});

test('orders versions as numbers', () => {
  assert.deepEqual([isNewer('10', '9'), isNewer('9', '10'), isNewer('9', '9'), isNewer(undefined, '1'), isNewer('1', undefined)], [true, false, false, false, true]);
});
