/** The Talos API of one machine as an interface; `createTalosClient` makes one over gRPC. */
import type { TlsClientOptions } from '@keelson/std';
import type {
  ApplyConfigurationRequestMode, EtcdMember, EtcdMemberStatus, MachineStatusEventMachineStage, RebootRequestMode, ResetRequestWipeMode, VersionInfo,
} from '../wire/index.ts';

/** How to reach a machine in maintenance: it has no certificate that an authority vouches for, and asks for none. */
export interface MaintenanceTls {
  readonly maintenance: true;
  /** Lower-case hex SHA-256 of the DER certificate that it must present, as its console shows or as seen before. Anyone on the network can answer otherwise. */
  readonly pinnedSha256?: string;
}

export interface NodeVersion extends VersionInfo {
  readonly platform: string;
  readonly mode: string;
  readonly rbac: boolean;
}

export interface ApplyResult {
  readonly mode: ApplyConfigurationRequestMode;
  readonly modeDetails: string;
  readonly warnings: readonly string[];
}

export interface ApplyOptions extends CallOptions {
  /** Default AUTO: active at once where the node can, persisted in any case. */
  readonly mode?: ApplyConfigurationRequestMode;
  /** Changes nothing; `modeDetails` holds the differences. */
  readonly dryRun?: boolean;
  /** With mode TRY: reverted after this time; one minute when absent. */
  readonly tryTimeoutMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Of this call; each call has a default. */
  readonly timeoutMs?: number;
  /** Ask the endpoint to forward to this node (address or name). */
  readonly node?: string;
}

export interface BootstrapResult {
  /** False when etcd had data already: it was bootstrapped before, which is as good. */
  readonly bootstrapped: boolean;
}

export interface ServiceState {
  readonly id: string;
  /** Initialized, Preparing, Waiting, Starting, Running, Stopping, Finished, Failed or Skipped. */
  readonly state: string;
  /** Undefined when the service has no health check. */
  readonly healthy: boolean | undefined;
  readonly lastMessage: string;
}

export interface TalosEvent {
  readonly id: string;
  readonly actorId: string;
  /** Full message name, e.g. `machine.MachineStatusEvent`; empty for the first, empty event. */
  readonly type: string;
  /** The decoded message; undefined when we do not know its type. */
  readonly value: unknown;
}

export interface StateMetadata {
  readonly namespace: string;
  readonly type: string;
  readonly id: string;
  readonly version: string;
  readonly phase: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A COSI resource. `spec` is parsed from its YAML: plain data in upstream's YAML keys. */
export interface StateResource {
  readonly metadata: StateMetadata;
  readonly spec: unknown;
}

export interface StateEvent {
  readonly kind: 'created' | 'updated' | 'destroyed' | 'bootstrapped' | 'errored' | 'noop';
  readonly resource: StateResource | undefined;
  readonly error: string | undefined;
}

/** Where a resource type lives. */
export interface StateType {
  readonly namespace: string;
  readonly type: string;
}

export interface MachineStatus {
  readonly stage: 'unknown' | 'booting' | 'installing' | 'maintenance' | 'running' | 'rebooting' | 'shutting down' | 'resetting' | 'upgrading';
  readonly ready: boolean;
  readonly unmetConditions: readonly { readonly name: string; readonly reason: string }[];
}

export interface ResetOptions extends CallOptions {
  /** Cordon, drain and leave etcd first; fails on the last control plane. Default true, as talosctl. */
  readonly graceful?: boolean;
  /** Reboot instead of powering off. Default false. */
  readonly reboot?: boolean;
  /** Partitions of the system disk to wipe; the whole system disk when empty. */
  readonly systemPartitionsToWipe?: readonly string[];
  readonly userDisksToWipe?: readonly string[];
  /** Default ALL. */
  readonly mode?: ResetRequestWipeMode;
}

export interface UpgradeOptions extends CallOptions {
  readonly image: string;
  /** Called with each line of progress. */
  readonly onProgress?: (line: string) => void;
  /** For nodes before 1.13: apply at the next boot. */
  readonly stage?: boolean;
  readonly force?: boolean;
  readonly rebootMode?: 'DEFAULT' | 'POWERCYCLE';
}

export interface UpgradeResult {
  /** True when the node has written the new system and waits for us to drain and reboot it (1.13 and later); false when it does both itself. */
  readonly needsReboot: boolean;
  readonly actorId: string;
}

export interface NodeDisk {
  /** `sda`, `nvme0n1`. */
  readonly id: string;
  readonly devPath: string;
  readonly sizeBytes: number;
  readonly model: string;
  readonly serial: string;
  readonly wwid: string;
  readonly uuid: string;
  readonly busPath: string;
  readonly transport: string;
  readonly rotational: boolean;
  readonly readOnly: boolean;
  readonly cdrom: boolean;
  readonly symlinks: readonly string[];
}

export interface NodeVolume {
  readonly id: string;
  readonly phase: string;
  readonly location: string;
  readonly sizeBytes: number;
  readonly filesystem: string;
  readonly errorMessage: string;
}


export interface TalosClient extends Disposable {
  /** host:port, for messages. */
  readonly address: string;
  version(options?: CallOptions): Promise<NodeVersion>;
  /** `config` is the whole machine configuration in YAML. */
  applyConfiguration(config: string, options?: ApplyOptions): Promise<ApplyResult>;
  /** Starts etcd on this control plane. Once per cluster, on one node. */
  bootstrap(options?: CallOptions): Promise<BootstrapResult>;
  serviceList(options?: CallOptions): Promise<readonly ServiceState[]>;
  /** Events from now on, or after `tailEvents` past ones (-1: all); ends with the signal. The first, empty event is left out. */
  events(options?: CallOptions & { readonly tailEvents?: number; readonly actorId?: string }): AsyncIterable<TalosEvent>;
  /** One resource; undefined when there is none. */
  stateGet(type: StateType, id: string, options?: CallOptions): Promise<StateResource | undefined>;
  stateList(type: StateType, options?: CallOptions): Promise<readonly StateResource[]>;
  /** Changes of one resource (with `id`) or of a type, beginning with what is there; ends with the signal. */
  stateWatch(type: StateType, options?: CallOptions & { readonly id?: string }): AsyncIterable<StateEvent>;
  /** Undefined while the node has not published it. */
  machineStatus(options?: CallOptions): Promise<MachineStatus | undefined>;
  /** The admin kubeconfig that the cluster issues, in YAML. Control planes only. */
  kubeconfig(options?: CallOptions): Promise<string>;
  /** Answers the actor id under which its events come. The node goes on after the answer. */
  reset(options?: ResetOptions): Promise<string>;
  reboot(options?: CallOptions & { readonly mode?: RebootRequestMode }): Promise<string>;
  shutdown(options?: CallOptions & { readonly force?: boolean }): Promise<string>;
  /** Writes the new system by the way that the node's version asks for. */
  upgrade(options: UpgradeOptions): Promise<UpgradeResult>;
  etcdMemberList(options?: CallOptions & { readonly queryLocal?: boolean }): Promise<readonly EtcdMember[]>;
  etcdStatus(options?: CallOptions): Promise<EtcdMemberStatus | undefined>;
  etcdRemoveMember(memberId: bigint, options?: CallOptions): Promise<void>;
  etcdLeaveCluster(options?: CallOptions): Promise<void>;
  /** The new leader's name; empty when this node was not the leader. */
  etcdForfeitLeadership(options?: CallOptions): Promise<string>;
  disks(options?: CallOptions): Promise<readonly NodeDisk[]>;
  /** The id of the disk that Talos is installed on (`sda`); undefined when it is not installed. */
  systemDisk(options?: CallOptions): Promise<string | undefined>;
  volumes(options?: CallOptions): Promise<readonly NodeVolume[]>;
  /** A file's content, at most 1 MiB. */
  read(path: string, options?: CallOptions): Promise<Uint8Array>;
  /** The kernel's boot id: changes with every boot. */
  bootId(options?: CallOptions): Promise<string>;
  close(): void;
}

export type TalosTls = TlsClientOptions | MaintenanceTls;

export type MachineStageEvent = MachineStatusEventMachineStage;
