import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { FieldError, Schema } from './index.ts';
import { applyDefaults, prune, validate } from './index.ts';

// Schemas and values of ours, and what the API server's packages for custom resources made of them (`source` in the file says which).
interface Case {
  readonly name: string;
  readonly schema: Schema;
  readonly value: unknown;
  readonly errors?: readonly FieldError[];
  readonly pruned: unknown;
  readonly unknown?: readonly string[];
  readonly defaulted: unknown;
}
const golden = JSON.parse(readFileSync(new URL('../../testdata/schema.json', import.meta.url), 'utf8')) as { readonly cases: readonly Case[] };

/** Upstream walks maps in no fixed order, so neither errors nor unknown fields have one. */
const byText = (errors: readonly FieldError[]) => [...errors].sort((a, b) => (`${a.field}${a.body}` < `${b.field}${b.body}` ? -1 : 1));

test('finds the errors that upstream finds, in its words', () => {
  for (const { name, schema, value, errors } of golden.cases) assert.deepEqual(byText(validate(schema, value)), byText(errors ?? []), name);
});

test('removes and names the unknown fields that upstream does', () => {
  for (const { name, schema, value, pruned, unknown } of golden.cases) {
    const before = structuredClone(value);
    const result = prune(schema, value);
    assert.deepEqual(result, { value: pruned, unknown: [...(unknown ?? [])].sort() }, name);
    assert.deepEqual(value, before, `${name}: the argument stays as it was`);
  }
});

test('fills in the defaults that upstream does', () => {
  for (const { name, schema, value, defaulted } of golden.cases) {
    const before = structuredClone(value);
    assert.deepEqual(applyDefaults(schema, value), defaulted, name);
    assert.deepEqual(value, before, `${name}: the argument stays as it was`);
  }
});
