/**
 * The control plane's machines and its etcd: how many machines there are, on which of them etcd is bootstrapped,
 * and which member may leave when.
 * Follows cluster-api-control-plane-provider-talos (v0.5) with one difference: etcd is bootstrapped as soon as one node is
 * ready for it and every other machine is known to hold no etcd data; the choice is recorded before the call and kept.
 */
import type { Plan, Step } from '@keelson/controller';

/** What is known of etcd on one node. `unknown` is a node that does not answer, or whose services are not up. */
export type NodeEtcd = 'unknown' | 'no-data' | 'data';

export interface ControlPlaneMachine {
  readonly name: string;
  readonly createdMs: number;
  readonly deleting: boolean;
  /** Deletion has come to the point where the etcd member has to go before the host is taken away. */
  readonly waitsForEtcdLeave: boolean;
  /** The etcd member is recorded as gone. */
  readonly etcdLeft: boolean;
  /** First address by which the node is reached; undefined while there is none. */
  readonly address?: string;
  readonly nodeName?: string;
  /** The machine was given, or may have been given, a machine config. */
  readonly mayBeConfigured: boolean;
  readonly etcd: NodeEtcd;
  readonly upToDate: boolean;
  readonly ready: boolean;
  readonly deleteAnnotation: boolean;
}

export interface EtcdMember {
  /** Decimal or hex as the node says it; compared as text. */
  readonly id: string;
  readonly hostname: string;
  readonly learner: boolean;
  readonly healthy: boolean;
  /** The machine it runs on; undefined for a member whose machine is not known. */
  readonly machine?: string;
}

export interface ControlPlaneState {
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  readonly maxSurge: number;
  readonly onDelete: boolean;
  readonly deleting: boolean;
  /** Machines of the cluster that are not ours. */
  readonly otherMachines: number;
  /** Why machines cannot be made yet: infrastructure, endpoint. */
  readonly notReadyFor?: string;
  readonly machines: readonly ControlPlaneMachine[];
  /** The recorded choice. */
  readonly bootstrapMachine?: string;
  readonly bootstrapped: boolean;
  /** Who answers as an API server at the endpoint while no machine of ours holds etcd data. */
  readonly foreignApi?: string;
  /** Members as the nodes agree on them; undefined when no node answers. */
  readonly members?: readonly EtcdMember[];
}

export type ControlPlaneStep =
  | (Step & { readonly kind: 'create-machine' })
  | (Step & { readonly kind: 'delete-machine'; readonly machine: string })
  | (Step & { readonly kind: 'record-bootstrap'; readonly machine: string; readonly address: string })
  | (Step & { readonly kind: 'bootstrap-etcd'; readonly machine: string; readonly address: string })
  | (Step & { readonly kind: 'record-bootstrapped'; readonly machine: string })
  | (Step & { readonly kind: 'leave-etcd'; readonly machine: string; readonly address: string })
  | (Step & { readonly kind: 'remove-member'; readonly member: string; readonly hostname: string; readonly via: string })
  | (Step & { readonly kind: 'record-etcd-left'; readonly machine: string });

/** Why the planner refuses; each is a problem the user sees. */
export type ControlPlaneRefusal =
  | { readonly kind: 'zero-replicas'; readonly why: string }
  | { readonly kind: 'etcd-unknown'; readonly why: string }
  | { readonly kind: 'endpoint-in-use'; readonly why: string }
  | { readonly kind: 'quorum'; readonly machine: string; readonly why: string }
  | { readonly kind: 'last-member'; readonly machine: string; readonly why: string };

export interface ControlPlanePlan extends Plan<ControlPlaneStep> {
  readonly refusals: readonly ControlPlaneRefusal[];
}

/** The next steps of a control plane. At most one of them touches etcd, so that each sees the effect of the one before. */
export function planControlPlane(state: ControlPlaneState): ControlPlanePlan {
  const refusals: ControlPlaneRefusal[] = [];
  const plan = (steps: readonly ControlPlaneStep[], waitsFor?: string): ControlPlanePlan => ({
    subject: { kind: 'TalosControlPlane', namespace: state.namespace, name: state.name }, steps, refusals, waitsFor: steps.length > 0 ? undefined : waitsFor,
  });
  if (state.deleting) return planTeardown(state, plan);
  if (state.replicas < 1) {
    refusals.push({ kind: 'zero-replicas', why: `spec.replicas is ${state.replicas}, and etcd would be lost with its last member` });
    return plan([], 'spec.replicas of at least 1');
  }
  if (state.notReadyFor) return plan([], state.notReadyFor);
  if (!state.bootstrapped) {
    const missing = state.replicas - active(state).length;
    if (missing > 0) return plan(Array.from({ length: missing }, createStep));
    return planBootstrap(state, refusals, plan);
  }
  return planMembers(state, refusals, plan) ?? planScale(state, refusals, plan);
}

type MakePlan = (steps: readonly ControlPlaneStep[], waitsFor?: string) => ControlPlanePlan;

const active = (state: ControlPlaneState) => state.machines.filter((machine) => !machine.deleting);
const createStep = (): ControlPlaneStep => ({ kind: 'create-machine', summary: 'create a control plane Machine' });

function planTeardown(state: ControlPlaneState, plan: MakePlan): ControlPlanePlan {
  // Workers go first: they still need the API server to let go of their pods.
  if (state.otherMachines > 0) return plan([], `${state.otherMachines} worker Machines to go`);
  const guard = `TalosControlPlane ${state.name} is being deleted, and no workers are left`;
  const steps = active(state).map((machine): ControlPlaneStep => ({ kind: 'delete-machine', machine: machine.name, summary: `delete Machine ${machine.name}`, guard }));
  for (const machine of state.machines) {
    if (machine.waitsForEtcdLeave && !machine.etcdLeft) steps.push({ kind: 'record-etcd-left', machine: machine.name, summary: `${machine.name} goes with the whole etcd cluster` });
  }
  return plan(steps, state.machines.length > 0 ? `${state.machines.length} control plane Machines to go` : undefined);
}

function planBootstrap(state: ControlPlaneState, refusals: ControlPlaneRefusal[], plan: MakePlan): ControlPlanePlan {
  const holder = state.machines.find((machine) => machine.etcd === 'data');
  if (holder) return plan([{ kind: 'record-bootstrapped', machine: holder.name, summary: `etcd has data on ${holder.name}: it is bootstrapped` }]);
  if (state.foreignApi) {
    refusals.push({ kind: 'endpoint-in-use', why: `${state.foreignApi}, and no machine here holds etcd data` });
    return plan([], 'the endpoint of the cluster to be free: a second etcd behind it would split the cluster');
  }
  const chosen = state.machines.find((machine) => machine.name === state.bootstrapMachine);
  const gate = othersWithoutData(state, chosen?.name);
  if (chosen) {
    // The recorded machine is the only one that may be bootstrapped while it exists.
    if (chosen.deleting) return plan([], `Machine ${chosen.name}, on which etcd was to be bootstrapped, to be gone with its disk wiped`);
    if (chosen.etcd !== 'no-data' || !chosen.address) return plan([], `the node of ${chosen.name} to be ready for the bootstrap of etcd`);
    if (gate) return refuseUnknown(gate, refusals, plan);
    return plan([{ kind: 'bootstrap-etcd', machine: chosen.name, address: chosen.address, summary: `bootstrap etcd on ${chosen.name}`, guard: `the choice of ${chosen.name} is recorded, and no machine holds etcd data` }]);
  }
  const candidates = active(state).filter((machine) => machine.etcd === 'no-data' && machine.address);
  const first = [...candidates].sort((a, b) => compareAddresses(a.address!, b.address!))[0];
  if (!first) return plan([], `the first of ${state.machines.length} control plane nodes to be ready for the bootstrap of etcd`);
  const unknown = othersWithoutData(state, first.name);
  if (unknown) return refuseUnknown(unknown, refusals, plan);
  return plan([{ kind: 'record-bootstrap', machine: first.name, address: first.address!, summary: `record that etcd is to be bootstrapped on ${first.name}` }]);
}

/** Names machines other than `except` that may hold etcd data for all we know; undefined when every one is known not to. */
function othersWithoutData(state: ControlPlaneState, except: string | undefined): string | undefined {
  const unknown = state.machines.filter((machine) => machine.name !== except && machine.mayBeConfigured && machine.etcd === 'unknown');
  return unknown.length === 0 ? undefined : unknown.map((machine) => machine.name).join(', ');
}

function refuseUnknown(machines: string, refusals: ControlPlaneRefusal[], plan: MakePlan): ControlPlanePlan {
  refusals.push({ kind: 'etcd-unknown', why: `${machines} got a machine config and cannot be asked whether etcd has data there` });
  return plan([], `${machines} to answer: a node that holds etcd data must not be bootstrapped over`);
}

/** Members of machines that are being deleted leave, and members without a machine are removed. Undefined: nothing to do. */
function planMembers(state: ControlPlaneState, refusals: ControlPlaneRefusal[], plan: MakePlan): ControlPlanePlan | undefined {
  const leaving = state.machines.find((machine) => machine.deleting && machine.waitsForEtcdLeave && !machine.etcdLeft);
  if (leaving) {
    if (!state.members) return plan([], `an etcd member to answer, so that ${leaving.name} can leave etcd`);
    const own = state.members.filter((member) => isMemberOf(member, leaving));
    if (own.length === 0) return plan([{ kind: 'record-etcd-left', machine: leaving.name, summary: `${leaving.name} has no etcd member` }]);
    const refusal = whyNotRemovable(state.members, own, leaving.name);
    if (refusal) {
      refusals.push(refusal);
      return plan([], `etcd: ${refusal.why}`);
    }
    const guard = `${healthyAfter(state.members, own)} healthy members of ${state.members.length - own.length} remain, which is a quorum`;
    if (leaving.address && leaving.etcd === 'data') {
      return plan([{ kind: 'leave-etcd', machine: leaving.name, address: leaving.address, summary: `${leaving.name} gives up leadership and leaves etcd`, guard }]);
    }
    const via = addressOfOther(state, leaving.name);
    if (!via) return plan([], `another etcd member to answer, so that the member of ${leaving.name} can be removed`);
    return plan([{ kind: 'remove-member', member: own[0]!.id, hostname: own[0]!.hostname, via, summary: `remove etcd member ${own[0]!.hostname} of ${leaving.name}, which does not answer`, guard }]);
  }
  return planStray(state, refusals, plan);
}

/** A member whose machine is gone. Only judged when every machine's node is known, else it could be one that is just joining. */
function planStray(state: ControlPlaneState, refusals: ControlPlaneRefusal[], plan: MakePlan): ControlPlanePlan | undefined {
  if (!state.members || state.machines.some((machine) => machine.nodeName === undefined || machine.deleting)) return undefined;
  const stray = state.members.filter((member) => !state.machines.some((machine) => isMemberOf(member, machine)));
  const first = stray[0];
  if (!first || stray.length === state.members.length) return undefined;
  const refusal = whyNotRemovable(state.members, [first], first.hostname);
  if (refusal) {
    refusals.push(refusal);
    return undefined;
  }
  const via = addressOfOther(state, undefined);
  if (!via) return undefined;
  const guard = `no Machine has node ${first.hostname}, and ${healthyAfter(state.members, [first])} healthy members of ${state.members.length - 1} remain`;
  return plan([{ kind: 'remove-member', member: first.id, hostname: first.hostname, via, summary: `remove etcd member ${first.hostname}, whose Machine is gone`, guard }]);
}

function planScale(state: ControlPlaneState, refusals: ControlPlaneRefusal[], plan: MakePlan): ControlPlanePlan {
  const machines = active(state);
  const leaving = state.machines.length - machines.length;
  const outdated = state.onDelete ? [] : machines.filter((machine) => !machine.upToDate);
  const current = machines.length - outdated.length;
  const limit = state.replicas + (outdated.length > 0 ? state.maxSurge : 0);
  const unready = machines.filter((machine) => !machine.ready).map((machine) => machine.name);
  if (machines.length < state.replicas || (outdated.length > 0 && current < state.replicas && machines.length < limit)) {
    // One member joins at a time: etcd votes with the new member from the moment it is promoted.
    if (unready.length > 0 || leaving > 0) return plan([], unready.length > 0 ? `${unready.join(', ')} to be ready before another member joins` : `${leaving} Machines to go before another member joins`);
    return plan([createStep()]);
  }
  const surplus = machines.length > state.replicas;
  const replace = outdated.length > 0 && (surplus || state.maxSurge === 0);
  if (!surplus && !replace) {
    const waiting = unready.length > 0 ? `${unready.join(', ')} to be ready` : leaving > 0 ? `${leaving} Machines to go` : undefined;
    return plan([], waiting);
  }
  if (leaving > 0) return plan([], `${leaving} Machines to go before the next one is removed`);
  const victim = scaleDownChoice(machines, outdated.length > 0);
  if (machines.length <= 1) {
    refusals.push({ kind: 'last-member', machine: victim.name, why: 'it is the only control plane machine' });
    return plan([], 'another control plane machine');
  }
  if (!state.members) return plan([], 'etcd to answer before a machine is removed');
  // A replacement that is not ready yet must not cost a machine that is.
  if (victim.ready && unready.length > 0) return plan([], `${unready.join(', ')} to be ready before ${victim.name} is removed`);
  const own = state.members.filter((member) => isMemberOf(member, victim));
  const refusal = own.length > 0 ? whyNotRemovable(state.members, own, victim.name) : undefined;
  if (refusal) {
    refusals.push(refusal);
    return plan([], `etcd: ${refusal.why}`);
  }
  const why = outdated.includes(victim) ? 'it was made from an older spec' : `${machines.length} machines are more than ${state.replicas}`;
  return plan([{ kind: 'delete-machine', machine: victim.name, summary: `delete Machine ${victim.name}: ${why}`, guard: `${healthyAfter(state.members, own)} healthy etcd members of ${state.members.length - own.length} remain, which is a quorum` }]);
}

/** Marked for deletion first, then those that are not ready, then the oldest. */
function scaleDownChoice(machines: readonly ControlPlaneMachine[], outdatedOnly: boolean): ControlPlaneMachine {
  const pool = outdatedOnly ? machines.filter((machine) => !machine.upToDate) : machines;
  const rank = (machine: ControlPlaneMachine) => (machine.deleteAnnotation ? 0 : machine.ready ? 2 : 1);
  return [...pool].sort((a, b) => rank(a) - rank(b) || a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1))[0]!;
}

function isMemberOf(member: EtcdMember, machine: ControlPlaneMachine): boolean {
  return member.machine !== undefined ? member.machine === machine.name : machine.nodeName !== undefined && member.hostname === machine.nodeName;
}

function healthyAfter(members: readonly EtcdMember[], removed: readonly EtcdMember[]): number {
  return members.filter((member) => !removed.includes(member) && member.healthy && !member.learner).length;
}

/** Voters that remain must have a majority among themselves, and at least one must remain. */
export function whyNotRemovable(members: readonly EtcdMember[], removed: readonly EtcdMember[], machine: string): ControlPlaneRefusal | undefined {
  const voters = members.filter((member) => !removed.includes(member) && !member.learner);
  if (voters.length === 0) return { kind: 'last-member', machine, why: `${machine} holds the only voting member of etcd` };
  const healthy = voters.filter((member) => member.healthy).length;
  const quorum = Math.floor(voters.length / 2) + 1;
  if (healthy >= quorum) return undefined;
  return { kind: 'quorum', machine, why: `${healthy} of the ${voters.length} remaining etcd members are healthy, and ${quorum} are needed` };
}

function addressOfOther(state: ControlPlaneState, except: string | undefined): string | undefined {
  return state.machines.find((machine) => machine.name !== except && !machine.deleting && machine.etcd === 'data' && machine.address)?.address;
}

/** IPv4 addresses by number, before all others, which are ordered by text. */
export function compareAddresses(a: string, b: string): number {
  const left = ipv4Number(a);
  const right = ipv4Number(b);
  if (left !== undefined && right !== undefined) return left - right;
  if (left !== undefined) return -1;
  if (right !== undefined) return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function ipv4Number(text: string): number | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((total, part) => total * 256 + part, 0);
}
