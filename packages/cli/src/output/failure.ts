import type { Problem } from '@keelson/std';

/** Exit codes, the same for every command. */
export const exitCode = { done: 0, no: 1, cannot: 2, refused: 3, unauthorised: 4, timedOut: 5, bug: 70, interrupted: 130, terminated: 143 } as const;

/** An error that ends a command with a message of four parts and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: number;
  readonly problem: Problem;
  constructor(problem: Problem, code: number = exitCode.cannot, options?: { cause?: unknown }) {
    super(problem.summary, options);
    this.problem = problem;
    this.code = code;
  }
}

const codeColumn = 70;

/** The four parts: what, why, where, next; empty parts are left out. */
export function renderProblem(problem: Problem): string {
  const head = `✗ ${problem.summary}`;
  const lines = [`${head.padEnd(codeColumn)} [${problem.code}]`];
  if (problem.why) lines.push(`  why:   ${problem.why}`);
  if (problem.where) lines.push(`  where: ${problem.where}`);
  problem.next.forEach((next, i) => lines.push(`  ${i === 0 ? 'next: ' : '      '} ${next}`));
  return `${lines.join('\n')}\n`;
}
