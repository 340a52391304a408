/** One line about a machine, for `lab status`. */
import { machineStatus } from './talos-node/status.ts';
import type { TalosNode } from './talos-node/node.ts';
import { systemDisk } from './machine/disk.ts';

export interface MachineReport {
  readonly name: string;
  readonly rack: string;
  readonly slot: number;
  readonly power: string;
  /** off, post, loading, maintenance, installing, booting, running, halted, no bootable device, hung … */
  readonly runs: string;
  readonly sinceMs: number;
  readonly bmc: string;
  readonly address: string;
  /** `Talos v1.14.1` or `empty`. */
  readonly disk: string;
  readonly cluster: string;
  readonly hostname: string;
  readonly media: readonly string[];
  readonly faults: readonly string[];
  /** Why it is not ready, in words; empty when it is, or when it is off. */
  readonly waitsFor: string;
}

export function machineReport(node: TalosNode): MachineReport {
  const { machine, state } = node;
  const disk = systemDisk(machine);
  return {
    name: machine.name,
    rack: machine.spec.rack,
    slot: machine.spec.slot,
    power: machine.state.power,
    runs: runs(node),
    sinceMs: machine.state.activitySinceMs,
    bmc: `${machine.bmcAddress.host}:${machine.bmcAddress.port}`,
    address: machine.nodeAddress,
    disk: disk ? `Talos ${disk.content.version}` : 'empty',
    cluster: node.config?.clusterName ?? '',
    hostname: node.config ? node.hostname : '',
    media: Object.values(machine.state.media).map((medium) => medium.image),
    faults: machine.state.faults,
    waitsFor: state?.stage === 'halted' ? state.haltReason : machineStatus(node).unmet.map((one) => one.reason).join('; '),
  };
}

function runs({ machine: { state: { activity } }, state }: TalosNode): string {
  switch (activity.kind) {
    case 'os':
      return state?.stage ?? 'booting';
    case 'hung':
      return `hung in ${activity.where}`;
    case 'no-bootable-device':
      return 'no bootable device';
    default:
      return activity.kind;
  }
}
