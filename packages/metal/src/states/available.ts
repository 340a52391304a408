import { problem } from '@keelson/std';
import { isInspectionRequested } from '../annotations.ts';
import { hostName, imageUrl, type HostView } from '../host-view.ts';
import { planSteady } from '../power-plan.ts';
import { metalProblems } from '../problems.ts';
import { enterState, failPlan, type HostPlan } from '../steps.ts';
import { planOccupied } from './occupied.ts';

/** Ready for use: the power follows spec.online, and an image with online starts a provisioning. */
export function planAvailable(view: HostView): HostPlan {
  const { host } = view;
  if (host.spec?.externallyProvisioned) return enterState(view, 'externally provisioned');
  const occupied = planOccupied(view);
  if (occupied) return occupied;
  const wantsImage = imageUrl(host) !== '' || (host.spec?.customDeploy?.method ?? '') !== '';
  if (!wantsImage && isInspectionRequested(host)) return enterState(view, 'inspecting', { events: [{ reason: 'InspectionStarted', message: 'Hardware inspection started' }] });
  if (wantsImage) {
    const why = whyNotServed(view);
    if (why !== undefined) {
      const refused = failPlan(view, { type: 'provisioning error', retry: 'waiting', problem: problem(metalProblems.imageNotServed, { host: hostName(host) }, { why, where: 'spec.image' }) });
      const power = planSteady(view, { reboots: false });
      return { ...power, status: { ...power.status, ...refused.status }, waitsFor: refused.waitsFor ?? '' };
    }
    if (host.spec?.online) {
      return enterState(view, 'provisioning', {
        status: { attemptedImage: { ...host.spec.image!, url: imageUrl(host) } },
        events: [{ reason: 'ProvisioningStarted', message: `Image provisioning started for ${imageUrl(host)}` }],
      });
    }
  }
  return planSteady(view, { reboots: false }, wantsImage ? { waitsFor: 'spec.online: true, which starts the provisioning' } : {});
}

/** Why the wanted image cannot be provisioned; undefined when it can. */
export function whyNotServed({ host }: HostView): string | undefined {
  const { image, customDeploy } = host.spec ?? {};
  if (customDeploy?.method) return `spec.customDeploy.method ${JSON.stringify(customDeploy.method)} needs a deploy agent, which is not there yet`;
  if (image && image.format !== 'live-iso') return `spec.image.format is ${image.format ?? 'not set (a disk image)'}; writing images to disk is not served yet`;
  if (image?.url && !/^https?:\/\//.test(image.url)) return `spec.image.url ${JSON.stringify(image.url)} is not http or https, and a BMC fetches nothing else`;
  return undefined;
}
