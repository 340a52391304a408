import type { HostView } from '../host-view.ts';
import { enterState, hostPlan, type HostPlan } from '../steps.ts';
import { timers } from '../timers.ts';

/** A host without spec.bmc is only known. */
export function planUnmanaged(view: HostView): HostPlan {
  const bmc = view.host.spec?.bmc;
  if (bmc && (bmc.address !== '' || bmc.credentialsName !== '')) return enterState(view, 'registering', { status: { operationalStatus: 'OK' } });
  return hostPlan(view, {
    status: { state: 'unmanaged', operationalStatus: 'discovered', error: null }, waitsFor: 'spec.bmc: address and credentialsName of its BMC', requeueAfterMs: timers.unmanagedMs,
    events: view.host.status?.provisioning?.state === 'unmanaged' ? [] : [{ reason: 'Discovered', message: 'Discovered host with no BMC details' }],
  });
}
