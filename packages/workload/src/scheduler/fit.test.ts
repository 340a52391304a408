import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, NodeSpec, Pod, PodSpec } from '@keelson/api';
import { chooseNode, type NodeView } from './fit.ts';
import { podRequests } from './resources.ts';

const node = (name: string, changes: { labels?: Record<string, string>; spec?: NodeSpec; pods?: Pod[] } = {}): NodeView => ({
  node: { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { zone: 'a', ...changes.labels } }, spec: changes.spec ?? {}, status: { allocatable: { cpu: '2', memory: '4Gi', pods: '3' } } } satisfies Node,
  pods: changes.pods ?? [],
});
const pod = (spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}, owner?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', labels, ...(owner ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }] } : {}) },
  spec: { containers: [{ name: 'main' }], ...spec },
});
const cpu = (amount: string): Partial<PodSpec> => ({ containers: [{ name: 'main', resources: { requests: { cpu: amount } } }] });
const apart = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } }] } } };
const together = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'x' } } }] } } };
const host = (name: string) => ({ 'kubernetes.io/hostname': name });

const cases: readonly (readonly [name: string, pod: Pod, nodes: readonly NodeView[], expected: string])[] = [
  ['no node at all', pod(), [], 'no nodes available to schedule pods'],
  ['a node selector', pod({ nodeSelector: { disk: 'ssd' } }), [node('a'), node('b', { labels: { disk: 'ssd' } })], 'b'],
  ['a cordoned node', pod(), [node('a', { spec: { unschedulable: true } })], '0/1 nodes are available: 1 node(s) were unschedulable.'],
  ['a taint without toleration', pod(), [node('a', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } })], '0/1 nodes are available: 1 node(s) had untolerated taint {k: v}.'],
  ['a taint with toleration', pod({ tolerations: [{ key: 'k', operator: 'Exists' }] }), [node('a', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } })], 'a'],
  ['a toleration of another value', pod({ tolerations: [{ key: 'k', value: 'w' }] }), [node('a', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } })], '0/1 nodes are available: 1 node(s) had untolerated taint {k: v}.'],
  ['too little cpu', pod(cpu('1500m')), [node('a', { pods: [pod(cpu('1'))] })], '0/1 nodes are available: 1 Insufficient cpu.'],
  ['ended pods take nothing', pod(cpu('1500m')), [node('a', { pods: [{ ...pod(cpu('1')), status: { phase: 'Succeeded' } }] })], 'a'],
  ['too many pods', pod(), [node('a', { pods: [pod(), pod(), pod()] })], '0/1 nodes are available: 1 Too many pods.'],
  ['the emptier node', pod(cpu('500m')), [node('a', { pods: [pod(cpu('1'))] }), node('b')], 'b'],
  ['the node without a sibling', pod({}, {}, 'set'), [node('a', { pods: [pod({}, {}, 'set')] }), node('b', { pods: [pod(cpu('100m'))] })], 'b'],
  ['equal nodes by name', pod(), [node('b'), node('a')], 'a'],
  ['a host port that is taken', pod({ containers: [{ name: 'm', ports: [{ containerPort: 80, hostPort: 80 }] }] }), [node('a', { pods: [pod({ containers: [{ name: 'm', ports: [{ containerPort: 80, hostPort: 80 }] }] })] })], "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."],
  ['apart from its own kind', pod(apart, { app: 'x' }), [node('a', { labels: host('a'), pods: [pod({}, { app: 'x' })] }), node('b', { labels: host('b') })], 'b'],
  ['what runs there wants to be alone', pod({}, { app: 'x' }), [node('a', { labels: host('a'), pods: [pod(apart, { app: 'y' })] })], "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."],
  ['together in a zone', pod(together, {}), [node('a', { labels: { zone: 'a' } }), node('b', { labels: { zone: 'b' }, pods: [pod({}, { app: 'x' })] })], 'b'],
  ['the first of those that want to be together', pod(together, { app: 'x' }), [node('a')], 'a'],
  ['nobody to be together with', pod(together, {}), [node('a')], "0/1 nodes are available: 1 node(s) didn't match pod affinity rules."],
];
for (const [name, what, nodes, expected] of cases) {
  test(`${name}: ${expected}`, () => {
    const choice = chooseNode(what, nodes);
    assert.equal('node' in choice ? choice.node : choice.unschedulable, expected);
  });
}

test('a node affinity names nodes by field and by labels', () => {
  const affinity = (term: object): Partial<PodSpec> => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } } });
  const nodes = [node('a', { labels: { gen: '3' } }), node('b', { labels: { gen: '5' } })];
  const chosen = (term: object) => chooseNode(pod(affinity(term)), nodes);
  assert.deepEqual(chosen({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }), { node: 'b' });
  assert.deepEqual(chosen({ matchExpressions: [{ key: 'gen', operator: 'Gt', values: ['4'] }] }), { node: 'b' });
  assert.deepEqual(chosen({ matchExpressions: [{ key: 'gen', operator: 'NotIn', values: ['5'] }] }), { node: 'a' });
  assert.ok('unschedulable' in chosen({}));
});

test('init containers count by the largest, sidecars beside the rest', () => {
  const ask = (amount: string) => ({ requests: { cpu: amount } });
  const spec: PodSpec = {
    initContainers: [
      { name: 'side', restartPolicy: 'Always', resources: ask('100m') },
      { name: 'init', resources: ask('1') },
    ],
    containers: [{ name: 'a', resources: ask('300m') }, { name: 'b', resources: { limits: { cpu: '200m' } } }],
  };
  assert.ok(Math.abs(podRequests(spec)['cpu']! - 1.1) < 1e-9);
});
