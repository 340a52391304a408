/**
 * A problem is a registered object: the same one is a condition, an event, a CLI line and a UI card.
 * Each package declares its problems in one table, `problems.ts`.
 */
export interface ProblemDefinition {
  /** AREA.NAME in upper case, unique in the program, e.g. HOST.BMC_UNAUTHORIZED. */
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  /** What is wrong, in one line; `{name}` is replaced from the arguments. */
  readonly summary: string;
  /** What the user can do, as commands or edits; `{name}` is replaced. */
  readonly next: readonly string[];
  /** Codes of problems that explain this one: it is hidden while one of them shows. */
  readonly dependsOn?: readonly string[];
  /** How long it must last before it is shown. */
  readonly graceSeconds?: number;
  /** The condition reason (CamelCase) under which it stands in an object's status, where upstream has one. */
  readonly reason?: string;
}

export interface Problem {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly summary: string;
  /** What was seen that shows it: the answer of a machine, the line of a parser. */
  readonly why: string;
  /** File and line, object or address where it is to be mended; empty when unknown. */
  readonly where: string;
  readonly next: readonly string[];
  readonly reason: string;
}

const registry = new Map<string, ProblemDefinition>();

/** Registers a table of problems and returns it typed by key. Throws on a code that is taken. */
export function defineProblems<const T extends Record<string, ProblemDefinition>>(table: T): T {
  for (const definition of Object.values(table)) {
    const known = registry.get(definition.code);
    if (known && known !== definition) throw new Error(`problem code ${definition.code} is declared twice`);
    registry.set(definition.code, definition);
  }
  return table;
}

/** All problems declared by the packages loaded so far, by code. */
export function registeredProblems(): ReadonlyMap<string, ProblemDefinition> {
  return registry;
}

/** Makes a problem of a definition: `{name}` in its texts is replaced from `args`. */
export function problem(
  definition: ProblemDefinition,
  args: Readonly<Record<string, string | number>>,
  detail: { why: string; where?: string },
): Problem {
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (all, name: string) => String(args[name] ?? all));
  return {
    code: definition.code,
    severity: definition.severity,
    summary: fill(definition.summary),
    why: detail.why,
    where: detail.where ?? '',
    next: definition.next.map(fill),
    reason: definition.reason ?? codeToReason(definition.code),
  };
}

function codeToReason(code: string): string {
  return (code.split('.')[1] ?? code)
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
}

/** The error that carries a problem up to the place that writes it into a status. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  constructor(of: Problem, options?: { cause?: unknown }) {
    super(`${of.summary}: ${of.why}`, options);
    this.problem = of;
  }
}

/** One line for a condition message or an event: what, why, where, next and the code. */
export function problemLine(of: Problem): string {
  const where = of.where ? `; where: ${of.where}` : '';
  const next = of.next.length > 0 ? `; next: ${of.next[0]}` : '';
  return `${of.summary}: ${of.why}${where}${next} [${of.code}]`;
}
