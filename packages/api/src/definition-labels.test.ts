import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionLabels } from './definition-labels.ts';
import { kindTables, loadKindTable } from './tables/index.ts';

test('a contract label names a version that the kind has', () => {
  let seen = 0;
  for (const { name } of kindTables()) {
    for (const kind of loadKindTable(name).kinds) {
      for (const [label, version] of Object.entries(definitionLabels(kind) ?? {})) {
        if (!/^cluster\.x-k8s\.io\/v1beta\d$/.test(label)) continue;
        assert.ok(kind.versions.some((one) => one.name === version), `${kind.kind}: ${label}=${version}`);
        seen++;
      }
    }
  }
  assert.ok(seen > 20, `${seen} labels`);
});

test('what clusterctl moves is labelled, and kinds of others are not', () => {
  assert.ok('clusterctl.cluster.x-k8s.io/move-hierarchy' in definitionLabels({ group: 'metal3.io', kind: 'BareMetalHost' })!);
  assert.equal(definitionLabels({ group: 'apps', kind: 'Deployment' }), undefined);
  assert.equal(definitionLabels({ group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization' }), undefined);
});
