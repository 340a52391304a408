/** What a reconcile of a Metal3Machine came to, and how it is written into its status. Conditions and reasons are CAPM3's. */
import type { BareMetalHost } from '@keelson/api';
import { Metal3Machine } from '@keelson/api';
import type { ReconcileResult } from '@keelson/controller';
import type { WantedCondition, Writer } from '../../write.ts';
import { conditionsAfter, writeStatus } from '../../write.ts';
import { hostAddresses } from './host-view.ts';

/** What a reconcile came to; written into the status at its end. */
export interface Outcome {
  readonly machine: Metal3Machine;
  readonly associated: WantedCondition;
  readonly configured: WantedCondition;
  readonly ready: { readonly status: boolean; readonly reason: string; readonly message: string };
  readonly host?: BareMetalHost;
  readonly provisioned?: boolean;
  readonly result?: ReconcileResult;
}

/** It waits for something before it has a host. */
export function waiting(machine: Metal3Machine, reason: string, message: string): Outcome {
  return {
    machine,
    associated: { type: 'AssociateBareMetalHost', status: false, reason, message },
    configured: notConfigured(reason, message),
    ready: { status: false, reason, message },
    result: { waitsFor: message.replace(/^waits for /, '') },
  };
}

export const notConfigured = (reason: string, message: string): WantedCondition => ({ type: 'MachineConfigured', status: false, reason, message });

/** What was known of the machine's config before; used where the host is the trouble. */
export function keepConfigured(machine: Metal3Machine): WantedCondition {
  const known = machine.status?.conditions?.find((condition) => condition.type === 'MachineConfigured');
  return known ? { type: known.type, status: known.status === 'True', reason: known.reason, message: known.message } : notConfigured('WaitingForHost', 'waits for its host');
}

export async function writeOutcome(scope: Writer, outcome: Outcome): Promise<void> {
  const { machine, host } = outcome;
  const provisioned = outcome.provisioned === true || machine.status?.initialization?.provisioned === true;
  const addresses = host ? hostAddresses(host) : (machine.status?.addresses ?? []);
  await writeStatus(scope, Metal3Machine, machine, {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(provisioned ? { initialization: { provisioned: true } } : {}),
    ...(host?.spec?.userData ? { userData: host.spec.userData } : {}),
    conditions: conditionsAfter(machine.status?.conditions, [
      { type: 'Ready', ...outcome.ready },
      outcome.associated,
      outcome.configured,
      { type: 'Paused', status: false, reason: 'NotPaused' },
    ], scope, machine.metadata.generation),
  });
}

export async function writePaused(scope: Writer, machine: Metal3Machine): Promise<void> {
  const kept = (machine.status?.conditions ?? []).filter((condition) => condition.type !== 'Paused');
  const conditions = conditionsAfter(machine.status?.conditions, [
    ...kept.map((condition): WantedCondition => ({ type: condition.type, status: condition.status === 'Unknown' ? 'Unknown' : condition.status === 'True', reason: condition.reason, message: condition.message })),
    { type: 'Paused', status: true, reason: 'Paused' },
  ], scope, machine.metadata.generation);
  await writeStatus(scope, Metal3Machine, machine, { ...machine.status, conditions });
}
