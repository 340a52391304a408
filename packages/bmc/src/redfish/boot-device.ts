/** The boot override: ComputerSystem.Boot, or the same under the resource's settings object. */
import { BmcError, type BootDevice, type BootMode, type BootReading } from '../driver.ts';
import { messageKeys, vendorMessageKeys, type Boot, type BootTargetValue, type ComputerSystem } from '../wire/index.ts';
import { answerError, hasMessage, type RedfishAnswer } from './answer-error.ts';
import { readSystem, type RedfishContext } from './context.ts';
import { settleTask } from './task.ts';

const deviceOf: Readonly<Partial<Record<string, BootDevice>>> = { None: 'none', Cd: 'cd', UsbCd: 'cd', Hdd: 'disk', Pxe: 'network', UefiHttp: 'http' };

export async function readBoot(context: RedfishContext): Promise<BootReading> {
  const { boot } = await bootPlace(context);
  const lasts = boot.BootSourceOverrideEnabled === 'Once' ? 'once' : boot.BootSourceOverrideEnabled === 'Continuous' ? 'continuous' : 'off';
  const device = lasts === 'off' ? 'none' : (deviceOf[boot.BootSourceOverrideTarget ?? 'None'] ?? 'other');
  return { device, lasts: device === 'none' ? 'off' : lasts, mode: boot.BootSourceOverrideMode === 'UEFI' ? 'uefi' : boot.BootSourceOverrideMode === 'Legacy' ? 'legacy' : 'unknown' };
}

/** Where the boot properties live: the system, or its settings object when the system has none. */
async function bootPlace(context: RedfishContext): Promise<{ readonly boot: Boot; readonly path: string; readonly settings: string | undefined }> {
  const system = await readSystem(context);
  const settings = settingsPath(system);
  if (system.Boot?.BootSourceOverrideTarget !== undefined || system.Boot?.BootSourceOverrideEnabled !== undefined || settings === undefined) {
    return { boot: system.Boot ?? {}, path: context.systemPath, settings };
  }
  const object = await context.client.find<ComputerSystem>(settings);
  return { boot: object?.Boot ?? {}, path: settings, settings };
}

function settingsPath(system: ComputerSystem): string | undefined {
  return system['@Redfish.Settings']?.SettingsObject?.['@odata.id'];
}

/** The boot targets that a system takes for a device, best first; empty when it takes none. */
export function targetsFor(context: RedfishContext, boot: Boot, device: 'cd' | 'disk' | 'network'): readonly BootTargetValue[] {
  const allowed = boot['BootSourceOverrideTarget@Redfish.AllowableValues'];
  const virtualCd = context.quirks.virtualCdTarget;
  const wanted: readonly BootTargetValue[] = device === 'cd' ? [virtualCd, virtualCd === 'Cd' ? 'UsbCd' : 'Cd'] : device === 'disk' ? ['Hdd'] : ['Pxe'];
  return wanted.filter((target) => allowed === undefined || allowed.length === 0 || allowed.includes(target));
}

/** Sets the device of the next boot. Throws `unsupported` when the BMC has no such device or no one-time override. */
export async function setBootOnce(context: RedfishContext, device: 'cd' | 'disk' | 'network', mode?: BootMode): Promise<void> {
  const place = await bootPlace(context);
  const [target] = targetsFor(context, place.boot, device);
  if (target === undefined) {
    throw new BmcError('unsupported', `this BMC cannot boot from ${device} once; it has ${place.boot['BootSourceOverrideTarget@Redfish.AllowableValues']?.join(', ') || 'no boot override'}`);
  }
  const enabled = place.boot['BootSourceOverrideEnabled@Redfish.AllowableValues'];
  if (enabled && enabled.length > 0 && !enabled.includes('Once')) throw new BmcError('unsupported', `this BMC has no one-time boot override; it has ${enabled.join(', ')}`);
  await patchBoot(context, place, bootChange(context, place.boot, target, mode), `setting the next boot to ${target}`);
}

/** The smallest change that the BMC takes. Exported for its table of tests. */
export function bootChange(context: Pick<RedfishContext, 'quirks'>, boot: Boot, target: BootTargetValue, mode?: BootMode): Boot {
  const { quirks } = context;
  const wantedMode = mode === undefined ? undefined : mode === 'uefi' ? 'UEFI' : 'Legacy';
  const currentMode = boot.BootSourceOverrideMode;
  const sendMode = !quirks.omitBootMode && (quirks.sendAllBootFields ? (wantedMode ?? currentMode) != null : wantedMode !== undefined && currentMode !== undefined && currentMode !== wantedMode);
  const sendEnabled = quirks.sendAllBootFields || quirks.alwaysSendBootEnabled || boot.BootSourceOverrideEnabled !== 'Once';
  return {
    BootSourceOverrideTarget: target,
    ...(sendEnabled ? { BootSourceOverrideEnabled: 'Once' } : {}),
    ...(sendMode ? { BootSourceOverrideMode: wantedMode ?? currentMode } : {}),
  };
}

/** Takes an override back. A service that keeps one for ever (it has no Disabled) is pointed at the disk. */
export async function clearBoot(context: RedfishContext): Promise<void> {
  const before = await readBoot(context);
  if (before.lasts === 'off') return;
  await patchBoot(context, await bootPlace(context), { BootSourceOverrideEnabled: 'Disabled' }, 'taking the boot override back', true);
  const after = await readBoot(context);
  if (after.lasts === 'off' || after.device === 'disk') return;
  await patchBoot(context, await bootPlace(context), { BootSourceOverrideTarget: 'Hdd' }, 'pointing the boot override at the disk');
}

async function patchBoot(context: RedfishContext, place: { readonly path: string; readonly settings: string | undefined }, change: Boot, doing: string, lenient = false): Promise<void> {
  const { client, quirks } = context;
  let answer = await client.patch(place.path, { Boot: change }, quirks.ifMatch);
  if (isRefusedHere(answer) && place.settings !== undefined && place.settings !== place.path) answer = await client.patch(place.settings, { Boot: change }, quirks.ifMatch);
  if (hasMessage(answer, vendorMessageKeys.amiFutureState)) answer = await client.patch(`${context.systemPath}/SD`, { Boot: change }, quirks.ifMatch);
  if (answer.status >= 400 && lenient && answer.status < 500 && answer.status !== 401 && answer.status !== 403) return;
  if (answer.status >= 300) throw answerError(answer, doing);
  await settleTask(client, answer, doing);
}

/** The system does not take the property; the settings object may. */
function isRefusedHere(answer: RedfishAnswer): boolean {
  return answer.status === 405 || (answer.status === 400 && hasMessage(answer, messageKeys.propertyNotWritable, messageKeys.propertyUnknown));
}
