/** A cluster on lab machines by raw requests: ISO, configuration, bootstrap. For tests that need one and are about something else. */
import { talosMethods } from '@keelson/talos/wire';
import type { VirtualEnv } from '@keelson/std/testing';
import type { Lab } from '../lab.ts';
import { commandPower } from '../machine/power.ts';
import type { TestCluster } from './machine-config.ts';
import { talos } from './raw-clients.ts';

export interface BringUp {
  readonly env: VirtualEnv;
  readonly lab: Lab;
  readonly cluster: TestCluster;
  readonly controlPlanes: readonly string[];
  readonly workers: readonly string[];
}

const machineApi = talosMethods['machine.MachineService'];

/** Installs all machines and bootstraps etcd on the first control plane; resolves when every API is open. */
export async function bringUp({ env, lab, cluster, controlPlanes, workers }: BringUp): Promise<void> {
  const all = [...controlPlanes, ...workers];
  const nodes = lab.nodes.filter((node) => all.includes(node.machine.name));
  for (const name of all) {
    const machine = lab.machine(name);
    machine.state.media['CD1'] = { image: lab.imageUrl(), insertedAtMs: env.clock.now(), writeProtected: true };
    commandPower(machine, 'On', 'test');
  }
  await env.clock.runUntil(() => nodes.every((node) => node.state?.stage === 'maintenance' && node.api.isOpen), { what: 'all machines in maintenance' });
  for (const name of all) {
    const config = cluster.config(controlPlanes.includes(name) ? 'controlplane' : 'worker', { hostname: name });
    await talos(env, lab.machine(name).nodeAddress, { insecureSkipVerify: true }, machineApi.ApplyConfiguration, { data: new TextEncoder().encode(config), mode: 'AUTO' });
  }
  const first = lab.nodes.find((node) => node.machine.name === controlPlanes[0]);
  await env.clock.runUntil(() => first?.state?.services['etcd']?.state === 'Preparing', { what: 'etcd to wait for its bootstrap' });
  await talos(env, lab.machine(controlPlanes[0]!).nodeAddress, cluster.client('os:admin'), machineApi.Bootstrap, {});
  await env.clock.runUntil(() => nodes.every((node) => node.api.isOpen && node.state?.stage === 'running'), { what: 'all machines to run' });
}
