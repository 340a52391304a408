import { problem } from '@keelson/std';
import { annotationOf, hostAnnotations, readIntent } from '../annotations.ts';
import { hostName, imageUrl, nodeAddresses, provisionedUrl, type HostView } from '../host-view.ts';
import { planPower, planSteady } from '../power-plan.ts';
import { metalProblems } from '../problems.ts';
import { enterState, failPlan, hostPlan, type HostPlan, type HostStep } from '../steps.ts';
import { sameUuid } from '../system-uuid.ts';
import { timers } from '../timers.ts';
import { bootFromImage } from './provisioning.ts';

/** The image runs: the power follows spec.online and reboot annotations, and the medium goes once the node runs from its disk. */
export function planProvisioned(view: HostView): HostPlan {
  const { host } = view;
  if (imageUrl(host) !== provisionedUrl(host) || (host.spec?.customDeploy?.method ?? '') !== (host.status?.provisioning?.customDeploy?.method ?? '')) {
    if (view.inUseBy !== '') return staysInUse(view);
    const why = imageUrl(host) === '' ? 'spec.image is gone' : 'spec.image has changed';
    return enterState(view, 'deprovisioning', { events: [{ reason: 'DeprovisioningStarted', message: `Image deprovisioning started: ${why}` }] });
  }
  if (readIntent(host)?.operation === 'provision') {
    return hostPlan(view, { steps: [{ kind: 'record', summary: 'note that the image was booted', annotations: { [hostAnnotations.intent]: null } }], requeueAfterMs: 0 });
  }
  return planPower(view, { reboots: true, beforeOn: beforePowerOn(view) }) ?? planAddresses(view) ?? planMedium(view) ?? planSteady(view, { reboots: true });
}

/** Only the machine that has the host may give it back; an edit, or a repository that takes fields over, does not wipe its disk. */
function staysInUse(view: HostView): HostPlan {
  const { host, inUseBy } = view;
  const { name, namespace = '' } = host.metadata;
  const image = provisionedUrl(host);
  const refused = problem(metalProblems.imageTakenInUse, { host: hostName(host), name, namespace, image }, { why: `spec.image is ${imageUrl(host) || 'gone'}, ${image} is provisioned, and Metal3Machine ${inUseBy} has the host and is not being deleted`, where: 'spec.image' });
  return failPlan(view, { type: 'provisioning error', retry: 'waiting', problem: refused }, { requeueAfterMs: timers.inUsePollMs });
}

/** Some BMCs know the machine's addresses only once a system runs on it. */
function planAddresses(view: HostView): HostPlan | undefined {
  if (nodeAddresses(view.host).length > 0 || view.bmc.kind !== 'ok' || view.bmc.power.power !== 'on' || !view.hasTalosconfig) return undefined;
  return hostPlan(view, { steps: [{ kind: 'refresh-addresses', summary: 'read the addresses of the machine from its BMC' }], status: { error: null }, requeueAfterMs: timers.mediumPollMs });
}

/**
 * Where a machine boots from when it is switched on again. A live image is all there is, so it is booted again. A Talos
 * node may have installed itself meanwhile, and its image stops where it finds an installation: the medium is in the
 * drive, and the firmware's own order decides, disk before drive.
 */
function beforePowerOn(view: HostView): readonly HostStep[] {
  const medium = annotationOf(view.host, hostAnnotations.medium);
  if (medium === undefined) return [];
  const [insert, boot] = bootFromImage(medium);
  return annotationOf(view.host, hostAnnotations.talosconfigSecret) === undefined ? [insert, boot] : [insert];
}

/** Takes the medium out once the node answers with its own certificate: then it runs from its disk. */
function planMedium(view: HostView): HostPlan | undefined {
  const { host, node, bmc } = view;
  if (annotationOf(host, hostAnnotations.medium) === undefined || !view.hasTalosconfig || bmc.kind !== 'ok' || bmc.power.power !== 'on') return undefined;
  // A control plane stays in "booting" until its etcd is bootstrapped; while it installs, the stage is "installing".
  if (node.kind === 'configured' && sameUuid(node.systemUuid, bmc.identity.uuid) && node.installed && (node.stage === 'running' || node.stage === 'booting')) {
    return hostPlan(view, {
      steps: [
        { kind: 'clear-boot', summary: 'let the firmware choose the disk from now on' },
        { kind: 'eject-media', summary: 'take the image out: the node runs from its disk' },
        { kind: 'record', summary: 'note that the drive is empty', annotations: { [hostAnnotations.medium]: null } },
      ],
      status: { error: null }, requeueAfterMs: timers.powerPollMs,
    });
  }
  // Some BMCs keep an override for ever: once the image is up it must not rule the node's own reboot after the installation.
  const sticks = bmc.boot?.lasts === 'continuous' && bmc.boot.device === 'cd';
  if (node.kind === 'maintenance' && sticks) {
    return hostPlan(view, { steps: [{ kind: 'clear-boot', summary: 'take back a boot override that would stay' }], status: { error: null }, requeueAfterMs: timers.mediumPollMs });
  }
  return hostPlan(view, { status: { error: null }, requeueAfterMs: timers.mediumPollMs });
}
