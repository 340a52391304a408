import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeploymentState, MachineView, SetView } from './plan.ts';
import { deletePriority, deletionSequence, planMachineDeployment, planMachineSet, resolveBounds } from './plan.ts';
import { templateHash } from './template-hash.ts';

const day = 86_400_000;
const now = 100 * day;
const machine = (name: string, more: Partial<MachineView> = {}): MachineView => ({ name, createdMs: now - day, deleting: false, deleteAnnotation: false, hasNode: true, healthy: true, ...more });
const steps = (plan: { steps: readonly { kind: string; machine?: string; set?: string; replicas?: number }[] }) => plan.steps.map((step) => [step.kind, step.machine ?? step.set, step.replicas].filter((part) => part !== undefined).join(' '));

test('a machine that is marked goes before a sick one, and that before a healthy one', () => {
  const rows: readonly [string, MachineView, number][] = [
    ['deleting', machine('a', { deleting: true, deleteAnnotation: true }), 100],
    ['marked', machine('b', { deleteAnnotation: true }), 80],
    ['without node', machine('c', { hasNode: false }), 50],
    ['unhealthy', machine('d', { healthy: false }), 50],
    ['healthy', machine('e'), 20],
  ];
  for (const [name, view, priority] of rows) assert.equal(deletePriority(view, 'Random', now), priority, name);
});

test('Oldest prefers old machines, Newest young ones, and equals go by name', () => {
  const machines = [machine('young', { createdMs: now - day }), machine('old', { createdMs: now - 40 * day }), machine('twin-b', { createdMs: now - 3 * day }), machine('twin-a', { createdMs: now - 3 * day })];
  assert.deepEqual(deletionSequence(machines, 'Oldest', now).map((one) => one.name), ['old', 'twin-a', 'twin-b', 'young']);
  assert.deepEqual(deletionSequence(machines, 'Newest', now).map((one) => one.name), ['young', 'twin-a', 'twin-b', 'old']);
  assert.deepEqual(deletionSequence(machines, 'Random', now).map((one) => one.name), ['old', 'twin-a', 'twin-b', 'young']);
});

const set = { name: 's', namespace: 'n', deleting: false, order: 'Random' as const };

test('a machine set makes what is missing and removes what is too many', () => {
  const rows: readonly [string, number, MachineView[], string[]][] = [
    ['none', 2, [], ['create-machine', 'create-machine']],
    ['enough', 1, [machine('a')], []],
    ['one leaves', 2, [machine('a'), machine('b', { deleting: true })], ['create-machine']],
    ['too many', 1, [machine('a'), machine('b', { hasNode: false })], ['delete-machine b']],
    ['too many while one leaves', 1, [machine('a'), machine('b', { deleting: true })], []],
    ['to nothing', 0, [machine('a')], ['delete-machine a']],
  ];
  for (const [name, replicas, machines, expected] of rows) assert.deepEqual(steps(planMachineSet({ ...set, replicas, machines }, now)), expected, name);
});

test('every removal of a machine says what permitted it', () => {
  const plan = planMachineSet({ ...set, replicas: 0, machines: [machine('a')] }, now);
  assert.equal(plan.steps[0]?.guard, 'MachineSet s wants 0 of 1 Machines');
  const end = planMachineSet({ ...set, deleting: true, replicas: 3, machines: [machine('a')] }, now);
  assert.deepEqual(steps(end), ['delete-machine a']);
  assert.equal(end.steps[0]?.guard, 'MachineSet s is being deleted');
});

test('bounds are counts or percents, and never both zero', () => {
  const rows: readonly [number, number | string | undefined, number | string | undefined, [number, number]][] = [
    [4, undefined, undefined, [1, 0]],
    [4, '30%', '30%', [2, 1]],
    [4, 0, 0, [0, 1]],
    [2, 0, 5, [0, 2]],
    [4, '2', undefined, [2, 0]],
  ];
  for (const [replicas, surge, unavailable, [maxSurge, maxUnavailable]] of rows) assert.deepEqual(resolveBounds(replicas, surge, unavailable), { maxSurge, maxUnavailable });
});

const setView = (hash: string, replicas: number, more: Partial<SetView> = {}): SetView => ({ name: `md-${hash}`, createdMs: hash === 'new' ? 2 : 1, hash, replicas, machines: replicas, available: replicas, ...more });
const deployment = (sets: SetView[], more: Partial<DeploymentState> = {}): DeploymentState => ({ name: 'md', namespace: 'n', replicas: 3, hash: 'new', strategy: 'RollingUpdate', maxSurge: 1, maxUnavailable: 0, sets, ...more });

test('a deployment moves to a new template within its bounds', () => {
  const rows: readonly [string, DeploymentState, string[]][] = [
    ['first set', deployment([]), ['create-set 3']],
    ['scale up', deployment([setView('new', 1)]), ['scale-set md-new 3']],
    ['scale down', deployment([setView('new', 5)]), ['scale-set md-new 3']],
    ['to nothing', deployment([setView('new', 2)], { replicas: 0 }), ['scale-set md-new 0']],
    ['changed template: one more than wanted', deployment([setView('old', 3)]), ['create-set 1']],
    ['the new one is not available yet', deployment([setView('old', 3), setView('new', 1, { available: 0 })]), []],
    ['the new one is available: one old goes', deployment([setView('old', 3), setView('new', 1)]), ['scale-set md-old 2']],
    ['the old one is still leaving: its host is not free', deployment([setView('old', 2, { machines: 3 }), setView('new', 1)]), []],
    ['the old one is gone: the next new one', deployment([setView('old', 2), setView('new', 1)]), ['scale-set md-new 2']],
    ['last old one', deployment([setView('old', 1), setView('new', 3)]), ['scale-set md-old 0']],
    ['empty old set', deployment([setView('old', 0), setView('new', 3)]), ['delete-set md-old']],
    ['an old set whose machines still leave stays', deployment([setView('old', 0, { machines: 1 }), setView('new', 3)]), []],
    ['an old machine that is not available goes first', deployment([setView('old', 3, { available: 2 }), setView('new', 1)]), ['scale-set md-old 2']],
    ['without surge an old one goes first', deployment([setView('old', 3), setView('new', 0)], { maxSurge: 0, maxUnavailable: 1 }), ['scale-set md-old 2']],
    ['without surge the new one waits for the host', deployment([setView('old', 2, { machines: 3 }), setView('new', 0)], { maxSurge: 0, maxUnavailable: 1 }), []],
    ['without surge the new one comes when the host is free', deployment([setView('old', 2), setView('new', 0)], { maxSurge: 0, maxUnavailable: 1 }), ['scale-set md-new 1']],
    ['OnDelete leaves old machines to the user', deployment([setView('old', 3), setView('new', 0)], { strategy: 'OnDelete' }), []],
    ['OnDelete replaces what the user deleted', deployment([setView('old', 3, { machines: 2 }), setView('new', 0)], { strategy: 'OnDelete' }), ['scale-set md-old 2']],
  ];
  for (const [name, state, expected] of rows) assert.deepEqual(steps(planMachineDeployment(state)), expected, name);
});

test('a rollout comes to its end, never above replicas + surge nor below what must be available', () => {
  for (const [maxSurge, maxUnavailable] of [[1, 0], [0, 1], [2, 1], [1, 1]] as const) {
    // One old machine leaves and one new one becomes available between two plans: the world at its slowest.
    const world = { old: { replicas: 4, machines: 4 }, next: { replicas: 0, machines: 0, available: 0, made: false } };
    let turns = 0;
    for (; turns < 60; turns++) {
      const sets = [setView('old', world.old.replicas, { machines: world.old.machines, available: Math.min(world.old.replicas, world.old.machines) }), ...(world.next.made ? [setView('new', world.next.replicas, { machines: world.next.machines, available: world.next.available })] : [])];
      const plan = planMachineDeployment(deployment(sets, { replicas: 4, maxSurge, maxUnavailable }));
      for (const step of plan.steps) {
        if (step.kind === 'create-set') Object.assign(world.next, { made: true, replicas: step.replicas });
        else if (step.kind === 'scale-set') (step.set === 'md-old' ? world.old : world.next).replicas = step.replicas;
      }
      if (world.next.machines < world.next.replicas) world.next.machines++;
      else if (world.next.available < world.next.machines) world.next.available++;
      if (world.old.machines > world.old.replicas) world.old.machines--;
      assert.ok(world.old.machines + world.next.machines <= 4 + maxSurge, `at most ${4 + maxSurge} machines`);
      assert.ok(Math.min(world.old.replicas, world.old.machines) + world.next.available >= 4 - maxUnavailable, `at least ${4 - maxUnavailable} available`);
      if (world.old.machines === 0 && world.next.available === 4) break;
    }
    assert.ok(turns < 60, `surge ${maxSurge}, unavailable ${maxUnavailable} ends`);
  }
});

test('the template hash follows what makes another machine and nothing else', () => {
  const base = { version: 'v1.36.2', infrastructureRef: { kind: 'A', name: 'x' } };
  assert.equal(templateHash(base), templateHash({ infrastructureRef: { name: 'x', kind: 'A' }, version: 'v1.36.2', failureDomain: undefined }));
  assert.notEqual(templateHash(base), templateHash({ ...base, version: 'v1.36.3' }));
  assert.match(templateHash(base), /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
});
