import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { legacyFieldTable, controlPlaneKinds } from './legacy.ts';
import { fieldsOf, isKnownKind } from './schema-check.ts';
import { definitions, kinds } from './schema.gen.ts';

describe('the configuration schema', () => {
  it('can be read whole, and its references lead somewhere', () => {
    for (const name of Object.keys(definitions)) {
      for (const { shape } of fieldsOf(name).values()) {
        for (let inner: unknown = shape; typeof inner === 'object' && inner !== null; inner = (inner as { of?: unknown }).of) {
          const { kind, name: target } = inner as { kind: string; name?: string };
          if (kind === 'struct') assert.ok(Object.hasOwn(definitions, target!), `${name} → ${target}`);
        }
      }
    }
    assert.ok(Object.keys(kinds).length >= 88);
  });
  it('knows every kind that our tables name', () => {
    for (const kind of [...legacyFieldTable.flatMap((field) => field.kinds), ...controlPlaneKinds, 'UnattendedInstallConfig', 'ImageVerificationConfig', 'KubeSpanEndpointsConfig']) assert.ok(isKnownKind(kind), kind);
    assert.ok(!isKnownKind('UnattendedInstall'));
  });
});

if (!existsSync(new URL('../../../../../shared/data/talos-config.json', import.meta.url))) {
  console.log('contract data is not here: whether schema.ts is up to date is not checked');
} else {
  it('has a schema that is generated from the published one', () => {
    const run = spawnSync(process.execPath, [fileURLToPath(new URL('../../scripts/generate-config-schema.ts', import.meta.url)), '--check'], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });
}
