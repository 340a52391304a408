/** The hardware journal: what happened to a machine and who asked. Entries are only ever added. */
import type { Files } from '@keelson/std';

export type JournalEvent =
  | 'power-on' | 'power-off' | 'reset' | 'boot-override' | 'boot-from' | 'boot-failed' | 'media-insert' | 'media-eject'
  | 'disk-write' | 'disk-wipe' | 'config-apply' | 'etcd-bootstrap' | 'etcd-join' | 'etcd-leave' | 'kernel-reboot'
  | 'fault-set' | 'fault-clear';

export interface JournalEntry {
  /** Rises over all machines of the lab. */
  readonly order: number;
  /** Rises by one per machine, from 1. */
  readonly seq: number;
  readonly atMs: number;
  readonly machine: string;
  readonly event: JournalEvent;
  /** Who asked: an account with its address, a Talos certificate, `firmware`, `talos`, `lab`. */
  readonly by: string;
  readonly detail: string;
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

/** Gives entries their order over all machines. */
export interface JournalOrder {
  next(): number;
  /** Continues after an entry that was read from disk. */
  seen(order: number): void;
}

export function journalOrder(): JournalOrder {
  let last = 0;
  return { next: () => ++last, seen: (order) => void (last = Math.max(last, order)) };
}

/** Entries that live in the machine's state file until a segment is full, so that state and journal change in one atomic write. */
const segmentSize = 128;

export class Journal {
  readonly #files: Files;
  readonly #folder: string;
  readonly #order: JournalOrder;
  readonly #machine: string;
  #all: JournalEntry[] = [];
  #firstOpen = 0;

  constructor(options: { files: Files; folder: string; machine: string; order: JournalOrder }) {
    this.#files = options.files;
    this.#folder = options.folder;
    this.#machine = options.machine;
    this.#order = options.order;
  }

  get entries(): readonly JournalEntry[] {
    return this.#all;
  }

  /** Entries that are not in a closed segment yet: they belong into the state file. */
  get open(): readonly JournalEntry[] {
    return this.#all.slice(this.#firstOpen);
  }

  add(entry: Omit<JournalEntry, 'order' | 'seq' | 'machine'>): JournalEntry {
    const full: JournalEntry = { order: this.#order.next(), seq: this.#all.length + 1, machine: this.#machine, ...entry };
    this.#all.push(full);
    return full;
  }

  /** Reads closed segments and continues with the open entries of the state file. */
  async load(open: readonly JournalEntry[]): Promise<void> {
    const entries = new Map<number, JournalEntry>();
    for (const name of await this.#files.list(this.#folder)) {
      const bytes = await this.#files.read(`${this.#folder}/${name}`);
      for (const line of new TextDecoder().decode(bytes).split('\n')) {
        if (line === '') continue;
        const entry = JSON.parse(line) as JournalEntry; // written by closeSegments
        entries.set(entry.seq, entry);
      }
    }
    this.#firstOpen = entries.size;
    for (const entry of open) entries.set(entry.seq, entry);
    this.#all = [...entries.values()].sort((a, b) => a.seq - b.seq);
    for (const entry of this.#all) this.#order.seen(entry.order);
  }

  /** Writes full segments to files of their own. They leave the state file with its next write; a crash between leaves both, under the same seq. */
  async closeSegments(): Promise<void> {
    while (this.#all.length - this.#firstOpen >= segmentSize) {
      const first = this.#firstOpen;
      const lines = this.#all.slice(first, first + segmentSize).map((entry) => JSON.stringify(entry));
      await this.#files.write(`${this.#folder}/${String(first).padStart(8, '0')}.jsonl`, `${lines.join('\n')}\n`);
      this.#firstOpen = first + segmentSize;
    }
  }
}
