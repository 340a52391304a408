/** TalosNodes over the real client: what a node's answers and silences mean. */
import type { Address, Net } from '@keelson/std';
import { GrpcError, ProblemError, describeError, grpcStatus, problem } from '@keelson/std';
import type { TalosClient } from '@keelson/talos/client';
import { createTalosClient, grpcCodeOf, isTalosProblem, parseTalosEndpoint, stateTypes } from '@keelson/talos/client';
import { parseTalosconfig, selectContext, tlsOfContext } from '@keelson/talos/pki';
import { decode, encode, talosMethods } from '@keelson/talos/wire';
import { problems } from '../problems.ts';
import type { NodeSeen } from '../providers/metal/plan.ts';
import type { ControlPlaneNode, NodeAnswer, NodeMember, TalosNodes } from './talos-nodes.ts';

/** Time limits in milliseconds: a look must not hold a worker for long, an apply may wait for a disk. */
const limits = { lookMs: 5_000, applyMs: 60_000, etcdMs: 20_000 } as const;

/** Upstream's check for etcd data: this folder has entries. */
const etcdDataPath = '/var/lib/etcd/member';

export function talosClientNodes(net: Net): TalosNodes {
  const secure = (address: string, talosconfig: string): TalosClient =>
    createTalosClient({ net, address: endpoint(address), tls: tlsOfContext(selectContext(parseTalosconfig(talosconfig))) });
  return {
    look: (address, talosconfig) => look(net, address, talosconfig === undefined ? undefined : secure(address, talosconfig)),
    async applyConfig(address, fingerprint, config) {
      using client = createTalosClient({ net, address: endpoint(address), tls: { maintenance: true, pinnedSha256: fingerprint } });
      return await answerOf(client.applyConfiguration(config, { timeoutMs: limits.applyMs }).then((): NodeAnswer => ({ kind: 'done' })));
    },
    async lookControlPlane(address, talosconfig) {
      using client = secure(address, talosconfig);
      return await lookControlPlane(client, () => hasEtcdData(net, address, talosconfig));
    },
    async bootstrap(address, talosconfig) {
      using client = secure(address, talosconfig);
      return await answerOf(client.bootstrap().then((result): NodeAnswer => ({ kind: result.bootstrapped ? 'done' : 'already' })));
    },
    async leaveEtcd(address, talosconfig) {
      using client = secure(address, talosconfig);
      return await answerOf((async (): Promise<NodeAnswer> => {
        await client.etcdForfeitLeadership({ timeoutMs: limits.etcdMs });
        await client.etcdLeaveCluster({ timeoutMs: limits.etcdMs });
        return { kind: 'done' };
      })());
    },
    async removeMember(address, talosconfig, memberId) {
      using client = secure(address, talosconfig);
      return await answerOf(client.etcdRemoveMember(BigInt(memberId), { timeoutMs: limits.etcdMs }).then((): NodeAnswer => ({ kind: 'done' })));
    },
  };
}

function endpoint(address: string): Address {
  const parsed = parseTalosEndpoint(address);
  if (!parsed) throw new Error(`reading node address ${address}: it is not one`);
  return parsed;
}

async function look(net: Net, address: string, secure: TalosClient | undefined): Promise<NodeSeen> {
  let untrusted: string | undefined;
  if (secure) {
    using client = secure;
    try {
      const status = await client.machineStatus({ timeoutMs: limits.lookMs });
      const stage = status?.stage ?? 'unknown';
      const disk = await client.systemDisk({ timeoutMs: limits.lookMs });
      const installing = disk === undefined || stage === 'installing' || stage === 'unknown';
      const why = installing ? await installationTrouble(client) : undefined;
      return { kind: 'configured', installing, ...(why ? { why } : {}) };
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      // Refused by TLS or by role: either in maintenance, or a node of someone else.
      if (!isTalosProblem(error, 'untrusted') && !isTalosProblem(error, 'unauthorized') && !isTalosProblem(error, 'inMaintenance')) return { kind: 'silent', why: error.problem.why };
      untrusted = error.problem.why;
    }
  }
  return lookInMaintenance(net, address, untrusted);
}

/** What an installation without a person says of itself: no disk matches, the installer cannot be fetched. */
async function installationTrouble(client: TalosClient): Promise<string | undefined> {
  try {
    const [status] = await client.stateList(stateTypes.unattendedInstall, { timeoutMs: limits.lookMs });
    const spec = status?.spec as { phase?: unknown; error?: unknown } | undefined;
    if (typeof spec?.error === 'string' && spec.error !== '') return spec.error;
    return typeof spec?.phase === 'string' && spec.phase !== '' ? `installation is ${spec.phase}` : undefined;
  } catch {
    return undefined;
  }
}

/** A maintenance service answers a stranger; a configured node does not. */
async function lookInMaintenance(net: Net, address: string, untrusted: string | undefined): Promise<NodeSeen> {
  let fingerprint: string | undefined;
  const watching: Net = { ...net, grpc: (to, tls) => net.grpc(to, { ...tls, onServerCertificate: (sha256) => (fingerprint = sha256) }) };
  using client = createTalosClient({ net: watching, address: endpoint(address), tls: { maintenance: true } });
  try {
    const status = await client.machineStatus({ timeoutMs: limits.lookMs });
    if (status?.stage !== 'maintenance') {
      return { kind: 'silent', why: `it is ${status?.stage ?? 'starting'} and not in maintenance yet` };
    }
    if (!fingerprint) return { kind: 'silent', why: 'its certificate was not seen' };
    return { kind: 'maintenance', fingerprint, macAddresses: await macAddressesOf(client) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (isTalosProblem(error, 'notInMaintenance') || (untrusted !== undefined && isTalosProblem(error, 'unauthorized'))) {
      return untrusted === undefined ? { kind: 'silent', why: 'it is configured, and its talosconfig is not known yet' } : { kind: 'foreign', why: untrusted };
    }
    return { kind: 'silent', why: error.problem.why };
  }
}

/** Hardware addresses of the machine's links; empty where the node does not say. */
async function macAddressesOf(client: TalosClient): Promise<readonly string[]> {
  try {
    const links = await client.stateList(stateTypes.links, { timeoutMs: limits.lookMs });
    return links.flatMap((link) => {
      const spec = link.spec as { permanentAddr?: unknown; hardwareAddr?: unknown } | undefined;
      return [spec?.permanentAddr, spec?.hardwareAddr].filter((value): value is string => typeof value === 'string' && value !== '').map((value) => value.toLowerCase());
    });
  } catch {
    return [];
  }
}

async function lookControlPlane(client: TalosClient, hasData: () => Promise<boolean>): Promise<ControlPlaneNode> {
  try {
    const services = await client.serviceList({ timeoutMs: limits.lookMs });
    const unhealthy = services
      .filter((service) => service.state === 'Failed' || service.healthy === false || (['etcd', 'kubelet', 'trustd', 'apid'].includes(service.id) && service.state !== 'Running'))
      .map((service) => `${service.id}: ${service.state}${service.lastMessage ? ` (${service.lastMessage})` : ''}`);
    const etcd = services.find((service) => service.id === 'etcd');
    if (!etcd) return { etcd: 'unknown', unhealthy, etcdHealthy: false, why: 'it has no etcd service yet' };
    // While etcd is prepared it waits for a bootstrap, or is about to start from data of an earlier boot: the folder tells.
    if (etcd.state === 'Preparing') return { etcd: (await hasData()) ? 'data' : 'no-data', unhealthy, etcdHealthy: false };
    if (etcd.state !== 'Running' && etcd.state !== 'Starting') return { etcd: 'unknown', unhealthy, etcdHealthy: false, why: `etcd is ${etcd.state}${etcd.lastMessage ? `: ${etcd.lastMessage}` : ''}` };
    const members = etcd.state === 'Running' ? await membersOf(client) : undefined;
    return { etcd: 'data', unhealthy, etcdHealthy: etcd.state === 'Running' && etcd.healthy !== false && members !== undefined, ...(members ? { members } : {}) };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { etcd: 'unknown', unhealthy: [], etcdHealthy: false, why: error.problem.why };
  }
}

async function membersOf(client: TalosClient): Promise<readonly NodeMember[] | undefined> {
  try {
    const members = await client.etcdMemberList({ timeoutMs: limits.etcdMs });
    return members.map((member) => ({ id: member.id.toString(), hostname: member.hostname, peerUrls: member.peerUrls, learner: member.isLearner }));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return undefined;
  }
}

/** Whether the node has etcd data on disk. A node that cannot list files is taken at the word of its service: it has none. */
async function hasEtcdData(net: Net, address: string, talosconfig: string): Promise<boolean> {
  const channel = net.grpc(endpoint(address), tlsOfContext(selectContext(parseTalosconfig(talosconfig))));
  const method = talosMethods['machine.MachineService'].List;
  try {
    for await (const bytes of channel.call(method, [encode('machine.ListRequest', { root: etcdDataPath, recurse: false, recursionDepth: 1 })], { timeoutMs: limits.lookMs })) {
      const file = decode('machine.FileInfo', bytes);
      if (file.error === '' && file.name !== '') return true;
    }
    return false;
  } catch (error) {
    if (error instanceof GrpcError && (error.code === grpcStatus.unavailable || error.code === grpcStatus.deadlineExceeded)) throw new ProblemError(problem(problems.nodeSilent, { address, host: '' }, { why: error.message }), { cause: error });
    return false;
  } finally {
    channel.close();
  }
}

async function answerOf(work: Promise<NodeAnswer>): Promise<NodeAnswer> {
  try {
    return await work;
  } catch (error) {
    const code = grpcCodeOf(error);
    const why = error instanceof ProblemError ? error.problem.why : describeError(error);
    switch (code) {
      case grpcStatus.alreadyExists:
        return { kind: 'already' };
      case grpcStatus.invalidArgument:
      case grpcStatus.unimplemented:
      case grpcStatus.permissionDenied:
        return { kind: 'refused', why };
      case undefined:
        throw error;
      default:
        return { kind: 'not-yet', why };
    }
  }
}
