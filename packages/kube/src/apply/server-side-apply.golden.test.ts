import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { KubeObject } from '../object.ts';
import type { Schema } from '../schema/index.ts';
import { PatchError, conflictCauses, conflictMessage, serverSideApply, trackUpdate } from './index.ts';
import type { TrackingOptions } from './index.ts';

// Sequences of applies and updates of ours, and what upstream's field manager made of them (`source` in the file says which).
interface Step {
  readonly op: 'apply' | 'update';
  readonly manager: string;
  readonly force?: boolean;
  readonly subresource?: string;
  readonly apiVersion?: string;
  readonly resetFields?: readonly (readonly string[])[];
  readonly object: KubeObject;
}
interface Result {
  readonly object?: KubeObject;
  readonly error?: string;
  readonly code?: number;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field: string }[];
}
interface Case {
  readonly name: string;
  readonly deduced?: boolean;
  readonly steps: readonly Step[];
  readonly results: readonly Result[];
}
interface Golden {
  readonly models: Readonly<Record<string, Schema>>;
  readonly cases: readonly Case[];
}
const golden = JSON.parse(readFileSync(new URL('../../testdata/server-side-apply.json', import.meta.url), 'utf8')) as Golden;
const prefix = '#/definitions/';
const resolver = (ref: string): Schema => {
  const found = golden.models[ref.slice(prefix.length)];
  if (!found) throw new Error(`no model ${ref}`);
  return found;
};

const time = '2026-01-02T03:04:05Z';

/** Go prints messages of several conflicts in no fixed order of managers' fields; lines are compared as a set. */
const lines = (text: string) => text.split('\n').sort();
const sorted = (causes: Result['causes']) => [...(causes ?? [])].sort((a, b) => (`${a.message}${a.field}` < `${b.message}${b.field}` ? -1 : 1));

function run(step: Step, live: KubeObject | undefined, deduced: boolean): Result {
  const options: TrackingOptions = {
    schema: deduced ? undefined : golden.models['dev.example.Widget'],
    resolver,
    manager: step.manager,
    apiVersion: step.apiVersion ?? step.object.apiVersion,
    subresource: step.subresource,
    resetFields: step.resetFields,
    time,
  };
  if (step.op === 'update') return { object: trackUpdate({ ...options, before: live, after: step.object }) };
  try {
    const { object, conflicts } = serverSideApply({ ...options, live, applied: step.object, force: step.force });
    if (conflicts.length === 0) return { object };
    return { error: conflictMessage(conflicts), code: 409, causes: conflictCauses(conflicts) };
  } catch (error) {
    if (error instanceof PatchError) return { error: error.message, code: error.code };
    throw error;
  }
}

/** Times are T in the file, and the version of an object at rest is the caller's. */
function asRecorded(object: KubeObject): unknown {
  const text = JSON.stringify({ ...object, apiVersion: 'any' });
  return JSON.parse(text.replaceAll(JSON.stringify(time), '"T"'));
}

for (const { name, deduced, steps, results } of golden.cases) {
  test(`apply as upstream: ${name}`, () => {
    let live: KubeObject | undefined;
    steps.forEach((step, index) => {
      const expected = results[index] ?? {};
      const actual = run(step, live, deduced === true);
      const where = `${name}, step ${index + 1}`;
      if (expected.error !== undefined) {
        assert.ok(actual.error !== undefined, `${where}: expected ${expected.error}, got ${JSON.stringify(actual.object)}`);
        assert.deepEqual(lines(actual.error), lines(expected.error), where);
        // Errors that upstream gives no status for become 500.
        assert.equal(actual.code, expected.code ?? 500, where);
        assert.deepEqual(sorted(actual.causes), sorted(expected.causes), where);
        return;
      }
      assert.ok(actual.object, `${where}: ${actual.error}`);
      assert.deepEqual(asRecorded(actual.object), asRecorded(expected.object ?? step.object), where);
      const next = steps[index + 1];
      live = { ...actual.object, apiVersion: next?.object.apiVersion ?? actual.object.apiVersion };
    });
  });
}
