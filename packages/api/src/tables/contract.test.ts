/** Holds the committed tables to the contract data: runs only where ../shared/data lies beside the repository. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kindTables, loadKindTable, type KindVersion, type Schema } from './index.ts';

const dataUrl = new URL('../../../../../shared/data/', import.meta.url);

interface ContractVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: Schema;
  readonly subresources?: { readonly status?: object; readonly scale?: object };
  readonly additionalPrinterColumns?: readonly object[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}
interface ContractKind {
  readonly scope: string;
  readonly names: Readonly<Record<string, unknown>>;
  readonly versions: readonly ContractVersion[];
}

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, dataUrl), 'utf8'));

if (existsSync(new URL('README.md', dataUrl))) registerContractTests();
else console.log('tables: ../shared/data is not here, so the contract tests are not registered');

function registerContractTests(): void {
  for (const { name } of kindTables()) {
    if (name === 'kubernetes') continue;
    test(`every field, type, default, enum and rule of ${name} equals the contract data`, () => {
      const { kinds } = read(`crds/${name}.json`) as { kinds: Record<string, ContractKind> };
      const table = loadKindTable(name);
      assert.deepEqual(table.kinds.map((kind) => `${kind.group}/${kind.kind}`), Object.keys(kinds));
      for (const [key, contract] of Object.entries(kinds)) {
        const kind = table.kinds.find((one) => `${one.group}/${one.kind}` === key)!;
        const { listKind, plural, singular } = kind;
        const lists = { ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}), ...(kind.categories.length > 0 ? { categories: kind.categories } : {}) };
        assert.deepEqual({ kind: kind.kind, listKind, plural, singular, ...lists }, contract.names, key);
        assert.equal(kind.namespaced, contract.scope === 'Namespaced', key);
        assert.deepEqual(kind.versions.map((version) => version.name), contract.versions.map((version) => version.name), key);
        contract.versions.forEach((version, index) => assertVersion(kind.versions[index]!, version, key));
      }
    });
  }

  test('every definition of the built-in kinds equals the contract data, but for the corrections that the generator names', () => {
    const { definitions } = read('kubernetes-1.36.json') as { definitions: Record<string, Schema> };
    const corrected: string[] = [];
    for (const [name, schema] of Object.entries(loadKindTable('kubernetes').definitions)) {
      if (JSON.stringify(sorted(schema)) !== JSON.stringify(sorted(definitions[name]))) corrected.push(name.slice(name.lastIndexOf('.') + 1));
    }
    const expected = ['ContainerPort', 'FieldsV1', 'IntOrString', 'JSON', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrBool', 'JSONSchemaPropsOrStringArray', 'Quantity', 'RawExtension', 'ServicePort'];
    assert.deepEqual(corrected.sort(), expected);
  });

  test('every stable kind of the served groups is in the table, with all that its definition refers to', () => {
    const { definitions } = read('kubernetes-1.36.json') as { definitions: Record<string, Schema> };
    const table = loadKindTable('kubernetes');
    const groups = new Set(table.kinds.map((kind) => kind.group));
    const known = new Set(table.kinds.flatMap((kind) => kind.versions.map((version) => `${kind.group}/${version.name}/${kind.kind}`)));
    const viaSubresource = new Set(['autoscaling/v1/Scale', 'policy/v1/Eviction', 'authentication.k8s.io/v1/TokenRequest']);
    const notResources = /List$|^(DeleteOptions|WatchEvent|Status|APIGroup|APIVersions)$/;
    for (const schema of Object.values(definitions)) {
      for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
        if (!groups.has(group) || !/^v\d+$/.test(version) || notResources.test(kind)) continue;
        const key = `${group}/${version}/${kind}`;
        assert.ok(known.has(key) || viaSubresource.has(key), key);
      }
    }
  });
}

function assertVersion(version: KindVersion, contract: ContractVersion, key: string): void {
  const where = `${key} ${version.name}`;
  assert.deepEqual(version.schema, contract.schema, where);
  assert.equal(version.served, contract.served, where);
  assert.equal(version.storage, contract.storage, where);
  assert.deepEqual(version.columns, contract.additionalPrinterColumns ?? [], where);
  assert.deepEqual(version.selectableFields, (contract.selectableFields ?? []).map((field) => field.jsonPath), where);
  assert.equal(version.subresources.some((sub) => sub.name === 'status'), contract.subresources?.status !== undefined, where);
  assert.deepEqual(version.scale, contract.subresources?.scale, where);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, sorted(part)]));
}
