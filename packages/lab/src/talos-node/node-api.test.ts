import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { test } from 'node:test';
import { grpcStatus } from '@keelson/std';
import { parseCertificate } from '@keelson/std/x509';
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import { talosMethods } from '@keelson/talos/wire';
import { parse } from 'yaml';
import type { Lab } from '../lab.ts';
import { bringUp } from '../testing/bring-up.ts';
import { testCluster, type TestCluster } from '../testing/machine-config.ts';
import { grpcFailure, talos, talosAll } from '../testing/raw-clients.ts';
import { virtualLab } from '../testing/virtual-lab.ts';

const machineApi = talosMethods['machine.MachineService'];
const lifecycle = talosMethods['machine.LifecycleService'];
const cosi = talosMethods['cosi.resource.State'];

interface Running {
  readonly env: VirtualEnv;
  readonly lab: Lab;
  readonly cluster: TestCluster;
  readonly admin: ReturnType<TestCluster['client']>;
  address(name: string): string;
  runs(name: string): string;
}

/** Two control planes and a worker that run, without Kubernetes. */
async function running(latency: 'zero' | 'quick' = 'zero'): Promise<Running> {
  const env = virtualEnv();
  const lab = await virtualLab(env, { machines: 3, vendor: 'generic', kubernetes: false, latency });
  const cluster = testCluster({ nowMs: env.clock.now() });
  await bringUp({ env, lab, cluster, controlPlanes: ['r1u01', 'r1u02'], workers: ['r1u03'] });
  return {
    env, lab, cluster, admin: cluster.client('os:admin'), address: (name) => lab.machine(name).nodeAddress,
    runs: (name) => lab.status().machines.find((machine) => machine.name === name)!.runs,
  };
}

test('a control plane forwards to the node that is named, a worker only to itself', async () => {
  const { env, admin, address } = await running();
  const hostname = (at: string, node: string) => talos(env, address(at), admin, machineApi.Hostname, {}, { metadata: { node } });
  assert.equal((await hostname('r1u01', address('r1u03'))).messages[0]!.hostname, 'r1u03');
  assert.equal((await hostname('r1u01', 'r1u02')).messages[0]!.hostname, 'r1u02');
  assert.equal((await hostname('r1u03', 'r1u03')).messages[0]!.hostname, 'r1u03');
  assert.equal((await grpcFailure(hostname('r1u03', 'r1u01'))).code, grpcStatus.permissionDenied);
  assert.equal((await grpcFailure(hostname('r1u01', '10.0.0.1'))).code, grpcStatus.unavailable);
});

test('a call to several nodes answers with a message of each, and the failure of one is a message too', async () => {
  const { env, lab, admin, address } = await running();
  await lab.setFault('r1u03', 'node-lost');
  await env.clock.settle();
  const answer = await talos(env, address('r1u01'), admin, machineApi.Hostname, {}, { metadata: { nodes: 'r1u02,r1u03' } });
  assert.deepEqual(answer.messages.map((message) => [message.metadata!.hostname, message.hostname, message.metadata!.status?.code]), [['r1u02', 'r1u02', undefined], ['r1u03', '', grpcStatus.unavailable]]);
  const state = talosAll(env, address('r1u01'), admin, cosi.List, { namespace: 'runtime', type: 'Versions.runtime.talos.dev' }, { metadata: { nodes: 'r1u02' } });
  assert.equal((await grpcFailure(state)).code, grpcStatus.invalidArgument);
});

test('a staged configuration waits for the reboot, a tried one falls back, a plain one acts at once', async () => {
  const { env, lab, cluster, admin, address, runs } = await running('quick');
  const labels = () => lab.nodes[2]!.config!.nodeLabels;
  const apply = (mode: 'STAGED' | 'TRY' | 'NO_REBOOT' | 'REBOOT', value: string) => talos(env, address('r1u03'), admin, machineApi.ApplyConfiguration, {
    data: new TextEncoder().encode(cluster.config('worker', { hostname: 'r1u03', labels: { v: value } })), mode,
  });
  assert.match((await apply('STAGED', 'staged')).messages[0]!.modeDetails, /^Staged/);
  assert.deepEqual(labels(), {});
  await apply('TRY', 'tried');
  assert.deepEqual(labels(), { v: 'tried' });
  await env.clock.advance(61_000);
  assert.deepEqual(labels(), {});
  assert.equal((await apply('NO_REBOOT', 'now')).messages[0]!.mode, 'NO_REBOOT');
  assert.deepEqual(labels(), { v: 'now' });
  assert.equal((await grpcFailure(apply('REBOOT', 'x'))).code, grpcStatus.unimplemented);
  await apply('STAGED', 'later');
  const boot = lab.machine('r1u03').state.bootId;
  await talos(env, address('r1u03'), admin, machineApi.Reboot, {});
  await env.clock.runUntil(() => lab.machine('r1u03').state.bootId !== boot && runs('r1u03') === 'running');
  assert.deepEqual(labels(), { v: 'later' });
});

test('an upgrade writes the other version, which runs after a reboot and can be rolled back', async () => {
  const { env, lab, admin, address, runs } = await running();
  const version = async () => (await talos(env, address('r1u03'), admin, machineApi.Version, {})).messages[0]!.version!.tag;
  const reboot = async (method: typeof machineApi.Reboot | typeof machineApi.Rollback) => {
    const boot = lab.machine('r1u03').state.bootId;
    await talos(env, address('r1u03'), admin, method, {} as never);
    await env.clock.runUntil(() => lab.machine('r1u03').state.bootId !== boot && runs('r1u03') === 'running' && lab.nodes[2]!.api.isOpen);
  };
  const upgrading = talosAll(env, address('r1u03'), admin, lifecycle.Upgrade, { source: { imageName: 'factory.talos.dev/metal-installer/x:v1.14.2' } });
  await env.clock.advance(10);
  const progress = await upgrading;
  assert.equal(progress.at(-1)!.progress!.exitCode, 0);
  assert.equal(await version(), 'v1.14.1');
  await reboot(machineApi.Reboot);
  assert.equal(await version(), 'v1.14.2');
  await reboot(machineApi.Rollback);
  assert.equal(await version(), 'v1.14.1');
});

test('a reboot gives a new boot id, as a client reads it', async () => {
  const { env, lab, admin, address, runs } = await running();
  const read = async () => Buffer.concat((await talosAll(env, address('r1u01'), admin, machineApi.Read, { path: '/proc/sys/kernel/random/boot_id' })).map((data) => data.bytes)).toString();
  const before = await read();
  assert.match(before, /^[0-9a-f-]{36}\n$/);
  await talos(env, address('r1u01'), admin, machineApi.Reboot, { mode: 'POWERCYCLE' });
  await env.clock.runUntil(() => lab.machine('r1u01').state.bootId !== before.trim() && runs('r1u01') === 'running' && lab.nodes[0]!.api.isOpen);
  assert.notEqual(await read(), before);
  assert.equal(lab.machine('r1u01').journal.entries.filter((entry) => entry.event === 'kernel-reboot').at(-1)!.detail, 'reset');
});

test('the kubeconfig is one file in a tar without its end, for an admin of the cluster', async () => {
  const { env, cluster, admin, address } = await running();
  const chunks = await talosAll(env, address('r1u01'), admin, machineApi.Kubeconfig, {});
  const tar = gunzipSync(Buffer.concat(chunks.map((chunk) => chunk.bytes)));
  assert.equal(tar.subarray(0, 10).toString(), 'kubeconfig');
  const size = Number.parseInt(tar.subarray(124, 135).toString(), 8);
  assert.equal(tar.length, 512 + Math.ceil(size / 512) * 512);
  const config = parse(tar.subarray(512, 512 + size).toString());
  assert.deepEqual([config['current-context'], config.clusters[0].cluster.server], ['admin@edge', cluster.endpoint]);
  const certificate = parseCertificate(Buffer.from(config.users[0].user['client-certificate-data'], 'base64').toString());
  assert.deepEqual([certificate.commonName, certificate.organizations], ['admin', ['system:masters']]);
  assert.equal((await grpcFailure(talosAll(env, address('r1u03'), admin, machineApi.Kubeconfig, {}))).code, grpcStatus.unimplemented);
});

test('a client configuration from the node has the roles that were asked for', async () => {
  const { env, admin, address } = await running();
  const ask = (roles: readonly string[]) => talos(env, address('r1u01'), admin, machineApi.GenerateClientConfiguration, { roles, crtTtl: { seconds: 3600n, nanos: 0 } });
  const made = (await ask(['os:reader'])).messages[0]!;
  const certificate = parseCertificate(Buffer.from(made.crt).toString());
  assert.deepEqual(certificate.organizations, ['os:reader']);
  assert.match(Buffer.from(made.key).toString(), /BEGIN ED25519 PRIVATE KEY/);
  assert.equal((await grpcFailure(ask(['os:wizard']))).code, grpcStatus.invalidArgument);
});

test('a member that is removed from etcd stops there, and a cluster without quorum says so', async () => {
  const { env, lab, admin, address } = await running();
  const members = await talos(env, address('r1u01'), admin, machineApi.EtcdMemberList, {});
  await lab.setFault('r1u02', 'etcd-unhealthy');
  const noQuorum = await grpcFailure(talos(env, address('r1u01'), admin, machineApi.EtcdMemberList, {}));
  assert.match(noQuorum.message, /no leader/);
  assert.equal((await talos(env, address('r1u01'), admin, machineApi.EtcdMemberList, { queryLocal: true })).messages[0]!.members.length, 2);
  await lab.setFault('r1u02', 'etcd-unhealthy', false);
  const second = members.messages[0]!.members.find((member) => member.hostname === 'r1u02')!;
  await talos(env, address('r1u01'), admin, machineApi.EtcdRemoveMemberByID, { memberId: second.id });
  assert.equal(lab.nodes[1]!.state!.services['etcd']!.state, 'Failed');
  assert.equal((await grpcFailure(talos(env, address('r1u01'), admin, machineApi.EtcdRemoveMemberByID, { memberId: second.id }))).code, grpcStatus.notFound);
});

test('a node that is not reachable goes on, and answers again when the fault is cleared', async () => {
  const { env, lab, admin, address } = await running();
  for (const fault of ['talos-unreachable', 'node-lost'] as const) {
    const boot = lab.machine('r1u01').state.bootId;
    await lab.setFault('r1u01', fault);
    await env.clock.advance(1000);
    assert.equal((await grpcFailure(talos(env, address('r1u01'), admin, machineApi.Version, {}))).code, grpcStatus.unavailable);
    await lab.setFault('r1u01', fault, false);
    await env.clock.advance(1000);
    await talos(env, address('r1u01'), admin, machineApi.Version, {});
    assert.equal(lab.machine('r1u01').state.bootId, boot);
  }
});

test('certificates of the API are renewed before they expire', async () => {
  const { env, admin, address } = await running();
  await env.clock.advance(5 * 24 * 3_600_000);
  await talos(env, address('r1u01'), admin, machineApi.Version, {});
  await talos(env, address('r1u03'), admin, machineApi.Version, {});
});

test('a reset that fails wipes nothing', async () => {
  const { env, lab, admin, address, runs } = await running();
  await lab.setFault('r1u03', 'reset-fails');
  const boot = lab.machine('r1u03').state.bootId;
  await talos(env, address('r1u03'), admin, machineApi.Reset, { graceful: false, reboot: true });
  await env.clock.runUntil(() => lab.machine('r1u03').state.bootId !== boot && runs('r1u03') === 'running');
  assert.equal(lab.journal().filter((entry) => entry.event === 'disk-wipe').length, 0);
});

test('a reset of named partitions keeps Talos installed and forgets its configuration', async () => {
  const { env, lab, admin, address, runs } = await running();
  const wipe = (label: string) => talos(env, address('r1u03'), admin, machineApi.Reset, { reboot: true, systemPartitionsToWipe: [{ label, wipe: true }] });
  assert.equal((await grpcFailure(wipe('MOON'))).code, grpcStatus.invalidArgument);
  await wipe('STATE');
  await env.clock.runUntil(() => runs('r1u03') === 'maintenance');
  const disk = lab.machine('r1u03').state.disks['nvme0n1']!;
  assert.deepEqual([disk.kind, disk.kind === 'talos' && disk.config], ['talos', undefined]);
});
