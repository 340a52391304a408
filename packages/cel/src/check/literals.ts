// Literal arguments that can only fail: cel-go cel/validator.go (durations, timestamps, regular expressions) and ext/formatting.go.
import { formatText } from '../functions/format-text.ts';
import { parseDuration, parseTimestamp } from '../functions/time.ts';
import { compileRegex } from '../regex/cache.ts';
import type { Expression, Issue } from '../syntax/ast.ts';
import type { Type } from '../types.ts';
import type { Value } from '../values/value.ts';
import { CelError, listOf } from '../values/value.ts';
import type { Checked } from './checker.ts';

/** The literal arguments that cannot work. */
export function literalIssues(checked: Checked): Issue[] {
  const issues: Issue[] = [];
  for (const node of checked.overloads.keys()) {
    if (node.kind !== 'call') continue;
    const arg = node.args.at(-1);
    const text = textOf(arg);
    if (arg && text !== undefined) {
      if (node.name === 'duration' && parseDuration(text) === undefined) issues.push({ at: arg.at, message: 'invalid duration argument' });
      if (node.name === 'timestamp' && parseTimestamp(text) === undefined) issues.push({ at: arg.at, message: 'invalid timestamp argument' });
      if (node.name === 'matches' && failureOf(() => compileRegex(text)) !== undefined) issues.push({ at: arg.at, message: 'invalid matches argument' });
    }
    const format = textOf(node.target);
    if (node.name === 'format' && format !== undefined && arg?.kind === 'list' && arg.optional.size === 0) checkFormat(format, node.at, arg, checked, issues);
  }
  return issues;
}

function textOf(node: Expression | undefined): string | undefined {
  return node?.kind === 'literal' && node.literal.type === 'string' ? node.literal.value : undefined;
}

function failureOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof CelError) return error.message;
    throw error;
  }
}

/** A value of each type with which a text can be filled to see whether the clauses suit it. */
const examples: Partial<Record<Type['kind'], Value>> = {
  int: 0n, uint: { kind: 'uint', value: 0n }, double: 0, bool: true, string: '', bytes: new Uint8Array(), null: null, timestamp: { kind: 'timestamp', ns: 0n },
  duration: { kind: 'duration', ns: 0n }, list: listOf([]), map: { kind: 'map', size: 0, get: () => undefined, keys: () => [] },
};

function checkFormat(text: string, at: number, args: Extract<Expression, { kind: 'list' }>, checked: Checked, issues: Issue[]): void {
  const values = args.elements.map((element) => examples[checked.types.get(element)?.kind ?? 'dyn']);
  if (values.some((value) => value === undefined)) return;
  const failure = failureOf(() => formatText(text, listOf(values.filter((value) => value !== undefined))));
  if (failure !== undefined) issues.push({ at: failure.startsWith('index ') ? at : (args.elements[0]?.at ?? at), message: failure });
}
