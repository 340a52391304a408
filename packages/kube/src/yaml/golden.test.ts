import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseYaml, stringifyYaml, YamlError } from './index.ts';

// What sigs.k8s.io/yaml, the reader and writer of the Kubernetes tools, made of texts and values of ours.
interface Case {
  readonly text: string;
  readonly json?: unknown;
  readonly error?: string;
}
interface Golden {
  readonly scalars: readonly Case[];
  readonly keys: readonly Case[];
  readonly documents: readonly Case[];
  readonly emit: readonly { readonly value: unknown; readonly text: string }[];
}
const golden = JSON.parse(readFileSync(new URL('../../testdata/yaml.json', import.meta.url), 'utf8')) as Golden;

function outcome(text: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    if (error instanceof YamlError) return 'error';
    throw error;
  }
}

test('reads scalars as upstream does', () => {
  for (const { text, json, error } of golden.scalars) {
    const expected = error === undefined ? { v: json } : 'error';
    assert.deepEqual(outcome(`v: ${text}`), expected, JSON.stringify(text));
  }
});

test('reads keys as upstream does', () => {
  for (const { text, json, error } of golden.keys) assert.deepEqual(outcome(`${text}: x`), error === undefined ? json : 'error', JSON.stringify(text));
});

test('reads and refuses documents as upstream does', () => {
  for (const { text, json, error } of golden.documents) assert.deepEqual(outcome(text), error === undefined ? json : 'error', JSON.stringify(text));
});

test('writes as upstream does', () => {
  for (const { value, text } of golden.emit) assert.equal(stringifyYaml(value, { sortKeys: true }), text);
});

test('reads back what it wrote', () => {
  for (const { value } of golden.emit) assert.deepEqual(parseYaml(stringifyYaml(value)), value);
});
