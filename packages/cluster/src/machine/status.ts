/** What a Machine's status says, from what was observed. Condition types and reasons are Cluster API's (v1beta2). */
import type { Machine, Node } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { findCondition } from '@keelson/kube';
import { parseTime } from '@keelson/std';
import type { WantedCondition } from '../write.ts';
import { isRecord } from '../write.ts';
import type { DeletingReason } from './plan.ts';
import { nodeHealth } from './node.ts';

export type NodeSeenByMachine =
  | { readonly kind: 'node'; readonly node: Node }
  /** Not there, and there is nothing to be said against it yet. */
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'deleted'; readonly name: string }
  | { readonly kind: 'unreachable'; readonly why: string };

export interface MachineObservation {
  readonly infrastructure?: KubeObject;
  readonly bootstrap?: KubeObject;
  readonly node: NodeSeenByMachine;
  readonly upToDate?: { readonly status: boolean; readonly message: string };
  readonly deleting?: { readonly reason: DeletingReason; readonly message: string };
  readonly nowMs: number;
}

/** What a provider's object says of itself: its Ready condition, or that it is not there. */
export function providerState(object: KubeObject | undefined, reference: { readonly kind: string; readonly name: string } | undefined): { readonly ready: boolean; readonly reason: string; readonly message: string } {
  if (!reference) return { ready: true, reason: 'Ready', message: '' };
  if (!object) return { ready: false, reason: 'DoesNotExist', message: `${reference.kind} ${reference.name} does not exist` };
  const ready = findCondition(object, 'Ready');
  if (ready?.status === 'True') return { ready: true, reason: 'Ready', message: '' };
  const text = ready?.message || ready?.reason || 'has not said anything yet';
  return { ready: false, reason: 'NotReady', message: `${reference.kind} ${reference.name}: ${text}` };
}

/** `status.initialization.<field>` of a provider's object, as the v1beta2 contract has it. */
export function isInitialized(object: KubeObject | undefined, field: 'provisioned' | 'dataSecretCreated'): boolean {
  const status = object?.status;
  return isRecord(status) && isRecord(status.initialization) && status.initialization[field] === true;
}

/** The conditions of a Machine in the order in which `kubectl describe` shows them best. */
export function machineConditions(machine: Machine, observed: MachineObservation): WantedCondition[] {
  const bootstrap = bootstrapCondition(machine, observed);
  const infrastructureState = providerState(observed.infrastructure, machine.spec.infrastructureRef);
  const infrastructure: WantedCondition = { type: 'InfrastructureReady', status: infrastructureState.ready, reason: infrastructureState.reason, message: infrastructureState.message };
  const [nodeReady, nodeHealthy] = nodeConditions(machine, observed);
  const deleting = observed.deleting;
  const parts = [bootstrap, infrastructure, nodeHealthy];
  const broken = parts.filter((part) => part.status !== true);
  const isReady = broken.length === 0 && !deleting;
  // The first cause comes first: a node cannot be there before its infrastructure is.
  const readyMessage = deleting ? `is being deleted: ${deleting.message}` : (broken[0]?.message ?? '');
  const ready: WantedCondition = { type: 'Ready', status: isReady, reason: isReady ? 'Ready' : 'NotReady', message: readyMessage };
  return [
    availableCondition(machine, ready, observed.nowMs),
    ready,
    observed.upToDate ? { type: 'UpToDate', status: observed.upToDate.status, reason: observed.upToDate.status ? 'UpToDate' : 'NotUpToDate', message: observed.upToDate.message } : undefined,
    bootstrap,
    infrastructure,
    nodeHealthy,
    nodeReady,
    { type: 'Deleting', status: deleting !== undefined, reason: deleting?.reason ?? 'NotDeleting', message: deleting?.message ?? '' },
    { type: 'Paused', status: false, reason: 'NotPaused' },
  ].filter((condition): condition is WantedCondition => condition !== undefined);
}

function bootstrapCondition(machine: Machine, observed: MachineObservation): WantedCondition {
  const { configRef, dataSecretName } = machine.spec.bootstrap;
  if (!configRef) return { type: 'BootstrapConfigReady', status: dataSecretName !== undefined, reason: dataSecretName ? 'DataSecretProvided' : 'NotReady', message: dataSecretName ? '' : 'spec.bootstrap has neither configRef nor dataSecretName' };
  // Data that was made is kept, whatever becomes of the object that made it.
  if (machine.status?.initialization?.bootstrapDataSecretCreated && !observed.bootstrap) return { type: 'BootstrapConfigReady', status: true, reason: 'Ready' };
  const state = providerState(observed.bootstrap, configRef);
  return { type: 'BootstrapConfigReady', status: state.ready, reason: state.reason, message: state.message };
}

function nodeConditions(machine: Machine, observed: MachineObservation): [ready: WantedCondition, healthy: WantedCondition] {
  const both = (status: boolean | 'Unknown', reason: string, message: string): [WantedCondition, WantedCondition] => [
    { type: 'NodeReady', status, reason, message },
    { type: 'NodeHealthy', status, reason, message },
  ];
  const { node } = observed;
  switch (node.kind) {
    case 'none': return both('Unknown', 'InspectionFailed', node.why);
    case 'deleted': return both(false, 'NodeDeleted', `Node ${node.name} was deleted while the Machine exists`);
    case 'unreachable': return both('Unknown', machine.status?.nodeRef ? 'ConnectionDown' : 'InspectionFailed', node.why);
    case 'node': {
      const health = nodeHealth(node.node);
      return [
        { type: 'NodeReady', status: health.ready, reason: health.ready ? 'NodeReady' : 'NodeNotReady', message: health.ready ? '' : health.message },
        { type: 'NodeHealthy', status: health.healthy, reason: health.healthy ? 'NodeHealthy' : 'NodeNotHealthy', message: health.message },
      ];
    }
  }
}

function availableCondition(machine: Machine, ready: WantedCondition, nowMs: number): WantedCondition {
  if (ready.status !== true) return { type: 'Available', status: false, reason: 'NotReady', message: ready.message ?? '' };
  const min = machine.spec.minReadySeconds ?? 0;
  const since = findCondition(machine, 'Ready');
  const readyMs = since?.status === 'True' ? nowMs - parseTime(since.lastTransitionTime) : 0;
  if (min > 0 && readyMs < min * 1000) return { type: 'Available', status: false, reason: 'WaitingForMinReadySeconds', message: `ready for less than ${min} s` };
  return { type: 'Available', status: true, reason: 'Available' };
}
