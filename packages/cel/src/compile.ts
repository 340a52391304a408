// The way from a text to something that can be evaluated. Everything that takes time happens here, once per expression.
import type { Checked } from './check/checker.ts';
import { check } from './check/checker.ts';
import { planStep } from './evaluate/plan.ts';
import type { Frame, Plan } from './evaluate/frame.ts';
import { CostExceeded } from './evaluate/frame.ts';
import type { Overload } from './functions/declare.ts';
import { conversionFunctions } from './functions/convert.ts';
import { listFunctions } from './functions/lists.ts';
import { formatFunctions } from './functions/named-format.ts';
import { networkFunctions } from './functions/network.ts';
import { optionalFunctions } from './functions/optional.ts';
import { quantityFunctions } from './functions/quantity.ts';
import { semverFunctions } from './functions/semver.ts';
import { standardFunctions } from './functions/standard.ts';
import { stringFunctions } from './functions/strings.ts';
import { timeFunctions } from './functions/time.ts';
import type { Issue } from './syntax/ast.ts';
import { CelSyntaxError, formatIssues } from './syntax/ast.ts';
import { parse } from './syntax/parser.ts';
import type { Type } from './types.ts';
import type { Value } from './values/value.ts';
import { CelError } from './values/value.ts';
import { literalIssues } from './check/literals.ts';

/** Cost that one evaluation may have, as Kubernetes limits it. */
export const perCallLimit = 1_000_000;

/** The functions of Kubernetes' environment as of 1.34, by name. */
const kubernetesFunctions: ReadonlyMap<string, readonly Overload[]> = byName([
  ...standardFunctions, ...conversionFunctions, ...timeFunctions, ...optionalFunctions, ...stringFunctions, ...listFunctions,
  ...quantityFunctions, ...networkFunctions, ...semverFunctions, ...formatFunctions,
]);

function byName(overloads: readonly Overload[]): ReadonlyMap<string, readonly Overload[]> {
  const named = new Map<string, Overload[]>();
  for (const overload of overloads) {
    const known = named.get(overload.name);
    if (known) known.push(overload);
    else named.set(overload.name, [overload]);
  }
  return named;
}

/** What an evaluation came to. `cost` is what was spent, also when it failed. */
export type Outcome =
  | { readonly value: Value; readonly cost: number; readonly error?: undefined }
  | { readonly error: string; readonly cost: number; readonly exceeded: boolean; readonly value?: undefined };

export interface Program {
  /** The type of the result. */
  readonly type: Type;
  /** The variables that the expression uses. */
  readonly uses: ReadonlySet<string>;
  /** Evaluates with the variables' values. A variable without a value fails where it is read. */
  evaluate(variables: Readonly<Record<string, Value | undefined>>, options?: { readonly costLimit?: number }): Outcome;
}

export type Compiled = { readonly program: Program; readonly issues?: undefined; readonly message?: undefined } | { readonly issues: readonly Issue[]; readonly message: string; readonly program?: undefined };

/** Compiles an expression over typed variables. A wrong one gives its issues, and a message with positions. */
export function compile(source: string, variables: ReadonlyMap<string, Type> = new Map()): Compiled {
  try {
    const expression = parse(source);
    const checked = check(expression, { variables, functions: kubernetesFunctions });
    const issues = checked.issues.length > 0 ? checked.issues : literalIssues(checked);
    if (issues.length > 0) {
      const sorted = [...issues].sort((a, b) => a.at - b.at);
      return { issues: sorted, message: formatIssues(source, sorted) };
    }
    return { program: makeProgram(planOf(checked, variables), expression) };
  } catch (error) {
    // A conversion of a literal that cannot be done.
    if (error instanceof CelError) return { issues: [{ at: 0, message: error.message }], message: error.message };
    if (!(error instanceof CelSyntaxError)) throw error;
    const issues = [{ at: error.at, message: error.message }];
    return { issues, message: formatIssues(source, issues) };
  }
}

function planOf(checked: Checked, variables: ReadonlyMap<string, Type>): Plan {
  const scope = [...variables.keys()].map((name, slot) => [name, slot] as const);
  return { checked, scope, slots: scope.length };
}

function makeProgram(plan: Plan, expression: Parameters<typeof planStep>[0]): Program {
  const names = plan.scope.map(([name]) => name);
  const step = planStep(expression, plan);
  return {
    type: plan.checked.type,
    uses: plan.checked.used,
    evaluate(variables, options = {}) {
      const slots: Frame['slots'] = new Array(plan.slots);
      for (const [slot, name] of names.entries()) slots[slot] = variables[name];
      const frame: Frame = { slots, cost: 0, limit: options.costLimit ?? perCallLimit };
      try {
        return { value: step(frame), cost: frame.cost };
      } catch (error) {
        if (error instanceof CelError || error instanceof CostExceeded) return { error: error.message, cost: frame.cost, exceeded: error instanceof CostExceeded };
        throw error;
      }
    },
  };
}
