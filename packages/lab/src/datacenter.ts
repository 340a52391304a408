/** What stands in the lab: racks of machines with their hardware, and the accounts of BMCs and Git, from lab.yaml. */
import { createHash } from 'node:crypto';
import { ProblemError, problem, type Files } from '@keelson/std';
import { networkPrefix } from './addresses.ts';
import { vendorNames, type VendorName } from './bmc/vendors.ts';
import { openDocument, type Complaint, type Cursor } from './lab-file.ts';
import { isLatencyName, latencyProfiles, type LatencyName } from './latency.ts';
import { labProblems } from './problems.ts';

export interface Datacenter {
  readonly name: string;
  /** A /16 in 127.0.0.0/8; the lab takes another when it is in use. */
  readonly network: string;
  readonly latency: LatencyName;
  readonly images: readonly TalosImage[];
  readonly git: GitSpec;
  /** In rack order; a machine's index (from 1) decides its addresses. */
  readonly machines: readonly MachineSpec[];
}

export interface TalosImage {
  readonly version: string;
  readonly arch: 'amd64' | 'arm64';
  /** Image Factory schematic ids for which images exist; the default schematic when absent. */
  readonly schematics: readonly string[];
  /** Whether the ISO carries talos.halt_if_installed=1, as released ones do. */
  readonly haltIfInstalled: boolean;
}

export interface GitSpec {
  readonly repository: string;
  readonly branch: string;
  readonly account: Account;
  readonly anonymousRead: boolean;
}

export interface Account {
  readonly username: string;
  readonly password: string;
}

export interface MachineSpec {
  readonly name: string;
  readonly index: number;
  readonly rack: string;
  readonly slot: number;
  readonly vendor: VendorName;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly uuid: string;
  readonly bmc: Account;
  readonly nics: readonly NicSpec[];
  readonly disks: readonly DiskSpec[];
  readonly cpu: CpuSpec;
  readonly memoryGiB: number;
  /** What the firmware tries, in order, without an override. */
  readonly bootOrder: readonly ('disk' | 'cd')[];
  /** Whether a reboot of the operating system goes straight into the new kernel, without POST. */
  readonly kexec: boolean;
}

export interface NicSpec {
  readonly name: string;
  /** Lower case, colons. */
  readonly mac: string;
  readonly speedMbps: number;
}

export interface DiskSpec {
  /** Kernel name: sda, nvme0n1. */
  readonly name: string;
  readonly sizeGiB: number;
  readonly type: 'SSD' | 'HDD' | 'NVME';
  readonly model: string;
  readonly serial: string;
}

export interface CpuSpec {
  readonly model: string;
  readonly sockets: number;
  /** Per socket. */
  readonly cores: number;
  readonly threads: number;
  readonly mhz: number;
}

/** Schematic id of an image without customisation: SHA-256 of its canonical YAML, as Image Factory computes it. */
export const defaultSchematic = createHash('sha256').update('customization: {}\n').digest('hex');

/** Reads `<directory>/lab.yaml`. Throws LAB.FILE_MISSING or LAB.FILE_INVALID with file and line of each complaint. */
export async function readDatacenter(files: Files, directory: string): Promise<Datacenter> {
  const file = `${directory.replace(/\/$/, '')}/lab.yaml`;
  const bytes = await files.read(file);
  if (!bytes) throw new ProblemError(problem(labProblems.fileMissing, { file }, { why: 'no such file', where: file }));
  return parseDatacenter(new TextDecoder().decode(bytes), file);
}

/** Parses the text of a lab file; `file` is used in complaints. */
export function parseDatacenter(text: string, file: string): Datacenter {
  const complaints: Complaint[] = [];
  const root = openDocument(text, file, complaints);
  const datacenter = readRoot(root);
  complainAboutTwins(datacenter.machines, root);
  if (complaints.length > 0) {
    const where = complaints[0]!.where;
    const why = complaints.slice(0, 10).map((one) => `${one.where}: ${one.text}`).join('; ');
    throw new ProblemError(problem(labProblems.fileInvalid, { file, where }, { why, where }));
  }
  return datacenter;
}

function readRoot(root: Cursor): Datacenter {
  root.only('apiVersion', 'kind', 'name', 'network', 'latency', 'images', 'git', 'racks');
  root.field('apiVersion').oneOf(['lab.keelson.dev/v1alpha1']);
  root.field('kind').oneOf(['Datacenter']);
  const latency = root.field('latency').text('quick');
  if (!isLatencyName(latency)) root.field('latency').complain(`must be one of ${Object.keys(latencyProfiles).join(', ')}`);
  const machines: MachineSpec[] = [];
  const racks = root.field('racks').items();
  if (racks.length === 0) root.complain('racks: a lab needs at least one rack');
  for (const rack of racks) {
    rack.only('name', 'machines');
    const name = rack.field('name').text();
    for (const item of rack.field('machines').items()) machines.push(readMachine(item, name, machines.length + 1));
  }
  return {
    name: root.field('name').text('lab'),
    network: readNetwork(root.field('network')),
    latency: isLatencyName(latency) ? latency : 'quick',
    images: root.field('images').items().map(readImage),
    git: readGit(root.field('git')),
    machines,
  };
}

function readNetwork(at: Cursor): string {
  const network = at.text('127.77.0.0/16');
  try {
    networkPrefix(network);
  } catch (error) {
    at.complain(error instanceof Error ? error.message : String(error));
  }
  return network;
}

function readImage(at: Cursor): TalosImage {
  at.only('version', 'arch', 'schematics', 'haltIfInstalled');
  const version = at.field('version').text();
  if (!/^v\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) at.field('version').complain('must look like v1.14.1');
  const schematics = at.field('schematics').present ? at.field('schematics').items().map((item) => item.text()) : [defaultSchematic];
  if (schematics.some((id) => !/^[0-9a-f]{64}$/.test(id))) at.field('schematics').complain('must be schematic ids of 64 hex digits');
  return { version, arch: at.field('arch').oneOf(['amd64', 'arm64'], 'amd64'), schematics, haltIfInstalled: at.field('haltIfInstalled').flag(true) };
}

function readGit(at: Cursor): GitSpec {
  at.only('repository', 'branch', 'account', 'anonymousRead');
  const repository = at.field('repository').text('datacenter');
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(repository)) at.field('repository').complain('must be a plain name');
  return {
    repository,
    branch: at.field('branch').text('main'),
    account: readAccount(at.field('account')),
    anonymousRead: at.field('anonymousRead').flag(true),
  };
}

function readAccount(at: Cursor): Account {
  at.only('username', 'password');
  return { username: at.field('username').text(), password: at.field('password').text() };
}

function readMachine(at: Cursor, rack: string, index: number): MachineSpec {
  at.only('name', 'slot', 'vendor', 'manufacturer', 'model', 'serial', 'uuid', 'bmc', 'nics', 'disks', 'cpu', 'memoryGiB', 'bootOrder', 'kexec');
  const name = at.field('name').text();
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) at.field('name').complain('must be a DNS label');
  const serial = at.field('serial').text();
  const uuid = at.field('uuid').text(uuidFrom(`${rack}/${name}/${serial}`));
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) at.field('uuid').complain('must be a lower-case UUID');
  const nics = at.field('nics').items().map(readNic);
  const disks = at.field('disks').items().map(readDisk);
  if (nics.length === 0) at.complain('nics: a machine needs at least one');
  if (disks.length === 0) at.complain('disks: a machine needs at least one');
  const vendor = at.field('vendor').oneOf(vendorNames, 'generic');
  const order = at.field('bootOrder').items().map((item) => item.oneOf<'disk' | 'cd'>(['disk', 'cd']));
  return {
    name, index, rack, vendor, serial, uuid, nics, disks,
    slot: at.field('slot').whole({ otherwise: index, least: 1 }),
    manufacturer: at.field('manufacturer').text('Keelson Lab'),
    model: at.field('model').text('Lab Server'),
    bmc: readAccount(at.field('bmc')),
    cpu: readCpu(at.field('cpu')),
    memoryGiB: at.field('memoryGiB').whole({ least: 1 }),
    bootOrder: order.length > 0 ? order : defaultBootOrder,
    kexec: at.field('kexec').flag(true),
  };
}

const defaultBootOrder: readonly ('disk' | 'cd')[] = ['disk', 'cd'];

function readNic(at: Cursor): NicSpec {
  at.only('name', 'mac', 'speedMbps');
  const mac = at.field('mac').text();
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) at.field('mac').complain('must be a lower-case MAC address with colons');
  return { name: at.field('name').text('eth0'), mac, speedMbps: at.field('speedMbps').whole({ otherwise: 10_000, least: 10 }) };
}

function readDisk(at: Cursor): DiskSpec {
  at.only('name', 'sizeGiB', 'type', 'model', 'serial');
  return {
    name: at.field('name').text(),
    sizeGiB: at.field('sizeGiB').whole({ least: 1 }),
    type: at.field('type').oneOf(['SSD', 'HDD', 'NVME'], 'SSD'),
    model: at.field('model').text('Lab Disk'),
    serial: at.field('serial').text(),
  };
}

function readCpu(at: Cursor): CpuSpec {
  at.only('model', 'sockets', 'cores', 'threads', 'mhz');
  const cores = at.field('cores').whole({ least: 1 });
  return {
    model: at.field('model').text('Lab CPU'),
    sockets: at.field('sockets').whole({ otherwise: 1, least: 1 }),
    cores,
    threads: at.field('threads').whole({ otherwise: cores * 2, least: 1 }),
    mhz: at.field('mhz').whole({ otherwise: 2600, least: 1 }),
  };
}

function complainAboutTwins(machines: readonly MachineSpec[], root: Cursor): void {
  const seen = new Map<string, string>();
  const claim = (what: string, value: string, name: string) => {
    const owner = seen.get(`${what} ${value}`);
    if (owner !== undefined) root.complain(`${what} ${value} is used by ${owner} and ${name}`);
    seen.set(`${what} ${value}`, name);
  };
  for (const machine of machines) {
    claim('name', machine.name, machine.name);
    claim('serial', machine.serial, machine.name);
    claim('UUID', machine.uuid, machine.name);
    for (const nic of machine.nics) claim('MAC', nic.mac, machine.name);
    for (const disk of machine.disks) claim('disk serial', disk.serial, machine.name);
  }
}

/** A repeatable UUID (version 8 layout) from a text. */
function uuidFrom(text: string): string {
  const hash = createHash('sha256').update(text).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
