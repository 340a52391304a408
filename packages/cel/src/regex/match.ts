// Matching in time linear in the text whatever the expression: threads of a program run side by side (Pike's machine),
// with leftmost-first results as RE2 gives them.
import type { Accepts, Node } from './parse.ts';
import { RegexError, isWord, parseRegex } from './parse.ts';

type Step =
  | { readonly kind: 'point'; readonly accepts: Accepts }
  | { readonly kind: 'assert'; readonly what: Extract<Node, { kind: 'assert' }>['what'] }
  /** Both ways, `first` preferred. Targets are set once they are known. */
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'match' };

/** Programs longer than this are refused. */
const maxSteps = 20_000;

export interface Regex {
  /** True when the expression matches anywhere in the text. */
  test(text: string): boolean;
  /** The leftmost match from a code point on, as [start, end) in code points. */
  find(points: readonly string[], from: number): readonly [number, number] | undefined;
}

/** Compiles an expression; throws RegexError. */
export function makeRegex(pattern: string): Regex {
  const steps: Step[] = [];
  emit(parseRegex(pattern), steps, pattern);
  steps.push({ kind: 'match' });
  return {
    test: (text) => run(steps, codesOf(text), 0, true) !== undefined,
    find: (points, from) => run(steps, points.map((char) => char.codePointAt(0) ?? 0), from, false),
  };
}

function codesOf(text: string): number[] {
  const codes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at) ?? 0;
    codes.push(code);
    if (code > 0xffff) at++;
  }
  return codes;
}

function emit(node: Node, steps: Step[], pattern: string): void {
  if (steps.length > maxSteps) throw new RegexError('expression too large', pattern);
  switch (node.kind) {
    case 'empty':
      return;
    case 'point':
    case 'assert':
      steps.push(node);
      return;
    case 'sequence':
      for (const part of node.parts) emit(part, steps, pattern);
      return;
    case 'choice':
      emitChoice(node.parts, steps, pattern);
      return;
    default:
      emitRepeat(node, steps, pattern);
  }
}

function emitChoice(parts: readonly Node[], steps: Step[], pattern: string): void {
  const ends: { kind: 'jump'; to: number }[] = [];
  parts.forEach((part, index) => {
    if (index === parts.length - 1) return emit(part, steps, pattern);
    const split = { kind: 'split' as const, first: steps.length + 1, second: 0 };
    steps.push(split);
    emit(part, steps, pattern);
    const jump = { kind: 'jump' as const, to: 0 };
    steps.push(jump);
    ends.push(jump);
    split.second = steps.length;
  });
  for (const jump of ends) jump.to = steps.length;
}

function emitRepeat(node: Extract<Node, { kind: 'repeat' }>, steps: Step[], pattern: string): void {
  for (let count = 0; count < node.min; count++) emit(node.part, steps, pattern);
  const choose = (split: { first: number; second: number }, body: number, after: number) => {
    split.first = node.greedy ? body : after;
    split.second = node.greedy ? after : body;
  };
  if (node.max === Infinity) {
    const split = { kind: 'split' as const, first: 0, second: 0 };
    const start = steps.length;
    steps.push(split);
    emit(node.part, steps, pattern);
    steps.push({ kind: 'jump', to: start });
    choose(split, start + 1, steps.length);
    return;
  }
  const splits: { at: number; split: { kind: 'split'; first: number; second: number } }[] = [];
  for (let count = node.min; count < node.max; count++) {
    const split = { kind: 'split' as const, first: 0, second: 0 };
    splits.push({ at: steps.length, split });
    steps.push(split);
    emit(node.part, steps, pattern);
  }
  for (const { at, split } of splits) choose(split, at + 1, steps.length);
}

/** Threads in order of preference; a step is in the list once. */
interface Threads {
  readonly steps: number[];
  readonly starts: number[];
  readonly seen: Uint32Array;
}

function run(steps: readonly Step[], codes: readonly number[], from: number, anywhere: boolean): readonly [number, number] | undefined {
  let now: Threads = { steps: [], starts: [], seen: new Uint32Array(steps.length) };
  let next: Threads = { steps: [], starts: [], seen: new Uint32Array(steps.length) };
  let found: readonly [number, number] | undefined;
  for (let at = from; at <= codes.length; at++) {
    if (!found) follow(steps, now, 0, at, codes, at + 1);
    if (now.steps.length === 0 && found) break;
    const code = codes[at];
    for (let index = 0; index < now.steps.length; index++) {
      const pc = now.steps[index] ?? 0;
      const start = now.starts[index] ?? 0;
      const step = steps[pc];
      if (step?.kind === 'match') {
        found = [start, at];
        if (anywhere) return found;
        break; // what comes after is less preferred
      }
      if (step?.kind === 'point' && code !== undefined && step.accepts(code)) follow(steps, next, pc + 1, start, codes, at + 2);
    }
    [now, next] = [next, now];
    next.steps.length = 0;
    next.starts.length = 0;
  }
  return found;
}

/** Adds the steps that can be reached from `pc` without reading. `mark` is the position plus one. */
function follow(steps: readonly Step[], threads: Threads, pc: number, start: number, codes: readonly number[], mark: number): void {
  const open = [pc];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (threads.seen[at] === mark) continue;
    threads.seen[at] = mark;
    const step = steps[at];
    if (step?.kind === 'jump') open.push(step.to);
    else if (step?.kind === 'split') open.push(step.second, step.first);
    else if (step?.kind === 'assert') {
      if (holds(step.what, codes, mark - 1)) open.push(at + 1);
    } else {
      threads.steps.push(at);
      threads.starts.push(start);
    }
  }
}

function holds(what: Extract<Node, { kind: 'assert' }>['what'], codes: readonly number[], at: number): boolean {
  const before = codes[at - 1];
  const after = codes[at];
  switch (what) {
    case 'begin':
      return at === 0;
    case 'end':
      return at === codes.length;
    case 'lineBegin':
      return at === 0 || before === 10;
    case 'lineEnd':
      return at === codes.length || after === 10;
    default: {
      const isEdge = (before !== undefined && isWord(before)) !== (after !== undefined && isWord(after));
      return (what === 'word') === isEdge;
    }
  }
}
