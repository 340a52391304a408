/** Logging in, finding the machine and its manager, and who they are (Redfish ServiceRoot, ComputerSystem, Manager). */
import type { Env } from '@keelson/std';
import { BmcError, type BmcIdentity, type BmcTarget } from '../driver.ts';
import { systemsPath, type ComputerSystem, type Manager } from '../wire/index.ts';
import { RedfishClient } from './client.ts';
import { memberPaths } from './collection.ts';
import { readSystem, type RedfishContext } from './context.ts';
import { quirksFor } from './quirks.ts';

/** Opens the conversation. The session is ended again when the machine cannot be found. */
export async function openRedfish(env: Env, target: BmcTarget, signal?: AbortSignal): Promise<RedfishContext> {
  const client = new RedfishClient(env, target, signal);
  const root = await client.open();
  try {
    const systemPath = target.systemPath ?? (await onlySystem(client, root.Systems?.['@odata.id'] ?? systemsPath));
    const system = await client.find<ComputerSystem>(systemPath);
    if (!system) throw new BmcError('not-found', `${target.origin} has no system ${systemPath}${await knownSystems(client, root.Systems?.['@odata.id'] ?? systemsPath)}`, { status: 404 });
    const managers = await readManagers(client, system);
    const vendor = [system.Manufacturer, root.Vendor, root.Product, ...managers.map((m) => m.Manufacturer)].filter(Boolean).join(' ');
    const bmc = managers.map((m) => `${m.Model ?? ''} ${m.FirmwareVersion ?? ''}`).join(' ');
    return { client, root, systemPath, managers, quirks: quirksFor({ vendor, model: system.Model ?? '', bmc }) };
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function onlySystem(client: RedfishClient, collection: string): Promise<string> {
  const paths = await memberPaths(client, collection);
  if (paths.length === 1) return paths[0]!;
  const origin = client.target.origin;
  if (paths.length === 0) throw new BmcError('not-found', `${origin} lists no system`);
  throw new BmcError('ambiguous', `${origin} has ${paths.length} systems, and the address names none: ${paths.slice(0, 8).join(', ')}`);
}

async function knownSystems(client: RedfishClient, collection: string): Promise<string> {
  try {
    const paths = await memberPaths(client, collection);
    return paths.length > 0 ? `; it has ${paths.slice(0, 8).join(', ')}` : '';
  } catch {
    return '';
  }
}

async function readManagers(client: RedfishClient, system: ComputerSystem): Promise<RedfishContext['managers']> {
  const links = system.Links?.ManagedBy ?? system.Links?.Managers ?? [];
  const managers: (Manager & { readonly path: string })[] = [];
  for (const link of links.slice(0, 4)) {
    try {
      const manager = await client.find<Manager>(link['@odata.id']);
      if (manager) managers.push({ ...manager, path: link['@odata.id'] });
    } catch (error) {
      // A manager that may not be read costs the quirks and the manager's media slots, not the connection.
      if (!(error instanceof BmcError) || error.kind === 'unauthorized' || error.kind === 'unreachable') throw error;
    }
  }
  return managers;
}

/** Who answers: fields the BMC leaves out or fills with a placeholder are empty. */
export async function identify(context: RedfishContext): Promise<BmcIdentity> {
  const system = await readSystem(context);
  const [manager] = context.managers;
  return {
    uuid: real(system.UUID).toLowerCase(),
    serialNumber: real(system.SerialNumber) || real(system.SKU),
    manufacturer: real(system.Manufacturer),
    model: real(system.Model),
    bmcModel: real(manager?.Model),
    bmcFirmware: real(manager?.FirmwareVersion),
  };
}

const placeholders = /^(0[0-]*|f[f-]*|none|null|n\/?a|unknown|not (specified|available|present)|default( string)?|to be filled by o\.?e\.?m\.?|system (serial|product|manufacturer)( number| name)?|0?123456789)$/i;

/** The text without what firmware writes when it has nothing to say. */
export function real(value: string | null | undefined): string {
  const text = typeof value === 'string' ? value.trim() : '';
  return placeholders.test(text) ? '' : text;
}
