import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refText } from './relations.ts';
import { snapshotOf } from './snapshot.ts';
import { treeOf, type TreeNode } from './tree.ts';
import { assertGolden } from './testing/golden.ts';
import { testNowMs, testSnapshot } from './testing/objects.ts';

function treeText(node: TreeNode, indent = ''): string {
  return `${indent}${refText(node.ref)}${node.ref.cluster ? ` in ${node.ref.cluster}` : ''} ${node.state?.state ?? '?'}\n${node.children.map((child) => treeText(child, `${indent}  `)).join('')}`;
}
const forest = (nodes: readonly TreeNode[]) => nodes.map((node) => treeText(node)).join('');

test('trees go from the source to pods and hosts, each object under what made it', () => {
  assertGolden('tree.golden', forest(treeOf(testSnapshot())));
});

test('a tree can begin inside a workload cluster', () => {
  const text = forest(treeOf(testSnapshot(), { group: 'apps', kind: 'Deployment', name: 'hello' }));
  assert.equal(text, 'Deployment/hello/hello in datacenter/edge ready\n  ReplicaSet/hello/hello-1 in datacenter/edge ready\n    Pod/hello/hello-1-a in datacenter/edge ready\n');
  assert.deepEqual(treeOf(testSnapshot(), { group: '', kind: 'Deployment', name: 'nothing' }), []);
});

test('what an inventory names and is not there has no state', () => {
  const text = forest(treeOf(testSnapshot({ 'Deployment/hello/hello': null }), { group: '', kind: 'Kustomization', name: 'edge-apps' }));
  assert.match(text, /Deployment\/hello\/hello in datacenter\/edge \?/);
});

const flux = (kind: string, name: string, more: object) => ({ apiVersion: kind === 'GitRepository' ? 'source.toolkit.fluxcd.io/v1' : 'kustomize.toolkit.fluxcd.io/v1', kind, metadata: { name, namespace: 'f', labels: { 'kustomize.toolkit.fluxcd.io/name': 'flux', 'kustomize.toolkit.fluxcd.io/namespace': 'f' } }, ...more });

test('a repository that holds its own Flux objects, as flux bootstrap makes it, is one tree without repeats', () => {
  const inventory = { entries: ['f_flux_source.toolkit.fluxcd.io_GitRepository', 'f_flux_kustomize.toolkit.fluxcd.io_Kustomization', 'f_apps_kustomize.toolkit.fluxcd.io_Kustomization'].map((id) => ({ id, v: 'v1' })) };
  const sourceRef = { kind: 'GitRepository', name: 'flux' };
  const objects = [flux('GitRepository', 'flux', {}), flux('Kustomization', 'flux', { spec: { sourceRef }, status: { inventory } }), flux('Kustomization', 'apps', { spec: { sourceRef } })];
  assert.equal(forest(treeOf(snapshotOf(objects, testNowMs))), 'GitRepository/f/flux waiting\n  Kustomization/f/flux waiting\n    Kustomization/f/apps waiting\n');
});

test('a Kustomization is shown though its source or what applied it was not read', () => {
  const objects = [flux('Kustomization', 'apps', { spec: { sourceRef: { kind: 'GitRepository', name: 'flux' } } })];
  assert.equal(forest(treeOf(snapshotOf(objects, testNowMs))), 'Kustomization/f/apps waiting\n');
});
