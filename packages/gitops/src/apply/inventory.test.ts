import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@keelson/kube';
import { inventoryEntry, mergeInventory, parseInventoryEntry, refText } from './inventory.ts';

const object = (apiVersion: string, kind: string, name: string, namespace?: string): KubeObject => ({ apiVersion, kind, metadata: { name, namespace } });

const entries: readonly (readonly [KubeObject, string, string])[] = [
  [object('apps/v1', 'Deployment', 'web', 'shop'), 'shop_web_apps_Deployment', 'v1'],
  [object('v1', 'ConfigMap', 'a.b', 'default'), 'default_a.b__ConfigMap', 'v1'],
  [object('v1', 'Namespace', 'shop'), '_shop__Namespace', 'v1'],
  [object('rbac.authorization.k8s.io/v1', 'ClusterRole', 'system:node:x'), '_system__node__x_rbac.authorization.k8s.io_ClusterRole', 'v1'],
  [object('metal3.io/v1alpha1', 'BareMetalHost', 'r1u07', 'edge'), 'edge_r1u07_metal3.io_BareMetalHost', 'v1alpha1'],
];

test('ids are written as kustomize-controller writes them, and read back', () => {
  for (const [of, id, v] of entries) {
    assert.deepEqual(inventoryEntry(of), { id, v });
    const ref = parseInventoryEntry({ id, v });
    assert.deepEqual([ref?.name, ref?.namespace, ref?.kind], [of.metadata.name, of.metadata.namespace ?? '', of.kind]);
  }
  assert.equal(parseInventoryEntry({ id: 'nonsense', v: 'v1' }), undefined);
});

test('merging keeps each id once, with the newer version', () => {
  assert.deepEqual(mergeInventory([{ id: 'a', v: 'v1' }, { id: 'b', v: 'v1' }], [{ id: 'a', v: 'v2' }]), [{ id: 'a', v: 'v2' }, { id: 'b', v: 'v1' }]);
});

test('objects are named with kind, namespace and name', () => {
  assert.equal(refText({ kind: 'Deployment', namespace: 'shop', name: 'web' }), 'Deployment/shop/web');
  assert.equal(refText({ kind: 'Namespace', namespace: '', name: 'shop' }), 'Namespace/shop');
});
