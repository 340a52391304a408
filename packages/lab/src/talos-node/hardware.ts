/** How the operating system sees the machine's hardware. */
import { capacityBytes } from '../bmc/resources.ts';
import type { DiskSpec } from '../datacenter.ts';
import type { Machine } from '../machine/machine.ts';
import type { DiskFacts } from './disk-match.ts';

export function diskFacts(machine: Machine, disk: DiskSpec): DiskFacts {
  return {
    dev_path: `/dev/${disk.name}`,
    size: capacityBytes(disk),
    transport: disk.type === 'NVME' ? 'nvme' : 'sata',
    model: disk.model,
    serial: disk.serial,
    wwid: `${disk.type === 'NVME' ? 'nvme' : 'naa'}.${Buffer.from(disk.serial).toString('hex')}`,
    rotational: disk.type === 'HDD',
    readonly: false,
    cdrom: false,
    bus_path: `/pci0000:00/0000:00:1${machine.spec.disks.indexOf(disk)}.0/`,
    symlinks: [`/dev/disk/by-id/${disk.type === 'NVME' ? 'nvme' : 'ata'}-${disk.model.replace(/\s+/g, '_')}_${disk.serial}`],
    system_disk: machine.state.disks[disk.name]?.kind === 'talos',
  };
}

/** Size as Talos prints it, in decimal units with two digits. */
export function prettySize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
