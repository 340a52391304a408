/** Does the steps of a plan in order and decides nothing. The first failure ends it; what was done stays done and is observed next time. */
import { BareMetalHost, HardwareData, Secret } from '@keelson/api';
import { BmcError, type Bmc } from '@keelson/bmc';
import { removeFinalizer, sameJson, type ReconcileContext } from '@keelson/controller';
import { apiVersionOf, ownerReference } from '@keelson/kube';
import { problem } from '@keelson/std';
import { annotationOf, hardwareDataFinalizer, hostAnnotations, hostFinalizer, readIdentity, secretFinalizer, secretLabel } from './annotations.ts';
import { hostName } from './host-view.ts';
import { hardwareFromInventory, withAddresses, type HardwareDetails } from './inspect/hardware.ts';
import { parseHardwareDetails } from './inspect/hardware-details-annotation.ts';
import { bmcAccess, isClaimed, readTalosconfig, secretOf, type MetalWorld } from './observe.ts';
import { otherMachine } from './plan.ts';
import { metalProblems } from './problems.ts';
import type { HostPlan, HostStep } from './steps.ts';

export const controllerName = 'keelson-metal';

export interface Executed {
  /** The host as last stored; undefined when it was released. */
  readonly host: BareMetalHost | undefined;
  /** Hardware that a step has read. */
  readonly hardware?: HardwareDetails;
}

/** The machine behind the BMC changed between the plan and a step that could destroy data. */
export class MachineChangedError extends Error {
  override readonly name = 'MachineChangedError';
}

/** Runs a plan's steps. Throws the first failure (BmcError where the BMC failed). */
export async function executePlan(plan: HostPlan, host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<Executed> {
  let done: Executed = { host };
  for (const step of plan.steps) {
    if (!done.host) break;
    context.env.log.debug('host step', { host: hostName(host), step: step.kind, summary: step.summary });
    done = { ...done, ...(await runStep(step, done.host, context, world)) };
  }
  return done;
}

async function runStep(step: HostStep, host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<Executed> {
  const onBmc = async (work: (bmc: Bmc) => Promise<unknown>): Promise<Executed> => {
    const access = bmcAccess(host, context, world);
    if (!access) throw new BmcError('protocol', 'the address or the Secret of the BMC went while a plan was carried out');
    await access.use(async (bmc) => {
      if (step.guard !== undefined) await checkMachine(host, bmc);
      await work(bmc);
    });
    return { host };
  };
  switch (step.kind) {
    case 'record':
      return { host: await patchMetadata(host, { annotations: step.annotations }, context) };
    case 'add-finalizer':
      return { host: await patchMetadata(host, { finalizers: [...(host.metadata.finalizers ?? []), hostFinalizer] }, context) };
    case 'restore-status':
      return { host: await restoreStatus(host, context) };
    case 'claim-secret':
      await claimSecret(host, step.name, context);
      return { host };
    case 'power-on':
      return onBmc((bmc) => bmc.changePower('on'));
    case 'power-off':
      return onBmc((bmc) => powerOff(bmc, step.mode));
    case 'insert-media':
      return onBmc((bmc) => bmc.insertMedia(step.url));
    case 'eject-media':
      return onBmc((bmc) => bmc.ejectMedia());
    case 'boot-once':
      return onBmc((bmc) => bmc.setBootOnce(step.device, host.spec?.bootMode === 'legacy' ? 'legacy' : 'uefi'));
    case 'clear-boot':
      return onBmc((bmc) => bmc.clearBoot());
    case 'wipe':
      await wipe(step, host, context, world);
      return { host };
    case 'inspect':
      return inspect(host, context, world);
    case 'take-hardware-details':
      return takeHardwareDetails(host, context);
    case 'refresh-addresses':
      return refreshAddresses(host, context, world);
    case 'release':
      await release(host, context, world);
      return { host: undefined };
  }
}

/** A soft power off is a hard one on a BMC that has no soft one; both were permitted by the same guard. */
async function powerOff(bmc: Bmc, mode: 'soft' | 'hard'): Promise<void> {
  if (mode === 'hard') return bmc.changePower('off-hard');
  try {
    await bmc.changePower('off-soft');
  } catch (error) {
    if (!(error instanceof BmcError) || error.kind !== 'unsupported') throw error;
    await bmc.changePower('off-hard');
  }
}

/** Before anything that can destroy data: the BMC still answers for the machine that was registered. */
async function checkMachine(host: BareMetalHost, bmc: Bmc): Promise<void> {
  const recorded = readIdentity(host);
  const why = recorded && otherMachine(recorded, await bmc.identify());
  if (!recorded || why) throw new MachineChangedError(`host ${hostName(host)}: ${why ?? 'its machine was never recorded'}`);
}

/** Metadata of the host, fenced by its resourceVersion: a conflict means that the plan was made from an older object. */
async function patchMetadata(host: BareMetalHost, change: { annotations?: Readonly<Record<string, string | null>>; finalizers?: readonly string[] }, context: ReconcileContext): Promise<BareMetalHost> {
  const metadata = { ...change, resourceVersion: host.metadata.resourceVersion };
  return context.client.patch<BareMetalHost>(BareMetalHost, host.metadata, 'merge', { metadata }, { fieldManager: controllerName });
}

/** The status that a move left in an annotation; the annotation goes with it. HardwareData wins for the hardware. */
async function restoreStatus(host: BareMetalHost, context: ReconcileContext): Promise<BareMetalHost> {
  let stored = host;
  const status = parseStatus(annotationOf(host, hostAnnotations.status) ?? '');
  if (status && !host.status?.lastUpdated) {
    const data = context.cache.get<HardwareData>(HardwareData, host.metadata);
    const hardware = data?.spec?.hardware;
    stored = await applyHostStatus(host, { ...status, ...(hardware ? { hardware } : {}) }, context);
  } else if (!status) context.events.warning(host, 'InvalidAnnotationValue', `annotation ${hostAnnotations.status} is no status and is dropped`);
  return patchMetadata(stored, { annotations: { [hostAnnotations.status]: null } }, context);
}

function parseStatus(text: string): NonNullable<BareMetalHost['status']> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // The API server holds it to the status' schema when it is applied.
    return typeof value === 'object' && value !== null && 'provisioning' in value ? (value as NonNullable<BareMetalHost['status']>) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the whole status, fenced like the metadata. */
export async function applyHostStatus(host: BareMetalHost, status: NonNullable<BareMetalHost['status']>, context: ReconcileContext): Promise<BareMetalHost> {
  const { name, namespace, resourceVersion } = host.metadata;
  const object = { apiVersion: apiVersionOf(BareMetalHost), kind: BareMetalHost.kind, metadata: { name, ...(namespace ? { namespace } : {}), ...(resourceVersion ? { resourceVersion } : {}) }, status };
  return context.client.apply<BareMetalHost>(BareMetalHost, object, { fieldManager: controllerName, force: true, subresource: 'status' });
}

/** Upstream's marks on the BMC Secret: a finalizer, so that it outlives the host's release, a label and an owner. */
async function claimSecret(host: BareMetalHost, name: string, context: ReconcileContext): Promise<void> {
  const secret = secretOf(host, name, context);
  if (!secret || isClaimed(host, secret)) return;
  const owners = secret.metadata.ownerReferences ?? [];
  const owned = owners.some((owner) => owner.uid === host.metadata.uid);
  const finalizers = secret.metadata.finalizers ?? [];
  const metadata = {
    resourceVersion: secret.metadata.resourceVersion,
    labels: { [secretLabel.name]: secretLabel.value },
    ...(finalizers.includes(secretFinalizer) ? {} : { finalizers: [...finalizers, secretFinalizer] }),
    ...(owned ? {} : { ownerReferences: [...owners, { ...ownerReference(host, { controller: false }), blockOwnerDeletion: false }] }),
  };
  await context.client.patch(Secret, secret.metadata, 'merge', { metadata }, { fieldManager: controllerName });
  await releaseSecrets(host, context, name);
}

/**
 * Lets go of the Secrets the host has marked, but for `keep`: a Secret that the host no longer names is not its business
 * any more. On release the owner stays, so that the Secret goes with the host, as upstream has it.
 */
async function releaseSecrets(host: BareMetalHost, context: ReconcileContext, keep?: string): Promise<void> {
  const { uid, namespace } = host.metadata;
  const filter = namespace ? { namespace } : {};
  const hosts = context.cache.list<BareMetalHost>(BareMetalHost, filter).filter((other) => other.metadata.uid !== uid);
  for (const cached of context.cache.list<Secret>(Secret, filter)) {
    const owners = cached.metadata.ownerReferences ?? [];
    const marked = cached.metadata.finalizers?.includes(secretFinalizer) && owners.some((owner) => owner.uid === uid);
    if (!marked || cached.metadata.name === keep) continue;
    const secret = await context.client.get<Secret>(Secret, cached.metadata);
    if (!secret) continue;
    const shared = hosts.some((other) => other.spec?.bmc?.credentialsName === secret.metadata.name);
    const finalizers = (secret.metadata.finalizers ?? []).filter((finalizer) => shared || finalizer !== secretFinalizer);
    const left = (secret.metadata.ownerReferences ?? []).filter((owner) => keep === undefined || owner.uid !== uid);
    await context.client.patch(Secret, secret.metadata, 'merge', { metadata: { resourceVersion: secret.metadata.resourceVersion, finalizers, ownerReferences: left } }, { fieldManager: controllerName });
  }
}

async function wipe(step: Extract<HostStep, { kind: 'wipe' }>, host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<void> {
  const talosconfig = readTalosconfig(host, context);
  if (talosconfig === undefined) throw new Error(`wiping host ${hostName(host)}: its talosconfig is gone`);
  const access = bmcAccess(host, context, world);
  if (!access) throw new BmcError('protocol', 'the address or the Secret of the BMC went while a plan was carried out');
  await access.use((bmc) => checkMachine(host, bmc));
  await world.nodes.wipe(context.env, { address: step.address, systemUuid: step.systemUuid, talosconfig, signal: context.signal });
}

async function inspect(host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<Executed> {
  const access = bmcAccess(host, context, world);
  if (!access) throw new BmcError('protocol', 'the address or the Secret of the BMC went while a plan was carried out');
  const inventory = await access.use((bmc) => bmc.readInventory());
  if (inventory.missing.length > 0) context.events.warning(host, 'InspectionIncomplete', `not readable: ${inventory.missing.join('; ')}`);
  const hardware = hardwareFromInventory(inventory, host.spec?.bootMACAddress);
  await writeHardwareData(host, hardware, context);
  return { host, hardware };
}

async function refreshAddresses(host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<Executed> {
  const access = bmcAccess(host, context, world);
  if (!access) return { host };
  const { nics } = await access.use((bmc) => bmc.readInventory());
  if (!nics.some((nic) => nic.ips.length > 0)) return { host };
  const hardware = withAddresses(host.status?.hardware, nics);
  await writeHardwareData(host, hardware, context);
  return { host, hardware };
}

async function takeHardwareDetails(host: BareMetalHost, context: ReconcileContext): Promise<Executed> {
  const result = parseHardwareDetails(annotationOf(host, hostAnnotations.hardwareDetails) ?? '');
  if (!result.ok) {
    context.events.problem(host, problem(metalProblems.hardwareDetailsInvalid, { host: hostName(host) }, { why: result.why, where: `annotation ${hostAnnotations.hardwareDetails}` }));
    return { host };
  }
  if (sameJson(host.status?.hardware, result.hardware)) return { host };
  await writeHardwareData(host, result.hardware, context);
  context.events.normal(host, 'UpdateHardwareDetails', 'Set hardware details from annotation');
  return { host, hardware: result.hardware };
}

async function writeHardwareData(host: BareMetalHost, hardware: HardwareDetails, context: ReconcileContext): Promise<void> {
  const { name, namespace } = host.metadata;
  await context.client.apply(HardwareData, {
    apiVersion: apiVersionOf(HardwareData), kind: HardwareData.kind,
    metadata: { name, ...(namespace ? { namespace } : {}), finalizers: [hardwareDataFinalizer], ownerReferences: [ownerReference(host)] },
    spec: { hardware },
  }, { fieldManager: controllerName, force: true });
}

/** HardwareData and the Secret's finalizer first, the host's own last: a crash between them leaves the host to finish. */
async function release(host: BareMetalHost, context: ReconcileContext, world: MetalWorld): Promise<void> {
  const { name, namespace } = host.metadata;
  const key = { name, ...(namespace ? { namespace } : {}) };
  const data = await context.client.get<HardwareData>(HardwareData, key);
  if (data) {
    if (!data.metadata.deletionTimestamp) await context.client.delete(HardwareData, key);
    const deleting = await context.client.get<HardwareData>(HardwareData, key);
    if (deleting) await removeFinalizer(context, HardwareData, deleting, hardwareDataFinalizer);
  }
  await releaseSecrets(host, context);
  await world.connections.drop(host.metadata.uid ?? hostName(host));
  await removeFinalizer(context, BareMetalHost, host, hostFinalizer);
}
