import type { Condition, KubeObject } from './object.ts';

/** The conditions of an object's status; empty when it has none. */
export function conditionsOf(object: KubeObject | undefined): readonly Condition[] {
  const status = object?.status as { conditions?: Condition[] } | undefined;
  return status?.conditions ?? [];
}

/** One condition of an object by type. */
export function findCondition(object: KubeObject | undefined, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type);
}

export function isConditionTrue(object: KubeObject | undefined, type: string): boolean {
  return findCondition(object, type)?.status === 'True';
}

/**
 * The conditions with one set. `lastTransitionTime` moves only when the status changes (metav1.Condition's rule).
 * `now` is RFC 3339.
 */
export function setCondition(
  conditions: readonly Condition[],
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: string,
): Condition[] {
  const known = conditions.find((c) => c.type === condition.type);
  const next: Condition = { ...condition, lastTransitionTime: known && known.status === condition.status ? known.lastTransitionTime : now };
  return known ? conditions.map((c) => (c === known ? next : c)) : [...conditions, next];
}

/** The conditions without one type. */
export function removeCondition(conditions: readonly Condition[], type: string): Condition[] {
  return conditions.filter((c) => c.type !== type);
}
