/**
 * One host of a test: the embedded API server, the metal controllers in virtual time, a scripted Redfish service, and a
 * model of the machine behind it (where it boots from, what is on its disk). A test double, not a lab.
 */
import { BareMetalHost, Secret } from '@keelson/api';
import { testApiServer } from '@keelson/apiserver/testing';
import { redfishDriver } from '@keelson/bmc/redfish';
import { scriptedRedfish, type ScriptedOptions, type ScriptedRedfish } from '@keelson/bmc/testing';
import { createTestWorld, type TestWorld } from '@keelson/controller/testing';
import { apiVersionOf } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import type { NodeObservation } from '../host-view.ts';
import { metalControllers } from '../index.ts';
import type { NodeWiper } from '../node-wiper.ts';
import type { Crash } from './crash.ts';

export const namespace = 'rack';
export const key = { namespace, name: 'r1u01' };
export const iso = 'http://10.0.9.9/talos.iso';
export const otherIso = 'http://10.0.9.9/other.iso';

export interface Machine {
  /** What is on the disk. */
  disk: 'empty' | 'talos';
  /** What runs: nothing, an unconfigured Talos from the image, a configured one, or something that answers nobody. */
  runs: 'nothing' | 'maintenance' | 'configured' | 'hung';
  /** The next boots hang. */
  hangs: boolean;
  systemUuid: string;
  stage: string;
  /** Every destructive act, in order. */
  readonly journal: string[];
}

export interface Rack {
  readonly env: VirtualEnv;
  readonly client: KubeClient;
  readonly bmc: ScriptedRedfish;
  readonly machine: Machine;
  world: TestWorld;
  /** Stops the controllers and starts new ones on the same API and machine. */
  restart(): Promise<void>;
  host(): Promise<BareMetalHost>;
  until(what: (host: BareMetalHost) => boolean, limitMs?: number): Promise<BareMetalHost>;
  untilState(state: string, limitMs?: number): Promise<BareMetalHost>;
  patch(change: object): Promise<BareMetalHost>;
  annotate(annotations: Record<string, string | null>): Promise<BareMetalHost>;
  setPassword(password: string): Promise<void>;
}

export interface RackOptions {
  readonly bmc?: Omit<ScriptedOptions, 'clock'>;
  readonly spec?: Partial<BareMetalHost['spec']> & object;
  readonly annotations?: Record<string, string>;
  /** Do not make the Secret or the host. */
  readonly without?: readonly ('secret' | 'host')[];
  readonly password?: string;
  readonly nodes?: (nodes: NodeWiper) => NodeWiper;
  readonly crash?: Crash;
}

/** Makes the rack and starts the controllers. */
export async function rack(options: RackOptions = {}): Promise<Rack> {
  const env = virtualEnv({ seed: 3 });
  const { client } = await testApiServer(env);
  const bmc = scriptedRedfish({ ip: '10.0.2.1', powerDelayMs: 2_000, ...options.bmc, clock: env.clock });
  await env.net.listenHttp({ host: '10.0.0.1', port: 80 }, { handler: bmc.handler });
  const machine: Machine = { disk: 'empty', runs: 'nothing', hangs: false, systemUuid: bmc.state.uuid, stage: 'running', journal: [] };
  bmc.onPower = (to, from) => {
    machine.journal.push(to === 'On' ? `power on from ${from}` : 'power off');
    machine.runs = to === 'Off' ? 'nothing' : boot(machine, bmc, from);
  };
  const nodes = (options.nodes ?? ((same) => same))(nodesOf(machine, bmc));
  const controllers = () => metalControllers({ driver: options.crash?.driver(redfishDriver) ?? redfishDriver, nodes: options.crash?.nodes(nodes) ?? nodes });
  await client.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const start = () => createTestWorld({ env, client: options.crash?.client(client) ?? client, controllers: controllers() });
  const self: Rack = {
    env, client, bmc, machine,
    world: await start(),
    async restart() {
      await self.world.stop();
      self.world = await start();
    },
    host: async () => (await client.get<BareMetalHost>(BareMetalHost, key))!,
    until: (what, limitMs) => self.world.until<BareMetalHost>(BareMetalHost, key, what, limitMs === undefined ? {} : { limitMs }),
    untilState: (state, limitMs) => self.until((host) => host.status?.provisioning?.state === state, limitMs),
    patch: (change) => client.patch<BareMetalHost>(BareMetalHost, key, 'merge', change),
    annotate: (annotations) => client.patch<BareMetalHost>(BareMetalHost, key, 'merge', { metadata: { annotations } }),
    setPassword: async (password) => void (await client.patch(Secret, { namespace, name: 'bmc' }, 'merge', { data: { password: base64(password) } })),
  };
  if (!options.without?.includes('secret')) await client.create(Secret, secretOf('bmc', { username: 'root', password: options.password ?? 'calvin' }));
  if (!options.without?.includes('host')) await client.create(BareMetalHost, hostOf(options));
  return self;
}

const namespaceKind = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };

export function hostOf(options: RackOptions = {}, name = key.name): BareMetalHost {
  return {
    apiVersion: apiVersionOf(BareMetalHost), kind: 'BareMetalHost', metadata: { name, namespace, ...(options.annotations ? { annotations: options.annotations } : {}) },
    spec: { online: true, bmc: { address: 'redfish-virtualmedia+http://10.0.0.1/redfish/v1/Systems/1', credentialsName: 'bmc' }, ...options.spec },
  };
}

export function secretOf(name: string, data: Record<string, string>): Secret {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, base64(v)])) };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function boot(machine: Machine, bmc: ScriptedRedfish, from: string): Machine['runs'] {
  if (machine.hangs) return 'hung';
  const inserted = bmc.state.media.Inserted;
  // The image stops where it finds an installation, as Talos' does (talos.halt_if_installed).
  if (from === 'Cd' && inserted) return machine.disk === 'talos' ? 'hung' : 'maintenance';
  // The firmware's order: disk, then drive.
  return machine.disk === 'talos' ? 'configured' : from === 'None' && inserted ? 'maintenance' : 'hung';
}

/** Puts Talos on the disk and runs it, as a cluster does with a machine in maintenance. */
export function install(rackOf: Rack): void {
  rackOf.machine.disk = 'talos';
  rackOf.machine.runs = 'configured';
}

function nodesOf(machine: Machine, bmc: ScriptedRedfish): NodeWiper {
  return {
    async observe(_env, { addresses, talosconfig }): Promise<NodeObservation> {
      const [address] = addresses;
      if (address === undefined || address !== bmc.state.ip) return { kind: 'silent', why: 'connection refused' };
      if (machine.runs === 'maintenance') return { kind: 'maintenance', address, systemUuid: machine.systemUuid };
      if (machine.runs === 'configured' && talosconfig === 'talosconfig of edge') return { kind: 'configured', address, systemUuid: machine.systemUuid, stage: machine.stage, installed: machine.disk === 'talos' };
      return { kind: 'silent', why: 'no answer within 5 s' };
    },
    async wipe(env, { systemUuid, talosconfig }) {
      if (machine.runs !== 'configured' || talosconfig !== 'talosconfig of edge') throw new Error('the node does not take the request');
      if (systemUuid !== machine.systemUuid) throw new Error('another machine');
      machine.journal.push('wipe');
      machine.disk = 'empty';
      machine.runs = 'nothing';
      env.clock.after(20_000, () => {
        if (bmc.state.power !== 'On') return;
        const from = bmc.state.boot['BootSourceOverrideEnabled'] === 'Disabled' ? 'None' : String(bmc.state.boot['BootSourceOverrideTarget']);
        bmc.state.boot = { ...bmc.state.boot, BootSourceOverrideEnabled: 'Disabled', BootSourceOverrideTarget: 'None' };
        machine.journal.push(`restart from ${from}`);
        machine.runs = boot(machine, bmc, from);
      });
    },
  };
}
