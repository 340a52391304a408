/**
 * How many pods each ReplicaSet of a Deployment should have, after kubernetes/pkg/controller/deployment/{rolling,recreate}.go
 * and util/deployment_util.go. Pure: sizes in, sizes out.
 */
import type { Deployment } from '@keelson/api';
import { scaledValue } from '../int-or-percent.ts';

/** What a rollout looks at of one ReplicaSet. */
export interface SetSize {
  readonly name: string;
  /** spec.replicas */
  readonly replicas: number;
  /** status.availableReplicas */
  readonly available: number;
  /** The larger the newer. */
  readonly createdMs: number;
  /** The max-replicas annotation: replicas and surge when it was last scaled. */
  readonly maxReplicas?: number;
}

export interface Limits {
  readonly replicas: number;
  /** Pods above `replicas` during a rolling update. */
  readonly maxSurge: number;
  /** Pods that may be missing from `replicas` during a rolling update. */
  readonly maxUnavailable: number;
}

/** Sizes by ReplicaSet name; those that stay as they are are not listed. */
export type Sizes = ReadonlyMap<string, number>;

/** Surge is rounded up and unavailability down; both zero would never move, so that becomes one unavailable pod. */
export function limitsOf(deployment: Deployment): Limits {
  const replicas = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === 'Recreate') return { replicas, maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge, replicas, 'up', '25%');
  const maxUnavailable = scaledValue(rolling?.maxUnavailable, replicas, 'down', '25%');
  return { replicas, maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas) };
}

/** The size with which a new ReplicaSet is created. */
export function initialSize(limits: Limits, others: readonly SetSize[]): number {
  const room = limits.replicas + limits.maxSurge - sum(others);
  return Math.max(0, Math.min(room, limits.replicas));
}

/** One step of a rolling update: the new set grows first; when it cannot, the old ones shrink. */
export function rollingStep(limits: Limits, current: SetSize, old: readonly SetSize[]): Sizes {
  const grown = growNew(limits, current, old);
  return grown === current.replicas ? shrinkOld(limits, current, old) : new Map([[current.name, grown]]);
}

function growNew(limits: Limits, current: SetSize, old: readonly SetSize[]): number {
  if (current.replicas >= limits.replicas) return limits.replicas;
  const room = limits.replicas + limits.maxSurge - current.replicas - sum(old);
  return room <= 0 ? current.replicas : current.replicas + Math.min(room, limits.replicas - current.replicas);
}

function shrinkOld(limits: Limits, current: SetSize, old: readonly SetSize[]): Sizes {
  const minAvailable = limits.replicas - limits.maxUnavailable;
  const newUnavailable = current.replicas - current.available;
  let budget = current.replicas + sum(old) - minAvailable - newUnavailable;
  const sizes = new Map<string, number>();
  const oldestFirst = [...old].sort((a, b) => a.createdMs - b.createdMs);
  const sizeOf = (set: SetSize) => sizes.get(set.name) ?? set.replicas;
  // Pods that serve nobody go first, whatever set they are of.
  for (const set of oldestFirst) {
    const unhealthy = Math.min(Math.max(0, budget), set.replicas - set.available);
    if (unhealthy <= 0) continue;
    sizes.set(set.name, set.replicas - unhealthy);
    budget -= unhealthy;
  }
  const available = current.available + old.reduce((total, set) => total + set.available, 0);
  let spare = available - minAvailable;
  for (const set of oldestFirst) {
    const gone = Math.min(spare, sizeOf(set));
    if (gone <= 0) continue;
    sizes.set(set.name, sizeOf(set) - gone);
    spare -= gone;
  }
  return sizes;
}

/**
 * The Deployment was scaled while several sets have pods: the difference is spread over them in proportion, the newest
 * first when growing, the oldest first when shrinking, leftovers to the first.
 */
export function proportionalSizes(limits: Limits, active: readonly SetSize[]): Sizes {
  const total = sum(active);
  const allowed = limits.replicas > 0 ? limits.replicas + limits.maxSurge : 0;
  const add = allowed - total;
  const order = [...active].sort((a, b) => b.replicas - a.replicas || (add > 0 ? b.createdMs - a.createdMs : a.createdMs - b.createdMs));
  let added = 0;
  const sizes = new Map<string, number>();
  for (const set of order) {
    const before = set.maxReplicas ?? limits.replicas;
    const share = before === 0 ? 0 : Math.round((set.replicas * allowed) / before) - set.replicas;
    const left = add - added;
    const change = add > 0 ? Math.min(Math.max(share, 0), left) : Math.max(Math.min(share, 0), left);
    sizes.set(set.name, set.replicas + change);
    added += change;
  }
  const first = order[0];
  if (first && added !== add) sizes.set(first.name, Math.max(0, sizes.get(first.name)! + add - added));
  return sizes;
}

function sum(sets: readonly SetSize[]): number {
  return sets.reduce((total, set) => total + set.replicas, 0);
}
