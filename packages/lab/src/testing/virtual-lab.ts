/** The lab in virtual time: the same machines, no git process, no sockets. */
import type { Env } from '@keelson/std';
import { defaultSchematic, type Datacenter, type MachineSpec } from '../datacenter.ts';
import { vendorNames } from '../bmc/vendors.ts';
import { startLab, type Lab, type LabOptions } from '../lab.ts';
import { labClusters, memoryLabStores, type OpenLabStore } from '../stores.ts';

export interface VirtualLabOptions extends Partial<Omit<LabOptions, 'env' | 'datacenter'>> {
  /** How many machines; 6 when neither this nor a datacenter is given. */
  readonly machines?: number;
  readonly datacenter?: Datacenter;
  /** First content of the repository, path to text. */
  readonly files?: Readonly<Record<string, string>>;
  /** All machines of one make; a mix by default. */
  readonly vendor?: MachineSpec['vendor'];
  /** Whether the nodes' Kubernetes clusters run (default). Their stores belong to `env`: a lab that starts again finds them. */
  readonly kubernetes?: boolean;
}

const storesOf = new WeakMap<Env, OpenLabStore>();

function stores(env: Env): OpenLabStore {
  let known = storesOf.get(env);
  if (!known) storesOf.set(env, (known = memoryLabStores()));
  return known;
}

const exampleFolder = '/example';

/** Starts a lab in `env`, by default with zero latency and six machines r1u01 to r1u06. */
export async function virtualLab(env: Env, options: VirtualLabOptions = {}): Promise<Lab> {
  const { machines = 6, datacenter, files = {}, vendor, kubernetes = true, ...rest } = options;
  for (const [path, text] of Object.entries(files)) await env.files.write(`${exampleFolder}/${path}`, text);
  return startLab({
    directory: exampleFolder, dataDir: '/data', latency: 'zero', git: 'memory', ...(kubernetes ? { clusters: labClusters(stores(env)) } : {}), ...rest,
    env, datacenter: datacenter ?? sampleDatacenter(machines, vendor),
  });
}

/** A datacenter of racks with 40 machines each: r1u01, r1u02 … */
export function sampleDatacenter(count: number, vendor?: MachineSpec['vendor']): Datacenter {
  return {
    name: 'virtual',
    network: '127.77.0.0/16',
    latency: 'zero',
    images: ['v1.14.0', 'v1.14.1'].map((version) => ({ version, arch: 'amd64' as const, schematics: [defaultSchematic], haltIfInstalled: true })),
    git: { repository: 'datacenter', branch: 'main', account: { username: 'keelson', password: 'datacenter' }, anonymousRead: true },
    machines: Array.from({ length: count }, (_none, i) => sampleMachine(i + 1, vendor ?? vendorNames[i % vendorNames.length]!)),
  };
}

const perRack = 40;

function sampleMachine(index: number, vendor: MachineSpec['vendor']): MachineSpec {
  const rack = `r${1 + Math.floor((index - 1) / perRack)}`;
  const slot = 1 + ((index - 1) % perRack);
  const hex = index.toString(16).padStart(4, '0');
  return {
    name: `${rack}u${String(slot).padStart(2, '0')}`, index, rack, slot, vendor,
    manufacturer: 'Keelson Lab', model: 'KL-1200', serial: `KLN${String(index).padStart(5, '0')}`, uuid: `00000000-0000-8000-8000-00000000${hex}`,
    bmc: { username: 'admin', password: `lab-${index}` },
    nics: [{ name: 'eth0', mac: `02:77:01:00:${hex.slice(0, 2)}:${hex.slice(2)}`, speedMbps: 25_000 }],
    disks: [
      { name: 'nvme0n1', sizeGiB: 480, type: 'NVME', model: 'Lab NVMe 480', serial: `S${hex}A` },
      { name: 'sda', sizeGiB: 4000, type: 'HDD', model: 'Lab HDD 4T', serial: `S${hex}B` },
    ],
    cpu: { model: 'Lab CPU 16C', sockets: 1, cores: 16, threads: 32, mhz: 2600 },
    memoryGiB: 64, bootOrder: ['disk', 'cd'], kexec: true,
  };
}
