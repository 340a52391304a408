import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseSecretsBundle } from '../pki/index.ts';
import { parseMachineConfig, secretsFromControlPlane, validateMachineConfig } from './index.ts';

const read = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8');

describe('secretsFromControlPlane', () => {
  for (const name of ['controlplane-plain.yaml', 'controlplane-contract-1.13.yaml']) {
    it(`finds the bundle that talosctl made ${name} with`, () => {
      assert.deepEqual(secretsFromControlPlane(parseMachineConfig(read(name))), parseSecretsBundle(read('secrets.yaml')));
    });
  }
  it('says what a worker lacks', () => {
    assert.throws(() => secretsFromControlPlane(parseMachineConfig(read('worker-plain.yaml')), 'w1'), /certs\.os\.key is missing.*certs\.etcd\.crt is missing/s);
  });
});

describe('a configuration of the 1.13 dialect', () => {
  it('is valid as it is', () => {
    const { errors, warnings } = validateMachineConfig(parseMachineConfig(read('controlplane-contract-1.13.yaml')));
    assert.deepEqual(errors, []);
    assert.deepEqual(warnings, []);
  });
});
