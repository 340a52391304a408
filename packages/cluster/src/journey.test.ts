/** From YAML to a running cluster and back, on a rack in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApiServer } from '@keelson/apiserver/testing';
import { BareMetalHost, Cluster, Machine, MachineDeployment, Metal3Machine, Node, Secret, TalosControlPlane } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { findCondition } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { createKubeClient } from '@keelson/kube/client';
import type { TestWorld } from '@keelson/controller/testing';
import { createTestWorld } from '@keelson/controller/testing';
import { TransportError } from '@keelson/std';
import type { VirtualEnv } from '@keelson/std/testing';
import { virtualEnv } from '@keelson/std/testing';
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
}

async function journey(hosts: number, options: EdgeOptions = {}): Promise<Journey> {
  const env = virtualEnv({ seed: 7 });
  const { client } = await testApiServer(env);
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
  for (const object of [...rackHosts(hosts), ...edgeCluster(options)]) await createAny(client, object);
  const start = () => createTestWorld({ env, client, controllers: [...clusterControllers({ keys: quickKeys, connectWorkload: () => reachable }), rackHostController(rack)] });
  return { env, client, workload, rack, start };
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
  await world.until<Cluster>(Cluster, edge, (cluster) => isAvailable(cluster) && (cluster.status?.controlPlane?.availableReplicas ?? 0) + (cluster.status?.workers?.availableReplicas ?? 0) === count, { limitMs: 30 * 60_000 });
  assert.deepEqual((await machines(client)).map((machine) => machine.status?.phase), Array.from({ length: count }, () => 'Running'));
}

test('builds a cluster of 3 control planes and 2 workers from its YAML', async () => {
  const { client, rack, workload, start } = await journey(6);
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
