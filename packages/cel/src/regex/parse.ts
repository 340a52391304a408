// Regular expressions by RE2's syntax (github.com/google/re2/wiki/Syntax), as Go's regexp/syntax reads them with Perl flags.

/** True for a code point that the step accepts. */
export type Accepts = (point: number) => boolean;

export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'point'; readonly accepts: Accepts }
  | { readonly kind: 'assert'; readonly what: 'begin' | 'end' | 'lineBegin' | 'lineEnd' | 'word' | 'notWord' }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly min: number; readonly max: number; readonly greedy: boolean };

/** Thrown for an expression that cannot be read; the message is the one Go gives. */
export class RegexError extends Error {
  constructor(what: string, where: string) {
    super(`error parsing regexp: ${what}: \`${where}\``);
    this.name = 'RegexError';
  }
}

const maxRepeat = 1000;
const maxDepth = 200;

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly U: boolean;
}

interface Run {
  readonly text: string;
  readonly points: readonly string[];
  at: number;
  flags: Flags;
  depth: number;
}

export function parseRegex(text: string): Node {
  const run: Run = { text, points: [...text], at: 0, flags: { i: false, m: false, s: false, U: false }, depth: 0 };
  const node = parseChoice(run);
  if (run.at < run.points.length) throw new RegexError('unexpected )', text);
  return node;
}

function parseChoice(run: Run): Node {
  if (++run.depth > maxDepth) throw new RegexError('expression nests too deeply', run.text);
  const parts: Node[] = [];
  for (;;) {
    parts.push(parseSequence(run));
    if (run.points[run.at] !== '|') break;
    run.at++;
  }
  run.depth--;
  const [only] = parts;
  return only && parts.length === 1 ? only : { kind: 'choice', parts };
}

function parseSequence(run: Run): Node {
  const parts: Node[] = [];
  for (let char = run.points[run.at]; char !== undefined && char !== '|' && char !== ')'; char = run.points[run.at]) {
    if (char === '\\' && run.points[run.at + 1] === 'Q') {
      parts.push(...parseLiteral(run));
      continue;
    }
    const atom = parseAtom(run);
    if (atom) parts.push(parseRepeats(run, atom));
  }
  return { kind: 'sequence', parts };
}

function parseLiteral(run: Run): Node[] {
  run.at += 2;
  const parts: Node[] = [];
  for (let char = run.points[run.at]; char !== undefined; char = run.points[run.at]) {
    if (char === '\\' && run.points[run.at + 1] === 'E') {
      run.at += 2;
      break;
    }
    parts.push(point(char, run.flags));
    run.at++;
  }
  return parts;
}

function parseRepeats(run: Run, atom: Node): Node {
  let node = atom;
  let before: number | undefined;
  for (;;) {
    const opened = run.at;
    const bounds = parseBounds(run);
    if (!bounds) return node;
    if (before !== undefined) throw new RegexError('invalid nested repetition operator', run.points.slice(before, run.at).join(''));
    const isLazy = run.points[run.at] === '?';
    if (isLazy) run.at++;
    const [min, max] = bounds;
    if (min > maxRepeat || (max !== Infinity && (max > maxRepeat || max < min))) throw new RegexError('invalid repeat count', run.points.slice(opened, run.at).join(''));
    node = { kind: 'repeat', part: node, min, max, greedy: isLazy === run.flags.U };
    if (weigh(node) > maxRepeat) throw new RegexError('invalid repeat count', run.points.slice(opened, run.at).join(''));
    before = opened;
  }
}

/** How often the innermost part is written out when counted repeats are unfolded. */
function weigh(node: Node): number {
  switch (node.kind) {
    case 'repeat':
      return weigh(node.part) * Math.max(1, node.max === Infinity ? node.min : node.max);
    case 'sequence':
    case 'choice':
      return node.parts.reduce((most, part) => Math.max(most, weigh(part)), 1);
    default:
      return 1;
  }
}

function parseBounds(run: Run): [number, number] | undefined {
  const char = run.points[run.at];
  if (char === '*' || char === '+' || char === '?') {
    run.at++;
    return [char === '+' ? 1 : 0, char === '?' ? 1 : Infinity];
  }
  if (char !== '{') return undefined;
  const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(run.points.slice(run.at, run.at + 24).join(''));
  if (!found) return undefined;
  run.at += found[0].length;
  const min = Number(found[1]);
  return [min, found[2] === undefined ? min : found[3] === '' ? Infinity : Number(found[3])];
}

/** One step; undefined for what only changes the flags. */
function parseAtom(run: Run): Node | undefined {
  const char = run.points[run.at] ?? '';
  switch (char) {
    case '(':
      return parseGroup(run);
    case '[':
      return { kind: 'point', accepts: parseClass(run) };
    case '.':
      run.at++;
      return { kind: 'point', accepts: run.flags.s ? () => true : (code) => code !== 10 };
    case '^':
      run.at++;
      return { kind: 'assert', what: run.flags.m ? 'lineBegin' : 'begin' };
    case '$':
      run.at++;
      return { kind: 'assert', what: run.flags.m ? 'lineEnd' : 'end' };
    case '*':
    case '+':
    case '?':
      throw new RegexError('missing argument to repetition operator', char);
    case '\\':
      return parseEscape(run);
    default:
      run.at++;
      return point(char, run.flags);
  }
}

function parseGroup(run: Run): Node | undefined {
  const outer = run.flags;
  const head = run.points.slice(run.at, run.at + 80).join('');
  const named = /^\(\?P?<([A-Za-z0-9_]+)>/.exec(head);
  const flagged = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(head);
  if (named) run.at += named[0].length;
  else if (head.startsWith('(?')) {
    if (!flagged) throw new RegexError('invalid or unsupported Perl syntax', head.slice(0, 3));
    run.at += flagged[0].length;
    const [, on = '', off = '', end] = flagged;
    const flag = (name: keyof Flags) => (on.includes(name) || outer[name]) && !off.includes(name);
    run.flags = { i: flag('i'), m: flag('m'), s: flag('s'), U: flag('U') };
    if (end === ')') return undefined;
  } else run.at++;
  const node = parseChoice(run);
  if (run.points[run.at] !== ')') throw new RegexError('missing closing )', run.text);
  run.at++;
  run.flags = outer;
  return node;
}

const inRange = (low: number, high: number): Accepts => (code) => code >= low && code <= high;
const any = (...of: Accepts[]): Accepts => (code) => of.some((accepts) => accepts(code));
const not = (of: Accepts): Accepts => (code) => !of(code);
const isDigit = inRange(48, 57);
const isLower = inRange(97, 122);
const isUpper = inRange(65, 90);
const isSpace: Accepts = (code) => code === 32 || code === 9 || code === 10 || code === 12 || code === 13;
export const isWord: Accepts = (code) => (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95;

const perl: Readonly<Record<string, Accepts>> = { d: isDigit, D: not(isDigit), s: isSpace, S: not(isSpace), w: isWord, W: not(isWord) };
const posix: Readonly<Record<string, Accepts>> = {
  alnum: any(isDigit, isLower, isUpper),
  alpha: any(isLower, isUpper),
  ascii: inRange(0, 127),
  blank: (code) => code === 9 || code === 32,
  cntrl: any(inRange(0, 31), (code) => code === 127),
  digit: isDigit,
  graph: inRange(33, 126),
  lower: isLower,
  print: inRange(32, 126),
  punct: any(inRange(33, 47), inRange(58, 64), inRange(91, 96), inRange(123, 126)),
  space: any(inRange(9, 13), (code) => code === 32),
  upper: isUpper,
  word: isWord,
  xdigit: any(isDigit, inRange(97, 102), inRange(65, 70)),
};
const controls: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

function point(char: string, flags: Flags): Node {
  const code = char.codePointAt(0) ?? 0;
  return { kind: 'point', accepts: flags.i ? folded((other) => other === code) : (other) => other === code };
}

/** Also accepts the other cases of what it accepts. */
function folded(accepts: Accepts): Accepts {
  return (code) => {
    if (accepts(code)) return true;
    const char = String.fromCodePoint(code);
    return [char.toLowerCase(), char.toUpperCase()].some((other) => other !== char && accepts(other.codePointAt(0) ?? 0));
  };
}

function parseEscape(run: Run): Node {
  const next = run.points[run.at + 1];
  if (next === undefined) throw new RegexError('trailing backslash at end of expression', '');
  const asserted = ({ A: 'begin', z: 'end', b: 'word', B: 'notWord' } as const)[next as 'A' | 'z' | 'b' | 'B'];
  if (asserted) {
    run.at += 2;
    return { kind: 'assert', what: asserted };
  }
  const set = parseSet(run);
  if (set) return { kind: 'point', accepts: run.flags.i ? folded(set) : set };
  return point(String.fromCodePoint(parseEscapedPoint(run)), run.flags);
}

/** `\d`, `\pL`, `\p{Greek}` and their kin. */
function parseSet(run: Run): Accepts | undefined {
  const head = run.points.slice(run.at, run.at + 40).join('');
  const simple = /^\\([dDsSwW])/.exec(head);
  if (simple) {
    run.at += 2;
    return perl[simple[1] ?? ''];
  }
  const unicode = /^\\([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))/.exec(head);
  if (!unicode) {
    if (/^\\[pP]/.test(head)) throw new RegexError('invalid character class range', head.slice(0, 3));
    return undefined;
  }
  run.at += unicode[0].length;
  const name = unicode[3] ?? unicode[4] ?? '';
  if (name === 'Any') return unicode[1] === 'P' ? () => false : () => true;
  let matcher: RegExp;
  try {
    matcher = new RegExp(`^\\p{${name.length <= 2 ? name : `Script=${name}`}}$`, 'u');
  } catch {
    throw new RegexError('invalid character class range', unicode[0]);
  }
  const accepts: Accepts = (code) => matcher.test(String.fromCodePoint(code));
  return (unicode[1] === 'P') !== (unicode[2] === '^') ? not(accepts) : accepts;
}

function parseEscapedPoint(run: Run): number {
  const head = run.points.slice(run.at, run.at + 14).join('');
  const hex = /^\\x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/.exec(head);
  const octal = /^\\([1-7][0-7]{1,2}|0[0-7]{0,2})/.exec(head);
  const found = hex ?? octal;
  if (found) {
    const code = hex ? Number.parseInt(hex[1] ?? hex[2] ?? '', 16) : Number.parseInt(octal?.[1] ?? '', 8);
    if (code > 0x10ffff) throw new RegexError('invalid escape sequence', found[0]);
    run.at += found[0].length;
    return code;
  }
  const char = run.points[run.at + 1] ?? '';
  const control = controls[char];
  const code = char.codePointAt(0) ?? 0;
  if (control === undefined && (code >= 128 || isWord(code))) {
    if (char === '_') {
      run.at += 2;
      return code;
    }
    throw new RegexError('invalid escape sequence', `\\${char}`);
  }
  run.at += 2;
  return control ?? code;
}

function parseClass(run: Run): Accepts {
  const start = run.at++;
  const isNegated = run.points[run.at] === '^';
  if (isNegated) run.at++;
  const members: Accepts[] = [];
  for (let first = true; first || run.points[run.at] !== ']'; first = false) {
    if (run.at >= run.points.length) throw new RegexError('missing closing ]', run.points.slice(start).join(''));
    members.push(parseMember(run, start));
  }
  run.at++;
  const ascii = asciiTable(run.flags.i ? folded(any(...members)) : any(...members));
  return isNegated ? not(ascii) : ascii;
}

/** Answers for the first 128 code points are looked up. */
function asciiTable(accepts: Accepts): Accepts {
  const table = Uint8Array.from({ length: 128 }, (_, code) => (accepts(code) ? 1 : 0));
  return (code) => (code < 128 ? table[code] === 1 : accepts(code));
}

function parseMember(run: Run, start: number): Accepts {
  const head = run.points.slice(run.at, run.at + 16).join('');
  const named = /^\[:(\^?)([a-z]+):\]/.exec(head);
  if (named) {
    const members = posix[named[2] ?? ''];
    if (!members) throw new RegexError('invalid character class range', named[0]);
    run.at += named[0].length;
    return named[1] ? not(members) : members;
  }
  const set = run.points[run.at] === '\\' ? parseSet(run) : undefined;
  if (set) return set;
  const from = run.at;
  const low = classPoint(run, start);
  if (run.points[run.at] !== '-' || run.points[run.at + 1] === ']' || run.points[run.at + 1] === undefined) return (code) => code === low;
  run.at++;
  const high = classPoint(run, start);
  if (high < low) throw new RegexError('invalid character class range', run.points.slice(from, run.at).join(''));
  return inRange(low, high);
}

function classPoint(run: Run, start: number): number {
  const char = run.points[run.at];
  if (char === undefined) throw new RegexError('missing closing ]', run.points.slice(start).join(''));
  if (char === '\\') return parseEscapedPoint(run);
  run.at++;
  return char.codePointAt(0) ?? 0;
}
