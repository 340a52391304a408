/**
 * How a Metal3Machine finds its host, takes it, and gives it back.
 * Follows cluster-api-provider-metal3 (v1.14) host selection and association; the choice among equal hosts is by name here,
 * so that the same state always gives the same plan.
 */
import type { Plan, Step } from '@keelson/controller';

/** What of a BareMetalHost decides about it. */
export interface HostView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly deleting: boolean;
  /** status.provisioning.state; '' for a host nobody has looked at. */
  readonly state: string;
  readonly errorMessage: string;
  readonly poweredOn: boolean;
  /** Who holds it: `Kind namespace/name`, as `consumerText` writes it. */
  readonly consumer?: string;
  /** spec.image.url */
  readonly wantedImage?: string;
  /** status.provisioning.image.url */
  readonly currentImage?: string;
  /** spec.userData.name */
  readonly userData?: string;
  readonly online: boolean;
  readonly externallyProvisioned: boolean;
}

export interface HostWish {
  /** As `consumerText` writes it. */
  readonly consumer: string;
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
  readonly failureDomain?: string;
}

export type HostChoice =
  | { readonly kind: 'ours'; readonly host: string }
  | { readonly kind: 'free'; readonly host: string }
  | { readonly kind: 'none'; readonly refusals: readonly { readonly host: string; readonly why: string }[] };

const hostPaused = 'baremetalhost.metal3.io/paused';
const hostDetached = 'baremetalhost.metal3.io/detached';
const unhealthy = ['capm3.metal3.io/unhealthy', 'capi.metal3.io/unhealthy'];
const failureDomainLabel = 'infrastructure.cluster.x-k8s.io/failure-domain';

/** Why a host cannot be taken; undefined when it can. */
export function whyNotEligible(host: HostView, wish: HostWish): string | undefined {
  if (host.consumer && host.consumer !== wish.consumer) return `used by ${host.consumer}`;
  if (host.deleting) return 'being deleted';
  if (host.errorMessage !== '') return `in error: ${host.errorMessage}`;
  if (hostPaused in host.annotations) return 'paused';
  if (hostDetached in host.annotations) return 'detached';
  if (unhealthy.some((key) => key in host.annotations)) return 'marked unhealthy';
  if (!wish.matches(host.labels)) return 'hostSelector does not match its labels';
  if (host.externallyProvisioned) return 'externally provisioned';
  if (host.state !== 'available' && host.state !== 'ready') return `in state ${host.state === '' ? 'new' : host.state}`;
  if (host.wantedImage) return 'it has an image that nobody claims';
  return undefined;
}

/** The host of a machine: the one it has, else the first free one by failure domain and name. */
export function chooseHost(hosts: readonly HostView[], wish: HostWish): HostChoice {
  const sorted = [...hosts].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const ours = sorted.find((host) => host.consumer === wish.consumer);
  if (ours) return { kind: 'ours', host: ours.name };
  const judged = sorted.map((host) => ({ host, why: whyNotEligible(host, wish) }));
  const free = judged.filter((entry) => entry.why === undefined).map((entry) => entry.host);
  const inDomain = wish.failureDomain ? free.filter((host) => host.labels[failureDomainLabel] === wish.failureDomain) : [];
  const chosen = inDomain[0] ?? free[0];
  if (chosen) return { kind: 'free', host: chosen.name };
  return { kind: 'none', refusals: judged.map(({ host, why }) => ({ host: host.name, why: why ?? '' })) };
}

/**
 * A host that lost its consumer while it runs the machine's own image: somebody's edit, or a repository that took the fields
 * over. It is still the machine's, and gets back what the association writes.
 */
export function robbedHost(hosts: readonly HostView[], host: string, image: string): HostChoice | undefined {
  const robbed = hosts.find((one) => one.name === host && one.consumer === undefined && one.state === 'provisioned' && one.currentImage === image && !one.deleting);
  return robbed && { kind: 'ours', host: robbed.name };
}

/** "5 hosts: 3 used by …, 1 in state inspecting (r1u04), …" grouped by reason, at most `limit` names a group. */
export function describeRefusals(refusals: readonly { readonly host: string; readonly why: string }[], limit = 4): string {
  if (refusals.length === 0) return 'there is no BareMetalHost in this namespace';
  const groups = new Map<string, string[]>();
  for (const { host, why } of refusals) {
    const reason = why.startsWith('used by ') ? 'in use' : why;
    groups.set(reason, [...(groups.get(reason) ?? []), host]);
  }
  const texts = [...groups].map(([why, names]) => {
    const shown = names.slice(0, limit).join(', ') + (names.length > limit ? `, … ${names.length - limit} more` : '');
    return `${names.length} ${why} (${shown})`;
  });
  return `of ${refusals.length} host${refusals.length === 1 ? '' : 's'}: ${texts.join('; ')}`;
}

export interface ClaimStep extends Step {
  readonly kind: 'claim-host' | 'correct-host';
  readonly host: string;
}

/** What the association wants on the host. */
export interface Association {
  readonly consumer: string;
  readonly image: string;
  readonly userData: string;
}

/** Takes the chosen host, or mends what the association should have written on it. */
export function planClaim(machine: string, namespace: string, choice: HostChoice, hosts: readonly HostView[], wanted: Association): Plan<ClaimStep> {
  const subject = { kind: 'Metal3Machine', namespace, name: machine };
  if (choice.kind === 'none') return { subject, steps: [], waitsFor: `an available host; ${describeRefusals(choice.refusals)}` };
  if (choice.kind === 'free') {
    return { subject, steps: [{ kind: 'claim-host', host: choice.host, summary: `take host ${choice.host} and ask it to boot ${wanted.image}` }] };
  }
  const host = hosts.find((candidate) => candidate.name === choice.host);
  if (!host) return { subject, steps: [], waitsFor: `host ${choice.host}` };
  // A node that runs may be switched off by its owner; writing the power back would be a fight with the repository, by power cuts.
  // An image is only written where none is: replacing the image of a host would make it wipe what it runs.
  const incomplete = host.consumer === undefined || host.userData === undefined || host.wantedImage === undefined || (!host.online && host.state !== 'provisioned');
  if (!incomplete || host.deleting) return { subject, steps: [] };
  if (host.wantedImage === undefined && host.currentImage !== undefined && (host.currentImage !== wanted.image || host.state !== 'provisioned')) {
    return { subject, steps: [], waitsFor: `host ${host.name}: its image was cleared while it is in use (it is ${host.state || 'new'})` };
  }
  return { subject, steps: [{ kind: 'correct-host', host: host.name, summary: `write image, user data and power again on host ${host.name}` }] };
}

export interface ReleaseStep extends Step {
  readonly kind: 'clear-image' | 'drop-consumer' | 'forget';
  readonly host?: string;
}

/** How a machine that is being deleted lets go of its host: image cleared, host wiped by its own controller, then freed. */
export function planRelease(machine: string, namespace: string, consumer: string, host: HostView | undefined): Plan<ReleaseStep> {
  const subject = { kind: 'Metal3Machine', namespace, name: machine };
  if (!host || host.consumer !== consumer) return { subject, steps: [{ kind: 'forget', summary: 'it has no host' }] };
  if (host.wantedImage !== undefined || host.userData !== undefined) {
    return {
      subject,
      steps: [{
        kind: 'clear-image',
        host: host.name,
        summary: `clear the image of host ${host.name}, which deprovisions and wipes it`,
        guard: `Metal3Machine ${namespace}/${machine} is being deleted and is the host's consumer`,
      }],
    };
  }
  const free = (host.state === 'available' || host.state === 'ready') && host.currentImage === undefined;
  const neverUsed = ['', 'unmanaged', 'registering', 'inspecting', 'preparing'].includes(host.state) && host.currentImage === undefined;
  const offAndForeign = host.state === 'externally provisioned' && !host.poweredOn;
  // A host that is deleted leaves through its own deprovisioning; its last states come after the wipe.
  const leaving = host.deleting && ['powering off before delete', 'deleting'].includes(host.state);
  if (free || neverUsed || offAndForeign || leaving) {
    return { subject, steps: [{ kind: 'drop-consumer', host: host.name, summary: `host ${host.name} is ${host.state || 'new'}: free it` }] };
  }
  const trouble = host.errorMessage === '' ? '' : `: ${host.errorMessage}`;
  return { subject, steps: [], waitsFor: `host ${host.name} to become available (it is ${host.state || 'new'}${trouble})` };
}

export type NodeSeen =
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'maintenance'; readonly fingerprint: string; /** In lower case; empty when the node does not say. */ readonly macAddresses: readonly string[] }
  /** It answers to the cluster's own credentials. */
  | { readonly kind: 'configured'; readonly installing: boolean; /** What the installation says when it does not get on. */ readonly why?: string }
  /** It speaks TLS, is not in maintenance and does not accept the cluster's credentials. */
  | { readonly kind: 'foreign'; readonly why: string };

export interface ConfigRecord {
  /** The config that was about to be given, and the certificate of the maintenance service it was meant for. */
  readonly intent?: { readonly fingerprint: string; readonly sha256: string };
  /** When the node was first seen installed and running on our config. */
  readonly configuredAt?: string;
}

export type ConfigStep =
  | (Step & { readonly kind: 'record-intent'; readonly fingerprint: string; readonly sha256: string })
  | (Step & { readonly kind: 'apply-config'; readonly fingerprint: string })
  | (Step & { readonly kind: 'record-configured' });

export type ConfigRefusal = 'foreign' | 'lost' | 'other-machine';

/** Gives a machine in maintenance its config, once: the intent is recorded before, and the apply is pinned to the certificate it was recorded for. */
export function planConfig(
  machine: string, namespace: string, address: string, seen: NodeSeen, record: ConfigRecord, sha256: string, hostMacs: readonly string[] = [],
): Plan<ConfigStep> & { readonly refused?: ConfigRefusal } {
  const subject = { kind: 'Metal3Machine', namespace, name: machine };
  switch (seen.kind) {
    case 'silent':
      return { subject, steps: [], waitsFor: `the node at ${address}: ${seen.why}` };
    case 'foreign':
      return { subject, steps: [], refused: 'foreign', waitsFor: `the node at ${address}, which has someone else's machine config` };
    case 'configured':
      if (seen.installing) return { subject, steps: [], waitsFor: `the node at ${address} to install to its disk${seen.why ? ` (${seen.why})` : ''}` };
      return { subject, steps: record.configuredAt ? [] : [{ kind: 'record-configured', summary: `the node at ${address} runs on its config` }] };
    case 'maintenance': {
      if (record.configuredAt) return { subject, steps: [], refused: 'lost', waitsFor: `the node at ${address}, which is back in maintenance` };
      // An address that moved to another machine must not cost that machine its disk.
      if (hostMacs.length > 0 && seen.macAddresses.length > 0 && !seen.macAddresses.some((mac) => hostMacs.includes(mac))) {
        return { subject, steps: [], refused: 'other-machine', waitsFor: `the node at ${address}, which is another machine than the host` };
      }
      const intended = record.intent?.fingerprint === seen.fingerprint && record.intent.sha256 === sha256;
      if (!intended) {
        return { subject, steps: [{ kind: 'record-intent', fingerprint: seen.fingerprint, sha256, summary: `record that ${address} is about to get its config` }] };
      }
      return { subject, steps: [{ kind: 'apply-config', fingerprint: seen.fingerprint, summary: `give the node at ${address} its config, which installs Talos on its disk`, guard: 'the node is in maintenance, and was never seen running on a config' }] };
    }
  }
}
