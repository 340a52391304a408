import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, escapeName, readerOf } from './index.ts';
import type { StructuralSchema } from './index.ts';

const schema: StructuralSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, count: { type: 'integer' }, ports: { type: 'array', items: { type: 'integer' } }, labels: { type: 'object', additionalProperties: { type: 'string' } } },
};

function evaluate(source: string, self: unknown, costLimit?: number) {
  const reader = readerOf(schema);
  assert.ok(reader);
  const { program, message } = compile(source, new Map([['self', reader.type]]));
  assert.ok(program, message);
  return program.evaluate({ self: reader.read(self) }, costLimit === undefined ? {} : { costLimit });
}

test('an expression reads an object by its schema', () => {
  assert.equal(evaluate('self.count + 1 == 4 && self.labels.a == "b" && self.ports[1] == 443', { count: 3, labels: { a: 'b' }, ports: [80, 443] }).value, true);
});

test('an evaluation that costs too much ends, and nothing in it can catch that', () => {
  const outcome = evaluate('self.ports.all(x, x > 0) || true', { ports: Array.from({ length: 100 }, () => 1) }, 50);
  assert.equal(outcome.error, 'operation cancelled: actual cost limit exceeded');
  assert.ok(outcome.error !== undefined && outcome.exceeded);
});

test('issues name line and column', () => {
  const { issues, message } = compile('1 +\n  nothing');
  assert.deepEqual(issues?.map(({ at }) => at), [6]);
  assert.equal(message, "ERROR: <input>:2:3: undeclared reference to 'nothing' (in container '')\n |   nothing\n | ..^");
});

test('a regular expression that backtracking would never finish is matched in linear time', () => {
  const outcome = evaluate("self.name.matches('^(a+)+$')", { name: `${'a'.repeat(2_000)}b` });
  assert.equal(outcome.value, false);
});

test('a program is used again with other values', () => {
  const { program } = compile('[1, 2, 3].exists(x, x == y)', new Map([['y', { kind: 'int' }]]));
  assert.deepEqual([program?.evaluate({ y: 2n }).value, program?.evaluate({ y: 9n }).value, program?.evaluate({}).error], [true, false, 'no such attribute(s): y']);
});

test('hostile expressions are refused: too deep, too long, cut off', () => {
  for (const source of ['('.repeat(5_000), `${'['.repeat(5_000)}`, '-'.repeat(200_000), '"', "b'\\u00e9'", '1 ? 2', 'a.b(', '{1:', '0x', '\u0000']) assert.ok(compile(source).issues, source.slice(0, 20));
});

test('names are escaped where an expression could not write them', () => {
  const names = { 'a-b': 'a__dash__b', 'a.b': 'a__dot__b', 'a/b': 'a__slash__b', a__b: 'a__underscores__b', in: '__in__', namespace: '__namespace__', plain: 'plain', '1a': undefined, 'a b': undefined };
  assert.deepEqual(Object.fromEntries(Object.keys(names).map((name) => [name, escapeName(name)])), names);
});
