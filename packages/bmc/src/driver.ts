/**
 * The one interface of every BMC driver. A driver does what it is told and decides nothing: it neither waits for a machine
 * to reach a state nor repeats a change whose outcome it does not know. It does wait a few seconds for the BMC itself.
 */
import type { Env } from '@keelson/std';

export interface BmcCredentials {
  readonly username: string;
  readonly password: string;
}

export interface BmcTarget {
  /** `https://host:port` or `http://host:port`, without a path. */
  readonly origin: string;
  /** The resource of the machine behind the BMC, e.g. `/redfish/v1/Systems/1`; absent when the BMC has exactly one. */
  readonly systemPath?: string;
  readonly credentials?: BmcCredentials;
  /** Accept any certificate (BareMetalHost's disableCertificateVerification). */
  readonly insecureSkipVerify?: boolean;
  /** PEM of the authorities that may sign the BMC's certificate. */
  readonly ca?: string;
}

export interface BmcDriver {
  readonly name: string;
  /** Logs in and finds the machine. Throws BmcError. */
  connect(env: Env, target: BmcTarget, signal?: AbortSignal): Promise<Bmc>;
}

/** Who the machine says it is; empty strings where the BMC does not know. */
export interface BmcIdentity {
  readonly uuid: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
  readonly model: string;
  /** The BMC's own model and firmware. */
  readonly bmcModel: string;
  readonly bmcFirmware: string;
}

export type PowerState = 'on' | 'off' | 'powering-on' | 'powering-off' | 'unknown';
export type PowerChange = 'on' | 'off-soft' | 'off-hard' | 'restart-soft' | 'restart-hard';
export type Health = 'ok' | 'warning' | 'critical' | 'unknown';

export interface PowerReading {
  readonly power: PowerState;
  readonly health: Health;
  /** How far the machine's boot has come, as the BMC words it (Redfish BootProgress.LastState); empty when not known. */
  readonly bootProgress: string;
}

export type BootDevice = 'cd' | 'disk' | 'network' | 'http' | 'none' | 'other';
export type BootMode = 'uefi' | 'legacy';

export interface BootReading {
  /** Where an override points; `none` without one. */
  readonly device: BootDevice;
  /** `once` is used up by the next boot; `continuous` stays. */
  readonly lasts: 'once' | 'continuous' | 'off';
  readonly mode: BootMode | 'unknown';
}

export interface MediaSlot {
  /** The driver's name of the slot (Redfish: its path). */
  readonly id: string;
  readonly types: readonly string[];
  /** A slot that takes an image for a CD drive. */
  readonly bootable: boolean;
  readonly inserted: boolean;
  /** URL of the inserted image; empty when none or not told. */
  readonly image: string;
}

export interface BmcNic {
  readonly name: string;
  /** Lower case, colons. */
  readonly mac: string;
  /** Addresses of the running system, as far as the BMC knows them. */
  readonly ips: readonly string[];
  /** 0 when unknown. */
  readonly speedMbps: number;
  readonly link: 'up' | 'down' | 'unknown';
}

export interface BmcDisk {
  readonly name: string;
  readonly type: 'HDD' | 'SSD' | 'NVME' | 'unknown';
  readonly sizeBytes: number;
  readonly vendor: string;
  readonly model: string;
  readonly serialNumber: string;
  /** World wide name in lower-case hex with 0x; empty when the BMC does not tell one. */
  readonly wwn: string;
}

export interface BmcInventory {
  readonly manufacturer: string;
  readonly productName: string;
  readonly serialNumber: string;
  readonly hostname: string;
  readonly biosVersion: string;
  readonly cpu: {
    /** `x86_64`, `aarch64`, or empty. */
    readonly arch: string;
    readonly model: string;
    readonly clockMegahertz: number;
    /** Logical processors; cores where threads are not told. */
    readonly count: number;
  };
  readonly ramMebibytes: number;
  readonly nics: readonly BmcNic[];
  readonly disks: readonly BmcDisk[];
  /** Parts that could not be read, each with the reason. */
  readonly missing: readonly string[];
}

/** A connection to one machine through its BMC. Every method throws BmcError; `close` does not throw. */
export interface Bmc extends AsyncDisposable {
  readonly driver: string;
  identify(): Promise<BmcIdentity>;
  readPower(): Promise<PowerReading>;
  /**
   * Asks for a change and returns when the BMC has taken it; the state follows later.
   * A machine that is already there is success. `unsupported` when the BMC has no such change (often off-soft).
   */
  changePower(change: PowerChange): Promise<void>;
  readBoot(): Promise<BootReading>;
  /** The next boot comes from `device`; later ones follow the firmware's own order. */
  setBootOnce(device: 'cd' | 'disk' | 'network', mode?: BootMode): Promise<void>;
  /** Takes an override back, also one that stays. */
  clearBoot(): Promise<void>;
  /** The slots; empty when the BMC has no virtual media. */
  readMedia(): Promise<readonly MediaSlot[]>;
  /** Puts the image at `url` into a CD slot in place of what is there. Does nothing when it is there. */
  insertMedia(url: string): Promise<MediaSlot>;
  /** Empties every CD slot. */
  ejectMedia(): Promise<void>;
  readInventory(): Promise<BmcInventory>;
  /** Ends the session on the BMC. */
  close(): Promise<void>;
}

/**
 * Why a BMC did not do what it was asked.
 * - `unreachable`: no answer. `certificate`: its certificate is not trusted.
 * - `unauthorized`: user name or password refused; trying again may lock the account.
 * - `forbidden`: the account may not, or the BMC lacks the licence (`licence` is true).
 * - `unsupported`: this BMC cannot. `not-found`: no such system. `ambiguous`: several systems and none named.
 * - `busy`: not now; look again after `retryAfterMs`. `rejected`: it refused, `message` quotes why.
 * - `protocol`: the answer is not what the protocol says.
 */
export type BmcErrorKind = 'unreachable' | 'certificate' | 'unauthorized' | 'forbidden' | 'unsupported' | 'not-found' | 'ambiguous' | 'busy' | 'rejected' | 'protocol';

export interface BmcErrorDetail {
  /** HTTP status, when there was one. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly licence?: boolean;
  readonly cause?: unknown;
}

export class BmcError extends Error {
  override readonly name = 'BmcError';
  readonly kind: BmcErrorKind;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly licence: boolean;
  constructor(kind: BmcErrorKind, message: string, detail: BmcErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.kind = kind;
    this.status = detail.status;
    this.retryAfterMs = detail.retryAfterMs;
    this.licence = detail.licence ?? false;
  }
}

/** True for a BmcError of one of the kinds. */
export function isBmcError(error: unknown, ...kinds: readonly BmcErrorKind[]): error is BmcError {
  return error instanceof BmcError && (kinds.length === 0 || kinds.includes(error.kind));
}
