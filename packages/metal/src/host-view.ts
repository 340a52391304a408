/** What a plan is made from: the object, what was just observed of the machine, and the time. Plain data, no handles. */
import type { BareMetalHost } from '@keelson/api';
import type { BmcErrorKind, BmcIdentity, BootReading, MediaSlot, PowerReading } from '@keelson/bmc';
import type { Problem } from '@keelson/std';

/** States of a host, spelled as upstream spells them. `''` is a host that was not looked at yet. */
export const hostStates = [
  '', 'unmanaged', 'registering', 'inspecting', 'preparing', 'ready', 'available', 'provisioning', 'provisioned', 'externally provisioned', 'deprovisioning',
  'powering off before delete', 'deleting',
] as const;
export type HostState = (typeof hostStates)[number];

export type ErrorType = NonNullable<NonNullable<BareMetalHost['status']>['errorType']>;

export type Credentials =
  /** The host has no spec.bmc. */
  | { readonly state: 'none' }
  | { readonly state: 'missing' | 'incomplete'; readonly name: string; readonly why: string }
  /** `claimed`: the Secret carries our marks; marking it changes its version, so it comes before the first login. */
  | { readonly state: 'ok'; readonly name: string; readonly version: string; readonly claimed: boolean };

/** What the BMC said, or why it did not. */
export type BmcObservation =
  /** It was not asked: nothing to do with it in this state, or its password was refused before. */
  | { readonly kind: 'not-asked' }
  | { readonly kind: 'failed'; readonly error: BmcErrorKind; readonly problem: Problem; readonly retryAfterMs?: number }
  | {
      readonly kind: 'ok';
      readonly identity: BmcIdentity;
      readonly power: PowerReading;
      /** Read only where a medium matters. */
      readonly media?: readonly MediaSlot[];
      readonly boot?: BootReading;
    };

/** Who answers at the host's addresses on the Talos port. */
export type NodeObservation =
  | { readonly kind: 'not-asked' }
  /** Nobody, or nothing that we can talk to. */
  | { readonly kind: 'silent'; readonly why: string }
  /** Unconfigured: it runs from the image and found no installation. */
  | { readonly kind: 'maintenance'; readonly address: string; readonly systemUuid: string }
  /** A Talos node with a configuration that does not accept our talosconfig, or for which we have none. */
  | { readonly kind: 'foreign'; readonly address: string; readonly why: string }
  /** It accepts the talosconfig. `installed`: Talos is on its disk. */
  | { readonly kind: 'configured'; readonly address: string; readonly systemUuid: string; readonly stage: string; readonly installed: boolean };

export interface HostView {
  readonly nowMs: number;
  readonly host: BareMetalHost;
  readonly credentials: Credentials;
  readonly bmc: BmcObservation;
  readonly node: NodeObservation;
  /** Name of a host that recorded the same machine before this one; empty when none. */
  readonly sameMachineAs: string;
  /** The Metal3Machine that has the host and is not being deleted itself; empty when none. Looked up for a host that is being deleted or loses its image. */
  readonly inUseBy: string;
  /** True when a Secret with a talosconfig is at hand. */
  readonly hasTalosconfig: boolean;
}

export function stateOf(host: BareMetalHost): HostState {
  const state = host.status?.provisioning?.state ?? '';
  return hostStates.find((known) => known === state) ?? '';
}

export function imageUrl(host: BareMetalHost): string {
  return host.spec?.image?.url ?? '';
}

/** URL of what is provisioned, from the status. */
export function provisionedUrl(host: BareMetalHost): string {
  return host.status?.provisioning?.image?.url ?? '';
}

/** `namespace/name`, for texts. */
export function hostName(host: BareMetalHost): string {
  return `${host.metadata.namespace ?? ''}/${host.metadata.name}`;
}

export function isDeleting(host: BareMetalHost): boolean {
  return host.metadata.deletionTimestamp !== undefined;
}

/** Addresses of the machine's own system, from its hardware details. */
export function nodeAddresses(host: BareMetalHost): readonly string[] {
  return [...new Set((host.status?.hardware?.nics ?? []).map((nic) => nic.ip ?? '').filter((ip) => ip !== ''))];
}
