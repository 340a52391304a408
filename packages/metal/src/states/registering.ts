import { problem } from '@keelson/std';
import { hostAnnotations, isInspectionDisabled, readIdentity, recordText, type MachineIdentity } from '../annotations.ts';
import { hostName, type HostView } from '../host-view.ts';
import { metalProblems } from '../problems.ts';
import { enterState, failPlan, hostPlan, type HostPlan, type HostStep } from '../steps.ts';
import { foundRunning } from './occupied.ts';

/** The BMC has answered: who the machine is gets recorded before anything else may happen to it. */
export function planRegistering(view: HostView): HostPlan {
  const { host, bmc } = view;
  if (bmc.kind !== 'ok') return hostPlan(view);
  if (view.sameMachineAs !== '') {
    return failPlan(view, {
      type: 'registration error', retry: 'back-off',
      problem: problem(metalProblems.duplicateMachine, { host: hostName(host) }, { why: `UUID ${bmc.identity.uuid || '?'}, serial ${bmc.identity.serialNumber || '?'} is host ${view.sameMachineAs}`, where: 'spec.bmc.address' }),
    });
  }
  const { uuid } = bmc.identity;
  const recorded = readIdentity(host) !== undefined;
  const found = foundRunning(view);
  const next = host.spec?.externallyProvisioned ? 'externally provisioned' : isInspectionDisabled(host) ? 'preparing' : 'inspecting';
  return enterState(view, next, {
    steps: [...(recorded ? [] : [recordIdentity(bmc.identity)]), ...(found === undefined ? [] : [{ kind: 'record' as const, summary: 'record that the machine was found running', annotations: { [hostAnnotations.occupied]: found } }])],
    status: { id: uuid || host.metadata.uid || '', operationalStatus: 'OK' },
    events: [{ reason: 'Registered', message: 'Registered new host' }, ...(next === 'inspecting' ? [{ reason: 'InspectionStarted', message: 'Hardware inspection started' }] : [{ reason: 'InspectionSkipped', message: 'Hardware inspection skipped' }])],
  });
}

/** From now on another machine behind the same address is refused. */
export function recordIdentity({ uuid, serialNumber, manufacturer, model }: MachineIdentity): HostStep {
  return {
    kind: 'record', summary: `record that the machine is ${uuid || serialNumber || 'without UUID and serial number'}`,
    annotations: { [hostAnnotations.identity]: recordText({ uuid, serialNumber, manufacturer, model }) },
  };
}
