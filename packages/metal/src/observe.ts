/** Makes a HostView: reads the cache, asks the BMC and, where it matters, the node. The only reader of the world outside. */
import { BareMetalHost, Metal3Machine, Secret, upstreamAnnotations } from '@keelson/api';
import { BmcError, parseBmcAddress, problemOfAddress, problemOfBmcError, type Bmc, type BmcSubject, type BmcTarget } from '@keelson/bmc';
import type { ReconcileContext } from '@keelson/controller';
import { annotationOf, detachRequest, hostAnnotations, hostFinalizer, readIdentity, readIntent, secretFinalizer, secretLabel } from './annotations.ts';
import type { BmcConnections } from './connections.ts';
import { hostName, imageUrl, isDeleting, nodeAddresses, provisionedUrl, stateOf, type BmcObservation, type Credentials, type HostState, type HostView, type NodeObservation } from './host-view.ts';
import type { NodeWiper } from './node-wiper.ts';
import { retryAt } from './plan.ts';
import { observedGeneration } from './status.ts';

export interface MetalWorld {
  readonly connections: BmcConnections;
  readonly nodes: NodeWiper;
}

/** A handle to the host's BMC; undefined when the host's address or credentials do not allow one. */
export interface BmcAccess {
  use<T>(work: (bmc: Bmc) => Promise<T>): Promise<T>;
}

const withMedia: readonly HostState[] = ['provisioning', 'deprovisioning'];

/** Observes a host as far as its next plan needs. */
export async function observeHost(host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<HostView> {
  const credentials = readCredentials(host, context);
  const talosconfig = readTalosconfig(host, context);
  const base = { nowMs: context.env.clock.now(), host, credentials, hasTalosconfig: talosconfig !== undefined };
  const bmc = await observeBmc(host, credentials, context, world);
  const sameMachineAs = bmc.kind === 'ok' && stateOf(host) === 'registering' ? hostOfSameMachine(host, bmc, context) : '';
  const node = bmc.kind === 'ok' ? await observeNode(host, bmc, talosconfig, context, world) : { kind: 'not-asked' as const };
  const losesImage = stateOf(host) === 'provisioned' && imageUrl(host) !== provisionedUrl(host);
  const inUseBy = isDeleting(host) || losesImage ? await consumerOf(host, context) : '';
  return { ...base, bmc, node, sameMachineAs, inUseBy, nowMs: context.env.clock.now() };
}

export function secretOf(host: BareMetalHost, name: string, context: ReconcileContext): Secret | undefined {
  return context.cache.get<Secret>(Secret, { name, ...(host.metadata.namespace ? { namespace: host.metadata.namespace } : {}) });
}

/** The Secret carries upstream's marks: finalizer, label, and this host among its owners. */
export function isClaimed(host: BareMetalHost, secret: Secret): boolean {
  return secret.metadata.finalizers?.includes(secretFinalizer) === true && secret.metadata.labels?.[secretLabel.name] === secretLabel.value && secret.metadata.ownerReferences?.some((owner) => owner.uid === host.metadata.uid) === true;
}

function decode(secret: Secret, key: string): string {
  const data = secret.data?.[key];
  return data === undefined ? (secret.stringData?.[key] ?? '') : Buffer.from(data, 'base64').toString('utf8');
}

function readCredentials(host: BareMetalHost, context: ReconcileContext): Credentials {
  const name = host.spec?.bmc?.credentialsName ?? '';
  if (!host.spec?.bmc || (name === '' && host.spec.bmc.address === '')) return { state: 'none' };
  const secret = secretOf(host, name, context);
  if (!secret) return { state: 'missing', name, why: name === '' ? 'spec.bmc.credentialsName is empty' : `there is no Secret ${host.metadata.namespace ?? ''}/${name}` };
  const lacking = ['username', 'password'].filter((key) => decode(secret, key).trim() === '');
  if (lacking.length > 0) return { state: 'incomplete', name, why: `it has no ${lacking.join(' and no ')}` };
  return { state: 'ok', name, version: secret.metadata.resourceVersion ?? '', claimed: isClaimed(host, secret) };
}

/** The talosconfig that opens the node on this host, if a Secret with one is named. */
export function readTalosconfig(host: BareMetalHost, context: ReconcileContext): string | undefined {
  const name = annotationOf(host, hostAnnotations.talosconfigSecret);
  const secret = name ? secretOf(host, name, context) : undefined;
  const text = secret ? decode(secret, 'talosconfig') : '';
  return text === '' ? undefined : text;
}

/** True when there is reason to ask the BMC now. */
function mayAsk(host: BareMetalHost, credentials: Credentials, nowMs: number): boolean {
  const state = stateOf(host);
  const left = annotationOf(host, hostAnnotations.paused) !== undefined || annotationOf(host, hostAnnotations.status) !== undefined || !host.metadata.finalizers?.includes(hostFinalizer);
  if (left || state === '' || state === 'unmanaged' || state === 'deleting') return false;
  const detach = detachRequest(host);
  if (detach && (isDeleting(host) || detach.force || ['provisioned', 'externally provisioned', 'ready', 'available'].includes(state))) return false;
  if (credentials.state === 'ok' && !credentials.claimed && !isDeleting(host)) return false;
  const status = host.status;
  if (!status?.errorType || credentials.state !== 'ok') return true;
  const tried = status.triedCredentials;
  const newSecret = tried !== undefined && (tried.credentials?.name !== credentials.name || tried.credentialsVersion !== credentials.version);
  if (newSecret) return true;
  if (status.errorMessage.includes('[HOST.BMC_UNAUTHORIZED]')) return !status.errorMessage.includes(originOf(host));
  // The user has changed the spec, or accepted another machine.
  if (observedGeneration(host) !== host.metadata.generation || (status.errorMessage.includes('[HOST.WRONG_MACHINE]') && !readIdentity(host))) return true;
  const at = retryAt({ host });
  return at === undefined || nowMs >= at;
}

function originOf(host: BareMetalHost): string {
  const parsed = parseBmcAddress(host.spec?.bmc?.address ?? '');
  return parsed.ok ? parsed.address.origin : '';
}

function subjectOf(host: BareMetalHost): BmcSubject {
  return { host: hostName(host), address: host.spec?.bmc?.address ?? '', secret: `${host.metadata.namespace ?? ''}/${host.spec?.bmc?.credentialsName ?? ''}`, where: `BareMetalHost ${hostName(host)}, spec.bmc` };
}

/** A problem of the host's BMC. */
export function bmcProblemOf(host: BareMetalHost, error: BmcError) {
  return problemOfBmcError(error, subjectOf(host));
}

/** The host's BMC behind its kept connection. */
export function bmcAccess(host: BareMetalHost, context: ReconcileContext, world: MetalWorld): BmcAccess | undefined {
  const { bmc } = host.spec ?? {};
  const parsed = parseBmcAddress(bmc?.address ?? '');
  const secret = bmc ? secretOf(host, bmc.credentialsName, context) : undefined;
  if (!bmc || !parsed.ok || !secret) return undefined;
  const target: BmcTarget = {
    origin: parsed.address.origin,
    ...(parsed.address.systemPath ? { systemPath: parsed.address.systemPath } : {}),
    credentials: { username: decode(secret, 'username').trim(), password: decode(secret, 'password').trim() },
    ...(bmc.disableCertificateVerification ? { insecureSkipVerify: true } : {}),
  };
  const version = JSON.stringify([bmc.address, bmc.credentialsName, secret.metadata.resourceVersion, bmc.disableCertificateVerification ?? false]);
  return { use: (work) => world.connections.use(context.env, host.metadata.uid ?? hostName(host), version, target, work) };
}

async function observeBmc(host: BareMetalHost, credentials: Credentials, context: ReconcileContext, world: MetalWorld): Promise<BmcObservation> {
  if (!mayAsk(host, credentials, context.env.clock.now()) || credentials.state !== 'ok') return { kind: 'not-asked' };
  const parsed = parseBmcAddress(host.spec?.bmc?.address ?? '');
  if (!parsed.ok) return { kind: 'failed', error: 'unsupported', problem: problemOfAddress(parsed, subjectOf(host)) };
  const access = bmcAccess(host, context, world);
  if (!access) return { kind: 'not-asked' };
  const state = stateOf(host);
  const media = withMedia.includes(state);
  const boot = media || annotationOf(host, hostAnnotations.medium) !== undefined;
  try {
    return await access.use(async (bmc) => ({
      kind: 'ok', identity: await bmc.identify(), power: await bmc.readPower(),
      ...(media ? { media: await bmc.readMedia() } : {}),
      ...(boot ? { boot: await bmc.readBoot() } : {}),
    }));
  } catch (error) {
    if (!(error instanceof BmcError)) throw error;
    return { kind: 'failed', error: error.kind, problem: bmcProblemOf(host, error), ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }) };
  }
}

/**
 * The Metal3Machine that lives on a host, by the host's word or by its own: whoever takes the consumer away with the image
 * has not asked it. Read from the API and not from a cache, since it decides whether a running machine is wiped.
 */
async function consumerOf(host: BareMetalHost, context: ReconcileContext): Promise<string> {
  const { name, namespace } = host.metadata;
  const { items } = await context.client.list<Metal3Machine>(Metal3Machine, namespace ? { namespace } : {});
  const reference = host.spec?.consumerRef;
  const consumer = items.find(({ metadata }) => !metadata.deletionTimestamp && ((reference?.kind === Metal3Machine.kind && reference.name === metadata.name) || metadata.annotations?.[upstreamAnnotations.machineHost] === `${namespace ?? ''}/${name}`));
  return consumer ? `${namespace ?? ''}/${consumer.metadata.name}` : '';
}

/** Another host that recorded this machine. */
function hostOfSameMachine(host: BareMetalHost, bmc: Extract<BmcObservation, { kind: 'ok' }>, context: ReconcileContext): string {
  const { uuid, serialNumber } = bmc.identity;
  if (uuid === '' && serialNumber === '') return '';
  for (const other of context.cache.list<BareMetalHost>(BareMetalHost)) {
    if (other.metadata.uid === host.metadata.uid) continue;
    const known = readIdentity(other);
    // Serial numbers are unique only within a maker, so UUIDs decide where both have one.
    const same = known && (uuid !== '' && known.uuid !== '' ? known.uuid === uuid : serialNumber !== '' && known.serialNumber === serialNumber && known.manufacturer === bmc.identity.manufacturer);
    if (same) return hostName(other);
  }
  return '';
}

/** A machine that runs is asked who it is before it is stopped or given an image, and while it is left alone for what it may run. */
function isJudged(host: BareMetalHost): boolean {
  const state = stateOf(host);
  const intent = readIntent(host);
  if (state === 'provisioning') return !(intent?.operation === 'provision' && intent.step === 'boot');
  if (state !== 'available' && state !== 'ready') return false;
  return annotationOf(host, hostAnnotations.occupied) !== undefined || imageUrl(host) !== '' || host.spec?.online !== true;
}

/** The node is asked where its answer decides: before and during a wipe, while its medium is in the drive, and before a free machine is stopped. */
async function observeNode(host: BareMetalHost, bmc: Extract<BmcObservation, { kind: 'ok' }>, talosconfig: string | undefined, context: ReconcileContext, world: MetalWorld): Promise<NodeObservation> {
  const state = stateOf(host);
  const wiping = state === 'deprovisioning' && provisionedUrl(host) !== '' && host.spec?.automatedCleaningMode !== 'disabled';
  const installing = state === 'provisioned' && annotationOf(host, hostAnnotations.medium) !== undefined && talosconfig !== undefined && readIntent(host) === undefined;
  const judging = bmc.power.power === 'on' && isJudged(host);
  if ((!wiping && !installing && !judging) || bmc.power.power !== 'on') return wiping ? { kind: 'silent', why: `the machine is ${bmc.power.power}` } : { kind: 'not-asked' };
  const addresses = nodeAddresses(host);
  if (addresses.length === 0) return { kind: 'silent', why: 'no address of the machine is known' };
  return world.nodes.observe(context.env, { addresses, ...(talosconfig === undefined ? {} : { talosconfig }), signal: context.signal });
}
