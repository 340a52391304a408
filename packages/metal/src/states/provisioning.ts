/**
 * Boots a live ISO: the machine is powered off, the image goes into the virtual drive, the next boot is pointed at it,
 * and the machine is powered on. Every look begins from what is seen, so a crash anywhere costs one look.
 */
import { problem } from '@keelson/std';
import { annotationOf, hostAnnotations, readIntent, recordText, type Intent } from '../annotations.ts';
import { hostName, imageUrl, type HostView } from '../host-view.ts';
import { metalProblems } from '../problems.ts';
import { enterState, failPlan, hostPlan, type HostPlan, type HostStep } from '../steps.ts';
import { pollAfter, provisioningTries, timers } from '../timers.ts';
import { whyNotServed } from './available.ts';
import { planOccupied } from './occupied.ts';

type ProvisionIntent = Extract<Intent, { operation: 'provision' }>;

export function planProvisioning(view: HostView): HostPlan {
  const { host, bmc, nowMs } = view;
  const url = imageUrl(host);
  const intent = provisionIntent(view);
  const attempted = host.status?.lastAttemptedImage?.url ?? '';
  if (url === '' || (attempted !== '' && attempted !== url) || whyNotServed(view) !== undefined) return cancel(view, url === '' ? 'spec.image is gone' : 'spec.image has changed');
  if (bmc.kind !== 'ok') return hostPlan(view);
  if ((host.status?.provisioningFailCount ?? 0) >= provisioningTries) return gaveUp(view);
  if (!(bmc.media ?? []).some((slot) => slot.bootable)) {
    const seen = (bmc.media ?? []).map((slot) => slot.id).join(', ') || 'none';
    return failPlan(view, { type: 'provisioning error', retry: 'back-off', problem: problem(metalProblems.noVirtualMedia, { host: hostName(host), address: host.spec?.bmc?.address ?? '' }, { why: `slots that take a CD image by URL: none (seen: ${seen})` }) });
  }
  const { power } = bmc.power;
  // The store may be older than the machine: what runs now decides whether it may be stopped.
  const occupied = intent?.step === 'boot' ? undefined : planOccupied(view);
  if (occupied) return occupied;
  if (intent?.step === 'boot') {
    if (power === 'on') return finish(view);
    return power === 'off' ? startBoot(view, intent) : waitPower(view, intent);
  }
  if (power === 'off') return startBoot(view, intent);
  return powerOff(view, intent, nowMs);
}

function provisionIntent(view: HostView): ProvisionIntent | undefined {
  const intent = readIntent(view.host);
  return intent?.operation === 'provision' && intent.image === imageUrl(view.host) ? intent : undefined;
}

function powerOff(view: HostView, intent: ProvisionIntent | undefined, nowMs: number): HostPlan {
  if (intent && nowMs - intent.sinceMs >= timers.powerLimitMs) return stuck(view, intent, 'off');
  if (intent && nowMs - intent.atMs < timers.powerAgainMs) return hostPlan(view, { waitsFor: 'the machine to power off before the image is inserted', requeueAfterMs: pollAfter(nowMs - intent.atMs) });
  return hostPlan(view, {
    steps: [
      record(view, { step: 'prepare', sinceMs: intent?.sinceMs ?? nowMs }),
      { kind: 'power-off', mode: 'hard', summary: 'power off before the image is inserted', guard: 'the host was available, no Talos node with a configuration answers on it, and spec.image is set' },
    ],
    waitsFor: 'the machine to power off before the image is inserted', requeueAfterMs: pollAfter(0),
  });
}

function startBoot(view: HostView, intent: ProvisionIntent | undefined): HostPlan {
  const { nowMs, host } = view;
  const url = imageUrl(host);
  if (intent?.step === 'boot' && nowMs - intent.sinceMs >= timers.powerLimitMs) return stuck(view, intent, 'on');
  if (intent?.step === 'boot' && nowMs - intent.atMs < timers.powerAgainMs) return waitPower(view, intent);
  return hostPlan(view, {
    steps: [
      record(view, { step: 'prepare', sinceMs: intent?.sinceMs ?? nowMs, medium: url }),
      ...bootFromImage(url),
      record(view, { step: 'boot', sinceMs: intent?.step === 'boot' ? intent.sinceMs : nowMs }),
      { kind: 'power-on', summary: 'power on' },
    ],
    waitsFor: 'the machine to power on', requeueAfterMs: pollAfter(0),
  });
}

/** The image in the drive and the next boot pointed at it. */
export function bootFromImage(url: string): readonly [insert: HostStep, boot: HostStep] {
  return [{ kind: 'insert-media', url, summary: `insert ${url}` }, { kind: 'boot-once', device: 'cd', summary: 'point the next boot at the virtual CD' }];
}

function waitPower(view: HostView, intent: ProvisionIntent): HostPlan {
  return hostPlan(view, { waitsFor: 'the machine to power on', requeueAfterMs: pollAfter(view.nowMs - intent.atMs) });
}

function record(view: HostView, { step, sinceMs, medium }: { step: ProvisionIntent['step']; sinceMs: number; medium?: string }): HostStep {
  const intent: ProvisionIntent = { operation: 'provision', image: imageUrl(view.host), step, sinceMs, atMs: view.nowMs };
  return {
    kind: 'record', summary: step === 'boot' ? 'record that the image is booted next' : 'record that the machine is prepared for the image',
    // A wipe that was proved before says nothing about what is booted now.
    annotations: { [hostAnnotations.intent]: recordText(intent), [hostAnnotations.wipe]: null, ...(step === 'boot' && annotationOf(view.host, hostAnnotations.overwrite) !== undefined ? { [hostAnnotations.overwrite]: null } : {}), ...(medium === undefined ? {} : { [hostAnnotations.medium]: medium }) },
  };
}

function finish(view: HostView): HostPlan {
  const { host } = view;
  return enterState(view, 'provisioned', {
    // The status goes first in effect: the intent is dropped by the first look at the provisioned host.
    status: { image: { ...host.spec!.image!, url: imageUrl(host) }, poweredOn: true, resetProvisioningFailures: true },
    events: [{ reason: 'ProvisioningComplete', message: `Image provisioning completed for ${imageUrl(host)}` }],
  });
}

/**
 * The image was taken back while it was provisioned. What may have run by then decides whether the disk is to be wiped:
 * an intent "boot" says that the machine may have been started, so it is treated as provisioned.
 */
function cancel(view: HostView, why: string): HostPlan {
  const { host } = view;
  const intent = readIntent(host);
  const started = intent?.operation === 'provision' && intent.step === 'boot';
  return enterState(view, 'deprovisioning', {
    status: started ? { image: { url: intent.image, format: 'live-iso' } } : { image: null },
    events: [{ reason: 'DeprovisioningStarted', message: `Provisioning is taken back: ${why}` }],
  });
}

function stuck(view: HostView, intent: ProvisionIntent, wanted: 'on' | 'off'): HostPlan {
  const { host, bmc, nowMs } = view;
  const why = `asked to power ${wanted} ${Math.round((nowMs - intent.sinceMs) / 1000)} s ago, the BMC says ${bmc.kind === 'ok' ? bmc.power.power : 'nothing'}`;
  return failPlan(view, { type: 'provisioning error', retry: 'back-off', failedProvisioning: true, problem: problem(metalProblems.powerStuck, { host: hostName(host), address: host.spec?.bmc?.address ?? '' }, { why }) }, {
    steps: [{ kind: 'record', summary: 'begin anew', annotations: { [hostAnnotations.intent]: recordText({ ...intent, sinceMs: nowMs }) } }],
  });
}

function gaveUp(view: HostView): HostPlan {
  const { host } = view;
  const tries = host.status?.provisioningFailCount ?? 0;
  return failPlan(view, { type: 'provisioning error', retry: 'waiting', problem: problem(metalProblems.provisioningGaveUp, { host: hostName(host), tries }, { why: (host.status?.errorMessage ?? '').replace(/^.*?(?=host )/, '') || 'see the events of the host', where: 'spec.image' }) });
}
