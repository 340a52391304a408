// Tokens: cel-spec doc/langdef.md "Syntax" (lexical part).
import type { Literal } from './ast.ts';
import { CelSyntaxError } from './ast.ts';

export type Token =
  | { readonly kind: 'literal'; readonly at: number; readonly literal: Literal; readonly text: string }
  /** `text` of a quoted identifier is without its backticks. */
  | { readonly kind: 'identifier'; readonly at: number; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'operator'; readonly at: number; readonly text: string }
  | { readonly kind: 'end'; readonly at: number; readonly text: string };

const operators = ['==', '!=', '<=', '>=', '&&', '||', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+', '*', '/', '%', '<', '>'];
/** Longer expressions are refused, as cel-go does. */
export const maxExpressionLength = 100_000;

/** Splits an expression into tokens; throws CelSyntaxError where that cannot be done. */
export function tokenize(source: string): Token[] {
  const points = [...source];
  if (points.length > maxExpressionLength) {
    throw new CelSyntaxError(0, `expression code point size exceeds limit: size: ${points.length}, limit ${maxExpressionLength}`);
  }
  const tokens: Token[] = [];
  for (let at = 0; at < points.length; ) {
    const char = points[at] ?? '';
    if (/[\t\n\f\r ]/.test(char)) at++;
    else if (char === '/' && points[at + 1] === '/') {
      while (at < points.length && points[at] !== '\n') at++;
    } else {
      const token = readToken(points, at);
      tokens.push(token.token);
      at = token.next;
    }
  }
  tokens.push({ kind: 'end', at: points.length, text: '<EOF>' });
  return tokens;
}

interface Read {
  readonly token: Token;
  readonly next: number;
}

function readToken(points: readonly string[], at: number): Read {
  const char = points[at] ?? '';
  const prefix = /^(?:[rR][bB]?|[bB][rR]?)?$/;
  for (let length = 0; length <= 2; length++) {
    const head = points.slice(at, at + length).join('');
    const mark = points[at + length];
    if ((mark === '"' || mark === "'") && prefix.test(head)) return readString(points, at, at + length, head.toLowerCase());
    if (!/^[rRbB]*$/.test(head)) break;
  }
  if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(points[at + 1] ?? ''))) return readNumber(points, at);
  if (/[A-Za-z_]/.test(char)) return readWord(points, at);
  if (char === '`') return readQuoted(points, at);
  const text = operators.find((operator) => [...operator].every((one, index) => points[at + index] === one));
  if (text === undefined) throw new CelSyntaxError(at, `Syntax error: token recognition error at: '${char}'`);
  return { token: { kind: 'operator', at, text }, next: at + text.length };
}

function readWord(points: readonly string[], at: number): Read {
  let next = at;
  while (next < points.length && /[A-Za-z0-9_]/.test(points[next] ?? '')) next++;
  const text = points.slice(at, next).join('');
  const literal: Literal | undefined = text === 'true' || text === 'false' ? { type: 'bool', value: text === 'true' } : text === 'null' ? { type: 'null' } : undefined;
  if (literal) return { token: { kind: 'literal', at, literal, text }, next };
  if (text === 'in') return { token: { kind: 'operator', at, text }, next };
  return { token: { kind: 'identifier', at, text, quoted: false }, next };
}

function readQuoted(points: readonly string[], at: number): Read {
  const end = points.indexOf('`', at + 1);
  const text = end < 0 ? '' : points.slice(at + 1, end).join('');
  if (!/^[A-Za-z0-9_.\-/ ]+$/.test(text)) throw new CelSyntaxError(at, "Syntax error: token recognition error at: '`'");
  return { token: { kind: 'identifier', at, text, quoted: true }, next: end + 1 };
}

const numberPattern = /^(?:(0x[0-9a-fA-F]+)([uU])?|([0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|([0-9]+)([uU])?)/;

function readNumber(points: readonly string[], at: number): Read {
  const found = numberPattern.exec(points.slice(at, at + 400).join(''));
  if (!found) throw new CelSyntaxError(at, 'Syntax error: invalid number');
  const text = found[0];
  const next = at + text.length;
  const token = (literal: Literal): Read => ({ token: { kind: 'literal', at, literal, text }, next });
  if (found[3] !== undefined) {
    const value = Number(found[3]);
    if (!Number.isFinite(value)) throw new CelSyntaxError(at, 'invalid double literal');
    return token({ type: 'double', value });
  }
  const value = BigInt(found[1] ?? found[4] ?? '0');
  if (found[2] ?? found[5]) {
    if (value > 0xffff_ffff_ffff_ffffn) throw new CelSyntaxError(at, 'invalid uint literal');
    return token({ type: 'uint', value });
  }
  // The smallest int is written with a minus; the parser checks the sign.
  if (value > 0x8000_0000_0000_0000n) throw new CelSyntaxError(at, 'invalid int literal');
  return token({ type: 'int', value });
}

function readString(points: readonly string[], at: number, open: number, prefix: string): Read {
  const mark = points[open] ?? '';
  const isTriple = points[open + 1] === mark && points[open + 2] === mark;
  const isRaw = prefix.includes('r');
  const isBytes = prefix.includes('b');
  const width = isTriple ? 3 : 1;
  const bytes: number[] = [];
  let text = '';
  const put = (value: string) => {
    if (isBytes) bytes.push(...new TextEncoder().encode(value));
    else text += value;
  };
  for (let next = open + width; ; ) {
    const char = points[next];
    if (char === undefined || (!isTriple && (char === '\n' || char === '\r'))) {
      throw new CelSyntaxError(at, `Syntax error: token recognition error at: '${points.slice(at, next).join('')}'`);
    }
    if (char === mark && (!isTriple || (points[next + 1] === mark && points[next + 2] === mark))) {
      const literal: Literal = isBytes ? { type: 'bytes', value: Uint8Array.from(bytes) } : { type: 'string', value: text };
      return { token: { kind: 'literal', at, literal, text: points.slice(at, next + width).join('') }, next: next + width };
    }
    if (char !== '\\' || isRaw) {
      put(char === '\r' && points[next + 1] !== '\n' ? '\n' : char === '\r' ? '' : char);
      next++;
      // In a raw text a backslash still keeps the quote behind it from ending it.
      if (char === '\\' && points[next] === mark) {
        put(mark);
        next++;
      }
    } else {
      const escape = readEscape(points, next, isBytes);
      if (escape.octet !== undefined && isBytes) bytes.push(escape.octet);
      else put(escape.text);
      next = escape.next;
    }
  }
}

const simpleEscapes: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', "'": "'", '"': '"', '`': '`', '?': '?' };

function readEscape(points: readonly string[], at: number, isBytes: boolean): { text: string; octet?: number; next: number } {
  const rest = points.slice(at + 1, at + 10).join('');
  const simple = simpleEscapes[rest.charAt(0)];
  if (simple !== undefined) return { text: simple, next: at + 2 };
  const octal = /^[0-3][0-7]{2}/.exec(rest);
  const hex = /^[xX]([0-9a-fA-F]{2})/.exec(rest);
  const digits = octal ? Number.parseInt(octal[0], 8) : hex ? Number.parseInt(hex[1] ?? '', 16) : undefined;
  if (digits !== undefined) return { text: String.fromCodePoint(digits), octet: digits, next: at + 1 + (octal ?? hex ?? [''])[0].length };
  const unicode = /^u([0-9a-fA-F]{4})|^U([0-9a-fA-F]{8})/.exec(rest);
  const point = unicode ? Number.parseInt(unicode[1] ?? unicode[2] ?? '', 16) : Number.NaN;
  if (!unicode || isBytes || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) throw new CelSyntaxError(at, `Syntax error: invalid escape sequence: \\${rest.charAt(0)}`);
  return { text: String.fromCodePoint(point), next: at + 1 + unicode[0].length };
}
