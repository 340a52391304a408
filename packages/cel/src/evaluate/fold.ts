// Folds: what the macros expand to. A failed step is kept in the accumulator, because `all` and `exists` may still have an answer.
import type { Comprehension, Expression } from '../syntax/ast.ts';
import type { Value } from '../values/value.ts';
import { CelError } from '../values/value.ts';
import type { Frame, Plan, Step } from './frame.ts';
import { attempt } from './select.ts';

/** Compiles a fold. Its variables live in slots of their own. */
export function planComprehension(node: Comprehension, plan: Plan, planStep: (part: Expression) => Step): Step {
  const range = planStep(node.range);
  const init = planStep(node.init);
  const accumulator = plan.slots++;
  const first = plan.slots++;
  const second = plan.slots++;
  plan.scope.push([node.accumulator, accumulator], [node.variable, first]);
  if (node.variable2 !== undefined) plan.scope.push([node.variable2, second]);
  const condition = planStep(node.condition);
  const step = planStep(node.step);
  plan.scope.length -= node.variable2 === undefined ? 1 : 2;
  const result = planStep(node.result);
  plan.scope.pop();
  const isPair = node.variable2 !== undefined;

  const turn = (frame: Frame, key: Value, value: Value): boolean => {
    frame.slots[first] = isPair ? key : value;
    frame.slots[second] = value;
    if (attempt(condition, frame) === false) return false;
    frame.slots[accumulator] = attempt(step, frame);
    return true;
  };
  return (frame) => {
    const over = range(frame);
    frame.slots[accumulator] = attempt(init, frame);
    if (typeof over !== 'object' || over === null || over instanceof Uint8Array || (over.kind !== 'list' && over.kind !== 'map')) {
      throw new CelError('no such overload');
    }
    if (over.kind === 'list') {
      for (let index = 0; index < over.size; index++) if (!turn(frame, BigInt(index), over.at(index))) break;
    } else {
      for (const key of over.keys()) if (!turn(frame, key, isPair ? (over.get(key) ?? null) : key)) break;
    }
    return result(frame);
  };
}
