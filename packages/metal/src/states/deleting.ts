import { isDeleting, type HostView } from '../host-view.ts';
import { planOff, powerOffMode } from '../power-plan.ts';
import { enterState, hostPlan, type HostPlan } from '../steps.ts';
import { deleteTries } from '../timers.ts';
import { isOccupied } from './occupied.ts';

/** Powers the machine off, softly first; after several errors the host goes without. */
export function planPoweringOffBeforeDelete(view: HostView): HostPlan {
  const { host, bmc } = view;
  if (!isDeleting(host)) return hostPlan(view);
  if (isOccupied(view)) return enterState(view, 'deleting', { events: [{ reason: 'LeftAsItIs', message: 'Deleting the host without touching its machine, which runs something of its own' }] });
  if ((host.status?.errorCount ?? 0) > deleteTries) {
    return enterState(view, 'deleting', { events: [{ reason: 'DeletedUnwiped', message: `Deleting the host without knowing it powered off: ${host.status?.errorMessage ?? ''}` }] });
  }
  if (bmc.kind !== 'ok') return hostPlan(view);
  if (bmc.power.power === 'off') return enterState(view, 'deleting', { status: { poweredOn: false } });
  return planOff(view, powerOffMode(view, false), 'the host is being deleted');
}

/** Lets go of HardwareData, Secret and host. */
export function planDeleting(view: HostView): HostPlan {
  return hostPlan(view, { steps: [{ kind: 'release', summary: 'remove HardwareData and the finalizers of the Secret and the host' }], writesStatus: false });
}
