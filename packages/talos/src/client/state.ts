/** Reading COSI resources (cosi.resource.State). Specs are taken from their YAML, which upstream's own tables read too. */
import { grpcStatus } from '@keelson/std';
import { parse } from 'yaml';
import { talosMethods, type CosiEvent, type CosiResource } from '../wire/index.ts';
import { callStream, callUnary, grpcCodeOf, type Connection } from './call.ts';
import type { CallOptions, MachineStatus, NodeDisk, NodeVolume, StateEvent, StateResource, StateType } from './talos-client.ts';

const methods = talosMethods['cosi.resource.State'];
const unaryMs = 15_000;
const listMs = 30_000;

/** Resource types that the client itself reads, by what they tell. */
export const stateTypes = {
  machineStatus: { namespace: 'runtime', type: 'MachineStatuses.runtime.talos.dev' },
  machineType: { namespace: 'config', type: 'MachineTypes.config.talos.dev' },
  services: { namespace: 'runtime', type: 'Services.v1alpha1.talos.dev' },
  disks: { namespace: 'runtime', type: 'Disks.block.talos.dev' },
  systemDisk: { namespace: 'runtime', type: 'SystemDisks.block.talos.dev' },
  volumes: { namespace: 'runtime', type: 'VolumeStatuses.block.talos.dev' },
  members: { namespace: 'cluster', type: 'Members.cluster.talos.dev' },
  nodeAddresses: { namespace: 'network', type: 'NodeAddresses.net.talos.dev' },
  hostname: { namespace: 'network', type: 'HostnameStatuses.net.talos.dev' },
  nodename: { namespace: 'k8s', type: 'Nodenames.kubernetes.talos.dev' },
  staticPodStatus: { namespace: 'k8s', type: 'StaticPodStatuses.kubernetes.talos.dev' },
  diagnostics: { namespace: 'runtime', type: 'Diagnostics.runtime.talos.dev' },
  unattendedInstall: { namespace: 'runtime', type: 'UnattendedInstallStatuses.runtime.talos.dev' },
  systemInformation: { namespace: 'hardware', type: 'SystemInformations.hardware.talos.dev' },
  links: { namespace: 'network', type: 'LinkStatuses.net.talos.dev' },
} as const satisfies Readonly<Record<string, StateType>>;

/** One resource; undefined when there is none. */
export async function stateGet(to: Connection, type: StateType, id: string, options?: CallOptions): Promise<StateResource | undefined> {
  try {
    const reply = await callUnary(to, methods.Get, { ...type, id }, unaryMs, options);
    return reply.resource && toResource(reply.resource);
  } catch (error) {
    if (grpcCodeOf(error) === grpcStatus.notFound) return undefined;
    throw error;
  }
}

/** All resources of a type, in the node's order. */
export async function stateList(to: Connection, type: StateType, options?: CallOptions): Promise<readonly StateResource[]> {
  const out: StateResource[] = [];
  for await (const reply of callStream(to, methods.List, { ...type }, listMs, options)) if (reply.resource) out.push(toResource(reply.resource));
  return out;
}

/** Changes, beginning with what is there. The acknowledgement that the node sends first carries no event. */
export async function* stateWatch(to: Connection, type: StateType, streamMs: number, options: CallOptions & { readonly id?: string } = {}): AsyncGenerator<StateEvent, void> {
  const { id, ...call } = options;
  const request = { ...type, apiVersion: 1, ...(id === undefined ? { options: { bootstrapContents: true } } : { id }) };
  for await (const reply of callStream(to, methods.Watch, request, streamMs, { ...call, endsQuietly: true })) yield* reply.event.map(toEvent);
}

function toEvent(event: CosiEvent): StateEvent {
  return {
    // The enum's names are these words in capitals.
    kind: event.eventType.toLowerCase() as StateEvent['kind'],
    resource: event.resource && toResource(event.resource),
    error: event.error,
  };
}

function toResource({ metadata, spec }: CosiResource): StateResource {
  const text = spec?.yamlSpec ?? '';
  let parsed: unknown;
  try {
    parsed = text === '' ? undefined : parse(text);
  } catch (cause) {
    throw new Error(`reading the spec of ${metadata?.type ?? 'a resource'}/${metadata?.id ?? ''}`, { cause: cause instanceof Error ? new Error(cause.name) : undefined });
  }
  const { namespace = '', type = '', id = '', version = '', phase = '', owner = '', labels = {} } = metadata ?? {};
  return { metadata: { namespace, type, id, version, phase, owner, labels }, spec: parsed };
}

const stages: readonly MachineStatus['stage'][] = ['unknown', 'booting', 'installing', 'maintenance', 'running', 'rebooting', 'shutting down', 'resetting', 'upgrading'];

/** The spec of MachineStatuses.runtime.talos.dev/machine. */
export function toMachineStatus(spec: unknown): MachineStatus {
  const status = at(spec, 'status');
  const conditions = at(status, 'unmetConditions');
  return {
    stage: stages.find((stage) => stage === at(spec, 'stage')) ?? 'unknown',
    ready: at(status, 'ready') === true,
    unmetConditions: Array.isArray(conditions) ? conditions.map((item) => ({ name: text(item, 'name'), reason: text(item, 'reason') })) : [],
  };
}

/** A resource of Disks.block.talos.dev. */
export function toDisk({ metadata, spec }: StateResource): NodeDisk {
  const symlinks = at(spec, 'symlinks');
  return {
    id: metadata.id,
    devPath: text(spec, 'dev_path'),
    sizeBytes: size(spec),
    model: text(spec, 'model'),
    serial: text(spec, 'serial'),
    wwid: text(spec, 'wwid'),
    uuid: text(spec, 'uuid'),
    busPath: text(spec, 'bus_path'),
    transport: text(spec, 'transport'),
    rotational: at(spec, 'rotational') === true,
    readOnly: at(spec, 'readonly') === true,
    cdrom: at(spec, 'cdrom') === true,
    symlinks: Array.isArray(symlinks) ? symlinks.map(String) : [],
  };
}

/** A resource of VolumeStatuses.block.talos.dev. */
export function toVolume({ metadata, spec }: StateResource): NodeVolume {
  return { id: metadata.id, phase: text(spec, 'phase'), location: text(spec, 'location'), sizeBytes: size(spec), filesystem: text(spec, 'filesystem'), errorMessage: text(spec, 'errorMessage') };
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function text(value: unknown, key: string): string {
  const item = at(value, key);
  return typeof item === 'string' ? item : typeof item === 'number' ? String(item) : '';
}

function size(value: unknown): number {
  const item = Number(at(value, 'size') ?? 0);
  return Number.isFinite(item) ? item : 0;
}
