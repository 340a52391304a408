/** What Kubernetes' own validator printed for the same schemas and objects; `source` in the file names the releases. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CustomResourceDefinition } from '@keelson/api';
import type { KindRef, KubeObject } from '@keelson/kube';
import type { Schema } from '@keelson/kube/schema';
import { testApiServer } from '../testing/index.ts';
import { ruleErrors } from './rules.ts';

interface Case {
  readonly name: string;
  readonly schema: Schema;
  readonly object: unknown;
  readonly old?: unknown;
  readonly errors: readonly { readonly type: string; readonly field: string; readonly message: string }[];
}

const { cases } = JSON.parse(readFileSync(new URL('testdata/rules.json', import.meta.url), 'utf8')) as { cases: Case[] };
/** The validator was asked about an object at the path `root`. */
const placed = (field: string) => (field === '<nil>' ? 'root' : `root.${field}`);

for (const wanted of cases) {
  test(`judges as Kubernetes does: ${wanted.name}`, () => {
    const errors = ruleErrors(wanted.schema, wanted.object, wanted.old);
    assert.deepEqual(
      errors.map(({ reason, field, body }) => ({ type: reason, field: placed(field), message: body })),
      wanted.errors,
    );
  });
}

const Gate: KindRef = { group: 'example.com', version: 'v1', kind: 'Gate', plural: 'gates', namespaced: true };
const definition = (rules: readonly object[]): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'gates.example.com' },
  spec: {
    group: 'example.com', scope: 'Namespaced', names: { plural: 'gates', kind: 'Gate' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { low: { type: 'integer' }, high: { type: 'integer' }, id: { type: 'string' } }, 'x-kubernetes-validations': rules } } } } }],
  },
});
const gate = (spec: object): KubeObject => ({ apiVersion: 'example.com/v1', kind: 'Gate', metadata: { namespace: 'default', name: 'g' }, spec });

test('the server refuses an object that breaks a rule, and a change that breaks a transition rule', async () => {
  const { client } = await testApiServer();
  await client.create(CustomResourceDefinition, definition([{ rule: 'self.low <= self.high', message: 'low is above high', fieldPath: '.low' }, { rule: 'self.id == oldSelf.id', message: 'id is fixed' }]));
  await assert.rejects(client.create(Gate, gate({ low: 2, high: 1, id: 'a' })), /spec\.low: Invalid value: "object": low is above high/);
  await client.create(Gate, gate({ low: 1, high: 2, id: 'a' }));
  const patch = (spec: object) => client.patch(Gate, { namespace: 'default', name: 'g' }, 'merge', { spec });
  await assert.rejects(patch({ id: 'b' }), /spec: Invalid value: "object": id is fixed/);
  assert.deepEqual((await patch({ high: 5 }))['spec'], { low: 1, high: 5, id: 'a' });
});

test('rules are not evaluated on an object of the wrong types, and the answer says so', async () => {
  const { client } = await testApiServer();
  await client.create(CustomResourceDefinition, definition([{ rule: 'self.low <= self.high' }]));
  await assert.rejects(client.create(Gate, gate({ low: 'x', high: 1 })), /some validation rules were not checked because the object was invalid/);
});

test('a definition whose rule cannot be compiled is refused with the place in the rule', async () => {
  const { client } = await testApiServer();
  await assert.rejects(client.create(CustomResourceDefinition, definition([{ rule: 'self.lowest > 1' }])), /x-kubernetes-validations\[0\]\.rule: Invalid value: .*compilation failed: ERROR: <input>:1:5: undefined field 'lowest'/s);
  await assert.rejects(client.create(CustomResourceDefinition, definition([{ rule: 'self.low' }])), /cel expression must evaluate to a bool/);
});
