/** From YAML to a running cluster and back, on a rack in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApiServer } from '@keelson/apiserver/testing';
import { BareMetalHost, Cluster, Machine, MachineDeployment, Metal3Machine, Node, Secret, TalosControlPlane } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { findCondition } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { createKubeClient } from '@keelson/kube/client';
import { runControllers } from '@keelson/controller';
import { parseDocuments } from '@keelson/kube/yaml';
import type { TestWorld } from '@keelson/controller/testing';
import { createTestWorld } from '@keelson/controller/testing';
import type { HttpTransport } from '@keelson/std';
import { TransportError, randomInt, seededRandom } from '@keelson/std';
import type { Effect, VirtualEnv, VirtualProcess } from '@keelson/std/testing';
import { virtualEnv, virtualProcess } from '@keelson/std/testing';
import { nodeEnv } from '@keelson/std/node';
import { generateKey } from '@keelson/std/x509';
import type { KeySource } from '@keelson/talos/pki';
import { clusterControllers } from './controllers.ts';
import type { EdgeOptions } from './testing/edge-cluster.ts';
import { edgeCluster, namespace, rackHosts } from './testing/edge-cluster.ts';
import type { Rack } from './testing/rack.ts';
import { createRack } from './testing/rack.ts';
import { rackHostController } from './testing/rack-hosts.ts';

// RSA takes seconds and is not what these tests are about.
const quickKeys: KeySource = { generate: (algorithm) => generateKey(algorithm.startsWith('rsa') ? 'rsa2048' : algorithm) };

interface Journey {
  readonly env: VirtualEnv;
  readonly client: KubeClient;
  readonly workload: KubeClient;
  readonly rack: Rack;
  start(): Promise<TestWorld>;
  /** The same controllers in a process of their own, which `onEffect` may kill. */
  startProcess(onEffect: (effect: Effect, process: VirtualProcess) => void): VirtualProcess;
}

async function journey(hosts: number, options: EdgeOptions = {}, objects: readonly KubeObject[] = edgeCluster(options)): Promise<Journey> {
  const env = virtualEnv({ seed: 7 });
  const { client, handler } = await testApiServer(env);
  const workloadServer = await testApiServer(env);
  const workload = workloadServer.client;
  const rack = createRack(env, workload, hosts);
  const reachable = createKubeClient({
    baseUrl: 'http://workload',
    transport: async (request) => {
      if (!rack.apiIsUp()) throw new TransportError('connect ECONNREFUSED 127.77.3.10:6443', 'ECONNREFUSED');
      return workloadServer.handler(request);
    },
  });
  await client.create({ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const object of [...rackHosts(hosts), ...objects]) await createAny(client, object);
  const controllers = () => [...clusterControllers({ keys: quickKeys, connectWorkload: () => reachable }), rackHostController(rack)];
  const startProcess: Journey['startProcess'] = (onEffect) => {
    const own = virtualProcess(env, onEffect);
    const transport: HttpTransport = (request) => (request.method === 'GET' ? (own.killed ? new Promise<never>(() => {}) : handler(request)) : own.effect('request', `${request.method} ${request.url}`, () => handler(request)));
    runControllers({ controllers: controllers(), client: createKubeClient({ transport, baseUrl: 'http://apiserver' }), env: own.env, signal: new AbortController().signal });
    return own;
  };
  return { env, client, workload, rack, start: () => createTestWorld({ env, client, controllers: controllers() }), startProcess };
}

async function createAny(client: KubeClient, object: KubeObject): Promise<void> {
  const kind = await client.resolve(object.apiVersion, object.kind);
  assert.ok(kind, `${object.apiVersion} ${object.kind} is served`);
  await client.create(kind, object);
}

const edge = { namespace, name: 'edge' };
const isAvailable = (object: KubeObject) => findCondition(object, 'Available')?.status === 'True';
const acts = (rack: Rack, act: string) => rack.journal.filter((entry) => entry.act === act);

async function machines(client: KubeClient): Promise<Machine[]> {
  return (await client.list<Machine>(Machine, { namespace })).items;
}

async function untilAvailable(world: TestWorld, client: KubeClient, count: number): Promise<void> {
  const total = (cluster: Cluster, field: 'replicas' | 'availableReplicas') => (cluster.status?.controlPlane?.[field] ?? 0) + (cluster.status?.workers?.[field] ?? 0);
  await world.until<Cluster>(Cluster, edge, (cluster) => isAvailable(cluster) && total(cluster, 'replicas') === count && total(cluster, 'availableReplicas') === count, { limitMs: 30 * 60_000 });
  assert.deepEqual((await machines(client)).map((machine) => machine.status?.phase), Array.from({ length: count }, () => 'Running'));
}

/** The cluster of examples/datacenter as its files have it. */
async function exampleCluster(): Promise<KubeObject[]> {
  const { files } = nodeEnv();
  const folder = `${import.meta.dirname}/../../../examples/datacenter/clusters/edge`;
  const texts = await Promise.all(['cluster.yaml', 'workers.yaml'].map(async (name) => new TextDecoder().decode(await files.read(`${folder}/${name}`))));
  // The API server checks that they are objects of a kind.
  return texts.flatMap((text) => parseDocuments(text).map((document) => document.object as KubeObject));
}

test('builds the example\'s cluster of 3 control planes and 2 workers from its YAML', async () => {
  const { client, rack, workload, start } = await journey(6, {}, await exampleCluster());
  const world = await start();
  await untilAvailable(world, client, 5);
  assert.deepEqual(rack.violations, []);
  assert.equal(acts(rack, 'bootstrap').length, 1);
  assert.equal(acts(rack, 'apply').length, 5);
  assert.equal(rack.members().length, 3);
  const cluster = await client.get<Cluster>(Cluster, edge);
  assert.equal(cluster?.status?.phase, 'Provisioned');
  assert.deepEqual(cluster?.spec.controlPlaneEndpoint, { host: '127.77.3.10', port: 6443 });
  assert.equal(cluster?.status?.controlPlane?.readyReplicas, 3);
  assert.equal(cluster?.status?.workers?.readyReplicas, 2);
  const controlPlane = await client.get<TalosControlPlane>(TalosControlPlane, edge);
  assert.deepEqual([controlPlane?.status?.bootstrapped, controlPlane?.status?.initialized, controlPlane?.status?.ready, controlPlane?.status?.readyReplicas], [true, true, true, 3]);
  for (const machine of await machines(client)) {
    assert.match(machine.spec.providerID ?? '', new RegExp(`^metal3://${namespace}/host-\\d/${machine.metadata.name}$`));
    const node = await workload.get<Node>(Node, { name: machine.status?.nodeRef?.name ?? '' });
    assert.equal(node?.spec?.providerID, machine.spec.providerID);
    assert.equal(node?.metadata.annotations?.['cluster.x-k8s.io/machine'], machine.metadata.name);
  }
  const consumers = (await client.list<BareMetalHost>(BareMetalHost, { namespace })).items.flatMap((host) => host.spec?.consumerRef?.name ?? []);
  assert.equal(new Set(consumers).size, 5);
  assert.equal(consumers.length, 5);
  for (const name of ['edge-talos', 'edge-ca', 'edge-talosconfig', 'edge-kubeconfig']) assert.ok(await client.get<Secret>(Secret, { namespace, name }), name);
  await world.stop();
});

test('scales workers up onto the spare host and down again, and gives the host back wiped', async () => {
  const { client, rack, workload, start } = await journey(6);
  const world = await start();
  await untilAvailable(world, client, 5);
  const deployment = { namespace, name: 'edge-workers' };
  await client.patch(MachineDeployment, deployment, 'merge', { spec: { replicas: 3 } });
  await untilAvailable(world, client, 6);
  assert.equal(acts(rack, 'apply').length, 6);
  const doomed = (await machines(client)).find((machine) => machine.metadata.name.startsWith('edge-workers'))!;
  await client.patch(Machine, doomed.metadata, 'merge', { metadata: { annotations: { 'cluster.x-k8s.io/delete-machine': 'yes' } } });
  await client.patch(MachineDeployment, deployment, 'merge', { spec: { replicas: 2 } });
  await world.untilGone(Machine, doomed.metadata);
  await untilAvailable(world, client, 5);
  assert.equal(await workload.get(Node, { name: doomed.status!.nodeRef!.name }), undefined);
  const wiped = acts(rack, 'wipe').map((entry) => entry.host);
  assert.deepEqual(wiped, [doomed.status!.nodeRef!.name]);
  const host = await client.get<BareMetalHost>(BareMetalHost, { namespace, name: wiped[0]! });
  assert.deepEqual([host?.status?.provisioning?.state, host?.spec?.consumerRef, host?.spec?.image, host?.metadata.labels?.['cluster.x-k8s.io/cluster-name']], ['available', undefined, undefined, undefined]);
  assert.deepEqual(rack.violations, []);
  await world.stop();
});

test('deletes a cluster from the workers to the secrets, and returns every host wiped', async () => {
  const { client, rack, start } = await journey(5);
  const world = await start();
  await untilAvailable(world, client, 5);
  const workers = new Set((await machines(client)).filter((machine) => machine.metadata.name.startsWith('edge-workers')).map((machine) => machine.status!.nodeRef!.name));
  await client.delete(Cluster, edge);
  await world.untilGone(Cluster, edge);
  assert.deepEqual(await machines(client), []);
  const wiped = acts(rack, 'wipe').map((entry) => entry.host);
  assert.equal(wiped.length, 5);
  assert.deepEqual(new Set(wiped.slice(0, 2)), workers, 'workers go first');
  for (const host of (await client.list<BareMetalHost>(BareMetalHost, { namespace })).items) assert.deepEqual([host.status?.provisioning?.state, host.spec?.consumerRef], ['available', undefined]);
  for (const name of ['edge-talos', 'edge-ca', 'edge-talosconfig', 'edge-kubeconfig']) assert.equal(await client.get<Secret>(Secret, { namespace, name }), undefined, name);
  assert.deepEqual(rack.violations, []);
  await world.stop();
});

test('scales the control plane from 1 to 3 and back to 1, with every member leaving etcd before its host is taken', async () => {
  const { client, rack, start } = await journey(4, { controlPlanes: 1, workers: 1 });
  const world = await start();
  await untilAvailable(world, client, 2);
  await client.patch(TalosControlPlane, edge, 'merge', { spec: { replicas: 3 } });
  await untilAvailable(world, client, 4);
  assert.equal(rack.members().length, 3);
  await client.patch(TalosControlPlane, edge, 'merge', { spec: { replicas: 1 } });
  await untilAvailable(world, client, 2);
  assert.equal(rack.members().length, 1);
  const order = rack.journal.filter((entry) => entry.act === 'leave' || entry.act === 'wipe').map((entry) => `${entry.act} ${entry.host}`);
  const [first, second] = acts(rack, 'leave').map((entry) => entry.host);
  assert.deepEqual(order, [`leave ${first}`, `wipe ${first}`, `leave ${second}`, `wipe ${second}`]);
  assert.equal(acts(rack, 'bootstrap').length, 1);
  await client.patch(TalosControlPlane, edge, 'merge', { spec: { replicas: 0 } });
  await world.until<TalosControlPlane>(TalosControlPlane, edge, (one) => findCondition(one, 'Available') !== undefined && one.status?.observedGeneration === one.metadata.generation);
  await world.untilIdle(60_000);
  assert.equal((await machines(client)).length, 2, 'a control plane is never scaled to nothing');
  await world.stop();
});

test('replaces machines of a changed template, control plane and workers, without losing etcd', async () => {
  const { client, rack, start } = await journey(7);
  const world = await start();
  await untilAvailable(world, client, 5);
  await client.patch(MachineDeployment, { namespace, name: 'edge-workers' }, 'merge', { spec: { template: { spec: { version: 'v1.36.3' } } } });
  await client.patch(TalosControlPlane, edge, 'merge', { spec: { version: 'v1.36.3' } });
  await world.until<Cluster>(Cluster, edge, (cluster) => isAvailable(cluster) && cluster.status?.controlPlane?.replicas === 3 && cluster.status?.workers?.replicas === 2 && cluster.status?.controlPlane?.versions?.[0]?.version === 'v1.36.3' && cluster.status?.controlPlane?.versions?.length === 1 && cluster.status?.workers?.versions?.[0]?.version === 'v1.36.3' && cluster.status?.workers?.versions?.length === 1, { limitMs: 3_600_000 });
  assert.equal(rack.members().length, 3);
  assert.equal(acts(rack, 'bootstrap').length, 1);
  assert.equal(acts(rack, 'leave').length, 3);
  assert.equal(acts(rack, 'wipe').length, 5);
  assert.deepEqual(rack.violations, []);
  await world.stop();
});

test('says which hosts there are and why none can be taken, and goes on by itself when one comes', async () => {
  const { client, rack, env, start } = await journey(1, { controlPlanes: 1, workers: 1 });
  const world = await start();
  const machine = await world.until<Metal3Machine>(Metal3Machine, { namespace, name: await (async () => {
    await env.clock.runUntil(async () => (await client.list(Metal3Machine, { namespace })).items.some((one) => findCondition(one, 'AssociateBareMetalHost')?.reason === 'AssociateBareMetalHostFailed' && (findCondition(one, 'AssociateBareMetalHost')?.message ?? '').includes('in use')));
    return (await client.list(Metal3Machine, { namespace })).items.find((one) => (findCondition(one, 'AssociateBareMetalHost')?.message ?? '').includes('in use'))!.metadata.name;
  })() }, () => true);
  const condition = findCondition(machine, 'AssociateBareMetalHost');
  assert.match(condition?.message ?? '', /of 1 host: 1 in use \(host-0\).*\[CLUSTER\.NO_AVAILABLE_HOST\]/);
  await world.until<Machine>(Machine, machine.metadata, (one) => (findCondition(one, 'Ready')?.message ?? '').includes('of 1 host: 1 in use (host-0)'));
  await world.until<Cluster>(Cluster, edge, (cluster) => (findCondition(cluster, 'Available')?.message ?? '').includes('1 in use (host-0)'));
  const [, spare] = rackHosts(2);
  rack.machines.set('host-1', { host: 'host-1', address: '127.77.2.11', mac: '52:54:00:00:00:11', mode: 'off', etcd: 'Waiting', boot: 0 });
  await client.create(BareMetalHost, spare!);
  await untilAvailable(world, client, 2);
  await world.stop();
});

/** Builds a cluster of 3 control planes and a worker while `crashesAt` kills the process; answers how often it did. */
async function buildWithCrashes(crashesAt: (effect: Effect, index: number) => boolean): Promise<{ crashes: number; effects: string[] }> {
  const { client, rack, env, startProcess } = await journey(5, { controlPlanes: 3, workers: 1 });
  const effects: string[] = [];
  let crashes = 0;
  let index = 0;
  const begin = () => startProcess((effect, process) => {
    effects.push(`${effect.when} ${effect.what}`);
    if (!crashesAt(effect, index++)) return;
    process.kill();
    crashes++;
    // Whoever watches over the process starts it again a moment later.
    env.clock.after(2_000, begin);
  });
  begin();
  const done = async () => {
    const cluster = await client.get<Cluster>(Cluster, edge);
    return cluster !== undefined && isAvailable(cluster) && cluster.status?.controlPlane?.availableReplicas === 3 && cluster.status?.workers?.availableReplicas === 1;
  };
  await env.clock.runUntil(done, { limitMs: 2 * 3_600_000, what: () => `the cluster after ${crashes} crashes, the last effects being ${effects.slice(-6).join('; ')}` });
  assert.deepEqual(rack.violations, []);
  assert.equal(acts(rack, 'bootstrap').length, 1, 'etcd is bootstrapped once');
  assert.equal(acts(rack, 'apply').length, 4, 'each machine gets its config once');
  assert.equal(acts(rack, 'wipe').length, 0, 'nothing is wiped');
  assert.equal((await machines(client)).length, 4);
  const consumers = (await client.list<BareMetalHost>(BareMetalHost, { namespace })).items.flatMap((host) => host.spec?.consumerRef?.name ?? []);
  assert.deepEqual([consumers.length, new Set(consumers).size], [4, 4], 'no host is claimed twice, none for nothing');
  assert.equal((await client.list(Metal3Machine, { namespace })).items.length, 4, 'no machine is left without an owner');
  return { crashes, effects };
}

test('is killed at random effects of the build, again and again, and still builds each thing once', async () => {
  let crashes = 0;
  for (const seed of [1, 2, 3, 4]) {
    const random = seededRandom(seed);
    let next = randomInt(random, 30);
    crashes += (await buildWithCrashes((_effect, index) => {
      if (index < next || next > 700) return false;
      next = index + 1 + randomInt(random, 45);
      return true;
    })).crashes;
  }
  assert.ok(crashes > 60, `${crashes} crashes`);
});

test('is killed before and after each effect that must not happen twice', async () => {
  const risky = /ApplyConfiguration|\/Bootstrap$|PATCH .*(baremetalhosts|taloscontrolplanes|metal3machines)\/[^/]+\?|POST .*secrets/;
  const seen = new Map<string, number>();
  const { crashes } = await buildWithCrashes((effect) => {
    const name = `${effect.when} ${effect.what.replace(/\?.*/, '')}`;
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    // The first and the second time: the second is the one that follows the crash.
    return times < 2 && risky.test(effect.what);
  });
  assert.ok(crashes > 40, `${crashes} crashes`);
});

test('replaces a control plane machine that someone deletes: its member leaves first, and etcd is not bootstrapped again', async () => {
  const { client, rack, start } = await journey(4, { controlPlanes: 3, workers: 0 });
  const world = await start();
  await untilAvailable(world, client, 3);
  const doomed = (await machines(client))[0]!;
  await client.delete(Machine, doomed.metadata);
  await world.untilGone(Machine, doomed.metadata);
  await untilAvailable(world, client, 3);
  assert.deepEqual(rack.journal.filter((entry) => entry.act === 'leave' || entry.act === 'wipe').map((entry) => entry.act), ['leave', 'wipe']);
  assert.equal(rack.members().length, 3);
  assert.equal(acts(rack, 'bootstrap').length, 1);
  await world.stop();
});

test('never makes the secrets of a cluster again, and says so when they are lost', async () => {
  const { client, start } = await journey(3, { controlPlanes: 1, workers: 1 });
  const world = await start();
  await untilAvailable(world, client, 2);
  const kubeconfig = await client.get<Secret>(Secret, { namespace, name: 'edge-kubeconfig' });
  const talosconfig = await client.get<Secret>(Secret, { namespace, name: 'edge-talosconfig' });
  await client.patch(Cluster, edge, 'merge', { metadata: { annotations: { touched: 'yes' } } });
  await world.untilIdle(120_000);
  assert.deepEqual((await client.get<Secret>(Secret, { namespace, name: 'edge-kubeconfig' }))?.data, kubeconfig?.data);
  // A Secret that our talosconfig needs for wiping is kept back even from a direct delete.
  await client.delete(Secret, { namespace, name: 'edge-talosconfig' });
  assert.deepEqual((await client.get<Secret>(Secret, { namespace, name: 'edge-talosconfig' }))?.data, talosconfig?.data);
  await client.delete(Secret, { namespace, name: 'edge-talos' });
  const cluster = await world.until<Cluster>(Cluster, edge, (one) => (findCondition(one, 'Available')?.message ?? '').includes('CLUSTER.SECRETS_LOST'));
  assert.match(findCondition(cluster, 'Available')?.message ?? '', /restore Secret|is gone while machines/);
  assert.equal(await client.get<Secret>(Secret, { namespace, name: 'edge-talos' }), undefined);
  await world.stop();
});

test('does not give a machine its config again that lost the one it had', async () => {
  const { client, rack, env, start } = await journey(2, { controlPlanes: 1, workers: 0 });
  const world = await start();
  await untilAvailable(world, client, 1);
  const [machine] = await machines(client);
  const host = machine!.status!.nodeRef!.name;
  // The disk is gone: the machine comes back in maintenance.
  rack.machines.get(host)!.config = undefined;
  rack.machines.get(host)!.memberId = undefined;
  rack.crash(host);
  const lost = await world.until<Metal3Machine>(Metal3Machine, machine!.metadata, (one) => findCondition(one, 'Ready')?.reason === 'ConfigurationLost', { limitMs: 30 * 60_000 });
  assert.match(findCondition(lost, 'Ready')?.message ?? '', /\[MACHINE\.CONFIGURATION_LOST\]/);
  await env.clock.advance(10 * 60_000);
  assert.equal(acts(rack, 'apply').length, 1, 'its config is not applied again');
  assert.equal(acts(rack, 'bootstrap').length, 1, 'and etcd is not bootstrapped again');
  await world.stop();
});

test('does nothing to a paused cluster', async () => {
  const { client, rack, env, start } = await journey(3, { controlPlanes: 1, workers: 1 });
  await client.patch(Cluster, edge, 'merge', { spec: { paused: true } });
  const world = await start();
  await env.clock.advance(10 * 60_000);
  assert.deepEqual(await machines(client), []);
  assert.equal(findCondition(await client.get(Cluster, edge), 'Paused')?.status, 'True');
  await client.patch(Cluster, edge, 'merge', { spec: { paused: false } });
  await untilAvailable(world, client, 2);
  assert.deepEqual(rack.violations, []);
  await world.stop();
});

test('is killed at random effects while a cluster is deleted, and still wipes and frees every host', async () => {
  const { client, rack, env, start, startProcess } = await journey(4, { controlPlanes: 3, workers: 1 });
  const world = await start();
  await untilAvailable(world, client, 4);
  await world.stop();
  await client.delete(Cluster, edge);
  const random = seededRandom(11);
  let crashes = 0;
  let left = randomInt(random, 12);
  const begin = () => startProcess((_effect, process) => {
    if (crashes >= 40 || left-- > 0) return;
    left = randomInt(random, 12);
    crashes++;
    process.kill();
    env.clock.after(1_000, begin);
  });
  begin();
  await env.clock.runUntil(async () => (await client.get(Cluster, edge)) === undefined, { limitMs: 3_600_000, what: () => `the end of the cluster after ${crashes} crashes` });
  assert.ok(crashes > 15, `${crashes} crashes`);
  assert.deepEqual(rack.violations, []);
  assert.deepEqual(acts(rack, 'wipe').map((entry) => entry.host).sort(), ['host-0', 'host-1', 'host-2', 'host-3']);
  for (const host of (await client.list<BareMetalHost>(BareMetalHost, { namespace })).items) assert.deepEqual([host.status?.provisioning?.state, host.spec?.consumerRef], ['available', undefined]);
  assert.deepEqual((await client.list<Secret>(Secret, { namespace })).items.map((secret) => secret.metadata.name).filter((name) => name.startsWith('edge-')).filter((name) => !name.endsWith('-bootstrap-data')), []);
});
