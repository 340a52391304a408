// Grammar: cel-spec doc/langdef.md "Syntax", with optional selection, indexing and elements (`.?`, `[?`, `{?`) as cel-go has them.
import type { Expression, MapEntry } from './ast.ts';
import { CelSyntaxError } from './ast.ts';
import type { Token } from './lexer.ts';
import { tokenize } from './lexer.ts';
import { expandMacro } from './macros.ts';

/** Deeper nesting is refused rather than walked. */
const maxDepth = 250;
const reserved = new Set(['as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while']);
const relations = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);

/** Parses an expression and expands its macros. Throws CelSyntaxError. */
export function parse(source: string): Expression {
  const run: Run = { tokens: tokenize(source), at: 0, depth: 0 };
  const expression = parseExpression(run);
  const rest = peek(run);
  if (rest.kind !== 'end') throw unexpected(rest);
  return expression;
}

interface Run {
  readonly tokens: readonly Token[];
  at: number;
  depth: number;
}

function peek(run: Run, ahead = 0): Token {
  const token = run.tokens[Math.min(run.at + ahead, run.tokens.length - 1)];
  if (!token) throw new CelSyntaxError(0, 'Syntax error: empty expression');
  return token;
}

function isAt(run: Run, text: string, ahead = 0): boolean {
  const token = peek(run, ahead);
  return token.kind === 'operator' && token.text === text;
}

function take(run: Run): Token {
  const token = peek(run);
  run.at++;
  return token;
}

function expect(run: Run, text: string): Token {
  if (!isAt(run, text)) throw unexpected(peek(run), text);
  return take(run);
}

function unexpected(token: Token, wanted?: string): CelSyntaxError {
  return new CelSyntaxError(token.at, `Syntax error: mismatched input '${token.text}'${wanted === undefined ? '' : ` expecting '${wanted}'`}`);
}

function parseExpression(run: Run): Expression {
  if (++run.depth > maxDepth) throw new CelSyntaxError(peek(run).at, `expression recursion limit exceeded: ${maxDepth}`);
  const condition = parseChain(run, '||', (inner) => parseChain(inner, '&&', parseRelation));
  let found = condition;
  if (isAt(run, '?')) {
    const { at } = take(run);
    const truthy = parseChain(run, '||', (inner) => parseChain(inner, '&&', parseRelation));
    expect(run, ':');
    found = { kind: 'call', at, name: '_?_:_', args: [condition, truthy, parseExpression(run)] };
  }
  run.depth--;
  return found;
}

/** `a || b || c`, as a balanced tree, so that long chains do not nest deeply. */
function parseChain(run: Run, operator: '||' | '&&', parseTerm: (run: Run) => Expression): Expression {
  const terms = [parseTerm(run)];
  const positions: number[] = [];
  while (isAt(run, operator)) {
    positions.push(take(run).at);
    terms.push(parseTerm(run));
  }
  return balance(terms, positions, `_${operator}_`, 0, positions.length - 1);
}

function balance(terms: readonly Expression[], positions: readonly number[], name: string, low: number, high: number): Expression {
  const single = terms[low];
  if (!single) throw new CelSyntaxError(0, 'Syntax error: empty expression');
  if (low > high) return single;
  const middle = Math.floor((low + high + 1) / 2);
  return { kind: 'call', at: positions[middle] ?? 0, name, args: [balance(terms, positions, name, low, middle - 1), balance(terms, positions, name, middle + 1, high)] };
}

function parseRelation(run: Run): Expression {
  return parseBinary(run, relations, (inner) => parseBinary(inner, new Set(['+', '-']), (deep) => parseBinary(deep, new Set(['*', '/', '%']), parseUnary)));
}

function parseBinary(run: Run, operators: ReadonlySet<string>, parseOperand: (run: Run) => Expression): Expression {
  let left = parseOperand(run);
  for (let token = peek(run); token.kind === 'operator' && operators.has(token.text); token = peek(run)) {
    take(run);
    left = { kind: 'call', at: token.at, name: token.text === 'in' ? '@in' : `_${token.text}_`, args: [left, parseOperand(run)] };
  }
  return left;
}

function parseUnary(run: Run): Expression {
  const token = peek(run);
  if (token.kind !== 'operator' || (token.text !== '!' && token.text !== '-')) return parseMember(run);
  let count = 0;
  while (isAt(run, token.text)) {
    take(run);
    count++;
  }
  const next = peek(run);
  if (token.text === '-' && next.kind === 'literal' && (next.literal.type === 'int' || next.literal.type === 'double')) {
    // A single minus belongs to the number.
    if (count === 1) return parseMember(run, true);
  }
  const operand = parseMember(run);
  return count % 2 === 0 ? operand : { kind: 'call', at: token.at, name: token.text === '!' ? '!_' : '-_', args: [operand] };
}

function parseMember(run: Run, negative = false): Expression {
  let found = negative ? parseLiteral(run, true) : parsePrimary(run);
  for (;;) {
    if (isAt(run, '.')) {
      const dot = take(run);
      if (isAt(run, '?')) {
        take(run);
        found = { kind: 'call', at: dot.at, name: '_?._', args: [found, textLiteral(takeField(run))] };
        continue;
      }
      const field = takeField(run);
      if (isAt(run, '(') && !field.quoted) {
        const open = take(run);
        found = call(run, open.at, field.text, found, parseArguments(run, ')'));
      } else found = { kind: 'select', at: dot.at, operand: found, field: field.text, test: false };
    } else if (isAt(run, '[')) {
      const open = take(run);
      const isOptional = isAt(run, '?');
      if (isOptional) take(run);
      const index = parseExpression(run);
      expect(run, ']');
      found = { kind: 'call', at: open.at, name: isOptional ? '_[?_]' : '_[_]', args: [found, index] };
    } else return found;
  }
}

function takeField(run: Run): Extract<Token, { kind: 'identifier' }> {
  const token = take(run);
  if (token.kind !== 'identifier') throw unexpected(token);
  return token;
}

function textLiteral(token: Token): Expression {
  return { kind: 'literal', at: token.at, literal: { type: 'string', value: token.text } };
}

function call(run: Run, at: number, name: string, target: Expression | undefined, args: readonly Expression[]): Expression {
  const plain: Extract<Expression, { kind: 'call' }> = target ? { kind: 'call', at, name, target, args } : { kind: 'call', at, name, args };
  return expandMacro(plain) ?? plain;
}

function parseArguments(run: Run, close: string): Expression[] {
  const args: Expression[] = [];
  while (!isAt(run, close)) {
    args.push(parseExpression(run));
    if (!isAt(run, ',')) break;
    take(run);
    if (isAt(run, close)) throw unexpected(peek(run));
  }
  expect(run, close);
  return args;
}

function parsePrimary(run: Run): Expression {
  const token = peek(run);
  if (token.kind === 'literal') return parseLiteral(run, false);
  if (token.kind === 'identifier' || isAt(run, '.')) return parseIdentifier(run);
  if (isAt(run, '(')) {
    take(run);
    const inner = parseExpression(run);
    expect(run, ')');
    return inner;
  }
  if (isAt(run, '[')) return parseList(run);
  if (isAt(run, '{')) return parseMap(run);
  throw unexpected(token);
}

function parseLiteral(run: Run, negative: boolean): Expression {
  const token = take(run);
  if (token.kind !== 'literal') throw unexpected(token);
  const { literal, at } = token;
  if (negative && literal.type === 'int') return { kind: 'literal', at: at - 1, literal: { type: 'int', value: -literal.value } };
  if (negative && literal.type === 'double') return { kind: 'literal', at: at - 1, literal: { type: 'double', value: -literal.value } };
  if (literal.type === 'int' && literal.value > 0x7fff_ffff_ffff_ffffn) throw new CelSyntaxError(at, 'invalid int literal');
  return { kind: 'literal', at, literal };
}

function parseIdentifier(run: Run): Expression {
  const isRooted = isAt(run, '.');
  const dot = isRooted ? take(run) : undefined;
  const token = take(run);
  if (token.kind !== 'identifier' || token.quoted) throw unexpected(token);
  if (reserved.has(token.text)) throw new CelSyntaxError(token.at, `reserved identifier: ${token.text}`);
  const name = dot ? `.${token.text}` : token.text;
  if (!isAt(run, '(')) return { kind: 'identifier', at: token.at, name };
  const open = take(run);
  return call(run, open.at, name, undefined, parseArguments(run, ')'));
}

function parseList(run: Run): Expression {
  const { at } = take(run);
  const elements: Expression[] = [];
  const optional = new Set<number>();
  while (!isAt(run, ']')) {
    if (isAt(run, '?')) {
      take(run);
      optional.add(elements.length);
    }
    elements.push(parseExpression(run));
    if (!isAt(run, ',')) break;
    take(run);
  }
  expect(run, ']');
  return { kind: 'list', at, elements, optional };
}

function parseMap(run: Run): Expression {
  const { at } = take(run);
  const entries: MapEntry[] = [];
  while (!isAt(run, '}')) {
    const optional = isAt(run, '?');
    if (optional) take(run);
    const key = parseExpression(run);
    expect(run, ':');
    entries.push({ key, value: parseExpression(run), optional });
    if (!isAt(run, ',')) break;
    take(run);
  }
  expect(run, '}');
  return { kind: 'map', at, entries };
}
