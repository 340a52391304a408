/** What a lab machine is at one moment; all of it is on disk, so that a killed process finds the same machine again. */
import type { FaultName } from '../faults/faults.ts';
import type { NodeState } from '../talos-node/state.ts';

export type Power = 'off' | 'powering-on' | 'on' | 'powering-off';

export interface MachineState {
  power: Power;
  /** What the processor executes. */
  activity: Activity;
  activitySinceMs: number;
  boot: BootOverride;
  /** Virtual media by slot of the BMC. */
  media: Record<string, Medium>;
  disks: Record<string, DiskContent>;
  /** Random per kernel start, as /proc/sys/kernel/random/boot_id. */
  bootId: string;
  bootedAtMs: number;
  /** Pending transitions: name to due time. */
  timers: Record<string, number>;
  faults: FaultName[];
  /** The operating system's memory; gone when power is cut. */
  node: NodeState | undefined;
  /** The last power command, whose author is named when its effect comes. */
  lastCommand: { readonly type: string; readonly by: string; readonly atMs: number } | undefined;
}

export type Activity =
  | { readonly kind: 'off' }
  | { readonly kind: 'post' }
  | { readonly kind: 'loading'; readonly image: BootImage }
  | { readonly kind: 'hung'; readonly where: string }
  | { readonly kind: 'no-bootable-device' }
  | { readonly kind: 'os' };

export interface BootOverride {
  readonly target: string;
  readonly enabled: 'Disabled' | 'Once' | 'Continuous';
  readonly mode: 'UEFI' | 'Legacy';
  readonly httpBootUri: string;
}

export interface Medium {
  readonly image: string;
  readonly insertedAtMs: number;
  readonly writeProtected: boolean;
}

/** A kernel that can be started, and where it lies. */
export interface BootImage {
  readonly os: 'talos';
  readonly version: string;
  readonly arch: string;
  readonly schematic: string;
  readonly kernelArgs: readonly string[];
  readonly from: 'disk' | 'cd';
  /** Disk name or image URL. */
  readonly source: string;
}

export type DiskContent = { readonly kind: 'empty' } | InstalledTalos;

/** A disk with Talos on it; `config` is the STATE partition, `etcd` lies on EPHEMERAL. */
export interface InstalledTalos {
  readonly kind: 'talos';
  readonly version: string;
  readonly arch: string;
  readonly schematic: string;
  readonly installedAtMs: number;
  readonly config: string | undefined;
  readonly stagedConfig: string | undefined;
  readonly etcd: EtcdData | undefined;
  /** The slot that boots when the current one fails, after an upgrade. */
  readonly previousVersion: string | undefined;
}

/** etcd's data directory: which cluster this member belongs to. */
export interface EtcdData {
  readonly clusterId: string;
  /** 16 hex digits. */
  readonly memberId: string;
}

export function newMachineState(diskNames: readonly string[], nowMs: number): MachineState {
  return {
    power: 'off',
    activity: { kind: 'off' },
    activitySinceMs: nowMs,
    boot: { target: 'None', enabled: 'Disabled', mode: 'UEFI', httpBootUri: '' },
    media: {},
    disks: Object.fromEntries(diskNames.map((name) => [name, { kind: 'empty' }])),
    bootId: '',
    bootedAtMs: 0,
    timers: {},
    faults: [],
    node: undefined,
    lastCommand: undefined,
  };
}
