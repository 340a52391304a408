import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@keelson/kube';
import { applierOf, clusterNameOf, dependenciesOf, inventoryOf, providerRef, refText, sourceOf, splitRevision, targetClusterOf } from './relations.ts';

const object = (more: object, metadata: object = {}): KubeObject => ({ apiVersion: 'x/v1', kind: 'X', metadata: { name: 'x', namespace: 'ns', ...metadata }, ...more });

test('inventory ids are taken apart as cli-utils writes them', () => {
  const ids = ['shop_web_apps_Deployment', '_shop__Namespace', '_system__node__reader_rbac.authorization.k8s.io_ClusterRole', 'broken'];
  assert.deepEqual(inventoryOf(object({ status: { inventory: { entries: ids.map((id) => ({ id, v: 'v1' })) } } })), [
    { group: 'apps', kind: 'Deployment', name: 'web', namespace: 'shop' },
    { group: '', kind: 'Namespace', name: 'shop' },
    { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node:reader' },
  ]);
  assert.deepEqual(inventoryOf(object({})), []);
});

test('what applied an object is read from its labels; a release is nearer than a Kustomization', () => {
  const labels = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' };
  assert.deepEqual(applierOf(object({}, { labels })), { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', name: 'apps', namespace: 'flux-system' });
  assert.equal(applierOf(object({}, { labels: { ...labels, 'helm.toolkit.fluxcd.io/name': 'podinfo', 'helm.toolkit.fluxcd.io/namespace': 'apps' } }))?.kind, 'HelmRelease');
  assert.equal(applierOf(object({})), undefined);
});

test('sources of Kustomizations and releases', () => {
  assert.deepEqual(sourceOf(object({ spec: { sourceRef: { kind: 'GitRepository', name: 'g' } } })), { kind: 'GitRepository', name: 'g', namespace: 'ns' });
  assert.deepEqual(sourceOf(object({ spec: { chart: { spec: { sourceRef: { kind: 'HelmRepository', name: 'h', namespace: 'o' } } } } })), { kind: 'HelmRepository', name: 'h', namespace: 'o' });
  assert.deepEqual(sourceOf(object({ spec: { chartRef: { kind: 'OCIRepository', name: 'c' } } })), { kind: 'OCIRepository', name: 'c', namespace: 'ns' });
  assert.equal(sourceOf(object({})), undefined);
});

test('references of Cluster API in both of its versions', () => {
  assert.deepEqual(providerRef(object({ spec: { infrastructureRef: { apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta1', kind: 'DockerMachine', name: 'm' } } }), 'infrastructureRef'), { group: 'infrastructure.cluster.x-k8s.io', kind: 'DockerMachine', name: 'm' });
  assert.deepEqual(providerRef(object({ spec: { bootstrap: { configRef: { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'TalosConfig', name: 'm' } } } }), 'configRef'), { group: 'bootstrap.cluster.x-k8s.io', kind: 'TalosConfig', name: 'm' });
  assert.equal(providerRef(object({ spec: { controlPlaneRef: {} } }), 'controlPlaneRef'), undefined);
  assert.equal(clusterNameOf(object({ spec: { clusterName: 'a' } }, { labels: { 'cluster.x-k8s.io/cluster-name': 'b' } })), 'b');
});

test('the cluster that a Kustomization applies into is known by the name of its kubeconfig Secret', () => {
  assert.equal(targetClusterOf(object({ spec: { kubeConfig: { secretRef: { name: 'edge-kubeconfig' } } } })), 'ns/edge');
  assert.equal(targetClusterOf(object({ spec: { kubeConfig: { secretRef: { name: 'other' } } } })), undefined);
});

test('names, dependencies and revisions as people write them', () => {
  assert.deepEqual(dependenciesOf(object({ spec: { dependsOn: [{ name: 'a' }, { name: 'b', namespace: 'o' }] } })), ['ns/a', 'o/b']);
  assert.equal(refText({ group: '', kind: 'Node', name: 'n' }), 'Node/n');
  assert.deepEqual([splitRevision('main@sha1:abc'), splitRevision('sha1:abc'), splitRevision('feature/a@b@sha256:abc')], [{ branch: 'main', commit: 'abc' }, { branch: '', commit: 'abc' }, { branch: 'feature/a@b', commit: 'abc' }]);
});
