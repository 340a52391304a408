/** What must never be found in a hardware journal, and how often some things may be. */
import type { JournalEntry } from '../machine/journal.ts';

const line = (entry: JournalEntry) => `#${entry.order} ${entry.machine} ${entry.event} ${entry.detail} (by ${entry.by})`;

/** Destroyed systems: wipes of, and writes over, a disk that carried a configured system. */
export function destroyedSystems(journal: readonly JournalEntry[]): readonly JournalEntry[] {
  return journal.filter((entry) => (entry.event === 'disk-wipe' || entry.event === 'disk-write') && entry.data?.['hadSystem'] === true && entry.data['hadConfig'] === true);
}

/** Throws when the system of a machine was destroyed that is not in `released` (machines that were meant to be wiped, as often as they are named). */
export function assertNoProvisionedDiskWiped(journal: readonly JournalEntry[], released: readonly string[] = []): void {
  const left = [...released];
  for (const entry of destroyedSystems(journal)) {
    const index = left.indexOf(entry.machine);
    if (index < 0) throw new Error(`a provisioned disk was destroyed: ${line(entry)}`);
    left.splice(index, 1);
  }
}

/** How often etcd was bootstrapped, for one cluster (cluster.id of the machine configuration) or in all. */
export function bootstrapCount(journal: readonly JournalEntry[], clusterId?: string): number {
  return journal.filter((entry) => entry.event === 'etcd-bootstrap' && (clusterId === undefined || entry.data?.['cluster'] === clusterId)).length;
}

/** How often an event is in the journal of a machine. */
export function eventCount(journal: readonly JournalEntry[], event: JournalEntry['event'], machine?: string): number {
  return journal.filter((entry) => entry.event === event && (machine === undefined || entry.machine === machine)).length;
}

/** Throws when a machine that has one cluster's system on disk is given the configuration of another without a wipe in between. */
export function assertNoMachineClaimedTwice(journal: readonly JournalEntry[]): void {
  const applied = new Map<string, string>();
  const owner = new Map<string, string>();
  for (const entry of journal) {
    if (entry.event === 'disk-wipe') owner.delete(entry.machine);
    if (entry.event === 'disk-write') owner.set(entry.machine, applied.get(entry.machine) ?? '');
    if (entry.event !== 'config-apply') continue;
    const cluster = String(entry.data?.['cluster'] ?? '');
    const before = owner.get(entry.machine);
    if (before !== undefined && before !== cluster) throw new Error(`${entry.machine} was given to cluster ${cluster} while it belonged to ${before}: ${line(entry)}`);
    applied.set(entry.machine, cluster);
  }
}
