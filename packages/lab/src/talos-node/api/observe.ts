/** Methods that only look: version, services, events, disks, figures of the machine. */
import { encode, eventTypePrefix, isMessageName, talosMethods, timestampFromMs, type Encodable, type TalosMessages, type TalosMessageName } from '@keelson/talos/wire';
import { capacityBytes } from '../../bmc/resources.ts';
import { diskFacts } from '../hardware.ts';
import { baseServices } from '../services.ts';
import type { NodeEvent } from '../state.ts';
import { machineStatus } from '../status.ts';
import { fail, requireControlPlane, streamRoute, unaryRoute, type ApiCall, type Route } from './route.ts';

const service = talosMethods['machine.MachineService'];
const storage = talosMethods['storage.StorageService'];
const healthPollMs = 1000;
const healthDefaultMs = 20 * 60_000;

type EventMessage = Encodable<TalosMessages['machine.Event']>;

function encodeEvent(event: NodeEvent): EventMessage {
  const name = `machine.${event.type}`;
  if (!isMessageName(name)) throw new Error(`${name} is no message of the machine API`);
  const value = encode(name, event.data as Encodable<TalosMessages[TalosMessageName]>); // emitted by type, see events.ts
  return { id: event.id, actorId: event.actorId, data: { typeUrl: `${eventTypePrefix}${name}`, value } };
}

/** History by tail_id, tail_seconds or tail_events, in this order of precedence. */
function history(events: readonly NodeEvent[], request: TalosMessages['machine.EventsRequest'], nowMs: number): readonly NodeEvent[] {
  if (request.tailId !== '') return events.filter((event) => event.id > request.tailId);
  if (request.tailSeconds > 0) return events.filter((event) => event.atMs >= nowMs - request.tailSeconds * 1000);
  if (request.tailEvents < 0) return events;
  return request.tailEvents === 0 ? [] : events.slice(-request.tailEvents);
}

async function* events(request: TalosMessages['machine.EventsRequest'], call: ApiCall): AsyncGenerator<EventMessage> {
  const { node } = call;
  const live = node.log.follow();
  const stop = () => live.end();
  call.signal.addEventListener('abort', stop, { once: true });
  try {
    yield {};
    const wanted = (event: NodeEvent) => request.withActorId === '' || event.actorId === request.withActorId;
    for (const event of history(node.state?.events ?? [], request, node.machine.env.clock.now())) if (wanted(event)) yield encodeEvent(event);
    for await (const event of live) if (wanted(event)) yield encodeEvent(event);
  } finally {
    call.signal.removeEventListener('abort', stop);
    stop();
  }
}

function version(call: ApiCall): Encodable<TalosMessages['machine.VersionResponse']> {
  const image = call.node.state?.image;
  return {
    messages: [{
      version: { tag: image?.version ?? '', sha: 'lab', built: '', goVersion: '', os: 'linux', arch: image?.arch ?? 'amd64' },
      platform: { name: 'metal', mode: 'metal' },
      features: { rbac: true },
    }],
  };
}

function serviceList(call: ApiCall): Encodable<TalosMessages['machine.ServiceListResponse']> {
  const services = Object.entries(call.node.state?.services ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, record]) => ({
    id, state: record.state,
    events: { events: record.events.map((event) => ({ msg: event.message, state: event.state, ts: timestampFromMs(event.atMs) })) },
    health: { unknown: record.healthy === undefined, healthy: record.healthy ?? false, lastMessage: record.lastMessage, lastChange: timestampFromMs(record.lastChangeMs) },
  }));
  return { messages: [{ services }] };
}

function disks(call: ApiCall): Encodable<TalosMessages['storage.DisksResponse']> {
  const { machine } = call.node;
  return {
    messages: [{
      disks: machine.spec.disks.map((disk) => {
        const facts = diskFacts(machine, disk);
        return {
          size: BigInt(capacityBytes(disk)), model: disk.model, deviceName: facts.dev_path, name: disk.name, serial: disk.serial, wwid: facts.wwid,
          type: disk.type, busPath: facts.bus_path, systemDisk: facts.system_disk, subsystem: '/sys/class/block', readonly: false,
        };
      }),
    }],
  };
}

function memory(call: ApiCall): Encodable<TalosMessages['machine.MemoryResponse']> {
  const total = BigInt(call.node.machine.spec.memoryGiB) * 1024n * 1024n; // in KiB, as /proc/meminfo
  const used = total / 8n;
  return { messages: [{ meminfo: { memtotal: total, memfree: total - used, memavailable: total - used, buffers: used / 8n, cached: used / 4n } }] };
}

function cpuInfo(call: ApiCall): Encodable<TalosMessages['machine.CPUInfoResponse']> {
  const { cpu } = call.node.machine.spec;
  const cpus = Array.from({ length: cpu.sockets * cpu.threads }, (_none, i) => ({
    processor: i, vendorId: 'LabVendor', modelName: cpu.model, cpuMhz: cpu.mhz, physicalId: String(Math.floor(i / cpu.threads)), siblings: cpu.threads,
    coreId: String(i % cpu.cores), cpuCores: cpu.cores,
  }));
  return { messages: [{ cpuInfo: cpus }] };
}

/** Load that moves slowly with time and differs between machines; repeatable. */
function loadAverage(call: ApiCall): number {
  const { machine } = call.node;
  const minutes = (machine.env.clock.now() - machine.state.bootedAtMs) / 60_000;
  const base = call.node.isControlPlane ? 0.8 : 0.4;
  return Math.round((base + 0.2 * Math.sin(minutes / 7 + machine.spec.index)) * 100) / 100;
}

function systemStat(call: ApiCall): Encodable<TalosMessages['machine.SystemStatResponse']> {
  const { machine } = call.node;
  const seconds = (machine.env.clock.now() - machine.state.bootedAtMs) / 1000;
  const cpus = machine.spec.cpu.sockets * machine.spec.cpu.threads;
  const one = { user: seconds * 0.05, system: seconds * 0.02, idle: seconds * 0.93 };
  return {
    messages: [{
      bootTime: BigInt(Math.floor(machine.state.bootedAtMs / 1000)), processRunning: 1n, processCreated: BigInt(Math.floor(seconds)),
      cpuTotal: { user: one.user * cpus, system: one.system * cpus, idle: one.idle * cpus }, cpu: Array.from({ length: cpus }, () => one),
    }],
  };
}

/** The checks of talosctl health that this half can make: etcd, apid, boot, Kubernetes nodes. */
async function* healthCheck(request: TalosMessages['cluster.HealthCheckRequest'], call: ApiCall): AsyncGenerator<{ message: string }> {
  const config = requireControlPlane(call, 'health check');
  const { clock } = call.node.machine.env;
  const limitMs = Number(request.waitTimeout?.seconds ?? 0n) * 1000 || healthDefaultMs;
  const deadline = clock.now() + limitMs;
  const members = () => call.node.world.members(config.clusterId);
  const checks: readonly (readonly [string, () => readonly string[]])[] = [
    ['etcd to be healthy', () => members().filter((node) => node.isControlPlane && node.state?.services['etcd']?.healthy !== true).map((node) => node.hostname)],
    ['apid to be ready', () => members().filter((node) => !node.api.isOpen).map((node) => node.hostname)],
    ['kubelet to be healthy', () => members().filter((node) => node.state?.services['kubelet']?.healthy !== true).map((node) => node.hostname)],
    ['all nodes to finish boot sequence', () => members().filter((node) => node.state?.stage !== 'running').map((node) => node.hostname)],
    ['all k8s nodes to report ready', () => members().filter((node) => !machineStatus(node).ready).map((node) => node.hostname)],
  ];
  for (const [name, failing] of checks) {
    yield { message: `waiting for ${name}: ...` };
    for (let nodes = failing(); nodes.length > 0; nodes = failing()) {
      if (clock.now() >= deadline) throw fail.unavailable(`health check failed: waiting for ${name}: ${nodes.join(', ')}`);
      await clock.sleep(healthPollMs, call.signal);
    }
    yield { message: `waiting for ${name}: OK` };
  }
}

const anyone = 'AOR';

function serviceAction(id: string, action: 'start' | 'stop' | 'restart', call: ApiCall): string {
  if (!call.node.state?.services[id]) throw fail.notFound(`service "${id}" not defined`);
  if (action === 'stop' || id !== 'kubelet') throw fail.precondition(`service "${id}" doesn't support ${action} operation via API`);
  return `Service "${id}" ${action}ed`;
}

export const observeRoutes: readonly Route[] = [
  unaryRoute(service.Version, anyone, (_request, call) => version(call)),
  unaryRoute(service.Hostname, anyone, (_request, call) => ({ messages: [{ hostname: call.node.hostname }] })),
  unaryRoute(service.ServiceList, anyone, (_request, call) => serviceList(call)),
  unaryRoute(service.ServiceStart, 'AO', (request, call) => ({ messages: [{ resp: serviceAction(request.id, 'start', call) }] })),
  unaryRoute(service.ServiceStop, 'AO', (request, call) => ({ messages: [{ resp: serviceAction(request.id, 'stop', call) }] })),
  unaryRoute(service.ServiceRestart, 'AO', (request, call) => ({ messages: [{ resp: serviceAction(request.id, 'restart', call) }] })),
  streamRoute(service.Events, anyone, events),
  unaryRoute(storage.Disks, anyone, (_request, call) => disks(call)),
  unaryRoute(service.Memory, anyone, (_request, call) => memory(call)),
  unaryRoute(service.CPUInfo, anyone, (_request, call) => cpuInfo(call)),
  unaryRoute(service.LoadAvg, anyone, (_request, call) => {
    const load = loadAverage(call);
    return { messages: [{ load1: load, load5: load * 0.95, load15: load * 0.9 }] };
  }),
  unaryRoute(service.SystemStat, anyone, (_request, call) => systemStat(call)),
  unaryRoute(service.Mounts, anyone, (_request, call) => {
    const system = Object.entries(call.node.machine.state.disks).find(([, content]) => content.kind === 'talos')?.[0];
    const spec = call.node.machine.spec.disks.find((disk) => disk.name === system);
    if (!spec) return { messages: [{ stats: [] }] };
    const size = BigInt(capacityBytes(spec));
    return { messages: [{ stats: [{ filesystem: `/dev/${spec.name}p4`, size, available: (size * 9n) / 10n, mountedOn: '/var' }] }] };
  }),
  unaryRoute(service.LogsContainers, anyone, (_request, call) => ({ messages: [{ ids: Object.keys(call.node.state?.services ?? {}).filter((id) => baseServices.includes(id) || id === 'kubelet' || id === 'etcd' || id === 'apid' || id === 'trustd').sort() }] })),
  unaryRoute(talosMethods['time.TimeService'].Time, anyone, (_request, call) => {
    const now = timestampFromMs(call.node.machine.env.clock.now());
    return { messages: [{ server: 'time.cloudflare.com', localtime: now, remotetime: now }] };
  }),
  streamRoute(talosMethods['cluster.ClusterService'].HealthCheck, anyone, healthCheck),
];
