// Text functions: cel-go ext/strings.go version 2; costs and regular expressions as k8s.io/apiserver pkg/cel/library has them.
import { compileRegex } from '../regex/cache.ts';
import type { Value } from '../values/value.ts';
import { CelError, costSize, elementsOf, listOf } from '../values/value.ts';
import type { CallCost, Overload } from './declare.ts';
import { global, matchCost, member, walk } from './declare.ts';
import { formatText } from './format-text.ts';

function within(index: bigint, size: number): number {
  if (index < 0n || index > BigInt(size)) throw new CelError(`index out of range: ${index}`);
  return Number(index);
}

function charAt(text: string, index: bigint): string {
  const points = [...text];
  return points[within(index, points.length)] ?? '';
}

function indexOf(text: string, part: string, from: bigint): bigint {
  const points = [...text];
  const wanted = [...part];
  // An empty part is found wherever the search begins.
  if (part === '') return from;
  if (from < 0n) throw new CelError(`index out of range: ${from}`);
  if (from >= BigInt(points.length)) return -1n;
  for (let at = Number(from); at + wanted.length <= points.length; at++) {
    if (wanted.every((char, index) => points[at + index] === char)) return BigInt(at);
  }
  return -1n;
}

function lastIndexOf(text: string, part: string, from: bigint | undefined): bigint {
  const points = [...text];
  const wanted = [...part];
  if (part === '') return from ?? BigInt(points.length);
  if (points.length < wanted.length && from === undefined) return -1n;
  if (from !== undefined && from < 0n) throw new CelError(`index out of range: ${from}`);
  if (from !== undefined && from >= BigInt(points.length)) return -1n;
  for (let at = Math.min(Number(from ?? BigInt(points.length)), points.length - wanted.length); at >= 0; at--) {
    if (wanted.every((char, index) => points[at + index] === char)) return BigInt(at);
  }
  return -1n;
}

function substring(text: string, from: bigint, to: bigint | undefined): string {
  const points = [...text];
  if (to !== undefined && from > to) throw new CelError(`invalid substring range. start: ${from}, end: ${to}`);
  const start = within(from, points.length);
  return points.slice(start, to === undefined ? undefined : within(to, points.length)).join('');
}

function replace(text: string, old: string, by: string, limit: bigint): string {
  if (limit < 0n) return old === '' ? [by, ...[...text].map((char) => char + by)].join('') : text.replaceAll(old, () => by);
  let left = Number(limit);
  if (old === '') return [left-- > 0 ? by : '', ...[...text].map((char) => char + (left-- > 0 ? by : ''))].join('');
  let found = '';
  let at = 0;
  for (let next = text.indexOf(old); next >= 0 && left > 0; next = text.indexOf(old, at), left--) {
    found += text.slice(at, next) + by;
    at = next + old.length;
  }
  return found + text.slice(at);
}

function split(text: string, by: string, limit: bigint): Value {
  if (limit === 0n) return listOf([]);
  const all = by === '' ? [...text] : text.split(by);
  if (limit < 0n || BigInt(all.length) <= limit) return listOf(all);
  const head = all.slice(0, Number(limit) - 1);
  return listOf([...head, all.slice(head.length).join(by)]);
}

function join(list: Value, by: string): string {
  if (typeof list !== 'object' || list === null || list instanceof Uint8Array || list.kind !== 'list') throw new CelError('no such overload');
  return [...elementsOf(list)]
    .map((element) => {
      if (typeof element !== 'string') throw new CelError(`join: invalid input: ${String(element)}`);
      return element;
    })
    .join(by);
}

/** Texts in quotes: what cannot be printed as an escape. */
export function quoteText(text: string): string {
  const escapes: Readonly<Record<string, string>> = { '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\', '"': '\\"' };
  return `"${[...text.toWellFormed()].map((char) => escapes[char] ?? char).join('')}"`;
}

const ascii = (text: string, from: RegExp, change: (part: string) => string) => text.replace(from, change);
const joinCost: CallCost = (_args, result) => Math.ceil(costSize(result) * 2 * 0.1);
const oneWalk = { cost: walk(0), ownCost: true };
const twoWalks = { cost: walk(0, 2), ownCost: true };
const search = { cost: (([text = null]) => Math.floor(costSize(text) * 0.1)) satisfies CallCost, ownCost: true };
const whitespace = /^[\s\u0085]+|[\s\u0085]+$/gu;

export const stringFunctions: readonly Overload[] = [
  member('charAt', ['string', 'int'], 'string', charAt),
  member('indexOf', ['string', 'string'], 'int', (text, part) => indexOf(text, part, 0n), search),
  member('indexOf', ['string', 'string', 'int'], 'int', indexOf, search),
  member('lastIndexOf', ['string', 'string'], 'int', (text, part) => lastIndexOf(text, part, undefined), search),
  member('lastIndexOf', ['string', 'string', 'int'], 'int', lastIndexOf, search),
  member('lowerAscii', ['string'], 'string', (text) => ascii(text, /[A-Z]+/g, (part) => part.toLowerCase()), oneWalk),
  member('upperAscii', ['string'], 'string', (text) => ascii(text, /[a-z]+/g, (part) => part.toUpperCase()), oneWalk),
  member('replace', ['string', 'string', 'string'], 'string', (text, old, by) => replace(text, old, by, -1n), twoWalks),
  member('replace', ['string', 'string', 'string', 'int'], 'string', replace, twoWalks),
  member('split', ['string', 'string'], 'list<string>', (text, by) => split(text, by, -1n), twoWalks),
  member('split', ['string', 'string', 'int'], 'list<string>', split, twoWalks),
  member('substring', ['string', 'int'], 'string', (text, from) => substring(text, from, undefined), oneWalk),
  member('substring', ['string', 'int', 'int'], 'string', substring, oneWalk),
  member('trim', ['string'], 'string', (text) => text.replace(whitespace, ''), oneWalk),
  member('join', ['list<string>'], 'string', (list) => join(list, ''), { cost: joinCost, ownCost: true }),
  member('join', ['list<string>', 'string'], 'string', join, { cost: joinCost, ownCost: true }),
  member('format', ['string', 'list<dyn>'], 'string', formatText, { cost: walk(0) }),
  global('strings.quote', ['string'], 'string', quoteText, { cost: walk(0) }),
  member('find', ['string', 'string'], 'string', (text, pattern) => {
    const points = [...text];
    const found = compileRegex(pattern).find(points, 0);
    return found ? points.slice(...found).join('') : '';
  }, { cost: matchCost, ownCost: true }),
  member('findAll', ['string', 'string'], 'list<string>', (text, pattern) => findAll(text, pattern, -1n), { cost: matchCost, ownCost: true }),
  member('findAll', ['string', 'string', 'int'], 'list<string>', findAll, { cost: matchCost, ownCost: true }),
];

function findAll(text: string, pattern: string, limit: bigint): Value {
  const regex = compileRegex(pattern);
  const points = [...text];
  const found: string[] = [];
  for (let at = 0, last = -1; at <= points.length && (limit < 0n || BigInt(found.length) < limit); ) {
    const match = regex.find(points, at);
    if (!match) break;
    const [start, end] = match;
    // An empty match right behind the last one does not count.
    if (end > start || start !== last) found.push(points.slice(start, end).join(''));
    last = end;
    at = end > start ? end : end + 1;
  }
  return listOf(found);
}
