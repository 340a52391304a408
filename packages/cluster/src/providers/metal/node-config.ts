/**
 * The machine config as one host gets it: the bootstrap data, which is the same on whatever host it lands, plus what only the host
 * decides: the node's provider id (kubelet --provider-id) and the disk to install to (rootDeviceHints of Metal3).
 */
import type { BareMetalHost } from '@keelson/api';
import type { ConfigDocument, MachineConfig } from '@keelson/talos/config';
import { findDocument, parseMachineConfig, serializeMachineConfig } from '@keelson/talos/config';
import { isRecord } from '../../write.ts';

type RootDeviceHints = NonNullable<NonNullable<BareMetalHost['spec']>['rootDeviceHints']>;

export interface HostFacts {
  readonly providerID: string;
  readonly rootDeviceHints?: RootDeviceHints;
}

/** The config for one host, in YAML. Throws ProblemError when the data is not a machine config. */
export function configForHost(data: string, host: HostFacts): string {
  const config = parseMachineConfig(data, 'the bootstrap data');
  const match = host.rootDeviceHints && diskExpression(host.rootDeviceHints);
  const withId = setProviderId(config, host.providerID);
  return serializeMachineConfig(match ? setInstallDisk(withId, match) : withId);
}

/** KubeletConfig where there is one (1.14 and later), machine.kubelet of the root document otherwise. */
function setProviderId(config: MachineConfig, providerID: string): MachineConfig {
  const argument = { 'provider-id': providerID };
  if (findDocument(config, 'KubeletConfig')) return change(config, 'KubeletConfig', (document) => ({ ...document, extraArgs: { ...record(document.extraArgs), ...argument } }));
  return changeMachine(config, (machine) => {
    const kubelet = record(machine.kubelet);
    return { ...machine, kubelet: { ...kubelet, extraArgs: { ...record(kubelet.extraArgs), ...argument } } };
  });
}

function setInstallDisk(config: MachineConfig, match: string): MachineConfig {
  if (findDocument(config, 'UnattendedInstallConfig')) {
    return change(config, 'UnattendedInstallConfig', (document) => ({ ...document, provisioning: { ...record(document.provisioning), diskSelector: { match } } }));
  }
  return config;
}

/**
 * Metal3's root device hints as the CEL expression of Talos' disk selectors; undefined when none of them can be said in it.
 * HCTL and vendor have no counterpart there.
 */
export function diskExpression(hints: RootDeviceHints): string | undefined {
  const text = JSON.stringify;
  const parts: string[] = [];
  if (hints.deviceName) parts.push(hints.deviceName.startsWith('/dev/disk/') ? `${text(hints.deviceName)} in disk.symlinks` : `disk.dev_path == ${text(hints.deviceName)}`);
  if (hints.serialNumber) parts.push(`disk.serial == ${text(hints.serialNumber)}`);
  const wwn = hints.wwnWithExtension ?? hints.wwn;
  if (wwn) parts.push(`disk.wwid.contains(${text(wwn.replace(/^0x/i, '').toLowerCase())})`);
  if (hints.model) parts.push(`disk.model.contains(${text(hints.model)})`);
  if (hints.minSizeGigabytes) parts.push(`disk.size >= ${hints.minSizeGigabytes}u * GB`);
  if (hints.rotational !== undefined) parts.push(hints.rotational ? 'disk.rotational' : '!disk.rotational');
  return parts.length > 0 ? parts.join(' && ') : undefined;
}

/** Hints that no disk selector can express. */
export function unusedHints(hints: RootDeviceHints | undefined): string[] {
  if (!hints) return [];
  return (['hctl', 'vendor', 'wwnVendorExtension'] as const).filter((key) => hints[key] !== undefined);
}

function change(config: MachineConfig, kind: string, edit: (document: ConfigDocument) => ConfigDocument): MachineConfig {
  return config.map((document) => (document.kind === kind ? edit(document) : document));
}

function changeMachine(config: MachineConfig, edit: (machine: Readonly<Record<string, unknown>>) => Record<string, unknown>): MachineConfig {
  return config.map((document) => (document.kind === undefined ? { ...document, machine: edit(record(document.machine)) } : document));
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
