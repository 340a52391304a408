// One evaluation: its variables, and what it has cost so far.
import type { Checked } from '../check/checker.ts';
import type { CelError, Value } from '../values/value.ts';

export interface Frame {
  /** Variables by slot. A fold keeps a failed step here, which may still turn out not to matter. */
  readonly slots: (Value | CelError | undefined)[];
  cost: number;
  readonly limit: number;
}

/** One compiled part of an expression. Throws CelError and CostExceeded. */
export type Step = (frame: Frame) => Value;

/** The expression costs more than one call may. Nothing in the expression can catch it. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
    this.name = 'CostExceeded';
  }
}

/** Adds to the cost; throws CostExceeded above the limit. */
export function spend(frame: Frame, cost: number): void {
  frame.cost += cost;
  if (frame.cost > frame.limit) throw new CostExceeded();
}

/** What compiling the parts of one expression shares. */
export interface Plan {
  readonly checked: Checked;
  /** Slots of the variables in scope, innermost last. */
  readonly scope: (readonly [string, number])[];
  slots: number;
}
