/** The controllers together, on an API server in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMap, ControllerRevision, DaemonSet, Deployment, Endpoints, EndpointSlice, Job, Node, Pod, ReplicaSet, Service, ServiceAccount, StatefulSet } from '@keelson/api';
import { findCondition, type KindRef, type KubeObject } from '@keelson/kube';
import { workloadWorld, type WorkloadWorld } from './testing/workload-world.ts';

const template = (app: string, image = 'web:1', spec: Record<string, unknown> = {}) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image, ports: [{ name: 'http', containerPort: 8080 }] }], ...spec } });
const workload = (kind: string, name: string, spec: Record<string, unknown>): KubeObject => ({ apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1', kind, metadata: { name, namespace: 'default' }, spec: { ...(kind === 'Job' ? {} : { selector: { matchLabels: { app: name } } }), ...spec } });
const at = (name: string) => ({ namespace: 'default', name });
const apply = (world: WorkloadWorld, kind: KindRef, object: KubeObject) => world.client.apply(kind, object, { fieldManager: 'test', force: true });

async function nodes(world: WorkloadWorld, ...names: string[]): Promise<void> {
  for (const name of names) await world.node(name);
}

async function deployed(world: WorkloadWorld, name: string, replicas: number, image = 'web:1', spec: Record<string, unknown> = {}): Promise<Deployment> {
  await apply(world, Deployment, workload('Deployment', name, { replicas, template: template(name, image), ...spec }));
  return world.until<Deployment>(Deployment, at(name), (one) => one.status?.observedGeneration === one.metadata.generation && one.status?.updatedReplicas === replicas && one.status.replicas === replicas && one.status.availableReplicas === replicas);
}

test('a Deployment comes up with a revision, a hash and the conditions that kstatus reads', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1', 'n2');
  const deployment = await deployed(world, 'web', 3);
  assert.equal(deployment.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
  assert.equal(findCondition(deployment, 'Available')?.reason, 'MinimumReplicasAvailable');
  assert.equal(findCondition(deployment, 'Progressing')?.reason, 'NewReplicaSetAvailable');
  const [set] = (await world.client.list<ReplicaSet>(ReplicaSet, { namespace: 'default' })).items;
  const hash = set?.metadata.labels?.['pod-template-hash'];
  assert.equal(set?.metadata.name, `web-${hash}`);
  assert.equal(set?.spec?.selector.matchLabels?.['pod-template-hash'], hash);
  for (const pod of await world.pods()) assert.equal(pod.metadata.labels?.['pod-template-hash'], hash);
});

test('a rolling update never has too few or too many pods, and keeps the old set for a rollback', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await deployed(world, 'web', 4);
  let least = 4;
  let most = 4;
  const stop = new AbortController();
  const watching = (async () => {
    for await (const event of world.client.watch<Pod>(Pod, { namespace: 'default' }, stop.signal)) {
      if (event.type === 'ERROR') return;
      const pods = (await world.pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined);
      most = Math.max(most, pods.length);
      least = Math.min(least, pods.filter((pod) => findCondition(pod as KubeObject, 'Ready')?.status === 'True').length);
    }
  })().catch(() => {});
  const updated = await deployed(world, 'web', 4, 'web:2');
  stop.abort();
  await watching;
  assert.ok(least >= 3 && most <= 5, `between ${least} and ${most}`);
  assert.equal(updated.metadata.annotations?.['deployment.kubernetes.io/revision'], '2');
  const back = await deployed(world, 'web', 4, 'web:1');
  assert.equal(back.metadata.annotations?.['deployment.kubernetes.io/revision'], '3');
  assert.equal((await world.client.list(ReplicaSet, { namespace: 'default' })).items.length, 2);
});

test('an update that does not come up keeps the old pods and passes its deadline', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await deployed(world, 'web', 4, 'web:1', { progressDeadlineSeconds: 60 });
  await apply(world, Deployment, workload('Deployment', 'web', { replicas: 4, progressDeadlineSeconds: 60, template: template('web', 'web:bad') }));
  const failed = await world.until<Deployment>(Deployment, at('web'), (one) => findCondition(one, 'Progressing')?.reason === 'ProgressDeadlineExceeded');
  assert.equal(failed.status?.availableReplicas, 3);
  assert.equal(findCondition(failed, 'Available')?.status, 'True');
  await deployed(world, 'web', 4, 'web:3', { progressDeadlineSeconds: 60 });
});

test('Recreate removes every old pod before it makes a new one', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  const strategy = { strategy: { type: 'Recreate' } };
  await deployed(world, 'web', 2, 'web:1', strategy);
  const images = new Set<string>();
  const stop = new AbortController();
  const watching = (async () => {
    for await (const event of world.client.watch<Pod>(Pod, { namespace: 'default' }, stop.signal)) {
      if (event.type === 'ERROR') return;
      images.add([...new Set((await world.pods()).map((pod) => pod.spec?.containers[0]?.image ?? ''))].join('+'));
    }
  })().catch(() => {});
  await deployed(world, 'web', 2, 'web:2', strategy);
  stop.abort();
  await watching;
  assert.ok(images.has('web:2') && ![...images].some((one) => one.includes('+')), [...images].join());
});

test('a paused Deployment scales but does not roll out', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await deployed(world, 'web', 1);
  await apply(world, Deployment, workload('Deployment', 'web', { replicas: 3, paused: true, template: template('web', 'web:2') }));
  const paused = await world.until<Deployment>(Deployment, at('web'), (one) => one.status?.availableReplicas === 3);
  assert.equal(findCondition(paused, 'Progressing')?.reason, 'DeploymentPaused');
  assert.deepEqual([...new Set((await world.pods()).map((pod) => pod.spec?.containers[0]?.image))], ['web:1']);
});

test('a deleted pod is replaced, an orphan that matches is taken over', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await deployed(world, 'web', 2);
  const [victim] = await world.pods();
  await world.client.delete(Pod, at(victim!.metadata.name));
  await world.untilGone(Pod, at(victim!.metadata.name));
  await world.until<Deployment>(Deployment, at('web'), (one) => one.status?.availableReplicas === 2);
  const [set] = (await world.client.list<ReplicaSet>(ReplicaSet, { namespace: 'default' })).items;
  const orphan: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orphan', namespace: 'default', labels: set!.spec!.template!.metadata!.labels! }, spec: { containers: [{ name: 'main', image: 'web:1' }] } };
  await world.client.create(Pod, orphan);
  await world.untilIdle(1000);
  const pods = (await world.pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined);
  assert.equal(pods.length, 2);
  for (const pod of pods) assert.equal(pod.metadata.ownerReferences?.[0]?.uid, set!.metadata.uid);
});

test('a pod that fits nowhere says why, and starts when a node appears', async () => {
  const world = await workloadWorld();
  await world.node('cp', { spec: { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] } });
  await world.node('small', { cpu: '100m' });
  const spec = { containers: [{ name: 'main', image: 'web:1', resources: { requests: { cpu: '2' } } }] };
  await apply(world, Deployment, workload('Deployment', 'web', { replicas: 1, template: { metadata: { labels: { app: 'web' } }, spec } }));
  await world.untilIdle();
  const [pod] = await world.pods();
  const scheduled = findCondition(pod, 'PodScheduled');
  assert.equal(scheduled?.reason, 'Unschedulable');
  assert.equal(scheduled?.message, '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.');
  await world.node('big');
  await world.until<Deployment>(Deployment, at('web'), (one) => one.status?.availableReplicas === 1);
  assert.equal((await world.pods())[0]?.spec?.nodeName, 'big');
});

test('a DaemonSet runs where it is tolerated, follows new nodes, and replaces one pod at a time', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1', 'n2');
  await world.node('cp', { spec: { taints: [{ key: 'special', effect: 'NoSchedule' }] } });
  const daemons = (image: string) => apply(world, DaemonSet, workload('DaemonSet', 'agent', { template: template('agent', image) }));
  await daemons('agent:1');
  await world.until<DaemonSet>(DaemonSet, at('agent'), (one) => one.status?.numberAvailable === 2 && one.status.desiredNumberScheduled === 2);
  await world.node('n3');
  await world.until<DaemonSet>(DaemonSet, at('agent'), (one) => one.status?.numberAvailable === 3);
  assert.deepEqual((await world.pods()).map((pod) => pod.spec?.nodeName).sort(), ['n1', 'n2', 'n3']);
  await daemons('agent:2');
  await world.until<DaemonSet>(DaemonSet, at('agent'), (one) => one.status?.updatedNumberScheduled === 3 && one.status.numberAvailable === 3 && one.status.observedGeneration === one.metadata.generation);
  assert.deepEqual([...new Set((await world.pods()).map((pod) => pod.spec?.containers[0]?.image))], ['agent:2']);
  await world.client.delete(Node, { name: 'n3' });
  await world.until<DaemonSet>(DaemonSet, at('agent'), (one) => one.status?.desiredNumberScheduled === 2);
  await world.untilIdle();
  assert.equal((await world.pods()).length, 2, 'the pod of the deleted node is removed');
});

test('a StatefulSet builds in order, updates from the top and removes from the top', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  const set = (replicas: number, image: string) => apply(world, StatefulSet, workload('StatefulSet', 'db', { replicas, serviceName: 'db', template: template('db', image) }));
  await set(3, 'db:1');
  const up = await world.until<StatefulSet>(StatefulSet, at('db'), (one) => one.status?.availableReplicas === 3);
  assert.deepEqual((await world.pods()).map((pod) => pod.metadata.name), ['db-0', 'db-1', 'db-2']);
  assert.equal(up.status?.currentRevision, up.status?.updateRevision);
  await set(3, 'db:2');
  const updated = await world.until<StatefulSet>(StatefulSet, at('db'), (one) => one.status?.updatedReplicas === 3 && one.status.availableReplicas === 3 && one.status.currentRevision === one.status.updateRevision);
  assert.equal(updated.status?.currentReplicas, 3);
  assert.equal((await world.client.list(ControllerRevision, { namespace: 'default' })).items.length, 2);
  await set(1, 'db:2');
  await world.until<StatefulSet>(StatefulSet, at('db'), (one) => one.status?.replicas === 1);
  assert.deepEqual((await world.pods()).map((pod) => pod.metadata.name), ['db-0']);
});

test('a Job runs to completion, a failing one stops at its limit', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await apply(world, Job, workload('Job', 'good', { completions: 3, parallelism: 2, template: template('good', 'job:1', { restartPolicy: 'Never' }) }));
  const done = await world.until<Job>(Job, at('good'), (one) => findCondition(one as KubeObject, 'Complete')?.status === 'True');
  assert.deepEqual([done.status?.succeeded, done.status?.active], [3, 0]);
  await apply(world, Job, workload('Job', 'bad', { backoffLimit: 2, template: template('bad', 'job:bad', { restartPolicy: 'Never' }) }));
  const failed = await world.until<Job>(Job, at('bad'), (one) => findCondition(one as KubeObject, 'Failed')?.status === 'True');
  assert.equal(failed.status?.failed, 3);
  assert.equal(findCondition(failed as KubeObject, 'Failed')?.reason, 'BackoffLimitExceeded');
});

test('a Job with a time to live goes when that is over', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await apply(world, Job, workload('Job', 'good', { ttlSecondsAfterFinished: 100, template: template('good', 'job:1', { restartPolicy: 'Never' }) }));
  await world.until<Job>(Job, at('good'), (one) => findCondition(one as KubeObject, 'Complete')?.status === 'True');
  await world.env.clock.advance(90_000);
  assert.ok(await world.client.get(Job, at('good')));
  await world.untilGone(Job, at('good'));
});

test('a Service knows its ready pods by name of their port, and forgets those that go', async () => {
  const world = await workloadWorld();
  await nodes(world, 'n1');
  await apply(world, Service, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } });
  const slices = async () => (await world.client.list<EndpointSlice>(EndpointSlice, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=web' })).items;
  await world.untilIdle();
  assert.deepEqual((await slices()).map((slice) => slice.endpoints ?? []), [[]]);
  await deployed(world, 'web', 2);
  await world.untilIdle();
  const [slice] = await slices();
  assert.deepEqual(slice?.ports?.map(({ name, port }) => [name, port]), [['http', 8080]]);
  assert.equal(slice?.endpoints?.length, 2);
  assert.equal((await world.client.get<Endpoints>(Endpoints, at('web')))?.subsets?.[0]?.addresses?.length, 2);
  await deployed(world, 'web', 0);
  await world.untilIdle();
  assert.deepEqual((await slices()).flatMap((one) => one.endpoints ?? []), []);
});

test('every namespace has a default account and the root certificate, also after someone deletes them', async () => {
  const world = await workloadWorld();
  await world.untilIdle();
  assert.ok(await world.client.get(ServiceAccount, at('default')));
  await world.client.delete(ConfigMap, at('kube-root-ca.crt'));
  const map = await world.until<ConfigMap>(ConfigMap, at('kube-root-ca.crt'), () => true);
  assert.equal(map.data?.['ca.crt'], 'ca');
});
