import { problem } from '@keelson/std';
import { hostName, imageUrl, type HostView } from '../host-view.ts';
import { planSteady } from '../power-plan.ts';
import { metalProblems } from '../problems.ts';
import { enterState, failPlan, type HostPlan } from '../steps.ts';

/** Someone else put an image on the machine: nothing is ever deployed or wiped here, only the power follows. */
export function planExternallyProvisioned(view: HostView): HostPlan {
  const { host } = view;
  const power = planSteady(view, { reboots: true });
  if (host.spec?.externallyProvisioned) return power;
  // Without an image the next state would take the machine for one that is to be cleaned.
  if (imageUrl(host) === '') {
    const refused = failPlan(view, { type: 'provisioning error', retry: 'waiting', problem: problem(metalProblems.externalWithoutImage, { host: hostName(host) }, { why: 'spec.externallyProvisioned is false and spec.image is empty', where: 'spec' }) });
    return { ...power, status: { ...power.status, ...refused.status }, waitsFor: refused.waitsFor ?? '' };
  }
  return enterState(view, 'provisioned', { status: { image: host.spec!.image! } });
}
