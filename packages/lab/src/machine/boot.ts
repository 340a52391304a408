/** Which device the firmware starts: the BMC's override first, then its own order. */
import type { BootImage, BootOverride, DiskContent, MachineState } from './state.ts';

export interface BootAttempt {
  readonly device: 'disk' | 'cd' | 'network' | 'setup';
  readonly why: string;
}

const deviceOfTarget: Readonly<Record<string, BootAttempt['device']>> = {
  Cd: 'cd', UsbCd: 'cd', Usb: 'cd', Hdd: 'disk', Pxe: 'network', UefiHttp: 'network', BiosSetup: 'setup', UefiShell: 'setup', Utilities: 'setup', Diags: 'setup',
};

/** Devices in the order of trying. An override comes first and, as on real firmware, the normal order follows when it does not start. */
export function bootAttempts(override: BootOverride, order: readonly ('disk' | 'cd')[], ignoreOverride: boolean): readonly BootAttempt[] {
  const normal = order.map((device): BootAttempt => ({ device, why: 'boot order' }));
  if (override.enabled === 'Disabled' || ignoreOverride) return normal;
  const device = deviceOfTarget[override.target];
  if (!device) return normal;
  const why = override.enabled === 'Once' ? 'one-shot override' : 'override';
  if (device === 'setup') return [{ device, why }];
  return [{ device, why }, ...normal.filter((attempt) => attempt.device !== device)];
}

/** The override after a boot has used it: a one-shot is spent. */
export function spentOverride(override: BootOverride): BootOverride {
  return override.enabled === 'Once' ? { ...override, target: 'None', enabled: 'Disabled' } : override;
}

/** The first disk that carries a system, as a boot image. */
export function diskImage(disks: MachineState['disks']): BootImage | undefined {
  for (const [name, content] of Object.entries(disks)) {
    if (content.kind === 'talos') return installedImage(name, content);
  }
  return undefined;
}

export function installedImage(disk: string, content: Extract<DiskContent, { kind: 'talos' }>): BootImage {
  return {
    os: 'talos', version: content.version, arch: content.arch, schematic: content.schematic, from: 'disk', source: disk,
    kernelArgs: ['talos.platform=metal', 'console=tty0'],
  };
}
