/** One lab machine: its state on disk, its timers, its journal. What moves it is in power.ts, firmware.ts and the operating system. */
import { describeError, type Env, type Timer } from '@keelson/std';
import type { MachineSpec } from '../datacenter.ts';
import type { FaultName } from '../faults/faults.ts';
import type { LatencyProfile } from '../latency.ts';
import { readState, stateFile, type StateFile } from '../state-file.ts';
import { Journal, type JournalEntry, type JournalEvent, type JournalOrder } from './journal.ts';
import { newMachineState, type Activity, type BootImage, type MachineState } from './state.ts';

/** What the hardware calls when something happens to the system that runs on it. */
export interface OperatingSystem {
  /** The kernel of this image has started. */
  start(image: BootImage): void;
  /** Power or reset took everything away without warning. */
  cut(): void;
  /** The power button was pressed; false when nothing listens to it. `then` is what the press asks for. */
  powerButton(then: 'halt' | 'reboot', by: string): boolean;
  /** The lab process has started again and this system was running. */
  resume(): void;
  onTimer(name: string): void;
  faultsChanged(): void;
}

export interface MachineOptions {
  readonly env: Env;
  readonly spec: MachineSpec;
  readonly latency: LatencyProfile;
  /** Folder of this machine's state and journal. */
  readonly folder: string;
  readonly order: JournalOrder;
  readonly bmcAddress: { readonly host: string; readonly port: number };
  readonly nodeAddress: string;
}

interface Saved {
  readonly version: 1;
  readonly state: MachineState;
  readonly journal: readonly JournalEntry[];
}

export type TimerHandler = (name: string) => void;

export class Machine {
  readonly env: Env;
  readonly spec: MachineSpec;
  readonly latency: LatencyProfile;
  readonly bmcAddress: { readonly host: string; readonly port: number };
  readonly nodeAddress: string;
  readonly journal: Journal;
  state: MachineState;
  /** Rises whenever power or reset interrupts what runs; work that waited compares it. */
  epoch = 0;
  os: OperatingSystem | undefined;
  /** Set by the firmware: handles timers whose name begins with `hw:`. */
  onHardwareTimer: TimerHandler = () => {};
  readonly #file: StateFile;
  readonly #statePath: string;
  readonly #timers = new Map<string, Timer>();
  readonly #watchers = new Set<() => void>();
  #closed = false;

  constructor(options: MachineOptions) {
    this.env = options.env;
    this.spec = options.spec;
    this.latency = options.latency;
    this.bmcAddress = options.bmcAddress;
    this.nodeAddress = options.nodeAddress;
    this.#statePath = `${options.folder}/state.json`;
    this.journal = new Journal({ files: options.env.files, folder: `${options.folder}/journal`, machine: options.spec.name, order: options.order });
    this.state = newMachineState(options.spec.disks.map((disk) => disk.name), options.env.clock.now());
    this.#file = stateFile(options.env.files, this.#statePath, () => {
      const saved: Saved = { version: 1, state: this.state, journal: this.journal.open };
      return JSON.stringify(saved);
    });
  }

  get name(): string {
    return this.spec.name;
  }

  /** Reads what was saved, without starting anything. */
  async load(): Promise<void> {
    const saved = await readState<Saved>(this.env.files, this.#statePath, `machine ${this.name}`);
    await this.journal.load(saved?.journal ?? []);
    if (saved) this.state = saved.state;
  }

  /** Lets time go on: pending transitions are armed again, a running system continues without a reboot. */
  resume(): void {
    if (this.state.activity.kind === 'os') this.os?.resume();
    for (const [name, dueMs] of Object.entries(this.state.timers)) this.#schedule(name, dueMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.#file.settled();
  }

  /** Calls `run` after every change; answers how to stop. */
  watch(run: () => void): () => void {
    this.#watchers.add(run);
    return () => void this.#watchers.delete(run);
  }

  /** Call after mutating `state`: writes it and tells watchers. */
  changed(): void {
    if (this.#closed) return;
    this.#file.save().catch((error: unknown) => this.env.log.error('cannot write machine state', { machine: this.name, error: describeError(error) }));
    for (const run of [...this.#watchers]) run();
  }

  /** Resolves when every change so far is on disk. A device answers its client after this. */
  async saved(): Promise<void> {
    await this.journal.closeSegments();
    await this.#file.settled();
  }

  record(event: JournalEvent, by: string, detail: string, data?: JournalEntry['data']): void {
    this.journal.add({ atMs: this.env.clock.now(), event, by, detail, ...(data ? { data } : {}) });
    this.env.log.debug('lab hardware', { machine: this.name, event, by, detail });
    this.changed();
  }

  setActivity(activity: Activity): void {
    this.state.activity = activity;
    this.state.activitySinceMs = this.env.clock.now();
    this.changed();
  }

  /** Arms a transition that survives a restart; an armed one of the same name is replaced. */
  arm(name: string, delayMs: number): void {
    this.state.timers[name] = this.env.clock.now() + delayMs;
    this.#schedule(name, this.state.timers[name]);
    this.changed();
  }

  disarm(...names: readonly string[]): void {
    for (const name of names) {
      this.#timers.get(name)?.cancel();
      this.#timers.delete(name);
      delete this.state.timers[name];
    }
  }

  /** Drops every transition whose name begins so. */
  disarmAll(prefix: string): void {
    this.disarm(...Object.keys(this.state.timers).filter((name) => name.startsWith(prefix)));
  }

  #schedule(name: string, dueMs: number): void {
    this.#timers.get(name)?.cancel();
    const timer = this.env.clock.after(Math.max(0, dueMs - this.env.clock.now()), () => {
      if (this.#closed || this.#timers.get(name) !== timer) return;
      this.#timers.delete(name);
      delete this.state.timers[name];
      if (name.startsWith('hw:')) this.onHardwareTimer(name);
      else this.os?.onTimer(name);
      this.changed();
    });
    this.#timers.set(name, timer);
  }

  hasFault(name: FaultName): boolean {
    return this.state.faults.includes(name);
  }

  setFault(name: FaultName, on: boolean, by: string): void {
    if (this.hasFault(name) === on) return;
    this.state.faults = on ? [...this.state.faults, name] : this.state.faults.filter((one) => one !== name);
    this.record(on ? 'fault-set' : 'fault-clear', by, name);
    this.os?.faultsChanged();
  }
}
