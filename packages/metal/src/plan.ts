/**
 * planHost: what to do next with a host. Pure; the order of its checks is that of baremetal-operator's reconcile:
 * paused, restored status, finalizer, refused fields, deletion, detached, credentials and BMC, then the state's own plan.
 */
import { unsupportedFieldsUsed, BareMetalHost } from '@keelson/api';
import { parseTime, problem, type Problem } from '@keelson/std';
import { annotationOf, detachRequest, hostAnnotations, hostFinalizer, isInspectionDisabled, readIdentity, readIntent, readWipe } from './annotations.ts';
import { hostName, isDeleting, provisionedUrl, stateOf, type Credentials, type ErrorType, type HostState, type HostView } from './host-view.ts';
import { metalProblems } from './problems.ts';
import { planAvailable } from './states/available.ts';
import { planDeleting, planPoweringOffBeforeDelete } from './states/deleting.ts';
import { planDeprovisioning } from './states/deprovisioning.ts';
import { planExternallyProvisioned } from './states/externally-provisioned.ts';
import { planInspecting } from './states/inspecting.ts';
import { planPreparing } from './states/preparing.ts';
import { planProvisioned } from './states/provisioned.ts';
import { planProvisioning } from './states/provisioning.ts';
import { planRegistering, recordIdentity } from './states/registering.ts';
import { planUnmanaged } from './states/unmanaged.ts';
import { enterState, failPlan, hostPlan, type HostPlan, type StatusChange } from './steps.ts';
import { sameUuid } from './system-uuid.ts';
import { errorRetryMs, timers } from './timers.ts';

/** The next steps of a host. */
export function planHost(view: HostView): HostPlan {
  const { host } = view;
  if (annotationOf(host, hostAnnotations.paused) !== undefined) return hostPlan(view, { writesStatus: false, waitsFor: `annotation ${hostAnnotations.paused} to be removed` });
  if (annotationOf(host, hostAnnotations.status) !== undefined) return hostPlan(view, { steps: [{ kind: 'restore-status', summary: `take the status from annotation ${hostAnnotations.status}` }], writesStatus: false, requeueAfterMs: 0 });
  if (!host.metadata.finalizers?.includes(hostFinalizer)) {
    if (isDeleting(host)) return hostPlan(view, { writesStatus: false });
    return hostPlan(view, { steps: [{ kind: 'add-finalizer', summary: 'keep the host until the machine is released' }], writesStatus: false, requeueAfterMs: 0 });
  }
  const deleting = isDeleting(host) ? (planPoweredDeletion(view) ?? planDeletion(view)) : (planRefusal(view) ?? planDetached(view));
  if (deleting) return deleting;
  const state = stateOf(host);
  if (state === '' || state === 'unmanaged') return planUnmanaged(view);
  if (state === 'deleting') return planDeleting(view);
  const registered = planRegistration(view, state);
  if (registered) return registered;
  return { ...planHardwareDetails(view, planState(view, state)) };
}

function planState(view: HostView, state: HostState): HostPlan {
  const plan = planOf(view, state);
  const power = view.bmc.kind === 'ok' && plan.status.poweredOn === undefined ? { poweredOn: view.bmc.power.power === 'on' || view.bmc.power.power === 'powering-on' } : {};
  const healed = plan.status.error === undefined && isHealed(view) ? { error: null } : {};
  const good = view.credentials.state === 'ok' && view.bmc.kind === 'ok' ? { goodCredentials: view.credentials, triedCredentials: view.credentials } : {};
  return { ...plan, status: { ...power, ...healed, ...good, ...leaveDetached(view), ...plan.status } };
}

/** True when the error in the status is over because the BMC answers; what a state failed at stays until the state succeeds. */
function isHealed({ host }: HostView): boolean {
  const { errorType, errorCount, errorMessage } = host.status ?? {};
  if (!errorType) return false;
  const connection = /\[HOST\.BMC_(UNREACHABLE|CERTIFICATE|UNAUTHORIZED|BUSY)\]/.test(errorMessage ?? '');
  return connection || errorType.includes('registration') || (errorCount ?? 0) === 0;
}

function planOf(view: HostView, state: HostState): HostPlan {
  switch (state) {
    case '':
    case 'unmanaged':
      return planUnmanaged(view);
    case 'registering':
      return planRegistering(view);
    case 'inspecting':
      return planInspecting(view);
    case 'preparing':
      return planPreparing(view);
    case 'ready':
    case 'available':
      return forgetWipe(view) ?? planAvailable(view);
    case 'provisioning':
      return planProvisioning(view);
    case 'provisioned':
      return planProvisioned(view);
    case 'externally provisioned':
      return planExternallyProvisioned(view);
    case 'deprovisioning':
      return planDeprovisioning(view);
    case 'powering off before delete':
      return planPoweringOffBeforeDelete(view);
    case 'deleting':
      return planDeleting(view);
  }
}

/** The records of a finished deprovisioning go once the host is available. */
function forgetWipe(view: HostView): HostPlan | undefined {
  const { host } = view;
  const stale = [hostAnnotations.wipe, hostAnnotations.medium].filter((name) => annotationOf(host, name) !== undefined);
  const intent = readIntent(host);
  const names = [...stale, ...(intent?.operation === 'provision' ? [hostAnnotations.intent] : [])];
  if (names.length === 0 || provisionedUrl(host) !== '') return undefined;
  return hostPlan(view, { steps: [{ kind: 'record', summary: 'drop the records of the deprovisioning', annotations: Object.fromEntries(names.map((name) => [name, null])) }], requeueAfterMs: 0 });
}

/**
 * A machine that must not lose power (spec.disablePowerOff) does not lose it by the deletion either: a free one is let go as
 * it is, and one with an image stays with the reason, since the way to a wiped disk goes through power off here.
 */
function planPoweredDeletion(view: HostView): HostPlan | undefined {
  const { host } = view;
  if (host.spec?.disablePowerOff !== true || detachRequest(host)) return undefined;
  switch (stateOf(host)) {
    case 'provisioning':
    case 'provisioned':
    case 'deprovisioning':
      return planRefusal(view);
    case 'powering off before delete':
      return enterState(view, 'deleting', { events: [deletedUnwiped('spec.disablePowerOff is true')] });
    default:
      return undefined;
  }
}

/** The deletion's own course; undefined when the state's plan already leads there. */
function planDeletion(view: HostView): HostPlan | undefined {
  const { host } = view;
  const state = stateOf(host);
  const detach = detachRequest(host);
  if (detach) {
    if (detach.deleteAction === 'delay') return hostPlan(view, { waitsFor: `annotation ${hostAnnotations.detached} to be removed, which delays the deletion`, requeueAfterMs: timers.detachedMs });
    return state === 'deleting' ? undefined : enterState(view, 'deleting');
  }
  switch (state) {
    case '':
    case 'unmanaged':
    case 'registering':
      return enterState(view, 'deleting');
    case 'provisioning':
    case 'provisioned':
      // A host that left the repository, or was deleted by hand, does not take a running node with it.
      if (view.inUseBy !== '') return failPlan(view, { type: 'preparation error', retry: 'waiting', problem: inUse(view) }, { requeueAfterMs: timers.inUsePollMs });
      return enterDeprovisioning(view, state);
    case 'deprovisioning':
    case 'powering off before delete':
      // Without credentials nothing can be done with the machine any more.
      return view.credentials.state === 'missing' || view.credentials.state === 'none' ? enterState(view, 'deleting', { events: [deletedUnwiped('the Secret with the BMC credentials is gone')] }) : undefined;
    case 'deleting':
      return undefined;
    default:
      return enterState(view, 'powering off before delete');
  }
}

function inUse({ host, inUseBy }: HostView): Problem {
  const { name, namespace = '' } = host.metadata;
  return problem(metalProblems.deletedInUse, { host: hostName(host), name, namespace }, { why: `Metal3Machine ${inUseBy} has it and is not being deleted`, where: 'metadata.deletionTimestamp' });
}

function enterDeprovisioning(view: HostView, state: HostState): HostPlan {
  const intent = readIntent(view.host);
  const started = state === 'provisioning' && intent?.operation === 'provision' && intent.step === 'boot';
  return enterState(view, 'deprovisioning', { ...(started ? { status: { image: { url: intent.image, format: 'live-iso' as const } } } : {}), events: [{ reason: 'DeprovisioningStarted', message: 'Image deprovisioning started: the host is being deleted' }] });
}

function deletedUnwiped(why: string) {
  return { reason: 'DeletedUnwiped', message: `Deleting the host without touching its machine: ${why}` };
}

/** Fields that guard data and have no effect here: the host is left alone. */
function planRefusal(view: HostView): HostPlan | undefined {
  const { host } = view;
  const guarded = [...unsupportedFieldsUsed(BareMetalHost, host).filter((field) => field.guardsData).map((field) => ({ path: field.path, because: field.because })), ...raidFields(host)];
  const [first] = guarded;
  if (!first) return undefined;
  const why = guarded.map((field) => `${field.path}: ${field.because}`).join('; ');
  return failPlan(view, { type: 'preparation error', retry: 'waiting', problem: problem(metalProblems.fieldGuardsData, { host: hostName(host), field: first.path }, { why, where: first.path }) }, stateOf(host) === '' ? { status: { state: '' } } : {});
}

function raidFields(host: BareMetalHost): readonly { path: string; because: string }[] {
  const raid = host.spec?.raid;
  const set = raid && (raid.hardwareRAIDVolumes != null || raid.softwareRAIDVolumes != null);
  return set ? [{ path: 'spec.raid', because: 'it says which disks hold data together' }] : [];
}

const detachableStates: readonly HostState[] = ['provisioned', 'externally provisioned', 'ready', 'available'];

function planDetached(view: HostView): HostPlan | undefined {
  const detach = detachRequest(view.host);
  if (!detach || !(detachableStates.includes(stateOf(view.host)) || detach.force)) return undefined;
  return hostPlan(view, { status: { operationalStatus: 'detached', error: null }, waitsFor: `annotation ${hostAnnotations.detached} to be removed`, requeueAfterMs: timers.detachedMs });
}

function leaveDetached(view: HostView): StatusChange {
  const known = view.host.status?.operationalStatus;
  return known === 'detached' || known === 'discovered' || known === '' || known === undefined ? { operationalStatus: 'OK' } : {};
}

/** Credentials, an answering BMC, and the machine that was registered; undefined when all is well. */
function planRegistration(view: HostView, state: HostState): HostPlan | undefined {
  const { host, credentials, bmc } = view;
  const type: ErrorType = provisionedUrl(host) !== '' || state === 'externally provisioned' ? 'provisioned registration error' : 'registration error';
  if (credentials.state !== 'ok') {
    const why = credentialsProblem(host, credentials);
    if (isDeleting(host) && (state === 'deprovisioning' || state === 'powering off before delete') && credentials.state === 'incomplete') return enterState(view, 'deleting', { events: [deletedUnwiped(why.why)] });
    return failPlan(view, { type, problem: why, retry: 'waiting' }, { requeueAfterMs: timers.credentialsMissingMs });
  }
  if (!credentials.claimed && !isDeleting(host)) {
    return hostPlan(view, { steps: [{ kind: 'claim-secret', name: credentials.name, summary: 'mark the Secret as used by this host' }], requeueAfterMs: 0 });
  }
  if (bmc.kind === 'failed') {
    const gone = isDeleting(host) && (state === 'deprovisioning' || state === 'powering off before delete') && (host.status?.errorCount ?? 0) >= 3;
    if (gone) return enterState(view, 'deleting', { status: { triedCredentials: credentials }, events: [deletedUnwiped(bmc.problem.why)] });
    // Not now is no error: it is looked at again when the BMC said.
    if (bmc.error === 'busy') return hostPlan(view, { waitsFor: bmc.problem.why, requeueAfterMs: bmc.retryAfterMs ?? 10_000 });
    const power = host.status?.goodCredentials?.credentialsVersion === credentials.version && state !== 'registering';
    const errorType: ErrorType = power && bmc.error !== 'unauthorized' ? 'power management error' : type;
    return failPlan(view, { type: errorType, problem: bmc.problem, retry: 'back-off' }, { status: { triedCredentials: credentials } });
  }
  if (bmc.kind === 'not-asked') return waitForRetry(view);
  const recorded = readIdentity(host);
  const other = recorded && otherMachine(recorded, bmc.identity);
  if (other) {
    return failPlan(view, {
      type, retry: 'back-off',
      problem: problem(metalProblems.wrongMachine, { host: hostName(host), namespace: host.metadata.namespace ?? '', name: host.metadata.name }, { why: other, where: 'spec.bmc.address' }),
    }, { status: { triedCredentials: credentials } });
  }
  if (!recorded && state !== 'registering') return hostPlan(view, { steps: [recordIdentity(bmc.identity)], status: { error: null }, requeueAfterMs: 0 });
  return undefined;
}

/** The BMC was left in peace on purpose: after an error until its time has come, after a refused password until the Secret changes. */
function waitForRetry(view: HostView): HostPlan {
  const { host } = view;
  const at = retryAt(view);
  const waitsFor = host.status?.errorMessage || 'the BMC';
  return hostPlan(view, { waitsFor, ...(at === undefined ? {} : { requeueAfterMs: Math.max(0, at - view.nowMs) }) });
}

/** When a host in error is tried again (ms since the epoch); undefined when only a change of Secret or spec brings that about. */
export function retryAt(view: Pick<HostView, 'host'>): number | undefined {
  const status = view.host.status;
  if (status?.errorMessage?.includes('[HOST.BMC_UNAUTHORIZED]')) return undefined;
  return (parseTime(status?.lastUpdated ?? '') || 0) + errorRetryMs(status?.errorCount ?? 0, view.host.metadata.uid ?? '');
}

/** Why the machine that answers is not the one that was registered; undefined when it is. */
export function otherMachine(recorded: { readonly uuid: string; readonly serialNumber: string }, seen: { readonly uuid: string; readonly serialNumber: string }): string | undefined {
  const uuidDiffers = recorded.uuid !== '' && seen.uuid !== '' && !sameUuid(recorded.uuid, seen.uuid);
  const serialDiffers = recorded.serialNumber !== '' && seen.serialNumber !== '' && recorded.serialNumber !== seen.serialNumber;
  if (!uuidDiffers && !serialDiffers) return undefined;
  return `registered was ${recorded.uuid || '?'} (serial ${recorded.serialNumber || '?'}), now ${seen.uuid || '?'} (serial ${seen.serialNumber || '?'}) answers`;
}

function credentialsProblem(host: BareMetalHost, credentials: Exclude<Credentials, { state: 'ok' }>): Problem {
  if (credentials.state === 'none') return problem(metalProblems.credentialsMissing, { host: hostName(host), secret: '(spec.bmc.credentialsName)' }, { why: 'spec.bmc was removed', where: 'spec.bmc' });
  const definition = credentials.state === 'missing' ? metalProblems.credentialsMissing : metalProblems.credentialsIncomplete;
  return problem(definition, { host: hostName(host), secret: `${host.metadata.namespace ?? ''}/${credentials.name}` }, { why: credentials.why, where: 'spec.bmc.credentialsName' });
}

/** Hardware from the annotation, where inspection is off and the annotation says something new. */
function planHardwareDetails(view: HostView, plan: HostPlan): HostPlan {
  const { host } = view;
  if (!isInspectionDisabled(host) || annotationOf(host, hostAnnotations.hardwareDetails) === undefined) return plan;
  return { ...plan, steps: [...plan.steps, { kind: 'take-hardware-details', summary: `take the hardware from annotation ${hostAnnotations.hardwareDetails}` }] };
}

/** True while a wipe or a provisioning is under way, in words of its records; for views. */
export function hasOpenIntent(host: BareMetalHost): boolean {
  return readIntent(host) !== undefined || readWipe(host) !== undefined;
}
