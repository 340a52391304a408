/**
 * A rack for tests: machines that boot an ISO, take a Talos config, install, form etcd and register Nodes, in virtual time.
 * It outlives the controllers, and its journal says what was really done to the machines.
 */
import type { Env, GrpcCall, Listener } from '@keelson/std';
import { GrpcError, grpcStatus, rfc3339 } from '@keelson/std';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { Node } from '@keelson/api';
import type { KubeClient } from '@keelson/kube/client';
import type { MachineConfig } from '@keelson/talos/config';
import { findDocument, parseMachineConfig } from '@keelson/talos/config';
import { fromBase64, toNodeKey } from '@keelson/talos/pki';
import type { TalosMessageName, TalosMethod } from '@keelson/talos/wire';
import { decode, encode, talosMethods } from '@keelson/talos/wire';
import { isRecord } from '../write.ts';

export interface FakeMachine {
  readonly host: string;
  readonly address: string;
  readonly mac: string;
  mode: 'off' | 'booting' | 'maintenance' | 'installing' | 'running';
  config?: MachineConfig;
  etcd: 'Waiting' | 'Preparing' | 'Running' | 'Finished';
  memberId?: bigint;
  listener?: Listener;
  /** Each boot of its own: timers of an earlier one do nothing. */
  boot: number;
}

export interface JournalEntry {
  readonly act: 'boot' | 'apply' | 'bootstrap' | 'join' | 'leave' | 'remove-member' | 'wipe';
  readonly host: string;
}

export interface Rack {
  readonly machines: Map<string, FakeMachine>;
  readonly journal: JournalEntry[];
  /** What must never happen and did. */
  readonly violations: string[];
  members(): readonly { id: bigint; host: string }[];
  apiIsUp(): boolean;
  powerOn(host: string): void;
  wipe(host: string): void;
  /** The machine loses power and comes back from its disk, or from the ISO when the disk is empty. */
  crash(host: string): void;
}

const times = { bootMs: 4_000, installMs: 6_000, etcdMs: 2_000, joinMs: 1_500, kubeletMs: 1_000, retryMs: 500 } as const;

export function createRack(env: Env, workload: KubeClient, hosts: number): Rack {
  const machines = new Map<string, FakeMachine>();
  for (let i = 0; i < hosts; i++) {
    const host = `host-${i}`;
    machines.set(host, { host, address: `127.77.2.${10 + i}`, mac: `52:54:00:00:00:${(16 + i).toString(16)}`, mode: 'off', etcd: 'Waiting', boot: 0 });
  }
  const journal: JournalEntry[] = [];
  const violations: string[] = [];
  let members: { id: bigint; host: string }[] = [];
  let nextMember = 0x1000n;
  let authority: { certificatePem: string; privateKeyPem: string } | undefined;

  const running = (host: string) => machines.get(host)?.mode === 'running' && machines.get(host)?.etcd === 'Running';
  const hasQuorum = () => members.length > 0 && members.filter((member) => running(member.host)).length > members.length / 2;
  const record = (act: JournalEntry['act'], host: string) => void journal.push({ act, host });
  const later = (machine: FakeMachine, ms: number, run: () => void) => {
    const boot = machine.boot;
    env.clock.after(ms, () => {
      if (machine.boot === boot && machine.mode !== 'off') run();
    });
  };
  const listen = async (machine: FakeMachine, tls: { cert: string; key: string; clientCa?: string }) => {
    await machine.listener?.close();
    const boot = machine.boot;
    const listener = await env.net.listenGrpc({ host: machine.address, port: 50_000 }, { methods: allMethods, handler: (call) => answer(machine, call), tls: { ...tls, ...(tls.clientCa ? { requireClientCert: true } : {}) } });
    if (machine.boot === boot) machine.listener = listener;
    else await listener.close();
  };
  const stop = (machine: FakeMachine) => {
    machine.boot++;
    machine.mode = 'off';
    machine.etcd = 'Waiting';
    void machine.listener?.close();
    machine.listener = undefined;
  };
  const start = (machine: FakeMachine) => {
    machine.boot++;
    machine.mode = 'booting';
    record('boot', machine.host);
    later(machine, times.bootMs, () => (machine.config ? run(machine) : maintain(machine)));
  };
  const maintain = (machine: FakeMachine) => {
    machine.mode = 'maintenance';
    const key = generateKey('ed25519');
    const cert = issueCertificate({ subject: { commonName: 'maintenance-service.talos.dev' }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem, notBeforeMs: env.clock.now() - 1000, notAfterMs: env.clock.now() + 1e10, ipAddresses: [machine.address], usages: ['server'] });
    void listen(machine, { cert, key: key.privateKeyPem });
  };
  const run = (machine: FakeMachine) => {
    const root = machine.config && findDocument(machine.config, 'v1alpha1');
    const ca = isRecord(root?.machine) && isRecord(root.machine.ca) ? root.machine.ca : {};
    const crt = fromBase64(String(ca.crt));
    if (ca.key) authority ??= { certificatePem: crt, privateKeyPem: toNodeKey(fromBase64(String(ca.key))) };
    // A worker gets its certificate from a control plane (trustd).
    if (!authority) return later(machine, times.retryMs, () => run(machine));
    machine.mode = 'running';
    const key = generateKey('ed25519');
    const cert = issueCertificate({ subject: { commonName: machine.host }, publicKeyPem: key.publicKeyPem, issuer: authority, notBeforeMs: env.clock.now() - 1000, notAfterMs: env.clock.now() + 1e10, ipAddresses: [machine.address], usages: ['server'] });
    void listen(machine, { cert, key: key.privateKeyPem, clientCa: crt });
    if (isControlPlane(machine)) later(machine, times.etcdMs, () => beginEtcd(machine));
    later(machine, times.kubeletMs, () => void registerNode(machine));
  };
  const beginEtcd = (machine: FakeMachine) => {
    if (machine.memberId !== undefined) {
      const removed = !members.some((member) => member.id === machine.memberId);
      machine.etcd = removed ? 'Finished' : 'Running';
      return;
    }
    machine.etcd = 'Preparing';
    join(machine);
  };
  const join = (machine: FakeMachine) => {
    if (machine.etcd !== 'Preparing') return;
    if (members.length > 0 && hasQuorum()) {
      addMember(machine);
      record('join', machine.host);
      return;
    }
    later(machine, times.joinMs, () => join(machine));
  };
  const addMember = (machine: FakeMachine) => {
    machine.memberId = nextMember++;
    members.push({ id: machine.memberId, host: machine.host });
    later(machine, times.etcdMs, () => (machine.etcd = 'Running'));
  };
  const registerNode = async (machine: FakeMachine): Promise<void> => {
    const kubelet = machine.config && findDocument(machine.config, 'KubeletConfig');
    const providerID = isRecord(kubelet?.extraArgs) ? String(kubelet.extraArgs['provider-id']) : undefined;
    const up = hasQuorum() && (!isControlPlane(machine) || machine.etcd === 'Running');
    if (up && !(await workload.get(Node, { name: machine.host }))) {
      const node = await workload.create<Node>(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: machine.host }, spec: { providerID } });
      await workload.patch(Node, node.metadata, 'merge', { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready', lastTransitionTime: rfc3339(env.clock.now()), lastHeartbeatTime: rfc3339(env.clock.now()) }] } }, { subresource: 'status' });
      return;
    }
    if (!up) later(machine, times.retryMs, () => void registerNode(machine));
  };

  async function* answer(machine: FakeMachine, call: GrpcCall): AsyncGenerator<Uint8Array> {
    const machineService = talosMethods['machine.MachineService'];
    const state = talosMethods['cosi.resource.State'];
    const configured = machine.mode === 'running';
    if (configured && !call.peer?.certificate) throw new GrpcError(grpcStatus.unauthenticated, 'a client certificate is needed');
    const request = await first(call);
    switch (call.path) {
      case state.Get.path: return yield stateGet(machine, decode('cosi.resource.GetRequest', request).type);
      case state.List.path: return yield stateList(machine);
      case machineService.ApplyConfiguration.path: return yield apply(machine, decode('machine.ApplyConfigurationRequest', request).data);
      case machineService.ServiceList.path: return yield reply('machine.ServiceListResponse', { messages: [{ services: services(machine) }] });
      case machineService.Bootstrap.path: return yield bootstrap(machine);
      case machineService.EtcdMemberList.path: {
        if (machine.etcd !== 'Running' || !hasQuorum()) throw new GrpcError(grpcStatus.unavailable, 'etcd has no leader');
        return yield reply('machine.EtcdMemberListResponse', { messages: [{ members: members.map((member) => ({ id: member.id, hostname: member.host, peerUrls: [`https://${machines.get(member.host)?.address}:2380`], clientUrls: [], isLearner: false })) }] });
      }
      case machineService.EtcdForfeitLeadership.path: return yield reply('machine.EtcdForfeitLeadershipResponse', { messages: [{ member: '' }] });
      case machineService.EtcdLeaveCluster.path: {
        if (members.length === 1) throw new GrpcError(grpcStatus.failedPrecondition, 'the last member cannot leave');
        members = members.filter((member) => member.id !== machine.memberId);
        machine.etcd = 'Finished';
        record('leave', machine.host);
        return yield reply('machine.EtcdLeaveClusterResponse', { messages: [{}] });
      }
      case machineService.EtcdRemoveMemberByID.path: {
        const { memberId } = decode('machine.EtcdRemoveMemberByIDRequest', request);
        const gone = members.find((member) => member.id === memberId);
        members = members.filter((member) => member.id !== memberId);
        if (gone) record('remove-member', gone.host);
        return yield reply('machine.EtcdRemoveMemberByIDResponse', { messages: [{}] });
      }
      case machineService.List.path: {
        if (machine.memberId !== undefined) yield reply('machine.FileInfo', { name: '/var/lib/etcd/member', isDir: true });
        return;
      }
      default: throw new GrpcError(grpcStatus.unimplemented, `${call.path} is not here`);
    }
  }

  const apply = (machine: FakeMachine, data: Uint8Array): Uint8Array => {
    if (machine.mode !== 'maintenance') throw new GrpcError(grpcStatus.failedPrecondition, 'another apply configuration is already in progress');
    if (machine.config) violations.push(`${machine.host} got a config while it had one`);
    const config = parseMachineConfig(new TextDecoder().decode(data));
    record('apply', machine.host);
    machine.mode = 'installing';
    later(machine, times.installMs, () => {
      machine.config = config;
      run(machine);
    });
    return reply('machine.ApplyConfigurationResponse', { messages: [{ mode: 'NO_REBOOT', modeDetails: 'Applied configuration without a reboot' }] });
  };
  const bootstrap = (machine: FakeMachine): Uint8Array => {
    if (!isControlPlane(machine)) throw new GrpcError(grpcStatus.unimplemented, 'bootstrap is only available on control plane nodes');
    if (machine.memberId !== undefined) throw new GrpcError(grpcStatus.alreadyExists, 'etcd data directory is not empty');
    if (machine.etcd !== 'Preparing') throw new GrpcError(grpcStatus.failedPrecondition, 'bootstrap is not available yet');
    if (members.length > 0) violations.push(`${machine.host} bootstrapped a second etcd`);
    record('bootstrap', machine.host);
    addMember(machine);
    return reply('machine.BootstrapResponse', { messages: [{}] });
  };

  return {
    machines, journal, violations,
    members: () => members,
    apiIsUp: hasQuorum,
    powerOn: (host) => {
      const machine = machines.get(host)!;
      if (machine.mode === 'off') start(machine);
    },
    wipe: (host) => {
      const machine = machines.get(host)!;
      stop(machine);
      machine.config = undefined;
      machine.memberId = undefined;
      record('wipe', host);
    },
    crash: (host) => {
      const machine = machines.get(host)!;
      stop(machine);
      start(machine);
    },
  };
}

const allMethods = Object.values(talosMethods).flatMap((service) => Object.values(service)) as readonly TalosMethod[];

async function first(call: GrpcCall): Promise<Uint8Array> {
  for await (const message of call.messages) return message;
  return new Uint8Array();
}

function reply<N extends TalosMessageName>(name: N, value: Parameters<typeof encode<N>>[1]): Uint8Array {
  return encode(name, value);
}

function isControlPlane(machine: FakeMachine): boolean {
  const root = machine.config && findDocument(machine.config, 'v1alpha1');
  return isRecord(root?.machine) && root.machine.type === 'controlplane';
}

function services(machine: FakeMachine): { id: string; state: string; health: { unknown: boolean; healthy: boolean } }[] {
  const up = { unknown: false, healthy: true };
  return [
    { id: 'apid', state: 'Running', health: up },
    { id: 'kubelet', state: 'Running', health: up },
    ...(isControlPlane(machine) ? [{ id: 'etcd', state: machine.etcd, health: { unknown: false, healthy: machine.etcd === 'Running' } }] : []),
  ];
}

function stateGet(machine: FakeMachine, type: string): Uint8Array {
  const resource = (id: string, yamlSpec: string) => reply('cosi.resource.GetResponse', { resource: { metadata: { namespace: 'runtime', type, id, version: '1', phase: 'running' }, spec: { yamlSpec } } });
  if (type === 'MachineStatuses.runtime.talos.dev') return resource('machine', `stage: ${machine.mode === 'booting' ? 'booting' : machine.mode}\nstatus:\n  ready: true\n`);
  if (type === 'SystemDisks.block.talos.dev' && machine.config) return resource('system-disk', 'diskID: sda\ndevPath: /dev/sda\n');
  throw new GrpcError(grpcStatus.notFound, `${type} is not there`);
}

function stateList(machine: FakeMachine): Uint8Array {
  return reply('cosi.resource.ListResponse', { resource: { metadata: { namespace: 'network', type: 'LinkStatuses.net.talos.dev', id: 'eth0', version: '1', phase: 'running' }, spec: { yamlSpec: `hardwareAddr: ${machine.mac}\n` } } });
}
