/**
 * Shapes of the Redfish resources we touch, with DMTF's property names. Every property is optional: services leave
 * out what they do not know, and answer null for what they do not know now.
 */
import type {
  BootEnabledValue, BootModeValue, BootProgressValue, BootTargetValue, ConnectedViaValue, HealthValue, MediaTypeValue, PowerStateValue, ResetTypeValue,
  TaskStateValue,
} from './values.ts';
import type { ExtendedMessage } from './messages.ts';

/** `@odata.type` of the resources as a current service writes them. */
export const odataTypes = {
  serviceRoot: '#ServiceRoot.v1_17_0.ServiceRoot',
  sessionService: '#SessionService.v1_1_9.SessionService',
  session: '#Session.v1_7_1.Session',
  sessionCollection: '#SessionCollection.SessionCollection',
  system: '#ComputerSystem.v1_22_0.ComputerSystem',
  systemCollection: '#ComputerSystemCollection.ComputerSystemCollection',
  manager: '#Manager.v1_19_0.Manager',
  managerCollection: '#ManagerCollection.ManagerCollection',
  chassis: '#Chassis.v1_25_0.Chassis',
  chassisCollection: '#ChassisCollection.ChassisCollection',
  ethernetInterface: '#EthernetInterface.v1_12_0.EthernetInterface',
  ethernetInterfaceCollection: '#EthernetInterfaceCollection.EthernetInterfaceCollection',
  processor: '#Processor.v1_20_0.Processor',
  processorCollection: '#ProcessorCollection.ProcessorCollection',
  storage: '#Storage.v1_17_0.Storage',
  storageCollection: '#StorageCollection.StorageCollection',
  drive: '#Drive.v1_20_0.Drive',
  simpleStorage: '#SimpleStorage.v1_3_1.SimpleStorage',
  simpleStorageCollection: '#SimpleStorageCollection.SimpleStorageCollection',
  virtualMedia: '#VirtualMedia.v1_6_3.VirtualMedia',
  virtualMediaCollection: '#VirtualMediaCollection.VirtualMediaCollection',
  task: '#Task.v1_7_4.Task',
  taskCollection: '#TaskCollection.TaskCollection',
} as const;

type Known<T extends string> = T | (string & {});

export interface Link {
  readonly '@odata.id': string;
}

export interface Resource {
  readonly '@odata.id'?: string;
  readonly '@odata.type'?: string;
  readonly '@odata.etag'?: string;
  readonly Id?: string;
  readonly Name?: string;
}

export interface Collection extends Resource {
  readonly Members?: readonly (Link & Resource)[];
  readonly 'Members@odata.count'?: number;
  readonly 'Members@odata.nextLink'?: string;
}

export interface Status {
  readonly State?: string | null;
  readonly Health?: Known<HealthValue> | null;
  readonly HealthRollup?: Known<HealthValue> | null;
}

export interface ServiceRoot extends Resource {
  readonly RedfishVersion?: string;
  readonly UUID?: string;
  readonly Vendor?: string | null;
  readonly Product?: string | null;
  readonly Systems?: Link;
  readonly Managers?: Link;
  readonly Chassis?: Link;
  readonly SessionService?: Link;
  readonly Tasks?: Link;
  readonly Links?: { readonly Sessions?: Link };
  readonly ProtocolFeaturesSupported?: { readonly ExpandQuery?: { readonly Levels?: boolean; readonly ExpandAll?: boolean; readonly NoLinks?: boolean; readonly MaxLevels?: number } };
  readonly Oem?: Readonly<Record<string, unknown>>;
}

export interface Session extends Resource {
  readonly UserName?: string;
}
/** Body of the POST that creates a session. */
export interface SessionRequest {
  readonly UserName: string;
  readonly Password: string;
}

export interface Action<Allowed extends string = string> {
  readonly target?: string;
  readonly '@Redfish.ActionInfo'?: string;
  readonly 'ResetType@Redfish.AllowableValues'?: readonly Allowed[];
}

export interface Boot {
  readonly BootSourceOverrideTarget?: Known<BootTargetValue> | null;
  readonly 'BootSourceOverrideTarget@Redfish.AllowableValues'?: readonly Known<BootTargetValue>[];
  readonly BootSourceOverrideEnabled?: Known<BootEnabledValue> | null;
  readonly 'BootSourceOverrideEnabled@Redfish.AllowableValues'?: readonly Known<BootEnabledValue>[];
  readonly BootSourceOverrideMode?: Known<BootModeValue> | null;
  readonly 'BootSourceOverrideMode@Redfish.AllowableValues'?: readonly Known<BootModeValue>[];
  readonly HttpBootUri?: string | null;
}

export interface ComputerSystem extends Resource {
  readonly UUID?: string | null;
  readonly SerialNumber?: string | null;
  readonly SKU?: string | null;
  readonly Manufacturer?: string | null;
  readonly Model?: string | null;
  readonly HostName?: string | null;
  readonly BiosVersion?: string | null;
  readonly PowerState?: Known<PowerStateValue> | null;
  readonly Status?: Status;
  readonly Boot?: Boot;
  readonly BootProgress?: { readonly LastState?: Known<BootProgressValue> | null; readonly LastStateTime?: string | null };
  readonly ProcessorSummary?: { readonly Count?: number | null; readonly LogicalProcessorCount?: number | null; readonly Model?: string | null };
  readonly MemorySummary?: { readonly TotalSystemMemoryGiB?: number | null };
  readonly EthernetInterfaces?: Link;
  readonly Processors?: Link;
  readonly Storage?: Link;
  readonly SimpleStorage?: Link;
  readonly VirtualMedia?: Link;
  readonly SecureBoot?: Link;
  readonly Links?: { readonly ManagedBy?: readonly Link[]; readonly Managers?: readonly Link[]; readonly Chassis?: readonly Link[] };
  readonly Actions?: { readonly '#ComputerSystem.Reset'?: Action<Known<ResetTypeValue>> };
  readonly '@Redfish.Settings'?: { readonly SettingsObject?: Link };
}

/** Argument of ComputerSystem.Reset. */
export interface ResetRequest {
  readonly ResetType: ResetTypeValue;
}

export interface Manager extends Resource {
  readonly ManagerType?: string;
  readonly Manufacturer?: string | null;
  readonly Model?: string | null;
  readonly FirmwareVersion?: string | null;
  readonly VirtualMedia?: Link;
  readonly Links?: { readonly ManagerForServers?: readonly Link[] };
}

export interface VirtualMedia extends Resource {
  readonly MediaTypes?: readonly Known<MediaTypeValue>[] | null;
  readonly Image?: string | null;
  readonly ImageName?: string | null;
  readonly Inserted?: boolean | null;
  readonly WriteProtected?: boolean | null;
  readonly ConnectedVia?: Known<ConnectedViaValue> | null;
  readonly TransferProtocolType?: string | null;
  readonly TransferMethod?: string | null;
  readonly Actions?: { readonly '#VirtualMedia.InsertMedia'?: Action; readonly '#VirtualMedia.EjectMedia'?: Action };
}

/** Argument of VirtualMedia.InsertMedia; services differ in what they want beyond Image. */
export interface InsertMediaRequest {
  readonly Image: string;
  readonly Inserted?: boolean;
  readonly WriteProtected?: boolean;
  readonly TransferProtocolType?: string;
  readonly TransferMethod?: string;
  readonly MediaType?: string;
  readonly UserName?: string;
  readonly Password?: string;
}

export interface IPv4Address {
  readonly Address?: string | null;
  readonly SubnetMask?: string | null;
  readonly Gateway?: string | null;
  readonly AddressOrigin?: string | null;
}
export interface IPv6Address {
  readonly Address?: string | null;
  readonly PrefixLength?: number | null;
  readonly AddressOrigin?: string | null;
}

export interface EthernetInterface extends Resource {
  readonly MACAddress?: string | null;
  readonly PermanentMACAddress?: string | null;
  readonly SpeedMbps?: number | null;
  readonly LinkStatus?: string | null;
  readonly InterfaceEnabled?: boolean | null;
  readonly HostName?: string | null;
  readonly IPv4Addresses?: readonly IPv4Address[];
  readonly IPv6Addresses?: readonly IPv6Address[];
  readonly VLAN?: { readonly VLANEnable?: boolean | null; readonly VLANId?: number | null };
}

export interface Processor extends Resource {
  readonly ProcessorType?: string | null;
  readonly Model?: string | null;
  readonly Manufacturer?: string | null;
  readonly InstructionSet?: string | null;
  readonly ProcessorArchitecture?: string | null;
  readonly MaxSpeedMHz?: number | null;
  readonly TotalCores?: number | null;
  readonly TotalThreads?: number | null;
  readonly Status?: Status;
}

export interface Storage extends Resource {
  readonly Drives?: readonly Link[];
  readonly Volumes?: Link;
}

export interface Drive extends Resource {
  readonly CapacityBytes?: number | null;
  readonly MediaType?: string | null;
  readonly Protocol?: string | null;
  readonly SerialNumber?: string | null;
  readonly Manufacturer?: string | null;
  readonly Model?: string | null;
  readonly Identifiers?: readonly { readonly DurableName?: string | null; readonly DurableNameFormat?: string | null }[];
  readonly Status?: Status;
}

export interface SimpleStorage extends Resource {
  readonly Devices?: readonly { readonly Name?: string; readonly CapacityBytes?: number | null; readonly Manufacturer?: string | null; readonly Model?: string | null; readonly Status?: Status }[];
}

export interface Task extends Resource {
  readonly TaskState?: Known<TaskStateValue>;
  readonly TaskStatus?: Known<HealthValue>;
  readonly PercentComplete?: number | null;
  readonly TaskMonitor?: string;
  readonly Messages?: readonly ExtendedMessage[];
}
