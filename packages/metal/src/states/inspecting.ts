import { annotationOf, hostAnnotations } from '../annotations.ts';
import type { HostView } from '../host-view.ts';
import { enterState, type HostPlan } from '../steps.ts';

/** Reads the hardware through the BMC (upstream's mode "fast"; there is no agent). */
export function planInspecting(view: HostView): HostPlan {
  const asked = annotationOf(view.host, hostAnnotations.inspect);
  return enterState(view, 'preparing', {
    steps: [
      { kind: 'inspect', summary: 'read the hardware through the BMC and write HardwareData' },
      ...(asked !== undefined && asked !== 'disabled' ? [{ kind: 'record' as const, summary: 'remove the annotation that asked for the inspection', annotations: { [hostAnnotations.inspect]: null } }] : []),
    ],
    events: [{ reason: 'InspectionComplete', message: 'Hardware inspection completed' }],
  });
}
