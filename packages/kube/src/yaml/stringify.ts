// YAML as the Kubernetes tools write it (sigs.k8s.io/yaml on go-yaml v2): lists at the indentation of their key, texts plain where
// that is safe, in double quotes where a plain one would mean something else, in single quotes where its characters need it,
// and over several lines as literal blocks. Long lines are not folded.
import { isRecord } from '../schema/schema.ts';
import { isBase60, isTimestamp, isUnrepresentable, resolveScalar } from './scalar.ts';

export interface StringifyOptions {
  /** Sort the keys of every map, numbers in them by value, as kubectl does; default: keep their order. */
  readonly sortKeys?: boolean;
}

/** JSON data as one YAML document with a line break at its end. Undefined fields are left out. */
export function stringifyYaml(value: unknown, options: StringifyOptions = {}): string {
  const run: Run = { lines: [], sortKeys: options.sortKeys ?? false };
  if (isNested(value)) writeNested(value, '', '', run);
  else run.lines.push(scalarLines(value, '').join('\n'));
  return `${run.lines.join('\n')}\n`;
}

/** Several documents, separated by `---`. */
export function stringifyDocuments(values: readonly unknown[], options: StringifyOptions = {}): string {
  return values.map((value) => stringifyYaml(value, options)).join('---\n');
}

interface Run {
  readonly lines: string[];
  readonly sortKeys: boolean;
}

type Nested = Readonly<Record<string, unknown>> | readonly unknown[];

function isNested(value: unknown): value is Nested {
  if (Array.isArray(value)) return value.length > 0;
  return isRecord(value) && Object.values(value).some((item) => item !== undefined);
}

/** Writes a map or list at an indentation; `lead` is what already stands on its first line (`- ` of the list around it). */
function writeNested(value: Nested, indent: string, lead: string, run: Run): void {
  let before = lead === '' ? indent : lead;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isNested(item)) writeNested(item, `${indent}  `, `${before}- `, run);
      else pushScalar(`${before}- `, item, indent, run);
      before = indent;
    }
    return;
  }
  // Not a list, so it is a map.
  const map = value as Readonly<Record<string, unknown>>;
  for (const name of keysOf(map, run)) {
    const item = map[name];
    const key = `${before}${keyText(name)}:`;
    if (!isNested(item)) pushScalar(`${key} `, item, indent, run);
    else {
      run.lines.push(key);
      writeNested(item, Array.isArray(item) ? indent : `${indent}  `, '', run);
    }
    before = indent;
  }
}

function pushScalar(lead: string, value: unknown, indent: string, run: Run): void {
  const [first = '', ...rest] = scalarLines(value, `${indent}  `);
  run.lines.push(`${lead}${first}`, ...rest);
}

function keysOf(map: Readonly<Record<string, unknown>>, run: Run): string[] {
  const names = Object.keys(map).filter((name) => map[name] !== undefined);
  return run.sortKeys ? names.sort(compareKeys) : names;
}

/** The first line stands behind the key; further ones (of a block) come with their indentation. */
function scalarLines(value: unknown, indent: string): string[] {
  if (typeof value === 'string') return textLines(value, indent);
  if (typeof value === 'number') return [numberText(value)];
  if (typeof value === 'boolean') return [String(value)];
  if (Array.isArray(value)) return ['[]'];
  return [isRecord(value) ? '{}' : 'null'];
}

function keyText(name: string): string {
  return name.includes('\n') ? doubleQuoted(name) : (textLines(name, '')[0] ?? '""');
}

function textLines(text: string, indent: string): string[] {
  const form = formOf(text);
  if (form.isSpecial) return [doubleQuoted(text)];
  if (text.includes('\n')) return form.isBlock ? blockLines(text, indent) : [doubleQuoted(text)];
  if (isMistakable(text)) return [doubleQuoted(text)];
  return [form.isPlain ? text : `'${text.replaceAll("'", "''")}'`];
}

/** True for a text that would not be read as a text if it stood there plain. */
function isMistakable(text: string): boolean {
  return typeof resolveScalar(text) !== 'string' || isUnrepresentable(text) || isBase60(text) || isTimestamp(text);
}

interface Form {
  /** Has characters that only escapes can carry. */
  readonly isSpecial: boolean;
  readonly isPlain: boolean;
  /** May be a literal block. */
  readonly isBlock: boolean;
}

const reserved = new Set('#,[]{}&*!|>\'"%@`');

function formOf(text: string): Form {
  // Printable: line break, ASCII, and the basic multilingual plane without surrogates, separators and byte order mark.
  const isSpecial = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(text) || / \n/.test(text);
  const first = text.charAt(0);
  const second = text.charAt(1);
  const isIndicator =
    /^(?:---|\.\.\.)/.test(text) ||
    reserved.has(first) ||
    ('?:-'.includes(first) && first !== '' && (second === '' || second === ' ' || second === '\n')) ||
    /:(?:[ \n]|$)/.test(text) ||
    /[ \n]#/.test(text);
  const isPadded = /^[ \n]|[ \n]$/.test(text);
  return { isSpecial, isPlain: text !== '' && !isIndicator && !isPadded && !text.includes('\n'), isBlock: !text.endsWith(' ') };
}

function blockLines(text: string, indent: string): string[] {
  const lead = /^[ \n]/.test(text) ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : '';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  return [`|${lead}${chomp}`, ...body.split('\n').map((line) => (line === '' ? '' : `${indent}${line}`))];
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function doubleQuoted(text: string): string {
  let quoted = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const named = escapes[char];
    if (named !== undefined) quoted += named;
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) quoted += `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
    else if (code === 0xfeff || (code >= 0xd800 && code < 0xe000) || code === 0xfffe || code === 0xffff) quoted += `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
    else if (code > 0xffff) quoted += `\\U${code.toString(16).toUpperCase().padStart(8, '0')}`;
    else quoted += char;
  }
  return `"${quoted}"`;
}

/** Whole numbers in full, others as Go's shortest %g: an exponent of two digits below 1e-4 and from 1e6 on. */
function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return BigInt(value).toString();
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '.nan' : value > 0 ? '.inf' : '-.inf';
  const [digits = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** go-yaml's order of keys: letters after everything else, runs of digits by their value. */
export function compareKeys(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [x, y] = [left[at] ?? '', right[at] ?? ''];
    if (x === y) continue;
    const [xLetter, yLetter] = [/\p{L}/u.test(x), /\p{L}/u.test(y)];
    if (xLetter && yLetter) return x < y ? -1 : 1;
    if (xLetter || yLetter) return yLetter ? -1 : 1;
    return compareDigits(left, right, at) || (x < y ? -1 : 1);
  }
  return left.length - right.length;
}

function compareDigits(left: readonly string[], right: readonly string[], at: number): number {
  // Inside a longer number a zero counts by its place, which a leading one keeps.
  const inside = (left[at] === '0' || right[at] === '0') && /[1-9]\d*$/.test(left.slice(0, at).join('')) ? '1' : '';
  const run = (chars: readonly string[]) => /^\d*/.exec(chars.slice(at).join(''))?.[0] ?? '';
  const [x, y] = [run(left), run(right)];
  const [n, m] = [BigInt(`${inside}${x}` || '0'), BigInt(`${inside}${y}` || '0')];
  if (n !== m) return n < m ? -1 : 1;
  return x.length - y.length;
}
