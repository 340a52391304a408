import type { BootImage } from '../machine/state.ts';

/** What Talos holds in memory while it runs; kept so that a restarted lab process finds the node where it was. */
export interface NodeState {
  stage: Stage;
  readonly image: BootImage;
  /** Why the node halted, when stage is `halted`. */
  haltReason: string;
  /** The configuration in force; undefined in maintenance. */
  config: string | undefined;
  /** In force until the time is up, then `config` again (mode TRY). */
  trial: { readonly before: string; readonly untilMs: number } | undefined;
  /** The exclusive sequence under way. */
  sequence: Sequence | undefined;
  services: Record<string, ServiceRecord>;
  /** Newest last, at most `eventLimit`. */
  events: NodeEvent[];
  nextEventNumber: number;
  /** Lines of the console, newest last, at most `consoleLimit`. */
  console: ConsoleLine[];
}

export type Stage = 'booting' | 'installing' | 'maintenance' | 'running' | 'rebooting' | 'shutting down' | 'resetting' | 'upgrading' | 'halted';

export interface Sequence {
  readonly name: SequenceName;
  readonly actorId: string;
  readonly by: string;
  readonly options: SequenceOptions;
}

export type SequenceName = 'install' | 'reboot' | 'shutdown' | 'reset' | 'upgrade';

export interface SequenceOptions {
  /** After it: start again, or power off. */
  readonly then?: 'reboot' | 'halt';
  readonly powerCycle?: boolean;
  readonly graceful?: boolean;
  /** Partition labels to wipe; absent: the whole system disk. */
  readonly partitions?: readonly string[];
  readonly wipeSystemDisk?: boolean;
  readonly userDisks?: readonly string[];
  /** Disk to install on. */
  readonly disk?: string;
  readonly installImage?: string;
}

export type ServiceStateName = 'Initialized' | 'Preparing' | 'Waiting' | 'Starting' | 'Running' | 'Stopping' | 'Finished' | 'Failed' | 'Skipped';

export interface ServiceRecord {
  state: ServiceStateName;
  /** Undefined: the service has no health check. */
  healthy: boolean | undefined;
  lastMessage: string;
  lastChangeMs: number;
  events: { readonly state: ServiceStateName; readonly message: string; readonly atMs: number }[];
}

/** An event of the machine API; `type` is the message name without package. */
export interface NodeEvent {
  readonly id: string;
  readonly actorId: string;
  readonly atMs: number;
  readonly type: 'SequenceEvent' | 'PhaseEvent' | 'TaskEvent' | 'ServiceStateEvent' | 'MachineStatusEvent' | 'AddressEvent' | 'ConfigValidationErrorEvent';
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ConsoleLine {
  readonly atMs: number;
  readonly text: string;
}

export const eventLimit = 256;
export const consoleLimit = 200;
