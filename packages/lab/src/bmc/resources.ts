/** What the Redfish resources of a machine say: pure functions of its state, with the property names of DMTF's schemas (DSP0268). */
import { rfc3339 } from '@keelson/std';
import { actionNames, actionPath, chassisPath, managersPath, memberPath, odataTypes, sessionServicePath, sessionsPath, systemsPath } from '@keelson/bmc/wire';
import type { DiskSpec, NicSpec } from '../datacenter.ts';
import type { Machine } from '../machine/machine.ts';
import type { Body } from './answers.ts';
import type { VendorFlavour } from './vendors.ts';

export interface Paths {
  readonly system: string;
  readonly manager: string;
  readonly chassis: string;
  readonly media: string;
}

export function pathsOf(vendor: VendorFlavour): Paths {
  const system = memberPath(systemsPath, vendor.systemId);
  const manager = memberPath(managersPath, vendor.managerId);
  return { system, manager, chassis: memberPath(chassisPath, vendor.chassisId), media: `${vendor.virtualMedia.under === 'Systems' ? system : manager}/VirtualMedia` };
}

const link = (path: string) => ({ '@odata.id': path });
const healthy = { State: 'Enabled', Health: 'OK' };

export function collection(path: string, type: string, name: string, members: readonly string[]): Body {
  return { '@odata.id': path, '@odata.type': type, Name: name, 'Members@odata.count': members.length, Members: members.map(link) };
}

export function serviceRoot(machine: Machine, vendor: VendorFlavour): Body {
  return {
    '@odata.id': '/redfish/v1/', '@odata.type': odataTypes.serviceRoot, Id: 'RootService', Name: 'Root Service',
    RedfishVersion: vendor.redfishVersion, UUID: machine.spec.uuid, Vendor: machine.spec.manufacturer, Product: vendor.product,
    Systems: link(systemsPath), Managers: link(managersPath), Chassis: link(chassisPath), SessionService: link(sessionServicePath),
    Tasks: link('/redfish/v1/TaskService'), Links: { Sessions: link(sessionsPath) },
    ProtocolFeaturesSupported: { ExpandQuery: { ExpandAll: vendor.expand, Levels: vendor.expand, Links: false, NoLinks: false, MaxLevels: vendor.expand ? 1 : 0 } },
    ...(vendor.oemKey ? { Oem: { [vendor.oemKey]: {} } } : {}),
  };
}

const powerStateOf = { off: 'Off', on: 'On', 'powering-on': 'PoweringOn', 'powering-off': 'PoweringOff' } as const;

export function system(machine: Machine, vendor: VendorFlavour): Body {
  const { spec, state } = machine;
  const at = pathsOf(vendor);
  const { boot } = state;
  return {
    '@odata.id': at.system, '@odata.type': odataTypes.system, Id: vendor.systemId, Name: spec.name, SystemType: 'Physical',
    UUID: spec.uuid, SerialNumber: spec.serial, SKU: spec.serial, Manufacturer: spec.manufacturer, Model: spec.model, HostName: '',
    BiosVersion: '2.1.7', PowerState: powerStateOf[state.power], Status: { ...healthy, State: state.power === 'on' ? 'Enabled' : 'Disabled', HealthRollup: 'OK' },
    Boot: {
      BootSourceOverrideTarget: boot.target, BootSourceOverrideEnabled: boot.enabled, BootSourceOverrideMode: boot.mode, HttpBootUri: boot.httpBootUri || null,
      'BootSourceOverrideTarget@Redfish.AllowableValues': vendor.bootTargets,
      'BootSourceOverrideEnabled@Redfish.AllowableValues': ['Disabled', 'Once', 'Continuous'],
      'BootSourceOverrideMode@Redfish.AllowableValues': ['UEFI', 'Legacy'],
    },
    BootProgress: { LastState: bootProgress(machine), LastStateTime: rfc3339(state.activitySinceMs) },
    ProcessorSummary: {
      Count: spec.cpu.sockets, CoreCount: spec.cpu.cores * spec.cpu.sockets, LogicalProcessorCount: spec.cpu.threads * spec.cpu.sockets, Model: spec.cpu.model, Status: healthy,
    },
    MemorySummary: { TotalSystemMemoryGiB: spec.memoryGiB, Status: healthy },
    EthernetInterfaces: link(`${at.system}/EthernetInterfaces`), Processors: link(`${at.system}/Processors`),
    [vendor.storage]: link(`${at.system}/${vendor.storage}`),
    ...(vendor.virtualMedia.under === 'Systems' ? { VirtualMedia: link(at.media) } : {}),
    Links: { ManagedBy: [link(at.manager)], Chassis: [link(at.chassis)] },
    Actions: {
      [actionNames.resetSystem]: { target: actionPath(at.system, actionNames.resetSystem), 'ResetType@Redfish.AllowableValues': vendor.resetTypes },
    },
  };
}

function bootProgress({ state: { activity } }: Machine): string {
  switch (activity.kind) {
    case 'off':
      return 'None';
    case 'post':
      return 'SystemHardwareInitializationComplete';
    case 'loading':
      return 'OSBootStarted';
    case 'os':
      return 'OSRunning';
    case 'hung':
      return activity.where === 'firmware setup' ? 'SetupEntered' : 'OSBootStarted';
    case 'no-bootable-device':
      return 'SystemHardwareInitializationComplete';
  }
}

export function ethernetInterface(machine: Machine, vendor: VendorFlavour, nic: NicSpec, isFirst: boolean): Body {
  const path = `${pathsOf(vendor).system}/EthernetInterfaces/${nic.name}`;
  return {
    '@odata.id': path, '@odata.type': odataTypes.ethernetInterface, Id: nic.name, Name: nic.name, MACAddress: macText(nic, vendor),
    PermanentMACAddress: macText(nic, vendor), SpeedMbps: nic.speedMbps, FullDuplex: true, InterfaceEnabled: true,
    LinkStatus: isFirst ? 'LinkUp' : 'NoLink', Status: healthy,
    // The lab's network hands out fixed leases: the first interface has the node's address whether or not it is booted.
    IPv4Addresses: isFirst ? [{ Address: machine.nodeAddress, SubnetMask: '255.255.0.0', AddressOrigin: 'DHCP', Gateway: null }] : [],
    IPv6Addresses: [],
  };
}

/** Makers write MAC addresses in either case. */
function macText(nic: NicSpec, vendor: VendorFlavour): string {
  return vendor.oemKey === undefined ? nic.mac : nic.mac.toUpperCase();
}

export function processor(machine: Machine, vendor: VendorFlavour, socket: number): Body {
  const { cpu } = machine.spec;
  const id = `CPU.${socket + 1}`;
  return {
    '@odata.id': `${pathsOf(vendor).system}/Processors/${id}`, '@odata.type': odataTypes.processor, Id: id, Name: `CPU ${socket + 1}`, Socket: id,
    ProcessorType: 'CPU', ProcessorArchitecture: 'x86', InstructionSet: 'x86-64', Manufacturer: 'Lab', Model: cpu.model, MaxSpeedMHz: cpu.mhz,
    TotalCores: cpu.cores, TotalThreads: cpu.threads, Status: healthy,
  };
}

export function capacityBytes(disk: DiskSpec): number {
  return disk.sizeGiB * 1024 ** 3;
}

export function drive(vendor: VendorFlavour, disk: DiskSpec): Body {
  const path = `${pathsOf(vendor).system}/Storage/1/Drives/${disk.name}`;
  return {
    '@odata.id': path, '@odata.type': odataTypes.drive, Id: disk.name, Name: disk.name, CapacityBytes: capacityBytes(disk), Manufacturer: disk.model.split(' ')[0],
    Model: disk.model, SerialNumber: disk.serial, MediaType: disk.type === 'HDD' ? 'HDD' : 'SSD', Protocol: disk.type === 'NVME' ? 'NVMe' : 'SATA', Status: healthy,
  };
}

export function storage(machine: Machine, vendor: VendorFlavour): Body {
  const path = `${pathsOf(vendor).system}/Storage/1`;
  return {
    '@odata.id': path, '@odata.type': odataTypes.storage, Id: '1', Name: 'Storage Controller', Status: healthy,
    Drives: machine.spec.disks.map((disk) => link(`${path}/Drives/${disk.name}`)), 'Drives@odata.count': machine.spec.disks.length,
  };
}

export function simpleStorage(machine: Machine, vendor: VendorFlavour): Body {
  return {
    '@odata.id': `${pathsOf(vendor).system}/SimpleStorage/1`, '@odata.type': odataTypes.simpleStorage, Id: '1', Name: 'Simple Storage Controller', Status: healthy,
    Devices: machine.spec.disks.map((disk) => ({ Name: disk.name, Model: disk.model, Manufacturer: disk.model.split(' ')[0], CapacityBytes: capacityBytes(disk), Status: healthy })),
  };
}

export function manager(vendor: VendorFlavour, nowMs: number): Body {
  const at = pathsOf(vendor);
  return {
    '@odata.id': at.manager, '@odata.type': odataTypes.manager, Id: vendor.managerId, Name: 'Manager', ManagerType: 'BMC', Model: vendor.managerModel,
    FirmwareVersion: vendor.firmwareVersion, PowerState: 'On', Status: healthy, DateTime: rfc3339(nowMs),
    ...(vendor.virtualMedia.under === 'Managers' ? { VirtualMedia: link(at.media) } : {}),
    Links: { ManagerForServers: [link(at.system)], ManagerForChassis: [link(at.chassis)] },
    Actions: { [actionNames.resetManager]: { target: actionPath(at.manager, actionNames.resetManager), 'ResetType@Redfish.AllowableValues': ['GracefulRestart', 'ForceRestart'] } },
  };
}

export function chassis(machine: Machine, vendor: VendorFlavour): Body {
  const at = pathsOf(vendor);
  const { spec } = machine;
  return {
    '@odata.id': at.chassis, '@odata.type': odataTypes.chassis, Id: vendor.chassisId, Name: 'Chassis', ChassisType: 'RackMount', Manufacturer: spec.manufacturer,
    Model: spec.model, SerialNumber: spec.serial, PowerState: powerStateOf[machine.state.power], Status: healthy,
    Location: { Placement: { Rack: spec.rack, RackOffset: spec.slot, RackOffsetUnits: 'EIA_310' } },
    Links: { ComputerSystems: [link(at.system)], ManagedBy: [link(at.manager)] },
  };
}

export function virtualMedium(machine: Machine, vendor: VendorFlavour, slot: VendorFlavour['virtualMedia']['slots'][number]): Body {
  const path = `${pathsOf(vendor).media}/${slot.id}`;
  const medium = machine.state.media[slot.id];
  return {
    '@odata.id': path, '@odata.type': odataTypes.virtualMedia, Id: slot.id, Name: `Virtual medium ${slot.id}`, MediaTypes: slot.mediaTypes,
    Image: medium?.image ?? null, ImageName: medium ? medium.image.slice(medium.image.lastIndexOf('/') + 1) : null, Inserted: medium !== undefined,
    ConnectedVia: medium ? 'URI' : 'NotConnected', WriteProtected: medium?.writeProtected ?? true,
    ...(slot.insert
      ? { Actions: { [actionNames.insertMedia]: { target: actionPath(path, actionNames.insertMedia) }, [actionNames.ejectMedia]: { target: actionPath(path, actionNames.ejectMedia) } } }
      : {}),
  };
}
