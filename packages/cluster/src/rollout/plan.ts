/**
 * MachineSets keep a number of Machines, MachineDeployments move that number from one MachineSet to the next.
 * Follows Cluster API v1.14: delete priorities of MachineSets, maxSurge and maxUnavailable of rolling updates.
 */
import type { Plan, Step } from '@keelson/controller';

export type DeletionOrder = 'Random' | 'Newest' | 'Oldest';

export interface MachineView {
  readonly name: string;
  readonly createdMs: number;
  readonly deleting: boolean;
  readonly deleteAnnotation: boolean;
  readonly hasNode: boolean;
  readonly healthy: boolean;
}

export type SetStep =
  | (Step & { readonly kind: 'create-machine' })
  | (Step & { readonly kind: 'delete-machine'; readonly machine: string });

const dayMs = 86_400_000;

/** Which machine goes first when a set shrinks; higher goes first (0 to 100). */
export function deletePriority(machine: MachineView, order: DeletionOrder, nowMs: number): number {
  if (machine.deleting) return 100;
  if (machine.deleteAnnotation) return 80;
  if (!machine.hasNode || !machine.healthy) return 50;
  const ageDays = Math.max(0, nowMs - machine.createdMs) / dayMs;
  const old = 50 * (1 - Math.exp(-ageDays / 10));
  switch (order) {
    case 'Random': return 20;
    case 'Oldest': return old;
    case 'Newest': return 50 - old;
  }
}

/** The machines in the order in which they would be deleted; equals by name. */
export function deletionSequence(machines: readonly MachineView[], order: DeletionOrder, nowMs: number): readonly MachineView[] {
  return [...machines].sort(
    (a, b) => deletePriority(b, order, nowMs) - deletePriority(a, order, nowMs) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}

export interface SetState {
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  readonly deleting: boolean;
  readonly order: DeletionOrder;
  readonly machines: readonly MachineView[];
}

/** Creates missing Machines and deletes surplus ones. Machines that are already being deleted do not count. */
export function planMachineSet(state: SetState, nowMs: number): Plan<SetStep> {
  const subject = { kind: 'MachineSet', namespace: state.namespace, name: state.name };
  const active = state.machines.filter((machine) => !machine.deleting);
  const leaving = state.machines.length - active.length;
  if (state.deleting) {
    const steps = active.map((machine): SetStep => ({ kind: 'delete-machine', machine: machine.name, summary: `delete Machine ${machine.name}`, guard: `MachineSet ${state.name} is being deleted` }));
    return { subject, steps, waitsFor: state.machines.length > 0 ? `${state.machines.length} Machines to go` : undefined };
  }
  const missing = state.replicas - active.length;
  if (missing > 0) {
    return { subject, steps: Array.from({ length: missing }, (): SetStep => ({ kind: 'create-machine', summary: `create a Machine (${active.length} of ${state.replicas})` })) };
  }
  if (missing < 0) {
    const victims = deletionSequence(active, state.order, nowMs).slice(0, -missing);
    return {
      subject,
      steps: victims.map((machine): SetStep => ({ kind: 'delete-machine', machine: machine.name, summary: `delete Machine ${machine.name}`, guard: `MachineSet ${state.name} wants ${state.replicas} of ${active.length} Machines` })),
    };
  }
  return { subject, steps: [], waitsFor: leaving > 0 ? `${leaving} Machines to go` : undefined };
}

export interface SetView {
  readonly name: string;
  readonly createdMs: number;
  readonly hash: string;
  /** spec.replicas */
  readonly replicas: number;
  /** Machines that exist, also those on their way out. */
  readonly machines: number;
  readonly available: number;
}

export interface DeploymentState {
  readonly name: string;
  readonly namespace: string;
  readonly replicas: number;
  readonly hash: string;
  readonly strategy: 'RollingUpdate' | 'OnDelete';
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly sets: readonly SetView[];
}

export type DeploymentStep =
  | (Step & { readonly kind: 'create-set'; readonly hash: string; readonly replicas: number })
  | (Step & { readonly kind: 'scale-set'; readonly set: string; readonly replicas: number })
  | (Step & { readonly kind: 'delete-set'; readonly set: string });

/** maxSurge and maxUnavailable as numbers: percents of the replicas, surge rounded up, unavailable down; both zero means one may be unavailable. */
export function resolveBounds(replicas: number, maxSurge: number | string | undefined, maxUnavailable: number | string | undefined): { maxSurge: number; maxUnavailable: number } {
  const toCount = (value: number | string | undefined, fallback: number, round: (n: number) => number) => {
    if (value === undefined) return fallback;
    if (typeof value === 'number') return Math.max(0, value);
    const percent = /^(\d+)%$/.exec(value);
    return percent ? round((Number(percent[1]) * replicas) / 100) : Math.max(0, Number.parseInt(value, 10) || 0);
  };
  const surge = toCount(maxSurge, 1, Math.ceil);
  const unavailable = Math.min(toCount(maxUnavailable, 0, Math.floor), replicas);
  return surge === 0 && unavailable === 0 ? { maxSurge: 0, maxUnavailable: 1 } : { maxSurge: surge, maxUnavailable: unavailable };
}

/** Moves replicas to the MachineSet of the current template within maxSurge and maxUnavailable. */
export function planMachineDeployment(state: DeploymentState): Plan<DeploymentStep> {
  const subject = { kind: 'MachineDeployment', namespace: state.namespace, name: state.name };
  const current = state.sets.find((set) => set.hash === state.hash);
  const old = state.sets.filter((set) => set.hash !== state.hash).sort((a, b) => a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1));
  const oldReplicas = sum(old, (set) => set.replicas);
  const oldMachines = sum(old, (set) => set.machines);
  if (!current) {
    const replicas = roomForNew(state, 0, oldReplicas, oldMachines);
    return { subject, steps: [{ kind: 'create-set', hash: state.hash, replicas, summary: `create a MachineSet of ${replicas} for the ${old.length > 0 ? 'changed' : 'first'} template` }] };
  }
  const steps: DeploymentStep[] = [];
  const wanted = Math.max(Math.min(current.replicas, state.replicas), roomForNew(state, current.replicas, oldReplicas, oldMachines));
  if (wanted !== current.replicas) {
    steps.push({
      kind: 'scale-set', set: current.name, replicas: wanted, summary: `scale MachineSet ${current.name} from ${current.replicas} to ${wanted}`,
      ...(wanted < current.replicas ? { guard: `MachineDeployment ${state.name} wants ${state.replicas} Machines` } : {}),
    });
  }
  steps.push(...shrinkOld(state, current, old));
  for (const set of old) {
    if (set.replicas === 0 && set.machines === 0 && !steps.some((step) => step.kind === 'scale-set' && step.set === set.name)) {
      steps.push({ kind: 'delete-set', set: set.name, summary: `delete MachineSet ${set.name}, which has no Machines` });
    }
  }
  const waiting = oldMachines > 0 ? `${oldMachines} Machines of older templates to go` : current.available < state.replicas ? `${state.replicas - current.available} Machines to become available` : undefined;
  return { subject, steps, waitsFor: steps.length === 0 ? waiting : undefined };
}

/** How many replicas the new set may have now: never more in total than replicas + maxSurge, counting machines that are still leaving. */
function roomForNew(state: DeploymentState, currentReplicas: number, oldReplicas: number, oldMachines: number): number {
  if (state.strategy === 'OnDelete') return Math.max(0, Math.max(Math.min(currentReplicas, state.replicas), state.replicas - oldReplicas));
  if (oldReplicas === 0 && oldMachines === 0) return state.replicas;
  const limit = state.replicas + state.maxSurge;
  const total = currentReplicas + Math.max(oldReplicas, oldMachines);
  const room = Math.max(0, limit - total);
  return Math.min(state.replicas, currentReplicas + room);
}

/** Shrinks old sets by what can be spared; machines that are not available go first, the oldest set first. */
function shrinkOld(state: DeploymentState, current: SetView, old: readonly SetView[]): DeploymentStep[] {
  const guard = `MachineDeployment ${state.name} moves to a changed template`;
  const scale = (set: SetView, replicas: number): DeploymentStep => ({ kind: 'scale-set', set: set.name, replicas, guard, summary: `scale MachineSet ${set.name} from ${set.replicas} to ${replicas}` });
  if (state.strategy === 'OnDelete') {
    // The user deletes Machines; a set follows down so that it does not replace them, and a smaller deployment takes from the old first.
    let surplus = sum(old, (set) => set.replicas) + current.replicas - state.replicas;
    const steps: DeploymentStep[] = [];
    for (const set of old) {
      const keep = Math.min(set.replicas, Math.max(set.machines, 0));
      const target = Math.max(0, keep - Math.max(0, surplus - (set.replicas - keep)));
      if (target < set.replicas) {
        surplus -= set.replicas - target;
        steps.push(scale(set, target));
      }
    }
    return steps;
  }
  const total = sum(old, (set) => set.replicas) + current.replicas;
  const leaving = sum(old, (set) => Math.max(0, set.machines - set.replicas));
  const minAvailable = state.replicas - state.maxUnavailable;
  const newUnavailable = Math.max(0, current.replicas - current.available);
  // Machines that are on their way out may still count as available; the worst case is that they are.
  let spare = total - minAvailable - newUnavailable;
  const steps: DeploymentStep[] = [];
  const left = new Map(old.map((set) => [set.name, set.replicas]));
  for (const set of old) {
    const unavailable = Math.max(0, set.replicas - set.available);
    const take = Math.min(unavailable, Math.max(0, spare));
    left.set(set.name, set.replicas - take);
    spare -= take;
  }
  let sparable = Math.max(0, Math.min(spare, sum(old, (set) => set.available) + current.available - leaving - minAvailable));
  for (const set of old) {
    const take = Math.min(left.get(set.name)!, sparable);
    left.set(set.name, left.get(set.name)! - take);
    sparable -= take;
  }
  for (const set of old) {
    const target = left.get(set.name)!;
    if (target < set.replicas) steps.push(scale(set, target));
  }
  return steps;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
