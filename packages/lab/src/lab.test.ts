import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { talosMethods } from '@keelson/talos/wire';
import { assertNoProvisionedDiskWiped, bootstrapCount, eventCount } from './testing/journal-checks.ts';
import { testCluster } from './testing/machine-config.ts';
import { talos } from './testing/raw-clients.ts';
import { sampleDatacenter, virtualLab } from './testing/virtual-lab.ts';
import { bringUp } from './testing/bring-up.ts';

test('two labs side by side take two networks, and each finds its own again', async () => {
  const env = virtualEnv();
  const first = await virtualLab(env, { machines: 1, kubernetes: false, dataDir: '/one' });
  const second = await virtualLab(env, { machines: 1, kubernetes: false, dataDir: '/two' });
  assert.deepEqual([first.network, second.network], ['127.77.0.0/16', '127.78.0.0/16']);
  assert.equal(second.bmc('r1u01').url, 'https://127.78.1.11:8443');
  await first.close();
  await second.close();
  const again = await virtualLab(env, { machines: 1, kubernetes: false, dataDir: '/two' });
  assert.equal(again.network, '127.78.0.0/16');
  await assert.rejects(virtualLab(env, { machines: 1, kubernetes: false, dataDir: '/three', network: '127.78.0.0/16' }), (error: unknown) => error instanceof ProblemError && error.problem.code === 'LAB.NETWORK_TAKEN');
  assert.deepEqual(env.net.listening().filter((address) => !address.startsWith('127.78.')), []);
});

test('the repository has the addresses of the network that the lab runs on', async () => {
  const env = virtualEnv();
  const lab = await virtualLab(env, { machines: 1, kubernetes: false, network: '127.99.0.0/16', files: { 'hosts/a.yaml': 'address: redfish+https://127.77.1.11:8443\n', 'lab.yaml': 'not part of it\n' } });
  assert.deepEqual([...lab.git.repository!.head().files], [['hosts/a.yaml', 'address: redfish+https://127.99.1.11:8443\n']]);
});

test('a cluster of three control planes and a worker becomes ready in Kubernetes too', async () => {
  const env = virtualEnv();
  const lab = await virtualLab(env, { machines: 4, vendor: 'generic' });
  const cluster = testCluster({ nowMs: env.clock.now(), endpoint: 'https://127.77.3.1:6443' });
  await bringUp({ env, lab, cluster, controlPlanes: ['r1u01', 'r1u02', 'r1u03'], workers: ['r1u04'] });
  await env.clock.runUntil(() => lab.status().machines.every((machine) => machine.runs === 'running' && machine.waitsFor === ''), { what: () => JSON.stringify(lab.status().machines.map((m) => [m.name, m.runs, m.waitsFor])) });
  assert.equal(lab.status().clusters[0]?.serving, true);
  const status = await talos(env, lab.machine('r1u04').nodeAddress, cluster.client('os:reader'), talosMethods['cosi.resource.State'].Get, { namespace: 'runtime', type: 'MachineStatuses.runtime.talos.dev', id: 'machine' });
  assert.match(status.resource!.spec!.yamlSpec, /ready: true/);
  assert.equal(bootstrapCount(lab.journal()), 1);
  assertNoProvisionedDiskWiped(lab.journal());
  await lab.close();
});

test('a thousand machines power on and reach maintenance', async () => {
  const env = virtualEnv();
  const lab = await virtualLab(env, { datacenter: sampleDatacenter(1000, 'generic'), kubernetes: false });
  const { commandPower } = await import('./machine/power.ts');
  for (const machine of lab.machines) {
    machine.state.media['CD1'] = { image: lab.imageUrl(), insertedAtMs: 0, writeProtected: true };
    commandPower(machine, 'On', 'test');
  }
  await env.clock.runUntil(() => lab.nodes.every((node) => node.state?.stage === 'maintenance' && node.api.isOpen));
  assert.equal(eventCount(lab.journal(), 'boot-from'), 1000);
  await lab.close();
});
