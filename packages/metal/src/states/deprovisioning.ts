/**
 * Takes the image away. With automatedCleaningMode metadata the disk must be known to be wiped before the host may be
 * used again, and the proof is a machine that was started from the image and came up without a configuration.
 * Everything here is decided by what is observed: the records only keep requests from being repeated too soon.
 */
import { parseTime, problem, type Problem } from '@keelson/std';
import { annotationOf, hostAnnotations, readIntent, readWipe, rebootRequest, recordText, type WipeRecord } from '../annotations.ts';
import { hostName, isDeleting, nodeAddresses, provisionedUrl, type HostView } from '../host-view.ts';
import { planOff, powerOffMode } from '../power-plan.ts';
import { metalProblems } from '../problems.ts';
import { enterState, failPlan, hostPlan, type HostPlan, type HostStep } from '../steps.ts';
import { deleteTries, pollAfter, timers } from '../timers.ts';
import { isOccupied } from './occupied.ts';
import { bootFromImage } from './provisioning.ts';
import { sameUuid } from '../system-uuid.ts';

export function planDeprovisioning(view: HostView): HostPlan {
  const { host, bmc } = view;
  if (isDeleting(host) && ((host.status?.errorCount ?? 0) > deleteTries || deprovisioningMs(view) > timers.deleteLimitMs)) return leaveUnwiped(view);
  if (bmc.kind !== 'ok') return hostPlan(view);
  if (provisionedUrl(host) === '') return takeDown(view, 'no image was booted on this host');
  if (host.spec?.automatedCleaningMode === 'disabled') return takeDown(view, 'spec.image is gone or changed, and automatedCleaningMode is disabled, so its disks are kept');
  if (readWipe(host)?.phase === 'confirmed') return takeDown(view, 'its disk is known to be wiped');
  return planWipe(view);
}

/** How long the host has been deprovisioning. */
function deprovisioningMs({ host, nowMs }: HostView): number {
  return nowMs - (parseTime(host.status?.operationHistory?.deprovision?.start ?? '') || nowMs);
}

/** Off, drive empty, override gone: then the host is available, or on its way out. */
function takeDown(view: HostView, why: string): HostPlan {
  const { host, bmc } = view;
  if (bmc.kind !== 'ok') return hostPlan(view);
  const confirmed = readWipe(host)?.phase === 'confirmed';
  // It was never started from an image of ours, so what runs on it is somebody's.
  const isLeft = provisionedUrl(host) === '' && isOccupied(view);
  if (!isLeft && bmc.power.power !== 'off') return planOff(view, powerOffMode(view, confirmed), `the host is deprovisioned: ${why}`);
  const inserted = (bmc.media ?? []).some((slot) => slot.bootable && slot.inserted);
  const overridden = bmc.boot !== undefined && bmc.boot.lasts !== 'off' && bmc.boot.device !== 'disk';
  const steps: HostStep[] = [
    ...(inserted ? [{ kind: 'eject-media' as const, summary: 'take the image out' }] : []),
    ...(overridden ? [{ kind: 'clear-boot' as const, summary: 'take the boot override back' }] : []),
  ];
  // The state changes first and the records go in the next state, so that a crash between them does not lose the proof.
  return enterState(view, isDeleting(host) ? 'powering off before delete' : 'available', {
    steps, status: { image: null, resetProvisioningFailures: true, ...(isLeft ? {} : { poweredOn: false }) },
    events: [{ reason: 'DeprovisioningComplete', message: `Image deprovisioning completed: ${why}` }],
  });
}

function planWipe(view: HostView): HostPlan {
  const { host, node, nowMs } = view;
  const record = readWipe(host);
  const reboot = rebootRequest(host);
  if (reboot) return rebootToLook(view, reboot.names);
  switch (node.kind) {
    case 'maintenance':
      return isThisMachine(view, node.systemUuid) ? confirm(view) : another(view, node.address, node.systemUuid);
    case 'configured':
      if (!isThisMachine(view, node.systemUuid)) return another(view, node.address, node.systemUuid);
      if (record?.phase === 'requested' && nowMs - record.atMs < timers.wipeAgainMs) return waiting(view, 'the node to wipe its disk', record);
      return request(view, node.address, node.systemUuid);
    case 'silent':
    case 'foreign':
    case 'not-asked':
      return planSilent(view, record, node.kind === 'not-asked' ? 'the node was not asked' : node.why);
  }
}

function isThisMachine({ bmc }: HostView, systemUuid: string): boolean {
  return bmc.kind === 'ok' && sameUuid(systemUuid, bmc.identity.uuid);
}

function confirm(view: HostView): HostPlan {
  return hostPlan(view, { steps: [recordWipe(view, { phase: 'confirmed', atMs: view.nowMs }, 'record that the machine runs from the image and found no installation')], requeueAfterMs: 0, status: { error: null } });
}

function request(view: HostView, address: string, systemUuid: string): HostPlan {
  return hostPlan(view, {
    steps: [
      recordMedium(view),
      ...bootFromImage(provisionedUrl(view.host)),
      recordWipe(view, { phase: 'requested', atMs: view.nowMs }, 'record that the node is asked to wipe its disk'),
      {
        kind: 'wipe', address, systemUuid, summary: `ask the node at ${address} to wipe its system disk and restart`,
        guard: `${isDeleting(view.host) ? 'the host is being deleted' : 'spec.image is gone or changed'}, automatedCleaningMode is metadata, and the node is this machine (${systemUuid})`,
      },
    ],
    status: { error: null }, waitsFor: 'the node to wipe its disk', requeueAfterMs: timers.wipePollMs,
    events: [{ reason: 'WipeRequested', message: `The node at ${address} is asked to wipe its system disk` }],
  });
}

/** Nobody answers: a machine that is off is started to see, one that runs is waited for. */
function planSilent(view: HostView, record: WipeRecord | undefined, why: string): HostPlan {
  const { host, bmc, nowMs } = view;
  if (bmc.kind !== 'ok') return hostPlan(view);
  const { power } = bmc.power;
  const age = record ? nowMs - record.atMs : 0;
  if (nodeAddresses(host).length === 0 && power === 'on') return refreshAddresses(view);
  if (power === 'off') {
    if (record?.phase === 'looking' && age < timers.powerAgainMs) return waiting(view, 'the machine to start', record);
    if (!view.hasTalosconfig) return impossible(view, 'the machine is off and no Secret with a talosconfig is known');
    return look(view, nextLook(view, record));
  }
  if (power !== 'on') return hostPlan(view, { waitsFor: 'the machine to reach a power state', requeueAfterMs: pollAfter(age) });
  if (record && age < timers.wipeLimitMs) return waiting(view, record.phase === 'looking' ? `the machine to come up from its ${record.from}` : 'the node to wipe its disk and come up from the image', record);
  if (!view.hasTalosconfig) return impossible(view, why);
  if (record?.phase === 'looking' && !record.second) return planOff(view, 'hard', `the host is deprovisioning, was started from its ${record.from} to look, and nobody answers`);
  if (!record && deprovisioningMs(view) < timers.silentGraceMs) return hostPlan(view, { waitsFor: `the node to answer (${why})`, requeueAfterMs: timers.wipePollMs });
  return unconfirmed(view, record ? `${record.phase === 'looking' ? 'the machine was started from its disk and from the image' : 'the wipe was asked for'} ${Math.round(age / 60_000)} min ago, and ${why}` : why);
}

/**
 * Where to start from. A node that was seen installed (its medium was taken out) answers from its disk and can be asked to
 * wipe it; an image stops where it finds an installation. A node never seen installed is more likely still the image.
 */
function nextLook(view: HostView, record: WipeRecord | undefined): { readonly from: 'disk' | 'image'; readonly second: boolean } {
  if (record?.phase === 'requested') return { from: 'image', second: true };
  if (record?.phase === 'looking') {
    if (view.nowMs - record.atMs < timers.wipeLimitMs || record.second) return record;
    return { from: record.from === 'disk' ? 'image' : 'disk', second: true };
  }
  return { from: annotationOf(view.host, hostAnnotations.medium) === undefined ? 'disk' : 'image', second: false };
}

function look(view: HostView, { from, second }: { readonly from: 'disk' | 'image'; readonly second: boolean }): HostPlan {
  const boot: readonly HostStep[] = from === 'image' ? [recordMedium(view), ...bootFromImage(provisionedUrl(view.host))] : [{ kind: 'boot-once', device: 'disk', summary: 'point the next boot at the disk' }];
  return hostPlan(view, {
    steps: [...boot, recordWipe(view, { phase: 'looking', from, second, atMs: view.nowMs }, `record that the machine is started from its ${from} to see who answers`), { kind: 'power-on', summary: `power on from its ${from}` }],
    waitsFor: `the machine to come up from its ${from}`, requeueAfterMs: timers.wipePollMs, status: { error: null },
    events: [{ reason: 'PowerOn', message: `Starting the host from its ${from} to see who answers` }],
  });
}

/** The user's way out of a node that hangs: off, and then the look of a machine that is off. */
function rebootToLook(view: HostView, names: readonly string[]): HostPlan {
  if (view.bmc.kind === 'ok' && view.bmc.power.power === 'off') {
    const remove = names.includes(hostAnnotations.reboot) ? { [hostAnnotations.reboot]: null } : undefined;
    if (!remove) return hostPlan(view, { waitsFor: `${names.join(', ')} to be removed`, requeueAfterMs: timers.powerPollMs });
    return hostPlan(view, { steps: [{ kind: 'record', summary: 'note that the machine is off', annotations: { ...remove, [hostAnnotations.intent]: null, [hostAnnotations.wipe]: null } }], requeueAfterMs: 0 });
  }
  return planOff(view, 'hard', `${names.join(', ')} asks for it, and the host is being deprovisioned`);
}

function recordWipe(view: HostView, record: WipeRecord, summary: string): HostStep {
  return { kind: 'record', summary, annotations: { [hostAnnotations.wipe]: recordText(record), ...(readIntent(view.host) ? { [hostAnnotations.intent]: null } : {}) } };
}

function recordMedium(view: HostView): HostStep {
  return { kind: 'record', summary: 'record that the image goes into the drive', annotations: { [hostAnnotations.medium]: provisionedUrl(view.host) } };
}

function refreshAddresses(view: HostView): HostPlan {
  const plan = view.hasTalosconfig ? unconfirmed(view, 'no address of the machine is known') : impossible(view, 'no address of the machine is known');
  return { ...plan, steps: [{ kind: 'refresh-addresses', summary: 'read the addresses of the machine from its BMC' }] };
}

function waiting(view: HostView, waitsFor: string, record: WipeRecord): HostPlan {
  return hostPlan(view, { waitsFor, requeueAfterMs: Math.max(1_000, Math.min(timers.wipePollMs, pollAfter(view.nowMs - record.atMs))), status: { error: null } });
}

function another(view: HostView, address: string, systemUuid: string): HostPlan {
  const own = view.bmc.kind === 'ok' ? view.bmc.identity.uuid : '';
  const why = systemUuid === '' ? `${address} does not tell its UUID, so it is not known to be this machine` : own === '' ? 'the BMC tells no UUID, so the node cannot be known to be this machine' : `${address} is ${systemUuid}, the BMC's machine is ${own}`;
  return stay(view, problem(metalProblems.nodeIsAnother, { host: hostName(view.host), address: view.host.spec?.bmc?.address ?? '' }, { why }));
}

function unconfirmed(view: HostView, why: string): HostPlan {
  return stay(view, problem(metalProblems.wipeNotConfirmed, names(view), { why }));
}

function impossible(view: HostView, why: string): HostPlan {
  return stay(view, problem(metalProblems.wipeImpossible, names(view), { why: `automatedCleaningMode is metadata, and ${why}` }));
}

function names(view: HostView): Record<string, string> {
  return { host: hostName(view.host), namespace: view.host.metadata.namespace ?? '', name: view.host.metadata.name };
}

function stay(view: HostView, why: Problem): HostPlan {
  return failPlan(view, { type: 'provisioning error', retry: 'waiting', problem: why }, { requeueAfterMs: timers.wipePollMs });
}

/** Deletion goes on after several errors, as upstream does, or after an hour of silence; that the disk was not wiped is said aloud. */
function leaveUnwiped(view: HostView): HostPlan {
  return enterState(view, 'powering off before delete', {
    events: [{ reason: 'DeletedUnwiped', message: `Deleting the host without knowing its disk wiped, after ${Math.round(deprovisioningMs(view) / 60_000)} min: ${view.host.status?.errorMessage ?? ''}` }],
  });
}
