/**
 * What changes between two machine configurations, and whether a node takes it up without a reboot: upstream's rules for
 * 1.14 (documents and most of the root are active at once) and for 1.13 and older (a list of fields that are).
 */
import { isAtLeast, currentContract, type VersionContract } from '../version-contract.ts';
import { documentId, isRecord, type MachineConfig } from './machine-config.ts';

/** When a change shows its effect. */
export type ChangeEffect =
  /** As soon as it is applied. */
  | 'immediate'
  /** After the next reboot. */
  | 'reboot'
  /** Only when the system is installed or upgraded. */
  | 'install';

export interface FieldChange {
  /** `v1alpha1`, `Kind` or `Kind/name`. */
  readonly document: string;
  /** In dots, list items by index; empty for a whole document. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly effect: ChangeEffect;
  /** As JSON, `[secret]` where the field holds one; undefined on the side where it is absent. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface ConfigChange {
  readonly changes: readonly FieldChange[];
  /** Whether a change waits for a reboot. */
  readonly needsReboot: boolean;
}

/** Compares two configurations. Order of documents and keys does not count. `contract` is that of the node's Talos version. */
export function describeConfigChange(before: MachineConfig, after: MachineConfig, contract: VersionContract = currentContract): ConfigChange {
  const changes: FieldChange[] = [];
  const left = new Map(before.map((document) => [documentId(document), document]));
  const right = new Map(after.map((document) => [documentId(document), document]));
  for (const id of new Set([...left.keys(), ...right.keys()])) {
    const a = left.get(id);
    const b = right.get(id);
    const add = (path: string, x: unknown, y: unknown) => {
      const change = x === undefined ? 'added' : y === undefined ? 'removed' : 'changed';
      changes.push({ document: id, path, change, effect: effectOf(id, path, change, contract), before: show(path, x), after: show(path, y) });
    };
    if (!a || !b) add('', a, b);
    else compare(a, b, '', add);
  }
  return { changes, needsReboot: changes.some((change) => change.effect === 'reboot') };
}

function compare(a: unknown, b: unknown, path: string, add: (path: string, a: unknown, b: unknown) => void): void {
  if (isRecord(a) && isRecord(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) compare(a[key], b[key], path === '' ? key : `${path}.${key}`, add);
  } else if (Array.isArray(a) && Array.isArray(b)) {
    for (let index = 0; index < Math.max(a.length, b.length); index++) compare(a[index], b[index], `${path}[${index}]`, add);
  } else if (a !== b && !(isNothing(a) && isNothing(b))) {
    add(path, a ?? undefined, b ?? undefined);
  }
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

/** Of 1.13 and older: fields of the root that are taken up at once; everything else there makes AUTO reboot. */
const immediateBefore114 = [
  'debug', 'cluster', 'machine.ca', 'machine.acceptedCAs', 'machine.time', 'machine.certSANs', 'machine.install', 'machine.network', 'machine.sysfs', 'machine.sysctls',
  'machine.logging', 'machine.controlPlane', 'machine.kubelet', 'machine.kernel', 'machine.registries', 'machine.pods', 'machine.seccompProfiles', 'machine.nodeLabels',
  'machine.nodeAnnotations', 'machine.nodeTaints', 'machine.features.kubernetesTalosAPIAccess', 'machine.features.kubePrism', 'machine.features.hostDNS',
  'machine.features.imageCache', 'machine.features.nodeAddressSortAlgorithm',
];

/** Needs a reboot in every version: etcd's settings, the environment, encryption keys in use. */
const alwaysReboot: readonly { readonly document: RegExp; readonly path: RegExp; readonly only?: readonly FieldChange['change'][] }[] = [
  { document: /^v1alpha1$/, path: /^cluster\.etcd\b/ },
  { document: /^v1alpha1$/, path: /^machine\.env\b/ },
  { document: /^v1alpha1$/, path: /^machine\.kernel\.modules\b/, only: ['removed', 'changed'] },
  { document: /^v1alpha1$/, path: /^machine\.systemDiskEncryption\b/ },
  { document: /^EnvironmentConfig\b/, path: /^/ },
  { document: /^KernelModuleConfig\b/, path: /^$/, only: ['removed'] },
  { document: /^KernelModuleConfig\b/, path: /^parameters\b/ },
  { document: /^(Volume|UserVolume|RawVolume|SwapVolume)Config\b/, path: /^encryption\b/ },
];

function effectOf(document: string, path: string, change: FieldChange['change'], contract: VersionContract): ChangeEffect {
  if (document === 'UnattendedInstallConfig' || (document === 'v1alpha1' && /^machine\.install\b/.test(path))) return 'install';
  const needsReboot = alwaysReboot.some((rule) => rule.document.test(document) && rule.path.test(path) && (!rule.only || rule.only.includes(change)));
  if (needsReboot) return 'reboot';
  if (document !== 'v1alpha1' || isAtLeast(contract, 1, 14)) return 'immediate';
  const isImmediate = immediateBefore114.some((prefix) => path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`));
  return isImmediate ? 'immediate' : 'reboot';
}

const secretKey = /(^|\.)(key|token|secret|clusterSecret|secretboxEncryptionSecret|aescbcEncryptionSecret|privateKey|presharedKey|passphrase|password|auth|identityToken|apiToken|uniqueToken|contents?)(\[|\.|$)/;

/** JSON of a value with its secrets replaced. */
function show(path: string, value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(redact(path, value));
}

function redact(path: string, value: unknown): unknown {
  if (secretKey.test(path) && value !== '') return '[secret]';
  if (Array.isArray(value)) return value.map((item, index) => redact(`${path}[${index}]`, item));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(path === '' ? key : `${path}.${key}`, item)]));
  return typeof value === 'string' && value.includes('PRIVATE KEY-----') ? '[secret]' : value;
}

/** The configuration with its secrets replaced by `[secret]`: for diffs, traces and logs. */
export function redactMachineConfig(config: MachineConfig): MachineConfig {
  return config.map((document) => redact('', document) as MachineConfig[number]);
}
