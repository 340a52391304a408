import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransportError, jsonResponse, type HttpHandler } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import { createKubeClient } from '@keelson/kube/client';
import { testApiServer } from '@keelson/apiserver/testing';
import { kindByName, Kustomization } from '@keelson/api';
import { chainOf } from './chain.ts';
import { collect } from './collect.ts';
import { findingsOf } from './findings.ts';
import { testNowMs } from './testing/objects.ts';

const statusOf = (code: number, reason: string) => jsonResponse(code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message: `${reason} by the test` });

/** An API server of upstream's shape: lists by path, everything else not found. Nothing but GET is answered. */
function upstream(lists: Readonly<Record<string, readonly object[] | number>>, groups: Readonly<Record<string, readonly string[]>> = {}): { readonly client: ReturnType<typeof createKubeClient>; readonly asked: string[] } {
  const asked: string[] = [];
  const transport: HttpHandler = async ({ method, url }) => {
    const { pathname } = new URL(url);
    asked.push(`${method} ${pathname}`);
    assert.equal(method, 'GET');
    const found = lists[pathname];
    if (typeof found === 'number') return statusOf(found, found === 403 ? 'Forbidden' : 'Unauthorized');
    if (found) return jsonResponse(200, { metadata: { resourceVersion: '1' }, items: found });
    const group = /^\/apis\/([^/]+)$/.exec(pathname)?.[1];
    if (group && groups[group]) return jsonResponse(200, { kind: 'APIGroup', name: group, versions: groups[group].map((version) => ({ version, groupVersion: `${group}/${version}` })), preferredVersion: { version: groups[group][0] } });
    const resources = /^\/apis\/([^/]+)\/([^/]+)$/.exec(pathname);
    if (resources && groups[resources[1]!]?.includes(resources[2]!)) {
      const names = Object.keys(lists).filter((path) => path.startsWith(`${pathname}/`)).map((path) => path.split('/').at(-1)!);
      return jsonResponse(200, { kind: 'APIResourceList', resources: names.map((name) => ({ name, kind: kindNames[name], namespaced: true })) });
    }
    return statusOf(404, 'NotFound');
  };
  return { client: createKubeClient({ transport, baseUrl: 'https://upstream' }), asked };
}
const kindNames: Readonly<Record<string, string>> = { clusters: 'Cluster', machines: 'Machine', kubeadmcontrolplanes: 'KubeadmControlPlane', dockerclusters: 'DockerCluster', gitrepositories: 'GitRepository' };

test('reads our own server, and says nothing is declared when nothing is', async () => {
  const { client } = await testApiServer();
  const empty = await collect(client, { nowMs: testNowMs });
  assert.deepEqual([empty.all.length, empty.unread], [0, []]);
  await client.create(kindByName('Namespace')!, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } });
  await client.create(Kustomization, { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: { name: 'k', namespace: 'a' }, spec: { interval: '1m', prune: true, sourceRef: { kind: 'GitRepository', name: 'g' } } });
  const snapshot = await collect(client, { nowMs: testNowMs });
  assert.deepEqual(findingsOf(snapshot).map(({ ref, state }) => `${ref.kind} ${ref.name} ${state.state}`), ['Kustomization k waiting']);
});

test('a server without most kinds is read as far as it goes', async () => {
  const { client } = upstream({ '/apis/source.toolkit.fluxcd.io/v1/gitrepositories': [{ metadata: { name: 'g', namespace: 'f' } }] });
  const snapshot = await collect(client, { nowMs: testNowMs });
  assert.deepEqual(snapshot.all.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`), ['source.toolkit.fluxcd.io/v1 GitRepository']);
  assert.deepEqual(snapshot.unread, []);
});

test('another version of a kind is read where ours is not served, and kinds of other providers that clusters refer to', async () => {
  const ref = (group: string, kind: string) => ({ apiVersion: `${group}/v1beta1`, kind, name: 'prod' });
  const cluster = { metadata: { name: 'prod', namespace: 'd', uid: 'c' }, spec: { controlPlaneRef: ref('controlplane.cluster.x-k8s.io', 'KubeadmControlPlane'), infrastructureRef: ref('infrastructure.cluster.x-k8s.io', 'DockerCluster') }, status: { phase: 'Provisioning', conditions: [{ type: 'Ready', status: 'False', severity: 'Info', reason: 'WaitingForControlPlane', lastTransitionTime: '2026-01-01T00:00:00Z' }] } };
  const kcp = { metadata: { name: 'prod', namespace: 'd' }, status: { conditions: [{ type: 'Ready', status: 'False', severity: 'Error', reason: 'InfrastructureCloneFailed', message: 'no template', lastTransitionTime: '2026-01-01T00:00:00Z' }] } };
  const { client } = upstream(
    { '/apis/cluster.x-k8s.io/v1beta1/clusters': [cluster], '/apis/controlplane.cluster.x-k8s.io/v1beta1/kubeadmcontrolplanes': [kcp], '/apis/infrastructure.cluster.x-k8s.io/v1beta1/dockerclusters': [{ metadata: { name: 'prod', namespace: 'd' } }] },
    { 'cluster.x-k8s.io': ['v1beta1'], 'controlplane.cluster.x-k8s.io': ['v1beta1'], 'infrastructure.cluster.x-k8s.io': ['v1beta1'] },
  );
  const snapshot = await collect(client, { nowMs: testNowMs });
  assert.deepEqual(snapshot.all.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`).sort(), ['cluster.x-k8s.io/v1beta1 Cluster', 'controlplane.cluster.x-k8s.io/v1beta1 KubeadmControlPlane', 'infrastructure.cluster.x-k8s.io/v1beta1 DockerCluster']);
  assert.equal(chainOf(snapshot, { group: '', kind: 'Cluster', name: 'prod' })?.cause?.waitsFor, 'no template');
});

test('what may not be listed everywhere is listed in one namespace; what may not be seen at all is told', async () => {
  const { client, asked } = upstream({
    '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations': 403, '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/team/kustomizations': [{ metadata: { name: 'k', namespace: 'team' } }],
    '/apis/metal3.io/v1alpha1/baremetalhosts': 403, '/apis/metal3.io/v1alpha1/namespaces/team/baremetalhosts': 403,
  });
  const snapshot = await collect(client, { nowMs: testNowMs, namespace: 'team', events: false });
  assert.deepEqual(snapshot.all.map(({ kind }) => kind), ['Kustomization']);
  assert.deepEqual(snapshot.unread.map(({ kind }) => kind), ['BareMetalHost']);
  assert.ok(!asked.includes('GET /api/v1/events'));
});

test('a server that shows nothing, knows us not or does not answer is an error, not an empty datacenter', async () => {
  await assert.rejects(collect(upstream({ '/apis/metal3.io/v1alpha1/baremetalhosts': 403 }).client, { nowMs: testNowMs }), { name: 'ApiError', code: 403 });
  await assert.rejects(collect(upstream({ '/apis/source.toolkit.fluxcd.io/v1/gitrepositories': 401 }).client, { nowMs: testNowMs }), { name: 'ApiError', code: 401 });
  const silent = createKubeClient({ baseUrl: 'https://silent', transport: () => Promise.reject(new TransportError('connect ECONNREFUSED', 'ECONNREFUSED')) });
  await assert.rejects(collect(silent, { nowMs: testNowMs }), { name: 'TransportError' });
});

const encoded = (text: string) => Buffer.from(text).toString('base64');

test('workload clusters are looked into by their kubeconfig; one that does not answer holds up nothing', async () => {
  const cluster = (name: string) => ({ metadata: { name, namespace: 'd' } });
  const applied = { metadata: { name: 'apps', namespace: 'd' }, spec: { kubeConfig: { secretRef: { name: 'edge-kubeconfig' } } }, status: { inventory: { entries: [{ id: 'hello_hello_apps_Deployment', v: 'v1' }, { id: 'hello_key__Secret', v: 'v1' }] } } };
  const { client } = upstream({
    '/apis/cluster.x-k8s.io/v1beta2/clusters': [cluster('edge'), cluster('new'), cluster('dead')],
    '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations': [applied],
  });
  const secrets: Readonly<Record<string, KubeObject | undefined>> = Object.fromEntries(['edge', 'dead'].map((name) => [`${name}-kubeconfig`, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { value: encoded(name) } }]));
  const edge = upstream({ '/apis/apps/v1/deployments': [{ metadata: { name: 'hello', namespace: 'hello' } }], '/api/v1/nodes': [{ metadata: { name: 'n' } }], '/api/v1/pods': 403 });
  const get = async (_kind: unknown, key: { readonly name: string }) => secrets[key.name];
  const snapshot = await collect({ ...client, get: get as typeof client.get }, { // the Secrets of the test
    nowMs: testNowMs,
    connect: (kubeconfig) => (kubeconfig === 'edge' ? edge.client : createKubeClient({ baseUrl: 'https://dead', transport: () => Promise.reject(new TransportError('no answer', 'ETIMEDOUT')) })),
  });
  assert.deepEqual(snapshot.inCluster('d/edge')?.all.map(({ kind }) => kind).sort(), ['Deployment', 'Node']);
  assert.ok(!edge.asked.some((path) => path.includes('secrets')));
  assert.match(snapshot.inCluster('d/dead')?.error ?? '', /no answer/);
  assert.equal(snapshot.inCluster('d/new')?.error, 'its kubeconfig is not published yet');
});
