import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@keelson/kube';
import { kindByName } from './kind-lookup.ts';
import { unsupportedFieldsUsed } from './support.ts';
import { supportTable } from './support-table.ts';
import { findKindDefinition, type Schema } from './tables/index.ts';

const host = (spec: Record<string, unknown>): KubeObject => ({ apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { name: 'a' }, spec });
const bareMetalHost = kindByName('bmh')!;

test('fields that controllers act on are not reported', () => {
  const object = host({ online: true, bmc: { address: 'redfish://x', credentialsName: 'y', disableCertificateVerification: true }, image: { url: 'u', format: 'live-iso' } });
  assert.deepEqual(unsupportedFieldsUsed(bareMetalHost, object), []);
});

test('a field without effect is reported at its highest level', () => {
  const object = host({ online: true, raid: { hardwareRAIDVolumes: [{ level: '1' }] }, image: { url: 'u', format: 'live-iso', checksum: 'c' } });
  assert.deepEqual(unsupportedFieldsUsed(bareMetalHost, object).map((field) => field.path), ['spec.image.checksum', 'spec.raid']);
});

test('a field without effect that the user sets to protect something says what is at stake', () => {
  const used = unsupportedFieldsUsed(bareMetalHost, host({ online: true, disablePowerOff: true }));
  assert.deepEqual(used, [{ path: 'spec.disablePowerOff', guardsData: true, because: 'the machine must not lose power' }]);
  assert.deepEqual(unsupportedFieldsUsed(bareMetalHost, host({ online: true, disablePowerOff: false })), []);
});

test('a disk hint acts for a live ISO and guards data where an image would be written to a disk', () => {
  const hints = { rootDeviceHints: { deviceName: '/dev/sdb' } };
  const reported = (spec: Record<string, unknown>) => unsupportedFieldsUsed(bareMetalHost, host({ online: true, ...hints, ...spec })).map((field) => [field.path, field.guardsData]);
  assert.deepEqual(reported({ image: { url: 'u', format: 'live-iso' } }), []);
  assert.deepEqual(reported({}), []);
  assert.deepEqual(reported({ image: { url: 'u', format: 'raw' } }), [['spec.rootDeviceHints', true]]);
});

test('a value that equals the default is not reported', () => {
  const object: KubeObject = { apiVersion: 'infrastructure.cluster.x-k8s.io/v1beta2', kind: 'Metal3MachineTemplate', metadata: { name: 'a' }, spec: { nodeReuse: false } };
  const kind = kindByName('metal3machinetemplate')!;
  assert.deepEqual(unsupportedFieldsUsed(kind, object), []);
  assert.deepEqual(unsupportedFieldsUsed(kind, { ...object, spec: { nodeReuse: true } }).map((field) => [field.path, field.guardsData]), [['spec.nodeReuse', true]]);
});

test('list items are looked into', () => {
  const object: KubeObject = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'a' },
    spec: { dependsOn: [{ name: 'b' }, { name: 'c', readyExpr: 'true' }] },
  };
  assert.deepEqual(unsupportedFieldsUsed(kindByName('ks')!, object).map((field) => field.path), ['spec.dependsOn.readyExpr']);
});

for (const [key, support] of Object.entries(supportTable)) {
  test(`every path declared for ${key} is a field of its schema`, () => {
    const [group, kind] = key.split('/');
    const found = findKindDefinition(group!, kind!);
    assert.ok(found, `${key} is in no table`);
    const schema = found.definition.versions.find((version) => version.storage)!.schema;
    const paths = [...support.acts, ...(support.guards ?? []).flatMap((guard) => [guard.path, ...(guard.when ? [guard.when.path] : [])]), ...Object.keys(support.neutral ?? {})];
    for (const path of paths) assert.ok(fieldAt(schema, path.split('.')), `${key} has no field ${path}`);
  });

  test(`every default of ${key} that has no effect is neutral`, () => {
    const [group, kind] = key.split('/');
    const schema = findKindDefinition(group!, kind!)!.definition.versions.find((version) => version.storage)!.schema;
    for (const { path, value } of defaults(schema.properties!['spec']!, 'spec')) {
      const object = path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as { spec: unknown };
      const used = unsupportedFieldsUsed({ group: group!, kind: kind! }, { apiVersion: '', kind: kind!, metadata: { name: 'a' }, ...object });
      assert.deepEqual(used, [], `${path} defaults to ${JSON.stringify(value)}`);
    }
  });
}

function fieldAt(schema: Schema | undefined, path: readonly string[]): Schema | undefined {
  const inner = schema?.items ?? schema;
  const [name, ...rest] = path;
  return name === undefined ? inner : fieldAt(inner?.properties?.[name], rest);
}

function defaults(schema: Schema, path: string): { path: string; value: unknown }[] {
  if (schema.default !== undefined) return [{ path, value: schema.default }];
  if (schema.items) return defaults(schema.items, path);
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) => defaults(part, `${path}.${name}`));
}
