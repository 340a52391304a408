/** What a machine is made of: ComputerSystem, Processor, EthernetInterface, Storage, Drive, SimpleStorage. */
import { BmcError, type BmcDisk, type BmcInventory, type BmcNic } from '../driver.ts';
import type { ComputerSystem, Drive, EthernetInterface, Processor, SimpleStorage, Storage } from '../wire/index.ts';
import { readMembers } from './collection.ts';
import { real } from './connect.ts';
import { readSystem, type RedfishContext } from './context.ts';

const driveLimit = 256;

/** Reads everything that can be read; a part the BMC refuses is named in `missing`, the rest is still told. */
export async function readInventory(context: RedfishContext): Promise<BmcInventory> {
  const system = await readSystem(context);
  const missing: string[] = [];
  const part = async <T>(name: string, fallback: T, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof BmcError) || error.kind === 'unreachable' || error.kind === 'unauthorized' || error.kind === 'certificate') throw error;
      missing.push(`${name}: ${error.message}`);
      return fallback;
    }
  };
  return {
    manufacturer: real(system.Manufacturer),
    productName: real(system.Model),
    serialNumber: real(system.SerialNumber) || real(system.SKU),
    hostname: real(system.HostName),
    biosVersion: real(system.BiosVersion),
    cpu: await part('processors', summaryCpu(system, undefined), () => readCpu(context, system)),
    ramMebibytes: Math.round((system.MemorySummary?.TotalSystemMemoryGiB ?? 0) * 1024),
    nics: await part('network interfaces', [], () => readNics(context, system)),
    disks: await part('disks', [], () => readDisks(context, system)),
    missing,
  };
}

async function readCpu(context: RedfishContext, system: ComputerSystem): Promise<BmcInventory['cpu']> {
  const path = system.Processors?.['@odata.id'];
  if (path === undefined) return summaryCpu(system, undefined);
  const all = await readMembers<Processor>(context.client, path);
  const cpus = all.filter((p) => p.ProcessorType == null || p.ProcessorType === 'CPU').filter((p) => p.Status?.State !== 'Absent');
  const [first] = cpus;
  if (!first) return summaryCpu(system, undefined);
  const count = cpus.reduce((sum, cpu) => sum + (cpu.TotalThreads ?? cpu.TotalCores ?? 0), 0);
  return { ...summaryCpu(system, first), ...(count > 0 ? { count } : {}) };
}

function summaryCpu(system: ComputerSystem, cpu: Processor | undefined): BmcInventory['cpu'] {
  const summary = system.ProcessorSummary;
  return {
    arch: archOf(cpu?.InstructionSet ?? cpu?.ProcessorArchitecture ?? ''),
    model: real(cpu?.Model) || real(summary?.Model),
    clockMegahertz: cpu?.MaxSpeedMHz ?? 0,
    count: summary?.LogicalProcessorCount ?? summary?.Count ?? 0,
  };
}

function archOf(instructionSet: string): string {
  if (/^(x86-64|x86)$/i.test(instructionSet)) return 'x86_64';
  if (/^ARM/i.test(instructionSet)) return 'aarch64';
  if (/^Power/i.test(instructionSet)) return 'ppc64le';
  return '';
}

/** Network interfaces of the machine; entries without a valid MAC address are dropped. */
export async function readNics(context: RedfishContext, system: ComputerSystem): Promise<readonly BmcNic[]> {
  const path = system.EthernetInterfaces?.['@odata.id'];
  if (path === undefined) return [];
  const nics: BmcNic[] = [];
  for (const nic of await readMembers<EthernetInterface>(context.client, path)) {
    const mac = macOf(nic.MACAddress) ?? macOf(nic.PermanentMACAddress);
    if (mac === undefined || nics.some((known) => known.mac === mac && known.name === nic.Id)) continue;
    nics.push({
      name: nic.Id ?? nic.Name ?? mac,
      mac,
      ips: [...(nic.IPv4Addresses ?? []), ...(nic.IPv6Addresses ?? [])].map((ip) => ip?.Address ?? '').filter(isHostAddress),
      speedMbps: nic.SpeedMbps ?? 0,
      link: nic.LinkStatus === 'LinkUp' ? 'up' : nic.LinkStatus === 'LinkDown' || nic.LinkStatus === 'NoLink' ? 'down' : 'unknown',
    });
  }
  return nics;
}

/** A MAC address in lower case with colons; undefined when the text is none. */
export function macOf(text: string | null | undefined): string | undefined {
  const hex = (text ?? '').toLowerCase().replace(/[^0-9a-f]/g, '');
  if (hex.length !== 12 || hex === '000000000000') return undefined;
  return hex.match(/../g)!.join(':');
}

/** An address that another machine can reach: neither empty nor link-local nor unspecified. */
function isHostAddress(ip: string): boolean {
  return ip !== '' && ip !== '0.0.0.0' && ip !== '::' && ip !== '::1' && !/^fe[89ab]/i.test(ip) && !ip.startsWith('169.254.');
}

async function readDisks(context: RedfishContext, system: ComputerSystem): Promise<readonly BmcDisk[]> {
  const disks: BmcDisk[] = [];
  const seen = new Set<string>();
  const storagePath = system.Storage?.['@odata.id'];
  for (const storage of storagePath === undefined ? [] : await readMembers<Storage>(context.client, storagePath)) {
    for (const link of storage.Drives ?? []) {
      const path = link['@odata.id'];
      if (typeof path !== 'string' || seen.has(path) || seen.size >= driveLimit) continue;
      seen.add(path);
      const drive = await context.client.find<Drive>(path);
      if (drive && drive.Status?.State !== 'Absent') disks.push(diskOf(drive, path));
    }
  }
  const simplePath = system.SimpleStorage?.['@odata.id'];
  if (disks.length > 0 || simplePath === undefined) return disks;
  for (const controller of await readMembers<SimpleStorage>(context.client, simplePath)) {
    for (const device of controller.Devices ?? []) {
      if (device.Status?.State === 'Absent' || device.CapacityBytes == null) continue;
      disks.push({ name: device.Name ?? '', type: 'unknown', sizeBytes: device.CapacityBytes, vendor: real(device.Manufacturer), model: real(device.Model), serialNumber: '', wwn: '' });
    }
  }
  return disks;
}

function diskOf(drive: Drive, path: string): BmcDisk {
  return {
    name: drive.Name ?? drive.Id ?? path,
    type: drive.Protocol === 'NVMe' ? 'NVME' : drive.MediaType === 'SSD' ? 'SSD' : drive.MediaType === 'HDD' || drive.MediaType === 'SMR' ? 'HDD' : 'unknown',
    sizeBytes: drive.CapacityBytes ?? 0,
    vendor: real(drive.Manufacturer),
    model: real(drive.Model),
    serialNumber: real(drive.SerialNumber),
    wwn: wwnOf(drive),
  };
}

/** An NAA, EUI or FC name as Linux writes a WWN. */
function wwnOf(drive: Drive): string {
  for (const identifier of drive.Identifiers ?? []) {
    if (!['NAA', 'EUI', 'FC_WWN'].includes(identifier.DurableNameFormat ?? '')) continue;
    const hex = (identifier.DurableName ?? '').toLowerCase().replace(/^(0x|naa\.|eui\.)/, '').replace(/[^0-9a-f]/g, '');
    if (hex.length >= 16) return `0x${hex}`;
  }
  return '';
}
