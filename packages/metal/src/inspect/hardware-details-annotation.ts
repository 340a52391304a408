/** The annotation inspect.metal3.io/hardwaredetails: JSON of HardwareDetails, decoded strictly as upstream does. */
import type { HardwareDetails } from './hardware.ts';

export type HardwareDetailsResult = { readonly ok: true; readonly hardware: HardwareDetails } | { readonly ok: false; readonly why: string };

type Shape = 'text' | 'number' | 'flag' | { readonly list: Shape } | { readonly [name: string]: Shape };

const text = 'text' as const;
const shape: Shape = {
  systemVendor: { manufacturer: text, productName: text, serialNumber: text },
  firmware: { bios: { date: text, vendor: text, version: text } },
  ramMebibytes: 'number',
  hostname: text,
  cpu: { arch: text, model: text, clockMegahertz: 'number', flags: { list: text }, count: 'number' },
  nics: {
    list: {
      name: text, model: text, mac: text, ip: text, speedGbps: 'number', vlanId: 'number', pxe: 'flag', pciAddress: text,
      vlans: { list: { id: 'number', name: text } }, lldp: { portID: text, switchID: text, switchSystemName: text },
    },
  },
  storage: {
    list: {
      name: text, alternateNames: { list: text }, rotational: 'flag', type: text, sizeBytes: 'number', vendor: text, model: text, serialNumber: text,
      wwn: text, wwnVendorExtension: text, wwnWithExtension: text, hctl: text,
    },
  },
};

/** Reads the annotation; unknown fields and wrong types are refused with the place. */
export function parseHardwareDetails(json: string): HardwareDetailsResult {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return { ok: false, why: `it is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const why = mismatch(value, shape, '');
  // Every field was held to the shape above, which is that of HardwareDetails.
  return why === undefined ? { ok: true, hardware: value as HardwareDetails } : { ok: false, why };
}

function mismatch(value: unknown, wanted: Shape, path: string): string | undefined {
  const here = path === '' ? 'the value' : path;
  if (wanted === 'text') return typeof value === 'string' ? undefined : `${here} must be text`;
  if (wanted === 'number') return typeof value === 'number' ? undefined : `${here} must be a number`;
  if (wanted === 'flag') return typeof value === 'boolean' ? undefined : `${here} must be true or false`;
  if (isList(wanted)) {
    if (!Array.isArray(value)) return `${here} must be a list`;
    return value.map((item, index) => mismatch(item, wanted.list, `${path}[${index}]`)).find((why) => why !== undefined);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${here} must be an object`;
  for (const [name, part] of Object.entries(value)) {
    const inner = path === '' ? name : `${path}.${name}`;
    if (!Object.hasOwn(wanted, name)) return `${inner} is no field of the hardware details`;
    const why = mismatch(part, wanted[name]!, inner);
    if (why !== undefined) return why;
  }
  return undefined;
}

function isList(wanted: Exclude<Shape, string>): wanted is { readonly list: Shape } {
  return Object.keys(wanted).length === 1 && 'list' in wanted;
}
