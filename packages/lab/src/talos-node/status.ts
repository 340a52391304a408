/** What a node says about its stage and readiness: MachineStatus of the resource API and of the events (facts: stages). */
import type { TalosNode } from './node.ts';
import { isUp } from './services.ts';
import type { Stage } from './state.ts';

export interface MachineStatus {
  readonly stage: Exclude<Stage, 'halted'>;
  readonly ready: boolean;
  readonly unmet: readonly { readonly name: string; readonly reason: string }[];
}

const numbers: Readonly<Record<MachineStatus['stage'], string>> = {
  booting: 'BOOTING', installing: 'INSTALLING', maintenance: 'MAINTENANCE', running: 'RUNNING', rebooting: 'REBOOTING', 'shutting down': 'SHUTTING_DOWN',
  resetting: 'RESETTING', upgrading: 'UPGRADING',
};

/** The stage's name in the machine API's enum. */
export function stageNumber(stage: MachineStatus['stage']): string {
  return numbers[stage];
}

/** Services that must be healthy before the node is ready. */
export function requiredServices(node: TalosNode): readonly string[] {
  return node.isControlPlane ? ['machined', 'apid', 'trustd', 'etcd', 'kubelet'] : ['machined', 'apid', 'kubelet'];
}

export function machineStatus(node: TalosNode): MachineStatus {
  const { state, machine, config } = node;
  const stage = state && state.stage !== 'halted' ? state.stage : 'booting';
  if (!state || !config) return { stage, ready: stage === 'maintenance', unmet: [] };
  const unmet: { name: string; reason: string }[] = [];
  if (machine.hasFault('time-not-synced')) unmet.push({ name: 'time', reason: 'time is not synced' });
  const down = requiredServices(node).filter((id) => !isUp(state.services[id]));
  if (down.length > 0) unmet.push({ name: 'services', reason: `${down.join(', ')} not healthy` });
  const kubernetes = node.world.clusters?.nodeState(config.clusterId, machine.name);
  if (kubernetes && node.isControlPlane && !kubernetes.apiServer) unmet.push({ name: 'staticPods', reason: 'kube-system/kube-apiserver not running' });
  if (kubernetes && !kubernetes.ready) unmet.push({ name: 'nodeReady', reason: kubernetes.waitsFor || 'node is not ready' });
  return { stage, ready: stage === 'running' && unmet.length === 0, unmet };
}
