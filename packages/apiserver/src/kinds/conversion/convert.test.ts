import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Machine } from '@keelson/api';
import type { KindRef, KubeObject } from '@keelson/kube';
import { applyDefaults, prune, type Schema } from '@keelson/kube/schema';
import { createKubeClient } from '@keelson/kube/client';
import { randomInt, seededRandom, type Random } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { tableResources } from '../../registry/from-table.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { createApiServer } from '../../server.ts';
import { movedFieldsOf } from './cluster-api.ts';
import { conversionDataAnnotation } from './convert.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';

const kinds = tableResources().filter(({ group, kind }) => movedFieldsOf(group, kind));

function versionsOf(kind: string) {
  const resource = kinds.find((one) => one.kind === kind);
  assert.ok(resource, kind);
  const older = resource.versions.find(({ name }) => name === 'v1beta1')!;
  const newer = resource.versions.find(({ name }) => name === 'v1beta2')!;
  return { resource, older, newer };
}

/** A value that fits a schema, with about half of what may be there. */
function generate(random: Random, schema: Schema, name: string): unknown {
  if (schema.enum) return schema.enum[randomInt(random, schema.enum.length)];
  if (schema['x-kubernetes-int-or-string']) return randomInt(random, 2) ? randomInt(random, 9) : '30%';
  switch (schema.type) {
    case 'object': {
      const result: Record<string, unknown> = {};
      for (const [field, inner] of Object.entries(schema.properties ?? {})) if (randomInt(random, 2)) result[field] = generate(random, inner, field);
      const { additionalProperties } = schema;
      if (typeof additionalProperties === 'object') for (const key of ['a', 'b']) if (randomInt(random, 2)) result[key] = generate(random, additionalProperties, key);
      return result;
    }
    case 'array':
      return ['x', 'y'].slice(randomInt(random, 3)).map((item) => {
        const value = schema.items ? generate(random, schema.items, name) : {};
        return typeof value === 'object' && value !== null && schema.items?.properties?.['name'] ? { ...value, name: item } : value;
      });
    case 'boolean':
      return randomInt(random, 2) === 1;
    case 'integer':
    case 'number':
      return randomInt(random, 10_000);
    default:
      if (schema.format === 'date-time') return '2026-01-01T00:00:00Z';
      return /[tT]imeout$/.test(name) ? `${randomInt(random, 300)}m0.5s` : name === 'apiVersion' ? 'example.com/v7' : `${name}-${randomInt(random, 100)}`;
  }
}

function generated(random: Random, kind: string, version: 'older' | 'newer'): KubeObject {
  const found = versionsOf(kind);
  const { schema, resolver, dialect } = found[version].schema();
  const { spec, status } = schema.properties ?? {};
  const object = { apiVersion: `${found.resource.group}/${found[version].name}`, kind, metadata: { name: 'one', namespace: 'ns', annotations: { mine: 'kept' } }, ...(spec && { spec: generate(random, spec, 'spec') }), ...(status && { status: generate(random, status, 'status') }) };
  // What a server has read: pruned and defaulted.
  return applyDefaults(schema, prune(schema, object as KubeObject, { resolver, dialect }).value, { resolver, dialect });
}

for (const { kind } of kinds) {
  test(`${kind}: there and back again loses nothing, from either version`, () => {
    const { older } = versionsOf(kind);
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const stored = generated(random, kind, 'newer');
      const before = structuredClone(stored);
      const shown = older.fromStorage!(stored);
      assert.deepEqual(stored, before, 'the source is not changed');
      assert.deepEqual(older.toStorage!(shown), stored, `seed ${seed}, from v1beta2`);
      const written = generated(random, kind, 'older');
      // The newer version's defaults may come besides.
      assertIncludes(older.fromStorage!(older.toStorage!(written)), written, `seed ${seed}, from v1beta1: `);
    }
  });
}

const at = { name: 'm', namespace: 'ns' };
const both: readonly [kind: string, older: object, newer: object][] = [
  ['Machine', { spec: { clusterName: 'c', nodeDrainTimeout: '1h1m0s', bootstrap: { configRef: { apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta1', kind: 'TalosConfig', namespace: 'ns', name: 'b' } } } }, { spec: { clusterName: 'c', deletion: { nodeDrainTimeoutSeconds: 3660 }, bootstrap: { configRef: { apiGroup: 'bootstrap.cluster.x-k8s.io', kind: 'TalosConfig', name: 'b' } } } }],
  ['Machine', { status: { bootstrapReady: true, infrastructureReady: false, nodeRef: { apiVersion: 'v1', kind: 'Node', name: 'n' } } }, { status: { initialization: { bootstrapDataSecretCreated: true, infrastructureProvisioned: false }, nodeRef: { name: 'n' } } }],
  ['Cluster', { spec: { controlPlaneRef: { apiVersion: 'controlplane.cluster.x-k8s.io/v1alpha3', kind: 'TalosControlPlane', namespace: 'ns', name: 'cp' } }, status: { failureDomains: { b: {}, a: { controlPlane: true } } } }, { spec: { controlPlaneRef: { apiGroup: 'controlplane.cluster.x-k8s.io', kind: 'TalosControlPlane', name: 'cp' } }, status: { failureDomains: [{ name: 'a', controlPlane: true }, { name: 'b' }] } }],
  ['Cluster', { status: { infrastructureReady: true, controlPlaneReady: true, conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }], failureReason: 'X' } }, { status: { initialization: { infrastructureProvisioned: true, controlPlaneInitialized: true }, deprecated: { v1beta1: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }], failureReason: 'X' } } } }],
  ['Metal3Machine', { spec: { image: { url: 'http://x', checksum: 'y', format: 'raw' } }, status: { ready: true } }, { spec: { image: { url: 'http://x', checksum: 'y', diskFormat: 'raw' } }, status: { initialization: { provisioned: true } } }],
  ['Metal3Remediation', { spec: { strategy: { type: 'Reboot', retryLimit: 1, timeout: '5m0s' } } }, { spec: { strategy: { type: 'Reboot', retryLimit: 1, timeoutSeconds: 300 } } }],
];

for (const [kind, older, newer] of both) {
  test(`${kind}: ${JSON.stringify(older).slice(0, 60)}… has its form in v1beta2`, () => {
    const versions = versionsOf(kind);
    const make = (version: string, body: object): KubeObject => ({ apiVersion: `${versions.resource.group}/${version}`, kind, metadata: { ...at }, ...body });
    const part = (object: KubeObject, like: object) => Object.fromEntries(Object.keys(like).map((name) => [name, object[name]]));
    const up = versions.older.toStorage!(make('v1beta1', older));
    assertIncludes(part(up, newer), newer);
    assertIncludes(part(versions.older.fromStorage!(make('v1beta2', newer)), older), older);
  });
}

/** Everything in `wanted` is in `actual`; defaults may be there besides. */
function assertIncludes(actual: unknown, wanted: unknown, path = ''): void {
  if (typeof wanted !== 'object' || wanted === null) return assert.deepEqual(actual, wanted, path);
  for (const [name, value] of Object.entries(wanted)) assertIncludes((actual as Record<string, unknown> | undefined)?.[name], value, `${path}.${name}`);
}

test('a client of v1beta1 that changes one field loses none of v1beta2, and what it changes is changed', async () => {
  const api = await createApiServer({ env: virtualEnv(), store: createMemoryStore() });
  const client = createKubeClient({ transport: api.localHandler, baseUrl: 'http://test' });
  const older = (kind: KindRef): KindRef => ({ ...kind, version: 'v1beta1' });
  const key = { namespace: 'default', name: 'm' };
  const machine = { apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Machine', metadata: { ...key }, spec: { clusterName: 'c', version: 'v1.34.0', minReadySeconds: 9, bootstrap: { dataSecretName: 's' }, infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'Metal3Machine', name: 'i' }, deletion: { nodeDrainTimeoutSeconds: 60 } } };
  await client.create(Machine, machine);
  const shown = (await client.get(older(Machine), key))!;
  assert.equal((shown['spec'] as { nodeDrainTimeout?: string }).nodeDrainTimeout, '1m0s');
  assert.ok(shown.metadata.annotations?.[conversionDataAnnotation], 'minReadySeconds has no place in v1beta1');
  await client.patch(older(Machine), key, 'merge', { spec: { nodeDrainTimeout: '2m0s' } });
  const spec = (await client.get(Machine, key))!['spec'] as Record<string, unknown>;
  assert.deepEqual(spec['deletion'], { nodeDrainTimeoutSeconds: 120 });
  assert.equal(spec['minReadySeconds'], 9);
  assert.deepEqual(spec['infrastructureRef'], machine.spec.infrastructureRef);
  assert.equal((await client.get(Machine, key))!.metadata.annotations?.[conversionDataAnnotation], undefined, 'the newer version says all of it');
  await client.patch(older(Machine), key, 'merge', { status: { bootstrapReady: true } }, { subresource: 'status' });
  assert.deepEqual(((await client.get(Machine, key))!['status'] as Record<string, unknown>)['initialization'], { bootstrapDataSecretCreated: true });
  await api.close();
});

test('an annotation that somebody else wrote does no harm', () => {
  const { older } = versionsOf('Machine');
  for (const text of ['', 'null', '{}', '[1,null,{"path":[]}]', '[{"path":["metadata","name"],"value":"x"}]', '[{"path":["spec","__proto__","polluted"],"value":1}]', '{"spec":{}}']) {
    const object: KubeObject = { apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Machine', metadata: { ...at, annotations: { [conversionDataAnnotation]: text } }, spec: { clusterName: 'c' } };
    const converted = older.toStorage!(object);
    assert.equal(converted.metadata.name, 'm', text);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  }
});

test('durations are those of Go', () => {
  for (const [text, ms] of [['0', 0], ['0s', 0], ['90s', 90_000], ['1h30m', 5_400_000], ['1.5h', 5_400_000], ['250ms', 250], ['-1m0s', -60_000]] as const) assert.equal(parseGoDuration(text), ms, text);
  for (const text of ['', '1', 's', '1d', '1h 2m', 'x1s']) assert.equal(parseGoDuration(text), undefined, text);
  for (const [count, text] of [[0, '0s'], [59, '59s'], [60, '1m0s'], [3600, '1h0m0s'], [86_399, '23h59m59s'], [-61, '-1m1s']] as const) assert.equal(formatGoDuration(count), text);
});
