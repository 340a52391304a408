import type { HostView } from '../host-view.ts';
import { enterState, type HostPlan } from '../steps.ts';

/**
 * Upstream prepares RAID, firmware settings and firmware here. Fields that ask for those are refused before a host comes
 * here (unsupported.ts), so there is nothing to do: the settings are noted and the host is available.
 */
export function planPreparing(view: HostView): HostPlan {
  return enterState(view, 'available', { status: { provisioningSettings: true } });
}
