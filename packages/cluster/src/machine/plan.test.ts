import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeletionState, MachineFacts, MachinePhase } from './plan.ts';
import { machinePhase, planDeletion } from './plan.ts';

test('the phase follows what the machine has', () => {
  const base: MachineFacts = { deleting: false, bootstrapReady: false, infrastructureProvisioned: false };
  const rows: readonly [Partial<MachineFacts>, MachinePhase][] = [
    [{}, 'Pending'],
    [{ bootstrapReady: true }, 'Provisioning'],
    [{ bootstrapReady: true, providerId: 'x' }, 'Provisioning'],
    [{ bootstrapReady: true, providerId: 'x', infrastructureProvisioned: true }, 'Provisioned'],
    [{ bootstrapReady: true, providerId: 'x', nodeName: 'n' }, 'Provisioning'],
    [{ bootstrapReady: true, providerId: 'x', infrastructureProvisioned: true, nodeName: 'n' }, 'Running'],
    [{ deleting: true, nodeName: 'n', infrastructureProvisioned: true }, 'Deleting'],
  ];
  for (const [facts, phase] of rows) assert.equal(machinePhase({ ...base, ...facts }), phase);
});

const state = (more: Partial<DeletionState> = {}): DeletionState => ({
  name: 'm', namespace: 'n', nowMs: 1_000_000, clusterDeleting: false, preDrainHooks: [], preTerminateHooks: [], etcdMemberStays: false, nodeName: 'node', excludeDraining: false,
  drain: { timeoutSeconds: 0 }, volumes: { excluded: false, timeoutSeconds: 0 }, infrastructure: 'there', bootstrap: 'there', node: { gone: false, startedMs: 1_000_000, timeoutSeconds: 10 }, ...more,
});
const drained = { drain: { timeoutSeconds: 0, seen: 'done' as const }, volumes: { excluded: false, timeoutSeconds: 0, seen: 'done' as const } };
const gone = { ...drained, infrastructure: 'gone' as const, bootstrap: 'gone' as const };

test('a machine lets go in upstream\'s order', () => {
  const rows: readonly [string, DeletionState, string, string | undefined][] = [
    ['hooks before the drain', state({ preDrainHooks: ['backup'] }), 'WaitingForPreDrainHook', undefined],
    ['drain', state(), 'DrainingNode', 'drain-node'],
    ['pods are left', state({ drain: { timeoutSeconds: 0, seen: { pods: ['a/b'] } } }), 'DrainingNode', 'drain-node'],
    ['the drain\'s time is up', state({ drain: { timeoutSeconds: 60, startedMs: 900_000, seen: { pods: ['a/b'] } } }), 'WaitingForVolumeDetach', 'check-volumes'],
    ['no limit: it goes on', state({ drain: { timeoutSeconds: 0, startedMs: 1, seen: { pods: ['a/b'] } } }), 'DrainingNode', 'drain-node'],
    ['a silent API server is waited for', state({ drain: { timeoutSeconds: 0, startedMs: 1_000_000 - 1000, seen: 'unreachable' } }), 'DrainingNode', undefined],
    ['for as long as it takes', state({ drain: { timeoutSeconds: 0, startedMs: 1, seen: 'unreachable' } }), 'DrainingNode', undefined],
    ['unless the drain has a limit', state({ drain: { timeoutSeconds: 60, startedMs: 900_000, seen: 'unreachable' } }), 'WaitingForVolumeDetach', 'check-volumes'],
    ['volumes that nobody can see', state({ ...drained, volumes: { excluded: false, timeoutSeconds: 0, startedMs: 1, seen: 'unreachable' } }), 'WaitingForVolumeDetach', undefined],
    ['no drain was asked for', state({ excludeDraining: true }), 'WaitingForVolumeDetach', 'check-volumes'],
    ['volumes', state({ ...drained, volumes: { excluded: false, timeoutSeconds: 0, seen: { volumes: ['pv1'] } } }), 'WaitingForVolumeDetach', undefined],
    ['hooks after it', state({ ...drained, preTerminateHooks: ['x'] }), 'WaitingForPreTerminateHook', undefined],
    ['etcd', state({ ...drained, etcdMemberStays: true }), 'WaitingForPreTerminateHook', undefined],
    ['infrastructure', state(drained), 'WaitingForInfrastructureDeletion', 'delete-infrastructure'],
    ['infrastructure goes', state({ ...drained, infrastructure: 'deleting' }), 'WaitingForInfrastructureDeletion', undefined],
    ['bootstrap', state({ ...drained, infrastructure: 'gone' }), 'WaitingForBootstrapDeletion', 'delete-bootstrap'],
    ['node', state(gone), 'DeletingNode', 'delete-node'],
    ['the node\'s time is up', state({ ...gone, node: { gone: false, startedMs: 980_000, timeoutSeconds: 10 } }), 'DeletionCompleted', 'remove-finalizer'],
    ['end', state({ ...gone, node: { gone: true, startedMs: 1, timeoutSeconds: 10 } }), 'DeletionCompleted', 'remove-finalizer'],
    ['a machine that never had a node', state({ nodeName: undefined }), 'WaitingForInfrastructureDeletion', 'delete-infrastructure'],
    ['with its cluster nothing is drained', state({ clusterDeleting: true }), 'WaitingForInfrastructureDeletion', 'delete-infrastructure'],
    ['nor leaves etcd', state({ clusterDeleting: true, etcdMemberStays: true }), 'WaitingForInfrastructureDeletion', 'delete-infrastructure'],
    ['nor is its node deleted', state({ ...gone, clusterDeleting: true }), 'DeletionCompleted', 'remove-finalizer'],
    ['hooks hold also then', state({ clusterDeleting: true, preTerminateHooks: ['x'] }), 'WaitingForPreTerminateHook', undefined],
  ];
  for (const [name, of, reason, step] of rows) {
    const plan = planDeletion(of);
    assert.deepEqual([plan.reason, plan.steps[0]?.kind], [reason, step], name);
  }
});

test('what stops a machine carries the rule that permitted it', () => {
  assert.ok(planDeletion(state(drained)).steps[0]?.guard);
  assert.ok(planDeletion(state()).steps[0]?.guard);
});
