// The syntax tree after macro expansion: cel-spec proto/cel/expr/syntax.proto, less what needs message types.

/** A literal: int and uint are both bigint here, `type` tells them apart. */
export type Literal =
  | { readonly type: 'int' | 'uint'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'null' };

/** A node. `at` is the offset in code points, which error messages turn into line and column. */
export type Expression =
  | { readonly kind: 'literal'; readonly at: number; readonly literal: Literal }
  | { readonly kind: 'identifier'; readonly at: number; readonly name: string }
  /** `operand.field`; `test` is the has() macro. */
  | { readonly kind: 'select'; readonly at: number; readonly operand: Expression; readonly field: string; readonly test: boolean }
  | { readonly kind: 'call'; readonly at: number; readonly name: string; readonly target?: Expression; readonly args: readonly Expression[] }
  /** `optional` holds the indexes of elements written `?x`. */
  | { readonly kind: 'list'; readonly at: number; readonly elements: readonly Expression[]; readonly optional: ReadonlySet<number> }
  | { readonly kind: 'map'; readonly at: number; readonly entries: readonly MapEntry[] }
  | Comprehension;

export interface MapEntry {
  readonly key: Expression;
  readonly value: Expression;
  readonly optional: boolean;
}

/** A fold over `range`, into which the macros expand. With `variable2`, the first variable is the index or key. */
export interface Comprehension {
  readonly kind: 'comprehension';
  readonly at: number;
  readonly variable: string;
  readonly variable2?: string;
  readonly range: Expression;
  readonly accumulator: string;
  readonly init: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}

/** A wrong place in an expression. */
export interface Issue {
  readonly at: number;
  readonly message: string;
}

/** Issues as cel-go prints them: position, the line, and a mark under the column. */
export function formatIssues(source: string, issues: readonly Issue[]): string {
  const points = [...source];
  return issues
    .map(({ at, message }) => {
      const before = points.slice(0, at).join('').split('\n');
      const line = before.length;
      const column = [...(before.at(-1) ?? '')].length;
      const text = (source.split('\n')[line - 1] ?? '').replaceAll('\t', ' ');
      return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${'.'.repeat(column)}^`;
    })
    .join('\n');
}

/** Thrown by the lexer and parser. */
export class CelSyntaxError extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.name = 'CelSyntaxError';
    this.at = at;
  }
}
