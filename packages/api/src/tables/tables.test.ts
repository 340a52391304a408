import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as api from '../index.ts';
import { findKindDefinition, kindTables, linkedSchema, loadKindTable, type KindDefinition, type Schema } from './index.ts';

const storageSchema = (group: string, kind: string): Schema => {
  const { table, definition } = findKindDefinition(group, kind)!;
  return linkedSchema(table, definition.versions.find((version) => version.storage)!.schema);
};
const at = (schema: Schema, ...path: string[]): Schema | undefined => path.reduce<Schema | undefined>((current, name) => (current?.items ?? current)?.properties?.[name], schema);

for (const summary of kindTables()) {
  test(`the table ${summary.name} agrees with its index`, () => {
    const table = loadKindTable(summary.name);
    assert.equal(table.name, summary.name);
    assert.deepEqual(table.kinds.map((kind) => `${kind.group}/${kind.kind}`), summary.kinds.map((kind) => `${kind.group}/${kind.kind}`));
    assert.deepEqual([...new Set(table.kinds.map((kind) => kind.group))], summary.groups);
  });

  test(`every kind of ${summary.name} has one storage version and resolvable schemas`, () => {
    const table = loadKindTable(summary.name);
    for (const kind of table.kinds) {
      const where = `${kind.group}/${kind.kind}`;
      assert.equal(kind.versions.filter((version) => version.storage).length, 1, where);
      for (const version of kind.versions) assert.ok(linkedSchema(table, version.schema).properties, `${where} ${version.name}`);
      assert.deepEqual(kind.versions.flatMap(unknownCells), [], where);
    }
  });
}

function unknownCells(version: KindDefinition['versions'][number]): string[] {
  const known = api.computedCellNames();
  return version.columns.flatMap((column) => (column.jsonPath === undefined && !known.includes(column.computed ?? '') ? [column.name] : []));
}

test('a table that does not exist is refused', () => {
  assert.throws(() => loadKindTable('nothing'), /no kind table nothing/);
});

test('every exported KindRef names a kind of a table at its storage version', () => {
  const refs = Object.values(api).filter((value) => typeof value === 'object' && 'plural' in value);
  assert.ok(refs.length > 70);
  const known = api.allKindRefs();
  for (const ref of refs) assert.ok(known.some((kind) => JSON.stringify(kind) === JSON.stringify(ref)), JSON.stringify(ref));
});

test('a host that says nothing about cleaning is cleaned', () => {
  const mode = at(storageSchema('metal3.io', 'BareMetalHost'), 'spec', 'automatedCleaningMode');
  assert.deepEqual(mode, { default: 'metadata', enum: ['metadata', 'disabled'], type: 'string' });
});

test('container ports merge by port and protocol, and the protocol defaults to TCP', () => {
  const ports = at(storageSchema('apps', 'Deployment'), 'spec', 'template', 'spec', 'containers', 'ports');
  assert.equal(ports?.['x-kubernetes-patch-merge-key'], 'containerPort');
  assert.deepEqual(ports?.['x-kubernetes-list-map-keys'], ['containerPort', 'protocol']);
  assert.equal(at(ports!, 'protocol')?.default, 'TCP');
});

test('a linked schema has no references, and shares what contains itself', () => {
  const crd = storageSchema('apiextensions.k8s.io', 'CustomResourceDefinition');
  const props = at(crd, 'spec', 'versions', 'schema', 'openAPIV3Schema')!;
  assert.equal(props.properties?.['not'], props);
  assert.equal(at(crd, 'spec', 'versions')?.items?.$ref, undefined);
});

test('markers beside a reference are kept', () => {
  assert.equal(at(storageSchema('apps', 'Deployment'), 'spec', 'strategy')?.['x-kubernetes-patch-strategy'], 'retainKeys');
  assert.equal(at(storageSchema('', 'PersistentVolume'), 'spec', 'claimRef')?.['x-kubernetes-map-type'], 'granular');
});

test('resources of built-in kinds have the verbs and subresources of the paths', () => {
  const pod = findKindDefinition('', 'Pod')!.definition;
  assert.equal(pod.namespaced, true);
  assert.deepEqual(pod.shortNames, ['po']);
  assert.ok(pod.versions[0]!.subresources.some((sub) => sub.name === 'eviction' && sub.kind?.group === 'policy'));
  const namespace = findKindDefinition('', 'Namespace')!.definition;
  assert.equal(namespace.namespaced, false);
  assert.ok(!namespace.verbs.includes('deletecollection'));
  assert.deepEqual(findKindDefinition('authorization.k8s.io', 'SubjectAccessReview')!.definition.verbs, ['create']);
});
