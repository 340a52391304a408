/** What of a BareMetalHost and a Metal3Machine the planners look at. */
import type { BareMetalHost } from '@keelson/api';
import { Metal3Machine } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { apiVersionOf, parseApiVersion } from '@keelson/kube';
import type { ConfigRecord, HostView } from './plan.ts';
import { records } from '../../names.ts';

/** How a consumer is written in plans and messages; two consumers are the same when their texts are. */
export function consumerText(reference: { readonly apiVersion?: string; readonly kind?: string; readonly namespace?: string; readonly name?: string }): string {
  const group = parseApiVersion(reference.apiVersion ?? '').group;
  const kind = reference.kind ?? '';
  return `${kind}${group === Metal3Machine.group ? '' : `.${group}`} ${reference.namespace ?? ''}/${reference.name ?? ''}`;
}

/** The consumerRef CAPM3 writes. */
export function consumerReference(machine: KubeObject): { apiVersion: string; kind: string; name: string; namespace: string } {
  return { apiVersion: apiVersionOf(Metal3Machine), kind: Metal3Machine.kind, name: machine.metadata.name, namespace: machine.metadata.namespace ?? '' };
}

export function hostView(host: BareMetalHost): HostView {
  const { spec, status } = host;
  return {
    name: host.metadata.name,
    labels: host.metadata.labels ?? {},
    annotations: host.metadata.annotations ?? {},
    deleting: host.metadata.deletionTimestamp !== undefined,
    state: status?.provisioning?.state ?? '',
    errorMessage: status?.errorMessage ?? '',
    poweredOn: status?.poweredOn === true,
    consumer: spec?.consumerRef ? consumerText({ namespace: host.metadata.namespace, ...spec.consumerRef }) : undefined,
    wantedImage: spec?.image?.url || undefined,
    currentImage: status?.provisioning?.image?.url || undefined,
    userData: spec?.userData?.name || undefined,
    online: spec?.online === true,
    externallyProvisioned: spec?.externallyProvisioned === true,
  };
}

export interface NodeAddress {
  readonly type: 'InternalIP' | 'Hostname' | 'InternalDNS';
  readonly address: string;
}

/** Every interface's address as InternalIP, and the host name twice, as CAPM3 reports them. Link-local addresses are left out. */
export function hostAddresses(host: BareMetalHost): NodeAddress[] {
  const hardware = host.status?.hardware;
  const addresses: NodeAddress[] = [];
  for (const nic of hardware?.nics ?? []) {
    const address = nic.ip;
    if (!address || isLinkLocal(address) || addresses.some((known) => known.address === address)) continue;
    addresses.push({ type: 'InternalIP', address });
  }
  if (hardware?.hostname) addresses.push({ type: 'Hostname', address: hardware.hostname }, { type: 'InternalDNS', address: hardware.hostname });
  return addresses;
}

/** Where the Talos API of a node is: its first IPv4 address, else its first address. */
export function nodeAddress(addresses: readonly { readonly type: string; readonly address: string }[] | undefined): string | undefined {
  const ips = (addresses ?? []).filter((one) => one.type === 'InternalIP' || one.type === 'ExternalIP').map((one) => one.address);
  return ips.find((ip) => !ip.includes(':')) ?? ips[0];
}

function isLinkLocal(address: string): boolean {
  return address.toLowerCase().startsWith('fe80:') || address.startsWith('169.254.');
}

/** What a host says it is doing or suffering from, in one line. */
export function hostTrouble(host: BareMetalHost): string | undefined {
  const message = host.status?.errorMessage;
  if (!message) return undefined;
  return host.status?.errorType ? `${host.status.errorType}: ${message}` : message;
}

export function providerIdOf(namespace: string, host: string, machine: string): string {
  return `metal3://${namespace}/${host}/${machine}`;
}

/** The records on a Metal3Machine; an unreadable intent counts as none. */
export function configRecord(machine: Metal3Machine): ConfigRecord {
  const annotations = machine.metadata.annotations ?? {};
  return { intent: parseIntent(annotations[records.configIntent]), configuredAt: annotations[records.configured] };
}

function parseIntent(text: string | undefined): ConfigRecord['intent'] {
  if (!text) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && 'fingerprint' in value && 'sha256' in value && typeof value.fingerprint === 'string' && typeof value.sha256 === 'string') {
      return { fingerprint: value.fingerprint, sha256: value.sha256 };
    }
  } catch {
    // Not ours to read: the intent is written again before anything is applied.
  }
  return undefined;
}
