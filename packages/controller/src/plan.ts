/**
 * Plan, show, execute: a domain's planner is a pure function from what is observed and desired to a Plan;
 * its executor does the steps and decides nothing. CLI, UI, events and tests read the same Plan.
 */
export interface Plan<S extends Step = Step> {
  readonly subject: { readonly kind: string; readonly namespace?: string; readonly name: string };
  readonly steps: readonly S[];
  /** What the subject waits for when there is nothing to do now. */
  readonly waitsFor?: string;
}

export interface Step {
  /** A word of the domain: power-off, insert-media, wipe, apply-config, bootstrap-etcd. */
  readonly kind: string;
  /** One line for people. */
  readonly summary: string;
  /** Present on a step that can destroy data or stop a machine: the rule that permitted it. */
  readonly guard?: string;
}

/** True when a plan holds a step that can destroy data or stop a machine. */
export function isDestructive(plan: Plan): boolean {
  return plan.steps.some((step) => step.guard !== undefined);
}
