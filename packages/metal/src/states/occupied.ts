/**
 * A machine that may run something nobody told us of: it was found running when it was registered, or a Talos node with a
 * configuration answers on it though the host is free. That is what a rack looks like to a Keelson whose store was lost or
 * is older than the machines. Upstream would restart such a machine to inspect and clean it; here it is left as it is, in
 * power and disks, until its disks are known to be empty (it answers from maintenance) or its owner gives them away.
 */
import { problem } from '@keelson/std';
import { annotationOf, hostAnnotations, readIdentity, readOccupied, recordText } from '../annotations.ts';
import { hostName, type HostView } from '../host-view.ts';
import { planPower } from '../power-plan.ts';
import { metalProblems } from '../problems.ts';
import { failPlan, hostPlan, type HostPlan } from '../steps.ts';
import { timers } from '../timers.ts';
import { sameUuid } from '../system-uuid.ts';

/** True when the machine is recorded as occupied and nobody gave its disks away. */
export function isOccupied(view: Pick<HostView, 'host'>): boolean {
  return readOccupied(view.host) !== undefined && !mayOverwrite(view);
}

/** The owner's word that this very machine's disks may be overwritten: its UUID or serial number in an annotation. */
export function mayOverwrite({ host }: Pick<HostView, 'host'>): boolean {
  const given = annotationOf(host, hostAnnotations.overwrite)?.trim().toLowerCase() ?? '';
  const identity = readIdentity(host);
  return given !== '' && identity !== undefined && (given === identity.uuid.toLowerCase() || given === identity.serialNumber.toLowerCase());
}

/** What the machine was found with at its registration, as the annotation's value; undefined when it was off or is not ours to judge. */
export function foundRunning(view: HostView): string | undefined {
  const { bmc, host, nowMs } = view;
  if (bmc.kind !== 'ok' || bmc.power.power === 'off' || host.spec?.externallyProvisioned) return undefined;
  return recordText({ atMs: nowMs, why: 'it was running when it was registered' });
}

/** Leaves an occupied machine alone and says so; undefined when the machine is free. */
export function planOccupied(view: HostView): HostPlan | undefined {
  const { host, node, bmc } = view;
  const recorded = readOccupied(host);
  const empty = node.kind === 'maintenance' && bmc.kind === 'ok' && sameUuid(node.systemUuid, bmc.identity.uuid);
  if (mayOverwrite(view) || empty) {
    if (!recorded) return undefined;
    return hostPlan(view, {
      steps: [{ kind: 'record', summary: empty ? 'note that the machine runs from an image and has no installation' : 'note that its disks may be overwritten', annotations: { [hostAnnotations.occupied]: null } }],
      status: { error: null }, requeueAfterMs: 0,
    });
  }
  const answers = node.kind === 'foreign' || node.kind === 'configured' ? `a Talos node with a configuration answers at ${node.address}` : undefined;
  if (!recorded && !answers) return undefined;
  const why = answers ?? `${recorded?.why ?? ''}, and nobody who answers says that its disks are empty`;
  const identity = readIdentity(host);
  const { namespace = '', name } = host.metadata;
  const refused = failPlan(view, {
    type: 'preparation error', retry: 'waiting',
    problem: problem(metalProblems.occupied, { host: hostName(host), namespace, name, machine: identity?.uuid || identity?.serialNumber || '' }, { why, where: host.spec?.bmc?.address ?? '' }),
  }, { requeueAfterMs: timers.powerPollMs });
  if (!recorded) {
    const record = { kind: 'record' as const, summary: 'record that the machine runs something of its own', annotations: { [hostAnnotations.occupied]: recordText({ atMs: view.nowMs, why }) } };
    return { ...refused, steps: [record] };
  }
  // It may be started, since that is how it goes on as it was; it is never stopped.
  const start = bmc.kind === 'ok' && bmc.power.power === 'off' && host.spec?.online === true && host.status?.provisioning?.state !== 'provisioning' ? planPower(view, { reboots: false }) : undefined;
  return start ? { ...start, status: { ...start.status, ...refused.status }, waitsFor: refused.waitsFor ?? '' } : refused;
}
