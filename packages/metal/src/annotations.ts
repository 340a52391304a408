/**
 * Annotations of a BareMetalHost: upstream's (metal3's baremetal-operator, apis/metal3.io/v1alpha1) and our own records.
 * Our records are intents and proofs: they are written before an effect outside, so that after a crash the effect is
 * observed and not repeated blindly.
 */
import { keelsonAnnotations, upstreamAnnotations, type BareMetalHost } from '@keelson/api';

export const hostAnnotations = {
  paused: upstreamAnnotations.hostPaused,
  detached: upstreamAnnotations.hostDetached,
  reboot: upstreamAnnotations.hostReboot,
  inspect: upstreamAnnotations.inspect,
  hardwareDetails: upstreamAnnotations.hardwareDetails,
  /** JSON of a status to restore, as clusterctl move leaves it. */
  status: 'baremetalhost.metal3.io/status',
  talosconfigSecret: keelsonAnnotations.talosconfigSecret,
  /** Who the machine is, recorded when it was registered. */
  identity: 'metal.keelson.dev/identity',
  /** What was begun and when; see Intent. */
  intent: 'metal.keelson.dev/intent',
  /** URL of the image in the virtual drive, while we keep it there. */
  medium: 'metal.keelson.dev/medium',
  /** How far a wipe has come; see WipeRecord. */
  wipe: 'metal.keelson.dev/wipe',
  /** The machine runs something nobody told us of; see OccupiedRecord. */
  occupied: 'metal.keelson.dev/occupied',
  /** The user's: UUID or serial number of the machine whose disks may be overwritten. Goes once the machine is started from the image. */
  overwrite: 'metal.keelson.dev/overwrite',
} as const;

export const hostFinalizer = 'baremetalhost.metal3.io';
export const secretFinalizer = 'baremetalhost.metal3.io/secret';
export const hardwareDataFinalizer = 'baremetalhost.metal3.io/hardwareData';
/** Label that upstream puts on Secrets it uses. */
export const secretLabel = { name: 'environment.metal3.io', value: 'baremetal' } as const;

/** An operation under way. `at` is when the step was last asked for. */
export type Intent =
  | { readonly operation: 'provision'; readonly image: string; readonly step: 'prepare' | 'boot'; readonly sinceMs: number; readonly atMs: number }
  | { readonly operation: 'power'; readonly change: 'on' | 'off-soft' | 'off-hard'; readonly sinceMs: number; readonly atMs: number };

/**
 * - `looking`: the machine was started from its disk or from the image to see who answers; `second` when it was started from the other before.
 * - `requested`: the node was asked to wipe its system disk.
 * - `confirmed`: the machine came up from the image and found no installation.
 */
export type WipeRecord =
  | { readonly phase: 'looking'; readonly from: 'disk' | 'image'; readonly second: boolean; readonly atMs: number }
  | { readonly phase: 'requested' | 'confirmed'; readonly atMs: number };

/** Why the machine is left alone, and since when. */
export interface OccupiedRecord {
  readonly atMs: number;
  readonly why: string;
}

export interface MachineIdentity {
  readonly uuid: string;
  readonly serialNumber: string;
  readonly manufacturer: string;
  readonly model: string;
}

/** The annotation's value, or undefined. */
export function annotationOf(host: BareMetalHost, name: string): string | undefined {
  return host.metadata.annotations?.[name];
}

export function readIntent(host: BareMetalHost): Intent | undefined {
  const record = parseRecord(annotationOf(host, hostAnnotations.intent));
  if (!record || typeof record['sinceMs'] !== 'number' || typeof record['atMs'] !== 'number') return undefined;
  const times = { sinceMs: record['sinceMs'], atMs: record['atMs'] };
  if (record['operation'] === 'provision' && typeof record['image'] === 'string' && (record['step'] === 'prepare' || record['step'] === 'boot')) {
    return { operation: 'provision', image: record['image'], step: record['step'], ...times };
  }
  const change = record['change'];
  if (record['operation'] === 'power' && (change === 'on' || change === 'off-soft' || change === 'off-hard')) return { operation: 'power', change, ...times };
  return undefined;
}

export function readWipe(host: BareMetalHost): WipeRecord | undefined {
  const record = parseRecord(annotationOf(host, hostAnnotations.wipe));
  const phase = record?.['phase'];
  const atMs = record?.['atMs'];
  if (typeof atMs !== 'number') return undefined;
  if (phase === 'requested' || phase === 'confirmed') return { phase, atMs };
  return phase === 'looking' ? { phase, from: record?.['from'] === 'disk' ? 'disk' : 'image', second: record?.['second'] === true, atMs } : undefined;
}

/** A record that cannot be read still counts: what is not known is not overwritten. */
export function readOccupied(host: BareMetalHost): OccupiedRecord | undefined {
  const text = annotationOf(host, hostAnnotations.occupied);
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  const atMs = record?.['atMs'];
  const why = record?.['why'];
  return { atMs: typeof atMs === 'number' ? atMs : 0, why: typeof why === 'string' ? why : `annotation ${hostAnnotations.occupied} says so` };
}

export function readIdentity(host: BareMetalHost): MachineIdentity | undefined {
  const record = parseRecord(annotationOf(host, hostAnnotations.identity));
  if (!record) return undefined;
  const text = (name: string) => (typeof record[name] === 'string' ? record[name] : '');
  return { uuid: text('uuid'), serialNumber: text('serialNumber'), manufacturer: text('manufacturer'), model: text('model') };
}

/** A record as an annotation's value: JSON with sorted keys, so that equal records are equal texts. */
export function recordText(record: Intent | WipeRecord | MachineIdentity | OccupiedRecord): string {
  return JSON.stringify(Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function parseRecord(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

export interface RebootRequest {
  /** All annotations that ask for it; only `reboot.metal3.io` itself is ours to remove. */
  readonly names: readonly string[];
  readonly hard: boolean;
  readonly force: boolean;
}

/** The reboot annotations together: one that says hard makes it hard. */
export function rebootRequest(host: BareMetalHost): RebootRequest | undefined {
  const names = Object.keys(host.metadata.annotations ?? {}).filter((name) => name === hostAnnotations.reboot || name.startsWith(`${hostAnnotations.reboot}/`)).sort();
  if (names.length === 0) return undefined;
  const records = names.map((name) => parseRecord(annotationOf(host, name)));
  return { names, hard: records.some((record) => record?.['mode'] === 'hard'), force: records.some((record) => record?.['force'] === true) };
}

export interface DetachRequest {
  readonly deleteAction: 'delete' | 'delay';
  readonly force: boolean;
}

/** The detached annotation: JSON, or any text. */
export function detachRequest(host: BareMetalHost): DetachRequest | undefined {
  const text = annotationOf(host, hostAnnotations.detached);
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  return { deleteAction: record?.['deleteAction'] === 'delay' ? 'delay' : 'delete', force: record?.['force'] === true };
}

/** True when inspection is off: by inspectionMode or by the older annotation. */
export function isInspectionDisabled(host: BareMetalHost): boolean {
  return host.spec?.inspectionMode === 'disabled' || annotationOf(host, hostAnnotations.inspect) === 'disabled';
}

/** True when another inspection is asked for. */
export function isInspectionRequested(host: BareMetalHost): boolean {
  const value = annotationOf(host, hostAnnotations.inspect);
  return value !== undefined && value !== 'disabled' && host.spec?.inspectionMode !== 'disabled';
}
