/**
 * Where BMCs differ from each other, as rows of data: who, what, and where it is known from.
 * The rows come from the published behaviour of sushy, bmclib, gofish and MAAS; none was tried on hardware here.
 */
export interface Quirks {
  /** BootSourceOverrideEnabled must be sent even when it does not change. */
  readonly alwaysSendBootEnabled: boolean;
  /** Target, Enabled and Mode must be sent together. */
  readonly sendAllBootFields: boolean;
  /** BootSourceOverrideMode can be neither read nor set. */
  readonly omitBootMode: boolean;
  /** The boot target that stands for a virtual CD. */
  readonly virtualCdTarget: 'Cd' | 'UsbCd';
  /** If-Match on PATCH: the resource's ETag where it has one, or never. */
  readonly ifMatch: 'etag' | 'never';
  /** The first body tried for InsertMedia. */
  readonly insertBody: 'minimal' | 'full';
  /** User name and password must be present in InsertMedia, even for an image that wants none. */
  readonly insertNeedsCredentials: boolean;
  /** Words of slots that are to be preferred, when several could take a CD. */
  readonly preferSlot: RegExp | undefined;
}

export const standardQuirks: Quirks = {
  alwaysSendBootEnabled: false, sendAllBootFields: false, omitBootMode: false, virtualCdTarget: 'Cd', ifMatch: 'etag', insertBody: 'full',
  insertNeedsCredentials: false, preferSlot: undefined,
};

export interface QuirkRow {
  readonly name: string;
  /** Every pattern must match; an absent one matches all. */
  readonly when: { readonly vendor?: RegExp; readonly model?: RegExp; readonly bmc?: RegExp };
  readonly quirks: Partial<Quirks>;
  readonly because: string;
}

/** Later rows win over earlier ones. */
export const quirkRows: readonly QuirkRow[] = [
  {
    name: 'supermicro', when: { vendor: /supermicro/i }, quirks: { alwaysSendBootEnabled: true, virtualCdTarget: 'UsbCd', insertBody: 'minimal' },
    because: 'X10-X13 drop an override whose Enabled is not sent (sushy story 2008547), name the virtual drive UsbCd, and X11/X12 refuse Inserted and WriteProtected',
  },
  { name: 'supermicro-grace', when: { vendor: /supermicro/i, model: /ARS-111GL-NHR/i }, quirks: { virtualCdTarget: 'Cd' }, because: 'this model has a plain Cd target' },
  {
    name: 'ami', when: { vendor: /american megatrends|\bami\b|asrock\s*rack|gigabyte|giga computing/i }, quirks: { sendAllBootFields: true },
    because: 'MegaRAC applies the boot override only when all three fields come together',
  },
  { name: 'hpe-dl160', when: { vendor: /^hpe?\b|hewlett/i, model: /DL160 Gen10/i }, quirks: { omitBootMode: true }, because: 'refuses BootSourceOverrideMode' },
  { name: 'hpe-gen9', when: { vendor: /^hpe?\b|hewlett/i, model: /Gen9/i }, quirks: { omitBootMode: true }, because: 'Gen9 can neither read nor set the boot mode' },
  { name: 'lenovo', when: { vendor: /lenovo/i }, quirks: { preferSlot: /remote/i }, because: 'XCC serves URLs in the Remote slots; RDOC slots want an upload' },
  { name: 'nvidia', when: { vendor: /nvidia/i }, quirks: { insertNeedsCredentials: true }, because: 'DGX refuses InsertMedia without UserName and Password' },
];

/** What to mind with a machine of this vendor and model; `bmc` is the manager's model and firmware. */
export function quirksFor(who: { readonly vendor: string; readonly model: string; readonly bmc: string }): Quirks & { readonly rows: readonly string[] } {
  const rows = quirkRows.filter(({ when }) => (!when.vendor || when.vendor.test(who.vendor)) && (!when.model || when.model.test(who.model)) && (!when.bmc || when.bmc.test(who.bmc)));
  return { ...rows.reduce<Quirks>((all, row) => ({ ...all, ...row.quirks }), standardQuirks), rows: rows.map((row) => row.name) };
}
