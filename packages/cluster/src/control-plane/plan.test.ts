import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControlPlaneMachine, ControlPlaneState, EtcdMember } from './plan.ts';
import { compareAddresses, planControlPlane, whyNotRemovable } from './plan.ts';

const machine = (name: string, more: Partial<ControlPlaneMachine> = {}): ControlPlaneMachine => ({
  name, createdMs: Number(name.slice(1)), deleting: false, waitsForEtcdLeave: false, etcdLeft: false, address: `10.0.0.${10 + Number(name.slice(1))}`, nodeName: `node-${name}`,
  mayBeConfigured: true, etcd: 'data', upToDate: true, ready: true, deleteAnnotation: false, ...more,
});
const fresh = (name: string, more: Partial<ControlPlaneMachine> = {}) => machine(name, { etcd: 'no-data', ready: false, nodeName: undefined, ...more });
const bare = (name: string) => fresh(name, { etcd: 'unknown', address: undefined, mayBeConfigured: false });
const member = (name: string, more: Partial<EtcdMember> = {}): EtcdMember => ({ id: name.slice(1), hostname: `node-${name}`, learner: false, healthy: true, machine: name, ...more });
const state = (machines: ControlPlaneMachine[], more: Partial<ControlPlaneState> = {}): ControlPlaneState => ({
  name: 'cp', namespace: 'n', replicas: 3, maxSurge: 1, onDelete: false, deleting: false, otherMachines: 0, machines, bootstrapped: false, ...more,
});
const running = (machines: ControlPlaneMachine[], more: Partial<ControlPlaneState> = {}) => state(machines, { bootstrapped: true, members: machines.filter((one) => one.etcd === 'data').map((one) => member(one.name)), ...more });
const shown = (of: ControlPlaneState) => {
  const plan = planControlPlane(of);
  return { steps: plan.steps.map((step) => ('machine' in step ? `${step.kind} ${step.machine}` : 'member' in step ? `${step.kind} ${step.hostname}` : step.kind)), refusals: plan.refusals.map((one) => one.kind), guards: plan.steps.map((step) => step.guard !== undefined) };
};

test('etcd is bootstrapped on one recorded machine, and only when no other can hold data', () => {
  const rows: readonly [string, ControlPlaneState, string[], string[]][] = [
    ['waits for the infrastructure', state([], { notReadyFor: 'the infrastructure' }), [], []],
    ['makes all machines at once before there is etcd', state([]), ['create-machine', 'create-machine', 'create-machine'], []],
    ['no node is ready', state([bare('m1'), bare('m2'), bare('m3')]), [], []],
    ['the first ready node is recorded, others have no config yet', state([bare('m1'), fresh('m2'), bare('m3')]), ['record-bootstrap m2'], []],
    ['the lowest address of those that are ready', state([fresh('m1', { address: '10.0.0.200' }), fresh('m2', { address: '10.0.0.30' }), fresh('m3', { address: '10.0.0.4' })]), ['record-bootstrap m3'], []],
    ['a configured node that is silent may hold data', state([fresh('m1'), fresh('m2', { etcd: 'unknown' }), bare('m3')]), [], ['etcd-unknown']],
    ['an API server that is not ours answers at the endpoint', state([fresh('m1'), bare('m2'), bare('m3')], { foreignApi: 'https://10.0.0.9:6443' }), [], ['endpoint-in-use']],
    ['the API server at the endpoint is ours', state([machine('m1'), bare('m2'), bare('m3')], { foreignApi: 'https://10.0.0.9:6443' }), ['record-bootstrapped m1'], []],
    ['the recorded machine, not the lowest', state([fresh('m1'), fresh('m2'), fresh('m3')], { bootstrapMachine: 'm2' }), ['bootstrap-etcd m2'], []],
    ['the recorded machine is silent: nobody else', state([fresh('m1'), fresh('m2', { etcd: 'unknown' }), fresh('m3')], { bootstrapMachine: 'm2' }), [], []],
    ['the recorded machine is being deleted: wait for its end', state([fresh('m1'), fresh('m2', { deleting: true }), fresh('m3'), fresh('m4')], { bootstrapMachine: 'm2' }), [], []],
    ['the recorded machine is gone: another is recorded', state([fresh('m1'), fresh('m3'), fresh('m4')], { bootstrapMachine: 'm2' }), ['record-bootstrap m1'], []],
    ['the recorded machine is gone and another may hold data', state([fresh('m1'), fresh('m3', { etcd: 'unknown' }), fresh('m4')], { bootstrapMachine: 'm2' }), [], ['etcd-unknown']],
    ['data is there: that is the bootstrap', state([fresh('m1'), machine('m2'), fresh('m3')]), ['record-bootstrapped m2'], []],
    ['data is there on another than the recorded one', state([fresh('m1'), machine('m2'), fresh('m3')], { bootstrapMachine: 'm1' }), ['record-bootstrapped m2'], []],
    ['data on a machine that is being deleted counts', state([fresh('m1'), machine('m2', { deleting: true }), fresh('m3'), fresh('m4')]), ['record-bootstrapped m2'], []],
  ];
  for (const [name, of, steps, refusals] of rows) assert.deepEqual([shown(of).steps, shown(of).refusals], [steps, refusals], name);
});

test('the control plane grows one member at a time and shrinks by the oldest, never to nothing', () => {
  const three = [machine('m1'), machine('m2'), machine('m3')];
  const rows: readonly [string, ControlPlaneState, string[], string[]][] = [
    ['enough', running(three), [], []],
    ['one more', running([machine('m1')]), ['create-machine'], []],
    ['not while one is not ready', running([machine('m1'), machine('m2', { ready: false })]), [], []],
    ['not while one leaves', running([machine('m1'), machine('m2', { deleting: true })]), [], []],
    ['one too many: the oldest', running(three, { replicas: 1 }), ['delete-machine m1'], []],
    ['the marked one first', running([machine('m1'), machine('m2', { deleteAnnotation: true }), machine('m3')], { replicas: 1 }), ['delete-machine m2'], []],
    ['one after the other', running([machine('m1', { deleting: true }), machine('m2'), machine('m3')], { replicas: 1 }), [], []],
    ['not when etcd does not answer', running(three, { replicas: 1, members: undefined }), [], []],
    ['not when the rest has no quorum', running(three, { replicas: 1, members: [member('m1'), member('m2', { healthy: false }), member('m3')] }), [], ['quorum']],
    ['zero replicas are refused', running(three, { replicas: 0 }), [], ['zero-replicas']],
  ];
  for (const [name, of, steps, refusals] of rows) assert.deepEqual([shown(of).steps, shown(of).refusals], [steps, refusals], name);
});

test('a sick machine goes before a healthy one, and only when the healthy ones are a quorum', () => {
  const machines = [machine('m1'), machine('m2', { ready: false, etcd: 'unknown' }), machine('m3')];
  const members = [member('m1'), member('m2', { healthy: false }), member('m3')];
  assert.deepEqual(shown(running(machines, { replicas: 1, members })).steps, ['delete-machine m2']);
});

test('an etcd member leaves before its host is taken, if the others are a quorum', () => {
  const leaving = machine('m1', { deleting: true, waitsForEtcdLeave: true });
  const members = [member('m1'), member('m2'), member('m3')];
  const rows: readonly [string, ControlPlaneState, string[], string[]][] = [
    ['it answers: it leaves by itself', running([leaving, machine('m2'), machine('m3')], { replicas: 2 }), ['leave-etcd m1'], []],
    ['it is silent: another removes it', running([{ ...leaving, etcd: 'unknown' }, machine('m2'), machine('m3')], { replicas: 2, members: members.map((one) => (one.machine === 'm1' ? { ...one, healthy: false } : one)) }), ['remove-member node-m1'], []],
    ['it is no member any more', running([leaving, machine('m2'), machine('m3')], { replicas: 2, members: members.slice(1) }), ['record-etcd-left m1'], []],
    ['the others are no quorum', running([leaving, machine('m2'), machine('m3')], { replicas: 2, members: [member('m1'), member('m2', { healthy: false }), member('m3')] }), [], ['quorum']],
    ['it is the last', running([leaving, fresh('m2')], { replicas: 1, members: [member('m1')] }), [], ['last-member']],
    ['nobody answers', running([leaving, machine('m2'), machine('m3')], { replicas: 2, members: undefined }), [], []],
    ['it has not come so far', running([{ ...leaving, waitsForEtcdLeave: false }, machine('m2'), machine('m3')], { replicas: 2 }), [], []],
  ];
  for (const [name, of, steps, refusals] of rows) assert.deepEqual([shown(of).steps, shown(of).refusals], [steps, refusals], name);
});

test('a member whose machine is gone is removed, but never one that is just joining', () => {
  const two = [machine('m1'), machine('m2')];
  const stray = { ...member('m9'), machine: undefined, healthy: false };
  assert.deepEqual(shown(running(two, { replicas: 2, members: [member('m1'), member('m2'), stray] })).steps, ['remove-member node-m9']);
  const joining = [...two, machine('m3', { nodeName: undefined, etcd: 'data' })];
  assert.deepEqual(shown(running(joining, { members: [member('m1'), member('m2'), stray] })).steps, []);
});

test('machines of an older spec are replaced one by one, a new one first', () => {
  const old = (name: string, more: Partial<ControlPlaneMachine> = {}) => machine(name, { upToDate: false, ...more });
  const rows: readonly [string, ControlPlaneState, string[]][] = [
    ['a new one first', running([old('m1'), old('m2'), old('m3')]), ['create-machine']],
    ['the new one is not ready', running([old('m1'), old('m2'), old('m3'), machine('m4', { ready: false })]), []],
    ['then the oldest old one', running([old('m1'), old('m2'), old('m3'), machine('m4')]), ['delete-machine m1']],
    ['and again', running([old('m2'), old('m3'), machine('m4')]), ['create-machine']],
    ['the last old one', running([old('m3'), machine('m4'), machine('m5'), machine('m6')]), ['delete-machine m3']],
    ['OnDelete waits for the user', running([old('m1'), old('m2'), old('m3')], { onDelete: true }), []],
    ['without surge an old one goes first', running([old('m1'), old('m2'), old('m3')], { maxSurge: 0 }), ['delete-machine m1']],
    ['and a new one comes when it is gone', running([old('m2'), old('m3')], { maxSurge: 0 }), ['create-machine']],
    ['a single machine is not removed first', running([old('m1')], { replicas: 1, maxSurge: 0 }), []],
  ];
  for (const [name, of, steps] of rows) assert.deepEqual(shown(of).steps, steps, name);
});

test('a control plane that is deleted waits for the workers, then takes all machines, without etcd leaves', () => {
  const three = [machine('m1'), machine('m2', { deleting: true, waitsForEtcdLeave: true }), machine('m3', { deleting: true, waitsForEtcdLeave: true, etcdLeft: true })];
  assert.deepEqual(shown(running(three, { deleting: true, otherMachines: 2 })).steps, []);
  assert.deepEqual(shown(running(three, { deleting: true })).steps, ['delete-machine m1', 'record-etcd-left m2']);
});

test('every step that stops a machine or changes etcd carries a guard', () => {
  const states = [running([machine('m1'), machine('m2'), machine('m3')], { replicas: 1 }), running([machine('m1', { deleting: true, waitsForEtcdLeave: true }), machine('m2'), machine('m3')], { replicas: 2 }), state([fresh('m1')], { replicas: 1, bootstrapMachine: 'm1' }), running([machine('m1')], { deleting: true })];
  for (const of of states) assert.deepEqual(shown(of).guards, [true], shown(of).steps.join());
});

test('quorum is a majority of the voters that remain', () => {
  const rows: readonly [number, number, string | undefined][] = [[2, 1, undefined], [3, 2, undefined], [1, 0, 'last-member'], [4, 1, 'quorum']];
  for (const [all, healthyOthers, expected] of rows) {
    const members = Array.from({ length: all }, (_, index) => member(`m${index}`, { healthy: index === 0 || index <= healthyOthers }));
    assert.equal(whyNotRemovable(members, [members[0]!], 'm0')?.kind, expected, `${healthyOthers} healthy of ${all - 1} others`);
  }
  const learner = [member('m0'), member('m1', { learner: true })];
  assert.equal(whyNotRemovable(learner, [learner[0]!], 'm0')?.kind, 'last-member', 'a learner does not vote');
});

test('addresses are ordered by number', () => {
  assert.deepEqual(['10.0.0.10', 'fd00::1', '10.0.0.9', '9.255.0.1'].sort(compareAddresses), ['9.255.0.1', '10.0.0.9', '10.0.0.10', 'fd00::1']);
});
