import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonSet, Deployment, Endpoints, EndpointSlice, Event, Lease, Namespace, Node, Pod, Secret, Service } from '@keelson/api';
import { conditionsOf, type KindRef, type KubeObject, type ObjectKey } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { createKubeClient } from '@keelson/kube/client';
import { testCluster, type TestCluster } from './testing/test-cluster.ts';

async function until<T extends KubeObject>(world: TestCluster, kind: KindRef, key: ObjectKey, holds: (object: T) => boolean | Promise<boolean>, limitMs = 900_000): Promise<T> {
  let last: T | undefined;
  await world.env.clock.runUntil(
    async () => {
      last = await world.client.get<T>(kind, key).catch(() => undefined);
      return last !== undefined && (await holds(last));
    },
    { limitMs, what: () => `${kind.kind} ${key.name}: ${JSON.stringify({ ...last, metadata: { ...last?.metadata, managedFields: undefined } })}` },
  );
  return last!;
}

const hasCondition = (type: string, status = 'True') => (object: KubeObject) => conditionsOf(object).some((condition) => condition.type === type && condition.status === status);
const isReady = hasCondition('Ready');

async function podsOf(client: KubeClient, app: string): Promise<Pod[]> {
  return (await client.list<Pod>(Pod, { namespace: 'default', labelSelector: `app=${app}` })).items;
}

function deployment(name: string, image: string, changes: Record<string, unknown> = {}): Deployment {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'main', image, ports: [{ containerPort: 8080 }] }] } }, ...changes },
  };
}

const apply = (world: TestCluster, kind: KindRef, object: KubeObject) => world.client.apply(kind, object, { fieldManager: 'test', force: true });

async function threeNodes(options: Parameters<typeof testCluster>[0] = {}): Promise<TestCluster> {
  const world = testCluster(options);
  world.clusters.attachNode(world.attachment('cp0', 'controlplane'));
  for (const name of ['w0', 'w1']) world.clusters.attachNode(world.attachment(name, 'worker'));
  for (const name of ['cp0', 'w0', 'w1']) await until(world, Node, { name }, isReady);
  return world;
}

test('a control-plane node becomes Ready once the network runs on it', async () => {
  const world = testCluster();
  world.clusters.attachNode(world.attachment('cp0', 'controlplane'));
  const node = await until<Node>(world, Node, { name: 'cp0' }, isReady);
  assert.equal(node.spec?.providerID, 'metal3://default/host-cp0/cp0');
  assert.equal(node.status?.nodeInfo?.osImage, 'Talos (v1.14.0)');
  assert.deepEqual(node.status?.addresses?.map((one) => one.address), ['127.77.2.10', 'cp0']);
  const flannel = await until<DaemonSet>(world, DaemonSet, { namespace: 'kube-system', name: 'kube-flannel' }, (set) => set.status?.numberReady === 1);
  assert.equal(flannel.status?.desiredNumberScheduled, 1);
  assert.deepEqual(world.clusters.nodeState(world.clusterId, 'machine-cp0'), { registered: true, ready: true, apiServer: true, waitsFor: '' });
});

test('a node without a network plugin stays NotReady and says why', async () => {
  const world = testCluster();
  world.clusters.attachNode(world.attachment('cp0', 'controlplane', { cni: 'none' }));
  const node = await until<Node>(world, Node, { name: 'cp0' }, (one) => one.status?.conditions !== undefined);
  await world.env.clock.advance(120_000);
  assert.match(conditionsOf(node).find((one) => one.type === 'Ready')?.message ?? '', /cni plugin not initialized/);
  assert.match(world.clusters.nodeState(world.clusterId, 'machine-cp0').waitsFor, /network plugin/);
});

test('a new cluster looks like one that Talos has made', async () => {
  const world = await threeNodes();
  await until<Deployment>(world, Deployment, { namespace: 'kube-system', name: 'coredns' }, hasCondition('Available'));
  const system = (await world.client.list<Pod>(Pod, { namespace: 'kube-system' })).items.map((pod) => pod.metadata.name);
  for (const name of ['kube-apiserver-cp0', 'kube-controller-manager-cp0', 'kube-scheduler-cp0']) assert.ok(system.includes(name), `${name} in ${system.join(' ')}`);
  const service = await world.client.get<Service>(Service, { namespace: 'default', name: 'kubernetes' });
  assert.equal(service?.spec?.clusterIP, '10.96.0.1');
  const endpoints = await world.client.get<Endpoints>(Endpoints, { namespace: 'default', name: 'kubernetes' });
  assert.deepEqual(endpoints?.subsets?.[0]?.addresses?.map((one) => one.ip), ['127.77.2.10']);
  const ranges = (await world.client.list<Node>(Node)).items.map((node) => node.spec?.podCIDR);
  assert.equal(new Set(ranges).size, 3);
  const lease = await world.client.get<Lease>(Lease, { namespace: 'kube-system', name: 'kube-controller-manager' });
  assert.match(lease?.spec?.holderIdentity ?? '', /^cp0_/);
});

test('a Deployment becomes Available on the workers, its Service leads to the pods', async () => {
  const world = await threeNodes();
  await apply(world, Service, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } });
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.0'));
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 2);
  const pods = await podsOf(world.client, 'web');
  assert.deepEqual(pods.map((pod) => pod.spec?.nodeName).sort(), ['w0', 'w1']);
  assert.equal(new Set(pods.map((pod) => pod.status?.podIP)).size, 2);
  const slices = (await world.client.list<EndpointSlice>(EndpointSlice, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=web' })).items;
  assert.deepEqual(slices.flatMap((slice) => slice.endpoints ?? []).flatMap((one) => one.addresses).sort(), pods.map((pod) => pod.status?.podIP ?? '').sort());
});

test('pods go through their phases when things take time', async () => {
  const world = await threeNodes({ latency: 'quick' });
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.0', { replicas: 1 }));
  const seen = new Set<string>();
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, async (one) => {
    const [pod] = await podsOf(world.client, 'web');
    if (pod) seen.add(`${pod.status?.phase} ${pod.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''} ${isReady(pod)}`);
    return one.status?.availableReplicas === 1;
  });
  assert.ok(seen.has('Pending ContainerCreating false'), [...seen].join('; '));
  assert.ok(seen.has('Running  false'), [...seen].join('; '));
});

test('an image that does not exist keeps the pod Pending in back-off, and a new image heals it', async () => {
  const world = await threeNodes({ latency: 'quick' });
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:missing', { replicas: 1 }));
  const pending = await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, hasCondition('Available', 'False'));
  assert.equal(pending.status?.unavailableReplicas, 1);
  await world.env.clock.runUntil(async () => (await podsOf(world.client, 'web'))[0]?.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff', { limitMs: 60_000 });
  const [pod] = await podsOf(world.client, 'web');
  assert.match(pod?.status?.containerStatuses?.[0]?.state?.waiting?.message ?? '', /web:missing: not found/);
  const events = (await world.client.list<Event>(Event, { namespace: 'default' })).items.map((event) => `${event.reason}`);
  assert.ok(events.includes('Failed'), events.join());
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.1', { replicas: 1 }));
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 1 && one.status.updatedReplicas === 1 && one.status.replicas === 1);
});

test('a pod waits for the Secret it mounts and starts when that appears', async () => {
  const world = await threeNodes();
  const object = deployment('web', 'ghcr.io/example/web:1.0', { replicas: 1 });
  object.spec!.template.spec!.volumes = [{ name: 'v', secret: { secretName: 'late' } }];
  await apply(world, Deployment, object);
  await world.env.clock.advance(30_000);
  const [waiting] = await podsOf(world.client, 'web');
  assert.equal(waiting?.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
  await apply(world, Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'late', namespace: 'default' }, data: { a: 'Yg==' } });
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 1);
});

test('a node that loses power becomes NotReady, its pods move, and it comes back with restarted containers', async () => {
  const world = await threeNodes();
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.0'));
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 2);
  const before = await podsOf(world.client, 'web');
  const lost = before.find((pod) => pod.spec?.nodeName === 'w1')!;
  world.clusters.detachNode({ clusterId: world.clusterId, machineId: 'machine-w1', reason: 'power-off' });
  const startedMs = world.env.clock.now();
  const node = await until<Node>(world, Node, { name: 'w1' }, hasCondition('Ready', 'Unknown'));
  const silentMs = world.env.clock.now() - startedMs;
  assert.ok(silentMs > 35_000 && silentMs < 65_000, `lost after ${silentMs} ms`);
  assert.equal(conditionsOf(node).find((one) => one.type === 'Ready')?.reason, 'NodeStatusUnknown');
  await until<Node>(world, Node, { name: 'w1' }, (one) => one.spec?.taints?.some((taint) => taint.key === 'node.kubernetes.io/unreachable' && taint.effect === 'NoExecute') ?? false);
  await until<Pod>(world, Pod, { namespace: 'default', name: lost.metadata.name }, hasCondition('Ready', 'False'));
  // After five minutes the pod has to go, and another takes its place on the node that is left.
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 2);
  assert.deepEqual((await podsOf(world.client, 'web')).filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => pod.spec?.nodeName), ['w0', 'w0']);

  world.clusters.attachNode(world.attachment('w1', 'worker', { bootId: 'boot-w1-2' }));
  const back = await until<Node>(world, Node, { name: 'w1' }, isReady);
  assert.equal(back.status?.nodeInfo?.bootID, 'boot-w1-2');
  await until<Node>(world, Node, { name: 'w1' }, (one) => (one.spec?.taints ?? []).length === 0);
  await world.env.clock.runUntil(async () => (await world.client.get(Pod, { namespace: 'default', name: lost.metadata.name })) === undefined, { limitMs: 60_000, what: 'the end of the lost pod' });
  const proxies = (await world.client.list<Pod>(Pod, { namespace: 'kube-system', labelSelector: 'k8s-app=kube-proxy' })).items;
  assert.equal(proxies.find((pod) => pod.spec?.nodeName === 'w1')?.status?.containerStatuses?.[0]?.restartCount, 1);
});

test('the process ends and starts anew: the cluster goes on from its store and restarts no container', async () => {
  const world = await threeNodes();
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.0'));
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 2);
  const before = await podsOf(world.client, 'web');
  await world.restart();
  await assert.rejects(world.client.list(Pod), /ECONNREFUSED|refused/);
  world.clusters.attachNode(world.attachment('cp0', 'controlplane'));
  for (const name of ['w0', 'w1']) world.clusters.attachNode(world.attachment(name, 'worker'));
  await world.env.clock.runUntil(async () => (await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.0', { replicas: 3 })).catch(() => undefined)) !== undefined, { limitMs: 60_000 });
  await until<Deployment>(world, Deployment, { namespace: 'default', name: 'web' }, (one) => one.status?.availableReplicas === 3);
  const after = await podsOf(world.client, 'web');
  for (const pod of before) {
    const same = after.find((one) => one.metadata.uid === pod.metadata.uid);
    assert.equal(same?.status?.containerStatuses?.[0]?.restartCount, 0);
    assert.equal(same?.status?.containerStatuses?.[0]?.containerID, pod.status?.containerStatuses?.[0]?.containerID);
  }
});

test('without a quorum of etcd the API answers 500 and says so', async () => {
  const world = await threeNodes();
  world.clusters.setEtcdQuorum(world.clusterId, false);
  await assert.rejects(world.client.list(Node), /etcdserver/);
  assert.equal(world.clusters.clusters()[0]?.reason, 'etcd has no quorum');
  assert.equal(world.clusters.nodeState(world.clusterId, 'machine-w0').ready, false);
  world.clusters.setEtcdQuorum(world.clusterId, true);
  assert.equal((await world.client.list(Node)).items.length, 3);
});

test('another control plane takes over when the first loses power; with the last one the API is gone', async () => {
  const world = testCluster({ latency: 'quick' });
  for (const name of ['cp0', 'cp1']) world.clusters.attachNode(world.attachment(name, 'controlplane', { taints: [] }));
  for (const name of ['cp0', 'cp1']) await until(world, Node, { name }, isReady);
  world.clusters.detachNode({ clusterId: world.clusterId, machineId: 'machine-cp0', reason: 'power-off' });
  await world.env.clock.advance(1_000);
  await apply(world, Deployment, deployment('web', 'ghcr.io/example/web:1.0', { replicas: 1 }));
  await world.env.clock.advance(5_000);
  assert.equal((await podsOf(world.client, 'web')).length, 0, 'nobody leads yet');
  await world.env.clock.runUntil(async () => (await podsOf(world.client, 'web')).length === 1, { limitMs: 30_000 });
  const lease = await until<Lease>(world, Lease, { namespace: 'kube-system', name: 'kube-scheduler' }, (one) => one.spec?.holderIdentity?.startsWith('cp1_') ?? false);
  assert.equal(lease.spec?.leaseTransitions, 1);
  world.clusters.detachNode({ clusterId: world.clusterId, machineId: 'machine-cp1', reason: 'power-off' });
  await world.env.clock.advance(1_000);
  await assert.rejects(world.client.list(Node), /refused/i);
  assert.equal(world.clusters.clusters()[0]?.serving, false);
});

test('a client certificate of another authority is not known', async () => {
  const world = await threeNodes();
  const stranger = testCluster({ seed: 99 }).attachment('x0', 'controlplane').ca.certificatePem;
  const tls = { ca: stranger };
  const client = createKubeClient({ transport: (request) => world.env.net.request(request, { tls }), baseUrl: 'https://127.77.3.10:6443' });
  await assert.rejects(client.list(Node), /certificate|unauthorized/i);
});

test('a worker that trusts another authority does not join', async () => {
  const world = testCluster();
  const other = testCluster({ seed: 99 }).attachment('x0', 'controlplane').ca.certificatePem;
  world.clusters.attachNode(world.attachment('cp0', 'controlplane'));
  await until(world, Node, { name: 'cp0' }, isReady);
  world.clusters.attachNode(world.attachment('w0', 'worker', { ca: { certificatePem: other } }));
  await world.env.clock.advance(60_000);
  assert.equal(await world.client.get(Node, { name: 'w0' }), undefined);
  assert.match(world.clusters.nodeState(world.clusterId, 'machine-w0').waitsFor, /unknown authority/);
});

test('a cluster that was forgotten leaves nothing, and one of the same id starts empty', async () => {
  const world = await threeNodes();
  await apply(world, Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'mine' } });
  for (const name of ['cp0', 'w0', 'w1']) world.clusters.detachNode({ clusterId: world.clusterId, machineId: `machine-${name}`, reason: 'reset' });
  await world.clusters.forgetCluster(world.clusterId);
  assert.equal(world.stores.size, 0);
  world.clusters.attachNode(world.attachment('cp0', 'controlplane'));
  await until(world, Node, { name: 'cp0' }, isReady);
  assert.equal(await world.client.get(Namespace, { name: 'mine' }), undefined);
});
