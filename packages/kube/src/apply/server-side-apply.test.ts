import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../object.ts';
import type { Schema } from '../schema/index.ts';
import type { FieldPath, TrackingOptions } from './index.ts';
import {
  compareElements,
  decodeFields,
  difference,
  encodeFields,
  fieldSetOf,
  formatPath,
  hasPath,
  ignoreTimeChanges,
  intersection,
  isEmptySet,
  isSameSet,
  keyElement,
  mergePatch,
  pathsOf,
  serverSideApply,
  strategicMergePatch,
  trackUpdate,
  union,
  valueElement,
} from './index.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    metadata: { type: 'object' },
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer' },
        color: { type: 'string' },
        template: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } } },
      },
    },
  },
};

const widget = (spec: object, metadata: object = {}, apiVersion = 'x.dev/v1'): KubeObject => ({ apiVersion, kind: 'Widget', metadata: { name: 'w', ...metadata }, spec });
const options = (manager: string, more: Partial<TrackingOptions> = {}): TrackingOptions => ({ schema, manager, apiVersion: 'x.dev/v1', time: '2026-01-01T00:00:00Z', ...more });

test('treats metadata of custom resources as ObjectMeta, whatever their schema says', () => {
  const first = serverSideApply({ ...options('a'), applied: widget({}, { finalizers: ['a.dev/x'], ownerReferences: [{ apiVersion: 'v1', kind: 'K', name: 'o', uid: '1' }] }) });
  const second = serverSideApply({ ...options('b'), live: first.object, applied: widget({}, { finalizers: ['b.dev/y'] }) });
  assert.deepEqual(second.conflicts, []);
  assert.deepEqual(second.object.metadata.finalizers, ['a.dev/x', 'b.dev/y']);
  const third = serverSideApply({ ...options('a'), live: second.object, applied: widget({}) });
  assert.deepEqual([third.object.metadata.finalizers, third.object.metadata.ownerReferences], [['b.dev/y'], undefined]);
});

test('merges the metadata of an embedded object by its own rules', () => {
  const first = serverSideApply({ ...options('a'), applied: widget({ template: { kind: 'X', metadata: { labels: { a: '1' } } } }) });
  const second = serverSideApply({ ...options('b'), live: first.object, applied: widget({ template: { metadata: { labels: { b: '2' } } } }) });
  assert.deepEqual(second.object['spec'], { template: { kind: 'X', metadata: { labels: { a: '1', b: '2' } } } });
});

test('answers the live object itself when nothing but times would change', () => {
  const { object: live } = serverSideApply({ ...options('a'), applied: widget({ size: 1 }) });
  const again = serverSideApply({ ...options('a', { time: '2027-01-01T00:00:00Z' }), live, applied: widget({ size: 1 }) });
  assert.equal(again.object, live);
  assert.equal(again.changed, false);
});

test('a write that moves only times is no write', () => {
  const { object: live } = serverSideApply({ ...options('a'), applied: widget({ size: 1 }) });
  const touched = structuredClone(live);
  const [entry] = touched.metadata.managedFields ?? [];
  assert.ok(entry);
  entry.time = '2027-01-01T00:00:00Z';
  assert.equal(ignoreTimeChanges(live, touched), live);
  const changed = { ...touched, spec: { size: 2 } };
  assert.equal(ignoreTimeChanges(live, changed), changed);
  entry.manager = 'other';
  assert.equal(ignoreTimeChanges(live, touched), touched);
});

/** v1 calls it `color`, v1beta1 calls it `paint`. */
const betaSchema: Schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, paint: { type: 'string' } } } } };
function rename(object: KubeObject, apiVersion: string, from: string, to: string): KubeObject {
  const spec = { ...(object['spec'] as Record<string, unknown> | undefined) };
  if (from in spec) {
    spec[to] = spec[from];
    delete spec[from];
  }
  return { ...object, apiVersion, ...(object['spec'] === undefined ? {} : { spec }) };
}
const versions: NonNullable<TrackingOptions['versions']> = (apiVersion) => {
  if (apiVersion === 'x.dev/v1beta1') return { schema: betaSchema, convert: (object) => rename(object, apiVersion, 'color', 'paint') };
  if (apiVersion === 'x.dev/v1') return { schema, convert: (object) => rename(object, apiVersion, 'paint', 'color') };
  return undefined;
};

test('compares owners in the version they wrote in', () => {
  const beta = serverSideApply({ schema: betaSchema, manager: 'old', apiVersion: 'x.dev/v1beta1', time: 't', applied: widget({ paint: 'red', size: 1 }, {}, 'x.dev/v1beta1') });
  const live = rename(beta.object, 'x.dev/v1', 'paint', 'color');
  const refused = serverSideApply({ ...options('new', { versions }), live, applied: widget({ color: 'blue' }) });
  assert.deepEqual(refused.conflicts.map(({ manager, field, apiVersion }) => [manager, field, apiVersion]), [['old', '.spec.paint', 'x.dev/v1beta1']]);
  const forced = serverSideApply({ ...options('new', { versions }), live, applied: widget({ color: 'blue' }), force: true });
  const owned = Object.fromEntries((forced.object.metadata.managedFields ?? []).map((entry) => [entry.manager, entry.fieldsV1]));
  assert.deepEqual(owned, { old: { 'f:spec': { 'f:size': {} } }, new: { 'f:spec': { 'f:color': {} } } });
});

test('a manager that moves to another version keeps and gives up the right fields', () => {
  const beta = serverSideApply({ schema: betaSchema, manager: 'm', apiVersion: 'x.dev/v1beta1', time: 't', applied: widget({ paint: 'red', size: 1 }, {}, 'x.dev/v1beta1') });
  const live = rename(beta.object, 'x.dev/v1', 'paint', 'color');
  const { object } = serverSideApply({ ...options('m', { versions }), live, applied: widget({ color: 'red' }) });
  assert.deepEqual(object['spec'], { color: 'red' });
  assert.equal(object.apiVersion, 'x.dev/v1');
  assert.equal(object.metadata.managedFields?.length, 1);
});

test('drops owners whose version is gone', () => {
  const { object: live } = serverSideApply({ ...options('a'), applied: widget({ size: 1 }) });
  const [entry] = live.metadata.managedFields ?? [];
  const old = { ...live, metadata: { ...live.metadata, managedFields: [...(entry ? [entry] : []), { ...entry, manager: 'gone', apiVersion: 'x.dev/v0' }] } };
  const after = trackUpdate({ ...options('u', { versions }), before: old, after: { ...old, spec: { size: 1, color: 'x' } } });
  assert.deepEqual(after.metadata.managedFields?.map(({ manager }) => manager), ['a', 'u']);
});

test('reads ownership again when a part of the schema became atomic', () => {
  const open: Schema = { type: 'object', properties: { spec: { type: 'object', properties: { place: { type: 'object', properties: { room: { type: 'string' } } } } } } };
  const closed: Schema = { type: 'object', properties: { spec: { type: 'object', properties: { place: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { room: { type: 'string' } } } } } } };
  const { object: live } = serverSideApply({ ...options('a', { schema: open }), applied: widget({ place: { room: '1' } }) });
  const refused = serverSideApply({ ...options('b', { schema: closed }), live, applied: widget({ place: { room: '2' } }) });
  assert.deepEqual(refused.conflicts.map(({ field }) => field), ['.spec.place']);
});

test('keeps the stored owners when an update cannot be tracked', () => {
  const { object: live } = serverSideApply({ ...options('a'), applied: widget({ size: 1 }) });
  const after = trackUpdate({ ...options('u'), before: live, after: widget({ size: 'wrong' }) });
  assert.deepEqual(after.metadata.managedFields, live.metadata.managedFields);
});

test('a subresource cannot edit managedFields', () => {
  const { object: live } = serverSideApply({ ...options('a'), applied: widget({ size: 1 }) });
  const sent = { ...live, metadata: { ...live.metadata, managedFields: [] } };
  assert.equal(trackUpdate({ ...options('u', { subresource: 'status' }), before: live, after: sent }).metadata.managedFields?.length, 1);
});

/** A small generator with a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

test('set algebra and the wire form agree with plain sets of paths', () => {
  const random = seeded(11);
  const elements = ['f:a', 'f:b', 'f:c.d/e', keyElement({ name: 'x', port: 80 }), keyElement({ name: '<y>' }), valueElement('v'), valueElement(10), valueElement(9), 'i:3'];
  const anyPath = (): FieldPath => Array.from({ length: 1 + Math.floor(random() * 3) }, () => elements[Math.floor(random() * elements.length)] ?? 'f:a');
  for (let round = 0; round < 200; round++) {
    const [left, right] = [Array.from({ length: 8 }, anyPath), Array.from({ length: 8 }, anyPath)];
    const [a, b] = [fieldSetOf(...left), fieldSetOf(...right)];
    const texts = (paths: readonly FieldPath[]) => [...new Set(paths.map((path) => path.join('\n')))].sort();
    const [inA, inB] = [new Set(texts(left)), new Set(texts(right))];
    assert.deepEqual(texts(pathsOf(a)), [...inA].sort());
    assert.deepEqual(texts(pathsOf(union(a, b))), [...new Set([...inA, ...inB])].sort());
    assert.deepEqual(texts(pathsOf(intersection(a, b))), [...inA].filter((path) => inB.has(path)).sort());
    assert.deepEqual(texts(pathsOf(difference(a, b))), [...inA].filter((path) => !inB.has(path)).sort());
    assert.ok(left.every((path) => hasPath(a, path)));
    assert.ok(isSameSet(decodeFields(encodeFields(a)), a));
    assert.ok(isEmptySet(difference(a, a)));
  }
});

test('orders and prints path elements', () => {
  const ordered = ['f:a', 'f:b', keyElement({ a: 1 }), keyElement({ a: 'x' }), keyElement({ a: 'x', b: 1 }), valueElement(9), valueElement(10), valueElement('a'), valueElement(true), 'i:2', 'i:10'];
  assert.deepEqual([...ordered].reverse().sort(compareElements), ordered);
  assert.equal(formatPath(['f:spec', keyElement({ port: 80, name: 'x' }), 'f:y', valueElement('v'), 'i:1']), '.spec[name="x",port=80].y[="v"][1]');
});

test('ignores unknown kinds of path elements and refuses broken ones', () => {
  assert.deepEqual(encodeFields(decodeFields({ 'f:a': {}, 'z:b': {}, '.': {} })), { 'f:a': {} });
  for (const broken of [{ f: {} }, { 'k:{': {} }, { 'i:x': {} }, { 'k:[]': {} }]) assert.throws(() => decodeFields(broken));
});

test('strategic merge without a schema replaces lists', () => {
  assert.deepEqual(strategicMergePatch({ a: { l: [{ name: 'x' }], k: 1 } }, { a: { l: [{ name: 'y' }] } }), { a: { l: [{ name: 'y' }], k: 1 } });
});

test('patches keep a field named __proto__ as data', () => {
  const merged = mergePatch({ a: 1 }, JSON.parse('{"__proto__":{"x":1}}')) as object;
  assert.deepEqual([Object.keys(merged), Object.getPrototypeOf(merged) === Object.prototype], [['a', '__proto__'], true]);
});
