import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Schema } from '../schema/index.ts';
import { PatchError, jsonPatch, mergePatch, strategicMergePatch } from './index.ts';

// Documents and patches of ours, and what upstream's libraries made of them (`source` in the file says which).
interface Case {
  readonly name: string;
  readonly kind: string;
  readonly original: unknown;
  readonly patch: unknown;
  readonly result?: unknown;
  readonly error?: string;
}
interface Golden {
  readonly strategic: readonly Case[];
  readonly json: readonly Case[];
  readonly merge: readonly Case[];
}
const golden = JSON.parse(readFileSync(new URL('../../testdata/patches.json', import.meta.url), 'utf8')) as Golden;

const merged = (key: string, properties: Record<string, Schema> = {}, strategy = 'merge'): Schema => ({
  type: 'array',
  items: { type: 'object', properties },
  'x-kubernetes-patch-strategy': strategy,
  'x-kubernetes-patch-merge-key': key,
});
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });
const texts: Schema = { type: 'object', additionalProperties: { type: 'string' } };
const scalars: Schema = { type: 'array', items: { type: 'string' }, 'x-kubernetes-patch-strategy': 'merge' };

const podSpec = object({
  containers: merged('name', { ports: merged('containerPort'), env: merged('name'), volumeMounts: merged('mountPath'), args: { type: 'array', items: { type: 'string' } } }),
  volumes: merged('name', {}, 'merge,retainKeys'),
  imagePullSecrets: merged('name'),
  hostAliases: merged('ip'),
  tolerations: { type: 'array', items: { type: 'object' } },
});
const selector = object({ matchLabels: texts });
const metadata = object({ labels: texts, annotations: texts, finalizers: scalars });

/** As much of the built-in kinds as the cases touch, with upstream's merge keys. */
const schemas: Readonly<Record<string, Schema>> = {
  Pod: object({ metadata, spec: podSpec, status: object({ conditions: merged('type') }) }),
  Service: object({ metadata, spec: object({ ports: merged('port') }) }),
  Deployment: object({
    metadata,
    spec: object({
      selector,
      strategy: { type: 'object', 'x-kubernetes-patch-strategy': 'retainKeys' },
      template: object({ metadata, spec: { $ref: 'PodSpec' } }),
    }),
  }),
  PodDisruptionBudget: object({ metadata, spec: object({ selector: { ...selector, 'x-kubernetes-patch-strategy': 'replace' } }) }),
};

function outcome(run: () => unknown): { result?: unknown; error?: string } {
  try {
    return { result: run() };
  } catch (error) {
    if (error instanceof PatchError) return { error: error.message };
    throw error;
  }
}

function check(cases: readonly Case[], run: (of: Case) => unknown): void {
  for (const of of cases) {
    const before = structuredClone([of.original, of.patch]);
    assert.deepEqual(outcome(() => run(of)), of.error === undefined ? { result: of.result } : { error: of.error }, of.name);
    assert.deepEqual([of.original, of.patch], before, `${of.name}: arguments stay as they were`);
  }
}

test('strategic merge patch does what upstream does', () => {
  check(golden.strategic, ({ original, patch, kind }) => strategicMergePatch(original, patch, schemas[kind], () => podSpec));
});

test('JSON patch does what upstream does', () => check(golden.json, ({ original, patch }) => jsonPatch(original, patch)));

test('JSON merge patch does what upstream does', () => check(golden.merge, ({ original, patch }) => mergePatch(original, patch)));
