/**
 * The client of one machine's Talos API over gRPC. Calls go to the machine itself; with `node` the endpoint forwards them.
 * Never `nodes`: fanning out is deprecated upstream, and a failure of one would hide in the answers of the others.
 */
import { grpcStatus, ProblemError, problem, type Address, type Net } from '@keelson/std';
import { selectContext, tlsOfContext, type Talosconfig } from '../pki/talosconfig.ts';
import { talosProblems } from '../problems.ts';
import { isAtLeast, parseContract } from '../version-contract.ts';
import { durationFromMs, talosMethods, unpackAny, type ServiceInfo } from '../wire/index.ts';
import { firstFileOfTarGz } from './archive.ts';
import { callStream, callUnary, grpcCodeOf, type Connection } from './call.ts';
import { formatAddress, parseTalosEndpoint } from './endpoint.ts';
import { stateGet, stateList, stateTypes, stateWatch, toDisk, toMachineStatus, toVolume } from './state.ts';
import type {
  ApplyOptions, CallOptions, MaintenanceTls, NodeVersion, ResetOptions, ServiceState, TalosClient, TalosEvent, TalosTls, UpgradeOptions, UpgradeResult,
} from './talos-client.ts';

const machine = talosMethods['machine.MachineService'];

/** Deadlines in milliseconds, by what a call waits for on the node. */
export const callTimeouts = {
  /** Answers from memory. */
  quick: 15_000,
  /** Parses, validates and writes a configuration; may wait for the disk. */
  apply: 60_000,
  /** Waits up to five seconds for the time, then writes. */
  bootstrap: 30_000,
  /** Stops what runs before it answers. */
  power: 30_000,
  /** Asks the other members. */
  etcd: 30_000,
  /** Loads an image over the network. */
  pull: 15 * 60_000,
  /** Writes the system to disk. */
  install: 15 * 60_000,
  /** A stream is opened anew after this time by whoever watches. */
  stream: 10 * 60_000,
} as const;

const readLimitBytes = 1024 * 1024;

export interface TalosClientOptions {
  readonly net: Net;
  readonly address: Address;
  readonly tls: TalosTls;
}

/** A client; connects when first used. Failures are ProblemErrors of `talosProblems`. */
export function createTalosClient({ net, address, tls }: TalosClientOptions): TalosClient {
  const isMaintenance = 'maintenance' in tls;
  const channel = net.grpc(address, isMaintenance ? maintenanceTls(tls) : tls);
  const to: Connection = { channel, address: formatAddress(address), isMaintenance };
  return {
    address: to.address,
    ...nodeCalls(to),
    ...stateCalls(to),
    ...powerCalls(to),
    ...etcdCalls(to),
    ...fileCalls(to),
    close: () => channel.close(),
    [Symbol.dispose]: () => channel.close(),
  };
}

function maintenanceTls(tls: MaintenanceTls) {
  return { insecureSkipVerify: true, ...(tls.pinnedSha256 === undefined ? {} : { pinnedSha256: tls.pinnedSha256 }) };
}

/** A client from a talosconfig: to `endpoint` when given, else to the context's first endpoint. Throws ProblemError when the context has none. */
export function createTalosClientFromConfig({ net, talosconfig, context, endpoint }: {
  readonly net: Net;
  readonly talosconfig: Talosconfig;
  readonly context?: string;
  /** In Talos' notation: host, host:port or https URL. */
  readonly endpoint?: string;
}): TalosClient {
  const selected = selectContext(talosconfig, context);
  const text = endpoint ?? selected.endpoints[0];
  const address = text === undefined ? undefined : parseTalosEndpoint(text);
  if (!address) {
    const why = text === undefined ? `context ${context ?? talosconfig.context} has no endpoints` : `${text} is not an endpoint`;
    throw new ProblemError(problem(talosProblems.badTalosconfig, {}, { why, where: 'talosconfig' }));
  }
  return createTalosClient({ net, address, tls: tlsOfContext(selected) });
}

function nodeCalls(to: Connection): Pick<TalosClient, 'version' | 'applyConfiguration' | 'bootstrap' | 'serviceList' | 'events'> {
  return {
    version: (options) => version(to, options),
    async applyConfiguration(config, options: ApplyOptions = {}) {
      const request = {
        data: new TextEncoder().encode(config),
        mode: options.mode ?? 'AUTO',
        dryRun: options.dryRun ?? false,
        ...(options.tryTimeoutMs === undefined ? {} : { tryModeTimeout: durationFromMs(options.tryTimeoutMs) }),
      } as const;
      const reply = await callUnary(to, machine.ApplyConfiguration, request, callTimeouts.apply, options);
      const message = reply.messages[0];
      return { mode: message?.mode ?? request.mode, modeDetails: message?.modeDetails ?? '', warnings: message?.warnings ?? [] };
    },
    async bootstrap(options) {
      try {
        await callUnary(to, machine.Bootstrap, {}, callTimeouts.bootstrap, options);
        return { bootstrapped: true };
      } catch (error) {
        if (grpcCodeOf(error) === grpcStatus.alreadyExists) return { bootstrapped: false };
        throw error;
      }
    },
    async serviceList(options) {
      const reply = await callUnary(to, machine.ServiceList, {}, callTimeouts.quick, options);
      return reply.messages.flatMap((message) => message.services.map(toServiceState));
    },
    async *events({ tailEvents = 0, actorId, ...options } = {}) {
      const request = { tailEvents, ...(actorId === undefined ? {} : { withActorId: actorId }) };
      for await (const event of callStream(to, machine.Events, request, callTimeouts.stream, { ...options, endsQuietly: true })) {
        if (!event.data) continue;
        const unpacked = unpackAny(event.data);
        const type = unpacked?.name ?? event.data.typeUrl.slice(event.data.typeUrl.lastIndexOf('/') + 1);
        yield { id: event.id, actorId: event.actorId, type, value: unpacked?.value } satisfies TalosEvent;
      }
    },
  };
}

async function version(to: Connection, options?: CallOptions): Promise<NodeVersion> {
  const reply = await callUnary(to, machine.Version, {}, callTimeouts.quick, options);
  const message = reply.messages[0];
  const { tag = '', sha = '', built = '', goVersion = '', os = '', arch = '' } = message?.version ?? {};
  return { tag, sha, built, goVersion, os, arch, platform: message?.platform?.name ?? '', mode: message?.platform?.mode ?? '', rbac: message?.features?.rbac ?? false };
}

function toServiceState(service: ServiceInfo): ServiceState {
  const health = service.health;
  return { id: service.id, state: service.state, healthy: !health || health.unknown ? undefined : health.healthy, lastMessage: health?.lastMessage || (service.events?.events.at(-1)?.msg ?? '') };
}

function stateCalls(to: Connection): Pick<TalosClient, 'stateGet' | 'stateList' | 'stateWatch' | 'machineStatus' | 'disks' | 'systemDisk' | 'volumes'> {
  return {
    stateGet: (type, id, options) => stateGet(to, type, id, options),
    stateList: (type, options) => stateList(to, type, options),
    stateWatch: (type, options) => stateWatch(to, type, callTimeouts.stream, options),
    async machineStatus(options) {
      const resource = await stateGet(to, stateTypes.machineStatus, 'machine', options);
      return resource && toMachineStatus(resource.spec);
    },
    disks: async (options) => (await stateList(to, stateTypes.disks, options)).map(toDisk),
    async systemDisk(options) {
      const resource = await stateGet(to, stateTypes.systemDisk, 'system-disk', options);
      const id = (resource?.spec as { diskID?: unknown } | undefined)?.diskID;
      return typeof id === 'string' && id !== '' ? id : undefined;
    },
    volumes: async (options) => (await stateList(to, stateTypes.volumes, options)).map(toVolume),
  };
}

function powerCalls(to: Connection): Pick<TalosClient, 'reset' | 'reboot' | 'shutdown' | 'upgrade'> {
  return {
    async reset(options: ResetOptions = {}) {
      const request = {
        graceful: options.graceful ?? true,
        reboot: options.reboot ?? false,
        systemPartitionsToWipe: (options.systemPartitionsToWipe ?? []).map((label) => ({ label, wipe: true })),
        userDisksToWipe: options.userDisksToWipe ?? [],
        mode: options.mode ?? 'ALL',
      } as const;
      return (await callUnary(to, machine.Reset, request, callTimeouts.power, options)).messages[0]?.actorId ?? '';
    },
    async reboot({ mode = 'DEFAULT', ...options } = {}) {
      return (await callUnary(to, machine.Reboot, { mode }, callTimeouts.power, options)).messages[0]?.actorId ?? '';
    },
    async shutdown({ force = false, ...options } = {}) {
      return (await callUnary(to, machine.Shutdown, { force }, callTimeouts.power, options)).messages[0]?.actorId ?? '';
    },
    upgrade: (options) => upgrade(to, options),
  };
}

/** Since 1.13 the image is pulled and written while the node works on; before, the node drains, writes and reboots by itself. */
async function upgrade(to: Connection, options: UpgradeOptions): Promise<UpgradeResult> {
  const { tag } = await version(to, options);
  const contract = parseContract(tag);
  if (!contract || !isAtLeast(contract, 1, 13)) {
    const request = { image: options.image, preserve: true, stage: options.stage ?? false, force: options.force ?? false, rebootMode: options.rebootMode ?? 'DEFAULT' } as const;
    const reply = await callUnary(to, machine.Upgrade, request, callTimeouts.pull, options);
    return { needsReboot: false, actorId: reply.messages[0]?.actorId ?? '' };
  }
  const containerd = { driver: 'CONTAINERD', namespace: 'NS_SYSTEM' } as const;
  // What is pulled is named by its digest in the last answer; the upgrade takes that name.
  let imageName = options.image;
  for await (const reply of callStream(to, talosMethods['machine.ImageService'].Pull, { containerd, imageRef: options.image }, callTimeouts.pull, options)) {
    if (reply.name) imageName = reply.name;
  }
  const lifecycle = talosMethods['machine.LifecycleService'].Upgrade;
  let lastLine = '';
  for await (const reply of callStream(to, lifecycle, { containerd, source: { imageName } }, callTimeouts.install, options)) {
    const { message, exitCode } = reply.progress ?? {};
    if (message !== undefined) {
      lastLine = message;
      options.onProgress?.(message);
    }
    if (exitCode !== undefined && exitCode !== 0) {
      const why = `the installer ended with exit code ${exitCode}${lastLine === '' ? '' : `: ${lastLine}`}`;
      throw new ProblemError(problem(talosProblems.failed, { address: to.address, method: 'LifecycleService/Upgrade' }, { why, where: to.address }));
    }
  }
  return { needsReboot: true, actorId: '' };
}

function etcdCalls(to: Connection): Pick<TalosClient, 'etcdMemberList' | 'etcdStatus' | 'etcdRemoveMember' | 'etcdLeaveCluster' | 'etcdForfeitLeadership'> {
  return {
    async etcdMemberList({ queryLocal = false, ...options } = {}) {
      return (await callUnary(to, machine.EtcdMemberList, { queryLocal }, callTimeouts.etcd, options)).messages.flatMap((message) => message.members);
    },
    etcdStatus: async (options) => (await callUnary(to, machine.EtcdStatus, {}, callTimeouts.etcd, options)).messages[0]?.memberStatus,
    async etcdRemoveMember(memberId, options) {
      await callUnary(to, machine.EtcdRemoveMemberByID, { memberId }, callTimeouts.etcd, options);
    },
    async etcdLeaveCluster(options) {
      await callUnary(to, machine.EtcdLeaveCluster, {}, callTimeouts.etcd, options);
    },
    etcdForfeitLeadership: async (options) => (await callUnary(to, machine.EtcdForfeitLeadership, {}, callTimeouts.etcd, options)).messages[0]?.member ?? '',
  };
}

function fileCalls(to: Connection): Pick<TalosClient, 'kubeconfig' | 'read' | 'bootId'> {
  const collect = async (method: typeof machine.Kubeconfig | typeof machine.Read, request: { readonly path?: string }, options?: CallOptions) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const { bytes } of callStream(to, method, request, callTimeouts.power, options)) {
      size += bytes.length;
      if (size > readLimitBytes) throw new Error(`reading from ${to.address}: more than ${readLimitBytes} bytes`);
      chunks.push(bytes);
    }
    return Buffer.concat(chunks);
  };
  return {
    async kubeconfig(options) {
      const { content } = firstFileOfTarGz(await collect(machine.Kubeconfig, {}, options));
      return new TextDecoder().decode(content);
    },
    read: (path, options) => collect(machine.Read, { path }, options),
    bootId: async (options) => new TextDecoder().decode(await collect(machine.Read, { path: '/proc/sys/kernel/random/boot_id' }, options)).trim(),
  };
}
