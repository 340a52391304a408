import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApiServer } from '@keelson/apiserver/testing';
import { Node, Pod } from '@keelson/api';
import type { KubeClient } from '@keelson/kube/client';
import { TransportError } from '@keelson/std';
import { attachedVolumes, drainDecision, drainNode } from './drain.ts';

const pod = (name: string, more: Partial<Pod['metadata']> = {}, phase = 'Running'): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...more }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] }, status: { phase },
});

test('a drain leaves alone what the node itself or a DaemonSet keeps', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true };
  const rows: readonly [string, Pod, string][] = [
    ['plain', pod('a'), 'evict'],
    ['mirror', pod('a', { annotations: { 'kubernetes.io/config.mirror': 'x' } }), 'skip'],
    ['daemon set', pod('a', { ownerReferences: [owner] }), 'skip'],
    ['finished', pod('a', {}, 'Succeeded'), 'skip'],
    ['asked to be skipped', pod('a', { labels: { 'cluster.x-k8s.io/drain': 'skip' } }), 'skip'],
    ['asked to be waited for', pod('a', { labels: { 'cluster.x-k8s.io/drain': 'wait-completed' } }), 'wait'],
  ];
  for (const [name, of, expected] of rows) assert.equal(drainDecision(of), expected, name);
});

test('a drain cordons the node, takes its pods and says who is left', async () => {
  const { client } = await testApiServer();
  await client.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  await client.create(Pod, pod('web'));
  await client.create(Pod, pod('batch', { labels: { 'cluster.x-k8s.io/drain': 'wait-completed' } }));
  await client.create(Pod, { ...pod('elsewhere'), spec: { nodeName: 'n2', containers: [{ name: 'c', image: 'i' }] } });
  const first = await drainNode(client, 'n1');
  assert.deepEqual(typeof first === 'object' && first.pods.map((text) => text.split(' ')[0]).sort(), ['default/batch', 'default/web']);
  assert.equal((await client.get<Node>(Node, { name: 'n1' }))?.spec?.unschedulable, true);
  const web = await client.get<Pod>(Pod, { namespace: 'default', name: 'web' });
  assert.ok(!web || web.metadata.deletionTimestamp, 'the pod was asked to go');
  assert.ok(await client.get(Pod, { namespace: 'default', name: 'elsewhere' }));
  await client.delete(Pod, { namespace: 'default', name: 'batch' }, { gracePeriodSeconds: 0 });
  if (web) await client.delete(Pod, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
  assert.equal(await drainNode(client, 'n1'), 'done');
  assert.equal(await drainNode(client, 'no-such-node'), 'done');
  assert.equal(await attachedVolumes(client, 'n1'), 'done');
});

test('an API server that does not answer is no drained node', async () => {
  const refuse = async () => {
    throw new TransportError('connect ECONNREFUSED', 'ECONNREFUSED');
  };
  // Only what a drain calls is needed.
  const client = { get: refuse, list: refuse, patch: refuse } as unknown as KubeClient;
  assert.equal(await drainNode(client, 'n1'), 'unreachable');
  assert.equal(await attachedVolumes(client, 'n1'), 'unreachable');
});
