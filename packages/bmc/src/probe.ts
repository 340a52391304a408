/**
 * `keelson host probe`: what a BMC can do for us and what would fail, by reading only.
 * A session is opened and ended again where the BMC has sessions; nothing else on it changes.
 */
import { describeError, type Env, type Problem } from '@keelson/std';
import { parseBmcAddress } from './address.ts';
import { BmcError, type BmcCredentials, type BmcIdentity, type PowerReading } from './driver.ts';
import { problemOfAddress, problemOfBmcError, type BmcSubject } from './problems.ts';
import { openRedfish, identify } from './redfish/connect.ts';
import { readSystem, type RedfishContext } from './redfish/context.ts';
import { readInventory } from './redfish/inventory.ts';
import { allowedResetTypes, readPower } from './redfish/power.ts';
import { readMedia } from './redfish/virtual-media.ts';
import { readBoot, targetsFor } from './redfish/boot-device.ts';

export interface ProbeRow {
  /** A few words: address, login, identity, power, power actions, boot override, virtual media, inventory, boot mode, quirks. */
  readonly check: string;
  /** `no` means that Keelson cannot use the host for what `need` says; `limited` that something works less well. */
  readonly result: 'ok' | 'limited' | 'no' | 'skipped';
  /** What was seen, in one line. */
  readonly detail: string;
}

export interface ProbeReport {
  readonly address: string;
  /** True when a host behind this BMC can be registered, inspected and provisioned. */
  readonly usable: boolean;
  readonly rows: readonly ProbeRow[];
  readonly identity?: BmcIdentity;
  readonly power?: PowerReading;
  /** What would fail, each with its next step. */
  readonly problems: readonly Problem[];
}

export interface ProbeOptions {
  readonly insecureSkipVerify?: boolean;
  readonly ca?: string;
  readonly signal?: AbortSignal;
  /** Where the credentials come from, for the problem's text. */
  readonly credentialsFrom?: string;
}

/** Reads what a BMC can do. Never throws for what the BMC does: that is a row and a problem. */
export async function probeBmc(env: Env, address: string, credentials: BmcCredentials | undefined, options: ProbeOptions = {}): Promise<ProbeReport> {
  const rows: ProbeRow[] = [];
  const problems: Problem[] = [];
  const subject: BmcSubject = { host: address, address, secret: options.credentialsFrom ?? '(the given credentials)' };
  const report = (more: Pick<ProbeReport, 'identity' | 'power'> = {}): ProbeReport => ({ address, usable: rows.every((row) => row.result !== 'no'), rows, problems, ...more });
  // A URL as a browser shows it is taken for Redfish here; a BareMetalHost needs the scheme.
  const parsed = parseBmcAddress(/^https?:\/\//i.test(address) ? `redfish+${address}` : address);
  if (!parsed.ok) {
    rows.push({ check: 'address', result: 'no', detail: parsed.why });
    problems.push(problemOfAddress(parsed, subject));
    return report();
  }
  rows.push({ check: 'address', result: 'ok', detail: `${parsed.address.scheme} at ${parsed.address.origin}${parsed.address.systemPath ?? ''}` });
  const trust = { ...(options.insecureSkipVerify ? { insecureSkipVerify: true } : {}), ...(options.ca ? { ca: options.ca } : {}) };
  let context: RedfishContext;
  try {
    context = await openRedfish(env, { origin: parsed.address.origin, ...(parsed.address.systemPath ? { systemPath: parsed.address.systemPath } : {}), ...(credentials ? { credentials } : {}), ...trust }, options.signal);
  } catch (error) {
    if (!(error instanceof BmcError)) throw error;
    rows.push({ check: 'login', result: 'no', detail: describeError(error) });
    problems.push(problemOfBmcError(error, subject));
    return report();
  }
  try {
    return await probeOpen(context, { rows, problems, subject, report, insecure: options.insecureSkipVerify === true });
  } finally {
    await context.client.close();
  }
}

interface Probe {
  readonly rows: ProbeRow[];
  readonly problems: Problem[];
  readonly subject: BmcSubject;
  readonly report: (more: Pick<ProbeReport, 'identity' | 'power'>) => ProbeReport;
  readonly insecure: boolean;
}

async function probeOpen(context: RedfishContext, probe: Probe): Promise<ProbeReport> {
  const { rows, problems, subject } = probe;
  const auth = context.client.authentication;
  const tls = context.client.target.origin.startsWith('http:') ? ', without TLS' : probe.insecure ? ', certificate not verified' : '';
  rows.push({ check: 'login', result: auth === 'none' ? 'limited' : 'ok', detail: `${auth === 'session' ? 'session' : auth === 'basic' ? 'Basic (no sessions on this BMC)' : 'no credentials given'}${tls}` });
  /** Runs one check; what it throws is its row. */
  const check = async <T>(name: string, failure: 'no' | 'limited', run: () => Promise<{ row: Omit<ProbeRow, 'check'>; value?: T }>): Promise<T | undefined> => {
    try {
      const { row, value } = await run();
      rows.push({ check: name, ...row });
      return value;
    } catch (error) {
      if (!(error instanceof BmcError)) throw error;
      rows.push({ check: name, result: failure, detail: error.message });
      if (failure === 'no') problems.push(problemOfBmcError(error, subject));
      return undefined;
    }
  };
  const identity = await check<BmcIdentity>('identity', 'no', async () => {
    const who = await identify(context);
    const known = who.uuid !== '' || who.serialNumber !== '';
    const detail = [who.manufacturer, who.model, who.serialNumber && `serial ${who.serialNumber}`, who.uuid && `uuid ${who.uuid}`, who.bmcModel && `BMC ${who.bmcModel} ${who.bmcFirmware}`].filter(Boolean).join(', ');
    return { row: { result: known ? 'ok' : 'limited', detail: known ? detail : `${detail || 'nothing'}; neither UUID nor serial number, so a swapped machine cannot be noticed` }, value: who };
  });
  const power = await check<PowerReading>('power', 'no', async () => {
    const reading = await readPower(context);
    return { row: { result: reading.power === 'unknown' ? 'no' : 'ok', detail: `${reading.power}, health ${reading.health}${reading.bootProgress ? `, boot ${reading.bootProgress}` : ''}` }, value: reading };
  });
  await check('power actions', 'no', () => probeResets(context));
  await check('boot override', 'no', () => probeBoot(context));
  await check('virtual media', 'no', () => probeMedia(context));
  await check('inventory', 'limited', () => probeInventory(context));
  if (context.quirks.rows.length > 0) rows.push({ check: 'quirks', result: 'ok', detail: `known behaviour of ${context.quirks.rows.join(', ')} is minded` });
  return probe.report({ ...(identity ? { identity } : {}), ...(power ? { power } : {}) });
}

type Checked = { row: Omit<ProbeRow, 'check'> };

async function probeResets(context: RedfishContext): Promise<Checked> {
  const allowed = await allowedResetTypes(context, await readSystem(context));
  if (allowed === undefined) return { row: { result: 'limited', detail: 'the BMC does not tell which; On and ForceOff are assumed' } };
  const on = allowed.some((type) => ['On', 'ForceOn', 'PushPowerButton'].includes(type));
  const off = allowed.includes('ForceOff');
  if (!on || !off) throw new BmcError('unsupported', `on: ${on ? 'yes' : 'no'}, hard off: ${off ? 'yes' : 'no'} (it has ${allowed.join(', ') || 'none'})`);
  const soft = allowed.includes('GracefulShutdown');
  return { row: { result: soft ? 'ok' : 'limited', detail: soft ? allowed.join(', ') : `no soft power off (it has ${allowed.join(', ')}); power off is always hard` } };
}

async function probeBoot(context: RedfishContext): Promise<Checked> {
  const system = await readSystem(context);
  const boot = system.Boot ?? {};
  const [cd] = targetsFor(context, boot, 'cd');
  const now = await readBoot(context);
  const enabled = boot['BootSourceOverrideEnabled@Redfish.AllowableValues'];
  if (cd === undefined) throw new BmcError('unsupported', `no boot from a virtual CD (targets: ${boot['BootSourceOverrideTarget@Redfish.AllowableValues']?.join(', ') || 'none'})`);
  if (enabled && enabled.length > 0 && !enabled.includes('Once')) throw new BmcError('unsupported', `no one-time override (it has ${enabled.join(', ')})`);
  const stays = now.lasts === 'continuous' && now.device !== 'disk';
  return { row: { result: stays ? 'limited' : 'ok', detail: `${cd} once; now ${now.lasts === 'off' ? 'no override' : `${now.device} ${now.lasts}`}, mode ${now.mode}${stays ? ' (an override stands that stays; it would also rule later boots)' : ''}` } };
}

async function probeMedia(context: RedfishContext): Promise<Checked> {
  const slots = await readMedia(context);
  const bootable = slots.filter((slot) => slot.bootable);
  if (bootable.length === 0) {
    const seen = slots.length === 0 ? 'none' : slots.map((slot) => `${slot.id} (${slot.types.join('/')})`).join(', ');
    throw new BmcError('unsupported', `no virtual CD that takes an image by URL (slots: ${seen})`);
  }
  const used = bootable.filter((slot) => slot.inserted).map((slot) => slot.image || slot.id);
  return { row: { result: used.length > 0 ? 'limited' : 'ok', detail: `${bootable.map((slot) => slot.id).join(', ')}${used.length > 0 ? `; holds ${used.join(', ')}, which a provisioning would replace` : ''}` } };
}

async function probeInventory(context: RedfishContext): Promise<Checked> {
  const inventory = await readInventory(context);
  const addresses = inventory.nics.flatMap((nic) => nic.ips);
  const detail = `${inventory.cpu.count} CPUs, ${Math.round(inventory.ramMebibytes / 1024)} GiB, ${inventory.nics.length} NICs (${addresses.length > 0 ? addresses.join(', ') : 'no addresses told'}), ${inventory.disks.length} disks`;
  const limited = inventory.missing.length > 0 || inventory.nics.length === 0 || inventory.disks.length === 0;
  return { row: { result: limited ? 'limited' : 'ok', detail: inventory.missing.length > 0 ? `${detail}; not readable: ${inventory.missing.join('; ')}` : detail } };
}
