/** What cel-go printed for the same expressions in Kubernetes' environment; `source` in the file names the releases. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compile, showType } from './index.ts';
import type { Value } from './index.ts';

interface Case {
  readonly expression: string;
  readonly type?: string;
  readonly value?: string;
  readonly error?: string;
  readonly compileError?: string;
  readonly programError?: string;
  readonly cost?: number;
}

const { cases } = JSON.parse(readFileSync(new URL('testdata/expressions.json', import.meta.url), 'utf8')) as { cases: Case[] };

function show(value: Value): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return `${goNumber(value)}d`;
    case 'object':
      break;
    default:
      return String(value);
  }
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('hex')}`;
  switch (value.kind) {
    case 'uint':
      return `${value.value}u`;
    case 'optional':
      return value.value === undefined ? 'none' : `some(${show(value.value)})`;
    case 'list':
      return `[${Array.from({ length: value.size }, (_, index) => show(value.at(index))).join(',')}]`;
    case 'map':
      return `{${[...value.keys()].map((key) => `${show(key)}:${show(value.get(key) ?? null)}`).sort().join(',')}}`;
    default:
      return value.kind;
  }
}

function goNumber(value: number): string {
  return Math.abs(value) >= 1e21 ? value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2') : String(value);
}

/** Errors of the grammar are worded by the generated parser upstream; only that there is one is the contract. */
const isSyntax = (message: string) => message.includes('Syntax error');

for (const wanted of cases) {
  test(`evaluates as cel-go does: ${wanted.expression}`, () => {
    const { program, message } = compile(wanted.expression);
    if (wanted.compileError !== undefined) {
      assert.ok(message, 'it compiles, and should not');
      if (!isSyntax(wanted.compileError)) assert.equal(message, wanted.compileError);
      return;
    }
    if (wanted.programError !== undefined) {
      assert.equal(message, wanted.programError);
      return;
    }
    assert.ok(program, message);
    assert.equal(showType(program.type), wanted.type);
    const outcome = program.evaluate({});
    if (wanted.error !== undefined) assert.equal(outcome.error ?? `value ${show(outcome.value ?? null)}`, wanted.error);
    else {
      assert.equal(outcome.error, undefined);
      assert.equal(show(outcome.value ?? null), wanted.value);
      assert.equal(outcome.cost, wanted.cost, 'cost');
    }
  });
}
