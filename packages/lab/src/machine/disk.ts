/** Writing and wiping disks; each is a journal entry that says what was on the disk before. */
import type { Machine } from './machine.ts';
import type { DiskContent, InstalledTalos } from './state.ts';

/** What a wipe or an overwrite destroyed, for the journal. */
function before(content: DiskContent | undefined): Record<string, string | boolean> {
  if (!content || content.kind === 'empty') return { hadSystem: false };
  return { hadSystem: true, hadConfig: content.config !== undefined, hadEtcd: content.etcd !== undefined, hadVersion: content.version };
}

/** Puts a system on a disk. */
export function writeDisk(machine: Machine, disk: string, content: InstalledTalos, by: string): void {
  const lost = before(machine.state.disks[disk]);
  machine.state.disks[disk] = content;
  machine.record('disk-write', by, `Talos ${content.version} on ${disk}`, { disk, version: content.version, ...lost });
}

/** Changes part of an installed system; not a destructive act, and not journalled. */
export function updateDisk(machine: Machine, disk: string, change: Partial<InstalledTalos>): void {
  const content = machine.state.disks[disk];
  if (content?.kind !== 'talos') return;
  machine.state.disks[disk] = { ...content, ...change };
  machine.changed();
}

/** Erases a disk, or some partitions of the system on it. */
export function wipeDisk(machine: Machine, disk: string, by: string, partitions?: readonly string[]): void {
  const content = machine.state.disks[disk];
  const lost = before(content);
  if (!partitions || content?.kind !== 'talos') {
    machine.state.disks[disk] = { kind: 'empty' };
    machine.record('disk-wipe', by, disk, { disk, ...lost });
    return;
  }
  const left: InstalledTalos = {
    ...content,
    config: partitions.includes('STATE') ? undefined : content.config,
    stagedConfig: partitions.includes('STATE') ? undefined : content.stagedConfig,
    etcd: partitions.includes('EPHEMERAL') ? undefined : content.etcd,
  };
  machine.state.disks[disk] = partitions.includes('BOOT') || partitions.includes('EFI') ? { kind: 'empty' } : left;
  machine.record('disk-wipe', by, `${disk}: ${partitions.join(', ')}`, { disk, partitions: partitions.join(','), ...lost });
}

/** The disk Talos is installed on. */
export function systemDisk(machine: Machine): { readonly name: string; readonly content: InstalledTalos } | undefined {
  for (const [name, content] of Object.entries(machine.state.disks)) {
    if (content.kind === 'talos') return { name, content };
  }
  return undefined;
}
