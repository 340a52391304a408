/**
 * How BMCs of different makers differ where a driver notices, one row each. The values follow public behaviour notes
 * (Redfish DSP0266/DSP0268 for the common part); no vendor's text is reproduced.
 */
export interface VendorFlavour {
  readonly product: string;
  /** Key under Oem in the service root, by which clients recognise the maker. */
  readonly oemKey: string | undefined;
  readonly redfishVersion: string;
  readonly systemId: string;
  readonly managerId: string;
  readonly managerModel: string;
  readonly firmwareVersion: string;
  readonly chassisId: string;
  readonly virtualMedia: VirtualMediaFlavour;
  readonly resetTypes: readonly string[];
  readonly bootTargets: readonly string[];
  /** Answer to a reset that asks for the state the machine is in; undefined: 204 and nothing happens. */
  readonly alreadyThere: { readonly status: number; readonly messageId: string } | undefined;
  readonly etag: 'strong' | 'weak';
  /** If-Match with the weak tag as it was given is refused; its strong form is taken. */
  readonly ifMatchStrongOnly: boolean;
  /** A PATCH without If-Match is refused with 428. */
  readonly requiresIfMatch: boolean;
  /** Boot settings cannot be written while the machine is in POST. */
  readonly bootLockedInPost: boolean;
  readonly storage: 'Storage' | 'SimpleStorage';
  readonly sessionLimit: number;
  /** Whether one GET may expand members ($expand). */
  readonly expand: boolean;
}

export interface VirtualMediaFlavour {
  readonly under: 'Systems' | 'Managers';
  readonly slots: readonly { readonly id: string; readonly mediaTypes: readonly string[]; readonly insert: boolean }[];
  /** Properties InsertMedia knows besides Image. */
  readonly insertParameters: readonly string[];
  /** Insert answers 202 with a task. */
  readonly asTask: boolean;
  /** EjectMedia without a JSON body is refused. */
  readonly ejectNeedsBody: boolean;
}

const commonResets = ['On', 'ForceOff', 'GracefulShutdown', 'GracefulRestart', 'ForceRestart', 'PushPowerButton', 'PowerCycle'];
const commonTargets = ['None', 'Pxe', 'Cd', 'Hdd', 'BiosSetup', 'UefiHttp', 'UefiShell', 'Usb'];

export const vendors = {
  generic: {
    product: 'Redfish Service', oemKey: undefined, redfishVersion: '1.17.0', systemId: '1', managerId: '1', managerModel: 'BMC',
    firmwareVersion: '2.14', chassisId: '1',
    virtualMedia: {
      under: 'Managers',
      slots: [{ id: 'CD1', mediaTypes: ['CD', 'DVD'], insert: true }],
      insertParameters: ['Inserted', 'WriteProtected', 'TransferProtocolType', 'TransferMethod', 'MediaType', 'UserName', 'Password'],
      asTask: false, ejectNeedsBody: false,
    },
    resetTypes: commonResets, bootTargets: commonTargets, alreadyThere: undefined, etag: 'strong', ifMatchStrongOnly: false, requiresIfMatch: false,
    bootLockedInPost: false, storage: 'Storage', sessionLimit: 16, expand: true,
  },
  dell: {
    product: 'Integrated Remote Access Controller', oemKey: 'Dell', redfishVersion: '1.17.0', systemId: 'System.Embedded.1', managerId: 'iDRAC.Embedded.1',
    managerModel: '16G Monolithic', firmwareVersion: '7.10.30.00', chassisId: 'System.Embedded.1',
    virtualMedia: {
      under: 'Systems',
      slots: [{ id: '1', mediaTypes: ['CD', 'DVD', 'USBStick'], insert: true }, { id: '2', mediaTypes: ['CD', 'DVD', 'USBStick'], insert: true }],
      insertParameters: ['Inserted', 'WriteProtected', 'TransferProtocolType', 'TransferMethod', 'UserName', 'Password'],
      asTask: true, ejectNeedsBody: true,
    },
    resetTypes: [...commonResets, 'Nmi'], bootTargets: [...commonTargets, 'SDCard', 'UefiTarget'],
    alreadyThere: { status: 409, messageId: 'Base.1.12.ActionParameterValueConflict' }, etag: 'weak', ifMatchStrongOnly: false, requiresIfMatch: false,
    bootLockedInPost: false, storage: 'Storage', sessionLimit: 8, expand: true,
  },
  hpe: {
    product: 'Lights-Out Service', oemKey: 'Hpe', redfishVersion: '1.13.0', systemId: '1', managerId: '1', managerModel: 'iLO 6', firmwareVersion: 'iLO 6 v1.58',
    chassisId: '1',
    virtualMedia: {
      under: 'Managers',
      slots: [{ id: '1', mediaTypes: ['Floppy', 'USBStick'], insert: true }, { id: '2', mediaTypes: ['CD', 'DVD'], insert: true }],
      insertParameters: ['Inserted', 'WriteProtected'],
      asTask: false, ejectNeedsBody: true,
    },
    resetTypes: ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'Nmi', 'PushPowerButton', 'GracefulRestart'],
    bootTargets: ['None', 'Cd', 'Hdd', 'Usb', 'Utilities', 'Diags', 'BiosSetup', 'Pxe', 'UefiShell', 'UefiHttp', 'UefiTarget'],
    alreadyThere: { status: 400, messageId: 'iLO.2.24.InvalidOperationForSystemState' }, etag: 'weak', ifMatchStrongOnly: false, requiresIfMatch: false,
    bootLockedInPost: true, storage: 'Storage', sessionLimit: 12, expand: false,
  },
  strict: {
    product: 'Redfish Service', oemKey: 'Ami', redfishVersion: '1.11.0', systemId: 'Self', managerId: 'Self', managerModel: 'AST2600', firmwareVersion: '1.05.9',
    chassisId: 'Self',
    virtualMedia: {
      under: 'Managers',
      slots: [{ id: 'KVM', mediaTypes: ['CD', 'DVD'], insert: false }, { id: 'CD1', mediaTypes: ['CD', 'DVD'], insert: true }],
      insertParameters: ['TransferProtocolType', 'TransferMethod'],
      asTask: false, ejectNeedsBody: false,
    },
    resetTypes: ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'PowerCycle'], bootTargets: ['None', 'Pxe', 'Cd', 'Usb', 'Hdd', 'BiosSetup'],
    alreadyThere: { status: 400, messageId: 'Base.1.12.ActionParameterNotSupported' }, etag: 'weak', ifMatchStrongOnly: true, requiresIfMatch: true,
    bootLockedInPost: false, storage: 'SimpleStorage', sessionLimit: 4, expand: false,
  },
} as const satisfies Record<string, VendorFlavour>;

export type VendorName = keyof typeof vendors;

export const vendorNames: readonly VendorName[] = Object.keys(vendors) as VendorName[]; // keys of a const table are its names
