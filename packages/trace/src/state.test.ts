import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTime } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import { stateOf } from './state.ts';
import type { ObjectState } from './states/object-state.ts';
import { readTestYaml, testNowMs } from './testing/objects.ts';

interface Case {
  readonly name: string;
  readonly expect: Partial<Pick<ObjectState, 'state' | 'phase' | 'message' | 'reason'>> & { readonly since?: string };
  readonly object: KubeObject;
}

for (const { name, expect, object } of readTestYaml('states.yaml') as Case[]) { // the shape of the file
  test(`state: ${name}`, () => {
    const { sinceMs, ...state } = stateOf(object, testNowMs);
    const { since, ...wanted } = expect;
    assert.deepEqual({ ...state, ...wanted }, state, JSON.stringify(state));
    if (since !== undefined) assert.equal(sinceMs, parseTime(since));
    // What is not ready says why.
    if (state.state === 'failed' || state.state === 'waiting') assert.notEqual(state.message, '');
  });
}
