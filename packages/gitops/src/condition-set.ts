import { problemLine, type Problem } from '@keelson/std';
import { type Condition, removeCondition, setCondition } from '@keelson/kube';

const messageLimit = 8 * 1024;

/** The conditions of one object while its next status is put together. */
export interface ConditionSet {
  set(type: string, status: Condition['status'], reason: string, message: string): void;
  /** A false (or, for what is bad when true, a true) condition that tells a problem. */
  problem(type: string, status: Condition['status'], of: Problem): void;
  remove(...types: string[]): void;
  get(type: string): Condition | undefined;
  list(): Condition[];
}

/** Starts from the stored conditions; `now` is RFC 3339. Transition times move only with the status. */
export function conditionSet(stored: readonly Condition[], generation: number | undefined, now: string): ConditionSet {
  let conditions = [...stored];
  const set: ConditionSet['set'] = (type, status, reason, message) => {
    const text = message.length > messageLimit ? `${message.slice(0, messageLimit)}…` : message;
    conditions = setCondition(conditions, { type, status, reason, message: text, observedGeneration: generation }, now);
  };
  return {
    set,
    problem: (type, status, of) => set(type, status, of.reason, problemLine(of)),
    remove: (...types) => {
      for (const type of types) conditions = removeCondition(conditions, type);
    },
    get: (type) => conditions.find((condition) => condition.type === type),
    list: () => [...conditions],
  };
}
