/** From a BMC's inventory to Metal3's HardwareDetails (apis/metal3.io/v1alpha1). */
import type { HardwareData } from '@keelson/api';
import type { BmcInventory, BmcNic } from '@keelson/bmc';

export type HardwareDetails = NonNullable<NonNullable<HardwareData['spec']>['hardware']>;

/** The hardware as upstream writes it: one entry per address of an interface, sizes in upstream's units. */
export function hardwareFromInventory(inventory: BmcInventory, bootMac?: string): HardwareDetails {
  return {
    systemVendor: { manufacturer: inventory.manufacturer, productName: inventory.productName, serialNumber: inventory.serialNumber },
    firmware: { bios: { version: inventory.biosVersion } },
    cpu: { arch: inventory.cpu.arch, model: inventory.cpu.model, clockMegahertz: inventory.cpu.clockMegahertz, count: inventory.cpu.count },
    ramMebibytes: inventory.ramMebibytes,
    ...(inventory.hostname ? { hostname: inventory.hostname } : {}),
    nics: inventory.nics.flatMap((nic) => nicEntries(nic, bootMac)),
    storage: inventory.disks.map((disk) => ({
      name: disk.name, sizeBytes: disk.sizeBytes, rotational: disk.type === 'HDD',
      ...(disk.type === 'unknown' ? {} : { type: disk.type }),
      ...(disk.vendor ? { vendor: disk.vendor } : {}), ...(disk.model ? { model: disk.model } : {}),
      ...(disk.serialNumber ? { serialNumber: disk.serialNumber } : {}), ...(disk.wwn ? { wwn: disk.wwn } : {}),
    })),
  };
}

function nicEntries(nic: BmcNic, bootMac: string | undefined): NonNullable<HardwareDetails['nics']> {
  const entry = { name: nic.name, mac: nic.mac, speedGbps: Math.round(nic.speedMbps / 1000), pxe: bootMac?.toLowerCase() === nic.mac };
  return nic.ips.length === 0 ? [entry] : nic.ips.map((ip) => ({ ...entry, ip }));
}

/** The known hardware with its interfaces' addresses read anew; interfaces the BMC does not list stay. */
export function withAddresses(known: HardwareDetails | undefined, nics: readonly BmcNic[]): HardwareDetails {
  const seen = new Set(nics.map((nic) => nic.mac));
  const bootMac = known?.nics?.find((nic) => nic.pxe)?.mac;
  const others = (known?.nics ?? []).filter((nic) => !seen.has((nic.mac ?? '').toLowerCase()));
  return { ...known, nics: [...nics.flatMap((nic) => nicEntries(nic, bootMac)), ...others] };
}
