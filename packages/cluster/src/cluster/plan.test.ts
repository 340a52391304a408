import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterParts } from './plan.ts';
import { planClusterDeletion } from './plan.ts';

const parts = (more: Partial<ClusterParts> = {}): ClusterParts => ({ name: 'edge', namespace: 'n', deployments: [], sets: [], loneWorkers: [], workers: 0, controlPlaneMachines: 0, ...more });

test('a cluster goes workers first, secrets last, and nothing is deleted twice', () => {
  const cp = { name: 'cp', deleting: false };
  const infra = { name: 'infra', deleting: false };
  const rows: readonly [string, ClusterParts, string, string[]][] = [
    ['workers', parts({ deployments: [{ name: 'md', deleting: false }], sets: [{ name: 'ms', deleting: false }], loneWorkers: [{ name: 'm', deleting: false }], workers: 4, controlPlane: cp, controlPlaneMachines: 3, infrastructure: infra }), 'WaitingForWorkersDeletion', ['delete-deployment md', 'delete-set ms', 'delete-machine m']],
    ['workers go', parts({ deployments: [{ name: 'md', deleting: true }], workers: 1, controlPlane: cp, infrastructure: infra }), 'WaitingForWorkersDeletion', []],
    ['a worker without deployment is waited for', parts({ workers: 1, controlPlane: cp }), 'WaitingForWorkersDeletion', []],
    ['control plane', parts({ controlPlane: cp, controlPlaneMachines: 3, infrastructure: infra }), 'WaitingForControlPlaneDeletion', ['delete-control-plane cp']],
    ['control plane goes', parts({ controlPlane: { ...cp, deleting: true }, controlPlaneMachines: 1, infrastructure: infra }), 'WaitingForControlPlaneDeletion', []],
    ['its machines outlive it', parts({ controlPlaneMachines: 1, infrastructure: infra }), 'WaitingForControlPlaneDeletion', []],
    ['infrastructure', parts({ infrastructure: infra }), 'WaitingForInfrastructureDeletion', ['delete-infrastructure infra']],
    ['infrastructure goes', parts({ infrastructure: { ...infra, deleting: true } }), 'WaitingForInfrastructureDeletion', []],
    ['secrets', parts(), 'DeletionCompleted', ['remove-secrets edge']],
  ];
  for (const [name, of, reason, steps] of rows) {
    const plan = planClusterDeletion(of);
    assert.deepEqual([plan.reason, plan.steps.map((step) => `${step.kind} ${step.name}`)], [reason, steps], name);
    assert.ok(plan.steps.every((step) => step.guard), name);
  }
});
