/**
 * Enumerations of Redfish as data: DMTF schemas ComputerSystem, VirtualMedia, Drive, Task, Resource.
 * Only what a driver or a device of ours names; a reader must bear values that are not here.
 */

/** ComputerSystem.PowerState */
export const powerStates = ['On', 'Off', 'PoweringOn', 'PoweringOff', 'Paused'] as const;
export type PowerStateValue = (typeof powerStates)[number];

/** Resource.ResetType, the argument of ComputerSystem.Reset and Manager.Reset. */
export const resetTypes = [
  'On', 'ForceOff', 'GracefulShutdown', 'GracefulRestart', 'ForceRestart', 'Nmi', 'ForceOn', 'PushPowerButton', 'PowerCycle', 'Suspend', 'Pause', 'Resume',
] as const;
export type ResetTypeValue = (typeof resetTypes)[number];

/** ComputerSystem.Boot.BootSourceOverrideTarget */
export const bootTargets = [
  'None', 'Pxe', 'Floppy', 'Cd', 'Usb', 'Hdd', 'BiosSetup', 'Utilities', 'Diags', 'UefiShell', 'UefiTarget', 'SDCard', 'UefiHttp', 'RemoteDrive',
  'UefiBootNext', 'UsbCd',
] as const;
export type BootTargetValue = (typeof bootTargets)[number];

/** ComputerSystem.Boot.BootSourceOverrideEnabled */
export const bootEnabledValues = ['Disabled', 'Once', 'Continuous'] as const;
export type BootEnabledValue = (typeof bootEnabledValues)[number];

/** ComputerSystem.Boot.BootSourceOverrideMode */
export const bootModes = ['Legacy', 'UEFI'] as const;
export type BootModeValue = (typeof bootModes)[number];

/** ComputerSystem.BootProgress.LastState */
export const bootProgressStates = [
  'None', 'PrimaryProcessorInitializationStarted', 'BusInitializationStarted', 'MemoryInitializationStarted', 'SecondaryProcessorInitializationStarted',
  'PCIResourceConfigStarted', 'SystemHardwareInitializationComplete', 'SetupEntered', 'OSBootStarted', 'OSRunning', 'OEM',
] as const;
export type BootProgressValue = (typeof bootProgressStates)[number];

/** VirtualMedia.MediaTypes */
export const mediaTypes = ['CD', 'Floppy', 'USBStick', 'DVD'] as const;
export type MediaTypeValue = (typeof mediaTypes)[number];

/** VirtualMedia.ConnectedVia */
export const connectedViaValues = ['NotConnected', 'URI', 'Applet', 'Oem'] as const;
export type ConnectedViaValue = (typeof connectedViaValues)[number];

/** VirtualMedia.TransferProtocolType, as far as it matters for an image server. */
export const transferProtocols = ['CIFS', 'FTP', 'SFTP', 'HTTP', 'HTTPS', 'NFS', 'SCP', 'TFTP', 'OEM'] as const;
/** VirtualMedia.TransferMethod */
export const transferMethods = ['Stream', 'Upload'] as const;

/** Drive.MediaType */
export const driveMediaTypes = ['HDD', 'SSD', 'SMR'] as const;
export type DriveMediaTypeValue = (typeof driveMediaTypes)[number];

/** Drive.Protocol, the values that change how a disk is described. */
export const driveProtocols = ['SATA', 'SAS', 'NVMe', 'PCIe', 'FC', 'iSCSI', 'USB'] as const;

/** Task.TaskState */
export const taskStates = [
  'New', 'Starting', 'Running', 'Suspended', 'Interrupted', 'Pending', 'Stopping', 'Completed', 'Killed', 'Exception', 'Service', 'Cancelling', 'Cancelled',
] as const;
export type TaskStateValue = (typeof taskStates)[number];
/** Task states after which nothing more happens, and whether the operation was done. */
export const finalTaskStates: Readonly<Partial<Record<TaskStateValue, 'done' | 'failed'>>> = {
  Completed: 'done',
  Killed: 'failed',
  Exception: 'failed',
  Cancelled: 'failed',
  Interrupted: 'failed',
};

/** Resource.Health */
export const healthValues = ['OK', 'Warning', 'Critical'] as const;
export type HealthValue = (typeof healthValues)[number];

/** Processor.InstructionSet */
export const instructionSets = ['x86', 'x86-64', 'IA-64', 'ARM-A32', 'ARM-A64', 'MIPS32', 'MIPS64', 'PowerISA', 'RV32', 'RV64', 'OEM'] as const;
export type InstructionSetValue = (typeof instructionSets)[number];

/** Processor.ProcessorType */
export const processorTypes = ['CPU', 'GPU', 'FPGA', 'DSP', 'Accelerator', 'Core', 'Thread', 'OEM'] as const;

/** EthernetInterface.LinkStatus */
export const linkStatuses = ['LinkUp', 'NoLink', 'LinkDown'] as const;

/** IPv4Address.AddressOrigin */
export const addressOrigins = ['Static', 'DHCP', 'BOOTP', 'IPv4LinkLocal'] as const;
