import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from './index.ts';
import { applyDefaults, compilePattern, formatFieldError, formatFieldErrors, prune, validate, validationRules } from './index.ts';

const definitions: Readonly<Record<string, Schema>> = {
  Pod: { type: 'object', properties: { metadata: { type: 'object' }, spec: { $ref: 'Spec' } } },
  Spec: { type: 'object', required: ['containers'], properties: { containers: { type: 'array', items: { $ref: 'Container' } }, raw: { type: 'object' }, next: { $ref: 'Spec' } } },
  Container: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, port: { $ref: 'Port' } } },
  Port: { type: 'object', default: {}, properties: { protocol: { type: 'string', default: 'TCP' }, number: { type: 'integer' } } },
};
const resolver = (ref: string): Schema => {
  const found = definitions[ref];
  if (!found) throw new Error(`no ${ref}`);
  return found;
};
const pod: Schema = { $ref: 'Pod' };
const openapi = { resolver, dialect: 'openapi' } as const;
const texts = (schema: Schema, value: unknown, options = {}) => validate(schema, value, options).map(formatFieldError);

test('follows references, also recursive ones', () => {
  const value = { spec: { containers: [{}], next: { containers: [{ name: 1 }], next: { containers: [] } } } };
  assert.deepEqual(texts(pod, value, { resolver }), [
    'spec.containers[0].name: Required value',
    'spec.next.containers[0].name: Invalid value: "integer": spec.next.containers[0].name in body must be of type string: "integer"',
  ]);
});

test('says which reference has no resolver', () => {
  assert.throws(() => validate(pod, {}), /refers to Pod/);
});

test('markers beside a reference win over those of its target', () => {
  const schema: Schema = { type: 'object', properties: { p: { $ref: 'Port', nullable: true } } };
  assert.deepEqual(validate(schema, { p: null }, { resolver }), []);
  assert.deepEqual(texts({ type: 'object', properties: { p: { $ref: 'Port' } } }, { p: null }, { resolver }).length, 1);
});

test('null counts as absent in built-in kinds', () => {
  assert.deepEqual(texts(pod, { spec: { containers: null } }, openapi), ['spec.containers: Required value']);
  assert.deepEqual(texts(pod, { spec: { containers: [{ name: 'a', port: null }] } }, openapi), []);
});

test('duplicates in list maps are for the built-in kinds themselves to find', () => {
  const schema: Schema = { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' };
  assert.equal(validate(schema, ['a', 'a']).length, 1);
  assert.deepEqual(validate(schema, ['a', 'a'], { dialect: 'openapi' }), []);
});

test('an object without properties is free-form in built-in kinds and empty in custom ones', () => {
  const value = { metadata: { name: 'x' }, spec: { containers: [], raw: { any: { thing: 1 } }, odd: 1 } };
  assert.deepEqual(prune(pod, value, openapi).unknown, ['spec.odd']);
  assert.deepEqual(prune(pod, value, { resolver }).unknown, ['spec.odd', 'spec.raw.any']);
});

test('prunes a part of an object without sparing metadata', () => {
  const schema: Schema = { type: 'object', properties: { a: { type: 'string' } } };
  assert.deepEqual(prune(schema, { a: 'x', metadata: {} }, { root: false }), { value: { a: 'x' }, unknown: ['metadata'] });
});

test('shares with the argument what it does not change', () => {
  const value = { metadata: { name: 'x' }, spec: { containers: [{ name: 'a', port: { protocol: 'UDP' } }] } };
  assert.equal(prune(pod, value, openapi).value, value);
  assert.equal(applyDefaults(pod, value, openapi), value);
  const filled = applyDefaults(pod, { ...value, spec: { containers: [{ name: 'a' }] } }, openapi);
  assert.deepEqual(filled.spec, { containers: [{ name: 'a', port: { protocol: 'TCP' } }] });
  assert.equal(filled.metadata, value.metadata);
});

test('gives every object a default of its own', () => {
  const schema: Schema = { type: 'object', properties: { l: { type: 'array', default: [{ a: 1 }], items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } };
  const [one, two] = [applyDefaults(schema, {}), applyDefaults(schema, {})] as { l?: unknown }[];
  assert.deepEqual(one, two);
  assert.notEqual(one?.l, two?.l);
});

test('begins paths where the caller says', () => {
  assert.deepEqual(texts({ type: 'object', required: ['a'], properties: { b: { type: 'string' } } }, { b: 1 }, { path: 'spec.x' }), [
    'spec.x.b: Invalid value: "integer": spec.x.b in body must be of type string: "integer"',
    'spec.x.a: Required value',
  ]);
});

test('joins several errors in brackets, each once', () => {
  const errors = validate({ type: 'object', required: ['a', 'b'] }, {});
  assert.equal(formatFieldErrors(errors), '[a: Required value, b: Required value]');
  assert.equal(formatFieldErrors([...errors.slice(0, 1), ...errors.slice(0, 1)]), 'a: Required value');
});

test('lists the CEL rules with the places they are for', () => {
  const rule = (text: string) => [{ rule: text }];
  const schema: Schema = {
    type: 'object',
    'x-kubernetes-validations': rule('root'),
    properties: {
      spec: {
        type: 'object',
        properties: { l: { type: 'array', items: { type: 'object', 'x-kubernetes-validations': rule('item') } } },
        additionalProperties: { type: 'object', 'x-kubernetes-validations': rule('value') },
      },
    },
  };
  assert.deepEqual(
    validationRules(schema).map(({ path, rule: text }) => [path, text]),
    [
      ['', 'root'],
      ['spec.l[*]', 'item'],
      ['spec[*]', 'value'],
    ],
  );
  assert.deepEqual(validationRules(pod, { resolver }), []);
});

test('reads RE2 patterns', () => {
  const cases: [string, string[], string[]][] = [
    ['^[a-z]+$', ['abc'], ['ABC', 'abc\n']],
    ['(?i)^abc$', ['ABC'], ['x']],
    ['^(?i)[a-z]$', ['A'], ['1']],
    ['^\\Aa\\z', ['a'], ['ba', 'ab']],
    ['^[[:alpha:]_][[:digit:]]$', ['a1', '_2'], ['1a']],
    ['^\\pL+$', ['äb'], ['a1']],
    ['^\\p{Greek}$', ['α'], ['a']],
    ['^a{2}b{1,}c{,3}$', ['aabbc{,3}'], ['aabccc']],
    ['^[\\w.\\-]+\\_\\:$', ['a.b-c_:'], ['_']],
    ['^[^]a]$', ['b'], [']', 'a']],
    ['^[a\\]-]$', ['a', ']', '-'], ['b']],
    ['^(?P<n>a)b$', ['ab'], ['b']],
    ['^\\Qa.b\\E$', ['a.b'], ['axb']],
    ['^\\x41\\x{1F600}$', ['A\u{1f600}'], ['A']],
    ['a/b}]', ['a/b}]'], ['ab']],
    ['^\\s$', [' ', '\t'], ['\u00a0', '\v']],
    ['.', ['\u{1f600}'], ['']],
  ];
  for (const [pattern, good, bad] of cases) {
    const compiled = compilePattern(pattern);
    assert.ok(compiled instanceof RegExp, `${pattern}: ${String(compiled)}`);
    for (const text of good) assert.ok(compiled.test(text), `${pattern} takes ${JSON.stringify(text)}`);
    for (const text of bad) assert.ok(!compiled.test(text), `${pattern} refuses ${JSON.stringify(text)}`);
  }
  for (const broken of ['(', 'a(?i)b', '[a', 'a\\', '\\y', 'a**']) assert.equal(typeof compilePattern(broken), 'string', broken);
});
