import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcStatus } from '@keelson/std';
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import { decode, encode, talosMethods, unpackAny, type Encodable, type RequestOf, type TalosMethod } from '@keelson/talos/wire';
import type { Lab } from '../lab.ts';
import { assertNoProvisionedDiskWiped, bootstrapCount, eventCount } from '../testing/journal-checks.ts';
import { testCluster, type TestCluster } from '../testing/machine-config.ts';
import { grpcFailure, redfish, talos, talosAll } from '../testing/raw-clients.ts';
import { virtualLab, type VirtualLabOptions } from '../testing/virtual-lab.ts';

const machineApi = talosMethods['machine.MachineService'];
const cosi = talosMethods['cosi.resource.State'];
const insecure = { insecureSkipVerify: true };

interface Scene {
  readonly env: VirtualEnv;
  readonly lab: Lab;
  readonly cluster: TestCluster;
  address(name: string): string;
}

async function scene(options: VirtualLabOptions = {}): Promise<Scene> {
  const env = virtualEnv();
  const lab = await virtualLab(env, { vendor: 'generic', kubernetes: false, ...options });
  return { env, lab, cluster: testCluster({ nowMs: env.clock.now() }), address: (name) => lab.machine(name).nodeAddress };
}

const system = '/redfish/v1/Systems/1';
const cd = '/redfish/v1/Managers/1/VirtualMedia/CD1';

async function bootIso({ env, lab }: Scene, name: string): Promise<void> {
  assert.equal((await redfish(env, lab, name, 'POST', `${cd}/Actions/VirtualMedia.InsertMedia`, { body: { Image: lab.imageUrl() } })).status, 204);
  await bootOnce({ env, lab }, name, 'Cd');
}

async function bootOnce({ env, lab }: Pick<Scene, 'env' | 'lab'>, name: string, target: string): Promise<void> {
  assert.equal((await redfish(env, lab, name, 'PATCH', system, { body: { Boot: { BootSourceOverrideTarget: target, BootSourceOverrideEnabled: 'Once' } } })).status, 204);
  const type = lab.machine(name).state.power === 'on' ? 'ForceRestart' : 'On';
  assert.equal((await redfish(env, lab, name, 'POST', `${system}/Actions/ComputerSystem.Reset`, { body: { ResetType: type } })).status, 204);
}

function runs(lab: Lab, name: string): string {
  return lab.status().machines.find((machine) => machine.name === name)!.runs;
}

async function until({ env, lab }: Pick<Scene, 'env' | 'lab'>, name: string, what: string): Promise<void> {
  await env.clock.runUntil(() => runs(lab, name) === what, { what: () => `${name} ${what}, it is ${runs(lab, name)}` });
}

/** Boots the ISO and applies a configuration, up to the installed system. */
async function install(at: Scene, name: string, type: 'controlplane' | 'worker', shape: 'config' | 'legacyConfig' = 'config'): Promise<void> {
  await bootIso(at, name);
  await until(at, name, 'maintenance');
  await apply(at, name, at.cluster[shape](type, { hostname: name }));
  await at.env.clock.runUntil(() => ['booting', 'running'].includes(runs(at.lab, name)) && at.lab.machine(name).state.disks['nvme0n1']?.kind === 'talos', { what: `${name} installed` });
}

const apply = ({ env, address }: Scene, name: string, config: string) =>
  talos(env, address(name), insecure, machineApi.ApplyConfiguration, { data: new TextEncoder().encode(config), mode: 'AUTO' });

const bootstrap = ({ env, cluster, address }: Scene, name: string) => talos(env, address(name), cluster.client('os:admin'), machineApi.Bootstrap, {});

test('a machine booted from the ISO answers in maintenance as a reader and refuses the rest', async () => {
  const at = await scene();
  await bootIso(at, 'r1u01');
  await until(at, 'r1u01', 'maintenance');
  const call = <M extends TalosMethod>(method: M, request: Encodable<RequestOf<M>>) => talos(at.env, at.address('r1u01'), insecure, method, request);
  const version = await call(machineApi.Version, {});
  assert.deepEqual(version.messages.map((message) => [message.version?.tag, message.platform?.mode]), [['v1.14.1', 'metal']]);
  const disks = await call(talosMethods['storage.StorageService'].Disks, {});
  assert.deepEqual(disks.messages[0]?.disks.map((disk) => [disk.deviceName, disk.systemDisk]), [['/dev/nvme0n1', false], ['/dev/sda', false]]);
  for (const [method, request] of [[machineApi.Bootstrap, {}], [machineApi.Reset, {}], [machineApi.Reboot, {}], [machineApi.Kubeconfig, {}]] as const) {
    assert.equal((await grpcFailure(call<TalosMethod>(method, request))).code, grpcStatus.permissionDenied, method.path);
  }
  const sensitive = call(cosi.Get, { namespace: 'config', type: 'MachineConfigs.config.talos.dev', id: 'v1alpha1' });
  assert.equal((await grpcFailure(sensitive)).code, grpcStatus.permissionDenied);
  const status = await call(cosi.Get, { namespace: 'runtime', type: 'MachineStatuses.runtime.talos.dev', id: 'machine' });
  assert.match(status.resource!.spec!.yamlSpec, /stage: maintenance/);
});

test('applying a configuration installs to its disk, reboots from there and answers with the certificates of the configuration', async () => {
  for (const shape of ['config', 'legacyConfig'] as const) {
    const at = await scene();
    await install(at, 'r1u01', 'controlplane', shape);
    const { env, lab, cluster, address } = at;
    await env.clock.runUntil(() => lab.nodes[0]!.api.isOpen);
    const answer = await talos(env, address('r1u01'), cluster.client('os:reader'), machineApi.Version, {});
    assert.equal(answer.messages[0]?.version?.tag, 'v1.14.1');
    assert.equal((await grpcFailure(talos(env, address('r1u01'), insecure, machineApi.Version, {}))).code, grpcStatus.unavailable);
    const entries = lab.machine('r1u01').journal.entries.map((entry) => entry.event);
    assert.deepEqual(entries.filter((event) => ['boot-from', 'disk-write', 'config-apply', 'kernel-reboot'].includes(event)), ['boot-from', 'config-apply', 'disk-write', 'kernel-reboot', 'boot-from']);
    assert.match(lab.machine('r1u01').journal.entries.filter((entry) => entry.event === 'boot-from').at(-1)!.detail, /^disk nvme0n1/);
  }
});

test('roles come from the client certificate', async () => {
  const at = await scene();
  await install(at, 'r1u01', 'controlplane');
  const { env, lab, cluster, address } = at;
  await env.clock.runUntil(() => lab.nodes[0]!.api.isOpen);
  const as = (role: string, method: Parameters<typeof talos>[3]) => talos(env, address('r1u01'), cluster.client(role), method, {} as never);
  assert.equal((await grpcFailure(as('os:reader', machineApi.Reboot))).code, grpcStatus.permissionDenied);
  assert.equal((await grpcFailure(as('os:operator', machineApi.Reset))).code, grpcStatus.permissionDenied);
  assert.equal((await grpcFailure(as('somebody', machineApi.Version))).code, grpcStatus.permissionDenied);
  assert.equal((await grpcFailure(as('os:reader', machineApi.ApplyConfiguration))).code, grpcStatus.permissionDenied);
  const other = testCluster({ nowMs: env.clock.now(), name: 'other' });
  const stranger = { ...other.client('os:admin'), ca: cluster.osCa.cert };
  assert.equal((await grpcFailure(talos(env, address('r1u01'), stranger, machineApi.Version, {}))).code, grpcStatus.unavailable);
});

test('etcd is bootstrapped once, and the other control planes join it one after the other', async () => {
  const at = await scene({ latency: 'quick' });
  const names = ['r1u01', 'r1u02', 'r1u03'];
  for (const name of names) await install(at, name, 'controlplane');
  const { env, lab, cluster, address } = at;
  await env.clock.runUntil(() => lab.nodes.slice(0, 3).every((node) => node.state?.services['etcd']?.state === 'Preparing'));
  assert.equal(runs(lab, 'r1u02'), 'booting');
  await bootstrap(at, 'r1u01');
  const again = await grpcFailure(bootstrap(at, 'r1u01'));
  assert.equal(again.code, grpcStatus.alreadyExists);
  assert.match(again.message, /etcd data directory is not empty/);
  await env.clock.runUntil(() => names.every((name) => runs(lab, name) === 'running'));
  const list = await talos(env, address('r1u02'), cluster.client('os:reader'), machineApi.EtcdMemberList, {});
  assert.deepEqual(list.messages[0]!.members.map((member) => [member.hostname, member.isLearner]), names.map((name) => [name, false]));
  assert.equal(bootstrapCount(lab.journal(), cluster.id), 1);
  assert.equal(eventCount(lab.journal(), 'etcd-join'), 2);
  const members = await talosAll(env, address('r1u01'), cluster.client('os:reader'), cosi.List, { namespace: 'cluster', type: 'Members.cluster.talos.dev' });
  assert.deepEqual(members.map((one) => one.resource!.metadata!.id), names);
  assertNoProvisionedDiskWiped(lab.journal());
});

test('bootstrap is refused before etcd waits for it, and on a worker', async () => {
  const at = await scene({ latency: 'quick' });
  const { env, lab } = at;
  await bootIso(at, 'r1u01');
  await until(at, 'r1u01', 'maintenance');
  await apply(at, 'r1u01', at.cluster.config('controlplane'));
  await env.clock.advance(200);
  assert.equal(runs(lab, 'r1u01'), 'installing');
  assert.equal((await grpcFailure(bootstrap(at, 'r1u01'))).code, grpcStatus.failedPrecondition);
  await until(at, 'r1u01', 'booting');
  await env.clock.runUntil(() => lab.nodes[0]!.state?.services['etcd']?.state === 'Preparing');
  await install(at, 'r1u02', 'worker');
  await until(at, 'r1u02', 'running');
  await env.clock.runUntil(() => lab.nodes[1]!.api.isOpen);
  const onWorker = await grpcFailure(bootstrap(at, 'r1u02'));
  assert.equal(onWorker.code, grpcStatus.unimplemented);
  assert.match(onWorker.message, /only available on control plane nodes/);
});

test('a worker has no API until a control plane signs its certificate', async () => {
  const at = await scene();
  const { lab, env, cluster, address } = at;
  await install(at, 'r1u02', 'worker');
  await until(at, 'r1u02', 'running');
  assert.equal(lab.nodes[1]!.api.isOpen, false);
  await install(at, 'r1u01', 'controlplane');
  await env.clock.runUntil(() => lab.nodes[1]!.api.isOpen);
  assert.equal((await talos(env, address('r1u02'), cluster.client('os:reader'), machineApi.Hostname, {})).messages[0]!.hostname, 'r1u02');
});

test('a configuration that a node would not boot with is refused with every complaint', async () => {
  const at = await scene();
  await bootIso(at, 'r1u01');
  await until(at, 'r1u01', 'maintenance');
  const good = at.cluster.config('controlplane');
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['no YAML', 'machine: [', /failed to parse/],
    ['unknown document', `${good}---\napiVersion: v1alpha1\nkind: NoSuchConfig\n`, /"NoSuchConfig" "v1alpha1": not registered/],
    ['unknown key', good.replace('diskQuotaSupport', 'diskQuotaSupport').replace('certSANs:', 'certSAN:'), /unknown keys found during decoding: machine\.certSAN/],
    ['no type', good.replace('type: controlplane', 'type: ""'), /machine type is not known/],
    ['twice', `${good}---\napiVersion: v1alpha1\nkind: KubeClusterConfig\nclusterName: x\nendpoint: https://x\n`, /more than one document KubeClusterConfig/],
    ['a worker with a control plane document', at.cluster.config('worker') + '---\napiVersion: v1alpha1\nkind: KubeSchedulerConfig\n', /only allowed on control plane/],
    ['both forms', at.cluster.legacyConfig('worker') + '---\napiVersion: v1alpha1\nkind: KubeletConfig\nimage: x:v1\n', /machine\.kubelet is already set in v1alpha1 config/],
  ];
  for (const [what, config, expected] of cases) {
    const failure = await grpcFailure(apply(at, 'r1u01', config));
    assert.equal(failure.code, grpcStatus.invalidArgument, what);
    assert.match(failure.message, expected, what);
  }
  assert.equal(runs(at.lab, 'r1u01'), 'maintenance');
  const dry = await talos(at.env, at.address('r1u01'), insecure, machineApi.ApplyConfiguration, { data: new TextEncoder().encode(good), mode: 'AUTO', dryRun: true });
  assert.match(dry.messages[0]!.modeDetails, /Dry run summary/);
  assert.equal(runs(at.lab, 'r1u01'), 'maintenance');
});

test('a reset wipes the system disk, boots the medium that was set before and is back in maintenance', async () => {
  const at = await scene();
  const { env, lab, cluster, address } = at;
  await install(at, 'r1u01', 'controlplane');
  await env.clock.runUntil(() => lab.nodes[0]!.state?.services['etcd']?.state === 'Preparing');
  await bootstrap(at, 'r1u01');
  await until(at, 'r1u01', 'running');
  await redfish(env, lab, 'r1u01', 'PATCH', system, { body: { Boot: { BootSourceOverrideTarget: 'Cd', BootSourceOverrideEnabled: 'Once' } } });
  const boot = lab.machine('r1u01').state.bootId;
  const answer = await talos(env, address('r1u01'), cluster.client('os:admin'), machineApi.Reset, { graceful: false, reboot: true });
  assert.match(answer.messages[0]!.actorId, /^[0-9a-f-]{36}$/);
  await until(at, 'r1u01', 'maintenance');
  assert.notEqual(lab.machine('r1u01').state.bootId, boot);
  assert.deepEqual(lab.machine('r1u01').state.disks['nvme0n1'], { kind: 'empty' });
  assert.equal(eventCount(lab.journal(), 'disk-wipe', 'r1u01'), 1);
  assert.throws(() => assertNoProvisionedDiskWiped(lab.journal()), /r1u01/);
  assertNoProvisionedDiskWiped(lab.journal(), ['r1u01']);
  assert.equal(lab.world.etcd.clusters.length, 0);
});

test('a graceful reset leaves etcd, and the last member cannot', async () => {
  const at = await scene();
  const { env, lab, cluster, address } = at;
  for (const name of ['r1u01', 'r1u02']) await install(at, name, 'controlplane');
  await env.clock.runUntil(() => lab.nodes.slice(0, 2).every((node) => node.state?.services['etcd']?.state === 'Preparing'));
  await bootstrap(at, 'r1u01');
  await env.clock.runUntil(() => ['r1u01', 'r1u02'].every((name) => runs(lab, name) === 'running'));
  await talos(env, address('r1u02'), cluster.client('os:admin'), machineApi.Reset, { graceful: true, reboot: false });
  await until(at, 'r1u02', 'off');
  assert.deepEqual(lab.world.etcd.clusters[0]!.members.map((member) => member.machine), ['r1u01']);
  await talos(env, address('r1u01'), cluster.client('os:admin'), machineApi.Reset, { graceful: true, reboot: true });
  await until(at, 'r1u01', 'running');
  assert.equal(eventCount(lab.journal(), 'disk-wipe', 'r1u01'), 0);
});

test('a machine with an installed disk halts when booted from the ISO, and runs its system again from disk', async () => {
  const at = await scene();
  const { lab, env, cluster, address } = at;
  await install(at, 'r1u01', 'controlplane');
  await bootOnce(at, 'r1u01', 'Cd');
  await until(at, 'r1u01', 'halted');
  await env.clock.settle();
  assert.equal((await grpcFailure(talos(env, address('r1u01'), insecure, machineApi.Version, {}))).code, grpcStatus.unavailable);
  await bootOnce(at, 'r1u01', 'Hdd');
  await env.clock.runUntil(() => lab.nodes[0]!.api.isOpen);
  await talos(env, address('r1u01'), cluster.client('os:reader'), machineApi.Version, {});
  assertNoProvisionedDiskWiped(lab.journal());
});

test('every COSI type of a running node can be listed, in its typed and its printed form', async () => {
  const at = await scene();
  const { env, lab, cluster, address } = at;
  await install(at, 'r1u01', 'controlplane');
  await env.clock.runUntil(() => lab.nodes[0]!.state?.services['etcd']?.state === 'Preparing');
  await bootstrap(at, 'r1u01');
  await until(at, 'r1u01', 'running');
  const admin = cluster.client('os:admin');
  const definitions = await talosAll(env, address('r1u01'), admin, cosi.List, { namespace: 'meta', type: 'ResourceDefinitions.meta.cosi.dev' });
  assert.ok(definitions.length > 25);
  for (const { resource } of definitions) {
    const [, type] = /^type: (.*)$/m.exec(resource!.spec!.yamlSpec)!;
    const [, namespace] = /^defaultNamespace: (.*)$/m.exec(resource!.spec!.yamlSpec)!;
    const items = await talosAll(env, address('r1u01'), admin, cosi.List, { namespace: namespace!, type: type! });
    const mayBeEmpty = ['Diagnostics.runtime.talos.dev', 'Namespaces.meta.cosi.dev', 'NodeStatuses.kubernetes.talos.dev'];
    assert.ok(items.length > 0 || mayBeEmpty.includes(type!), type);
  }
  const unknown = await grpcFailure(talosAll(env, address('r1u01'), admin, cosi.List, { namespace: 'runtime', type: 'Nothing.talos.dev' }));
  assert.equal(unknown.code, grpcStatus.permissionDenied);
});

test('a watch of the machine status follows a reboot up to its start', async () => {
  const at = await scene({ latency: 'quick' });
  const { env, lab, cluster, address } = at;
  await install(at, 'r1u01', 'controlplane');
  await env.clock.runUntil(() => lab.nodes[0]!.state?.services['etcd']?.state === 'Preparing');
  const stages: string[] = [];
  const channel = env.net.grpc({ host: address('r1u01'), port: 50000 }, cluster.client('os:reader'));
  const watching = (async () => {
    const request = encode('cosi.resource.WatchRequest', { namespace: 'runtime', type: 'MachineStatuses.runtime.talos.dev', id: 'machine', apiVersion: 1, options: {} });
    for await (const bytes of channel.call(cosi.Watch, [request])) {
      for (const event of decode('cosi.resource.WatchResponse', bytes).event) stages.push(/stage: (.*)/.exec(event.resource!.spec!.yamlSpec)![1]!);
    }
  })().catch(() => {});
  await bootstrap(at, 'r1u01');
  await until(at, 'r1u01', 'running');
  await talos(env, address('r1u01'), cluster.client('os:operator'), machineApi.Reboot, {});
  await env.clock.runUntil(() => runs(lab, 'r1u01') === 'loading');
  await watching;
  assert.equal(stages[0], 'booting');
  assert.deepEqual([...new Set(stages)], ['booting', 'running', 'rebooting']);
});

test('events of a sequence carry its actor, after one empty event', async () => {
  const at = await scene({ latency: 'quick' });
  const { env, lab, cluster, address } = at;
  await install(at, 'r1u01', 'controlplane');
  await env.clock.runUntil(() => lab.nodes[0]!.api.isOpen);
  const reboot = await talos(env, address('r1u01'), cluster.client('os:admin'), machineApi.Reboot, {});
  const { actorId } = reboot.messages[0]!;
  const collected: string[] = [];
  const channel = env.net.grpc({ host: address('r1u01'), port: 50000 }, cluster.client('os:reader'));
  const reading = (async () => {
    for await (const bytes of channel.call(machineApi.Events, [encode('machine.EventsRequest', { tailEvents: -1, withActorId: actorId })])) {
      const event = decode('machine.Event', bytes);
      const unpacked = event.data && unpackAny(event.data);
      collected.push(unpacked ? `${unpacked.name} ${(unpacked.value as { action: string }).action}` : 'empty');
      assert.ok(!unpacked || event.actorId === actorId);
    }
  })().catch(() => {});
  await until(at, 'r1u01', 'loading');
  await reading;
  assert.deepEqual(collected, ['empty', 'machine.SequenceEvent START']);
});

test('an installation that fails leaves the disk alone, and the machine boots its medium again', async () => {
  const at = await scene();
  await bootIso(at, 'r1u01');
  await until(at, 'r1u01', 'maintenance');
  await at.lab.setFault('r1u01', 'install-fails');
  const boot = at.lab.machine('r1u01').state.bootId;
  await apply(at, 'r1u01', at.cluster.config('controlplane'));
  await at.env.clock.runUntil(() => at.lab.machine('r1u01').state.bootId !== boot && runs(at.lab, 'r1u01') === 'maintenance');
  assert.equal(eventCount(at.lab.journal(), 'disk-write'), 0);
});

test('a lab that starts again finds a running machine running, with its etcd member, and without a boot', async () => {
  const at = await scene({ latency: 'quick' });
  const { env, lab, cluster, address } = at;
  await install(at, 'r1u01', 'controlplane');
  await env.clock.runUntil(() => lab.nodes[0]!.state?.services['etcd']?.state === 'Preparing');
  await bootstrap(at, 'r1u01');
  await until(at, 'r1u01', 'running');
  await bootIso(at, 'r1u02');
  await env.clock.runUntil(() => runs(lab, 'r1u02') === 'post');
  const before = lab.machine('r1u01').state.bootId;
  const entries = lab.journal().length;
  await lab.close();
  assert.deepEqual(env.net.listening(), []);
  const next = await virtualLab(env, { vendor: 'generic', latency: 'quick', kubernetes: false });
  assert.equal(next.journal().length, entries);
  assert.equal(runs(next, 'r1u01'), 'running');
  await env.clock.runUntil(() => next.nodes[0]!.api.isOpen);
  const list = await talos(env, address('r1u01'), cluster.client('os:admin'), machineApi.EtcdMemberList, {});
  assert.equal(list.messages[0]!.members.length, 1);
  assert.equal(next.machine('r1u01').state.bootId, before);
  await until({ env, lab: next }, 'r1u02', 'maintenance');
  await next.close();
});
