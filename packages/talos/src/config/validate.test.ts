import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseSecretsBundle } from '../pki/index.ts';
import { formatFinding, patchMachineConfig, renderMachineConfig, validateMachineConfig, type MachineConfig } from './index.ts';
import { clusterName, endpoint, renderCases } from './render-cases.ts';
import { validateCases } from './validate-cases.ts';

const read = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8');
const bundle = parseSecretsBundle(read('secrets.yaml'));
const plain = (role: 'controlplane' | 'worker') => renderMachineConfig({ ...renderCases[0]!.input, role, clusterName, endpoint, bundle });
const verdicts = JSON.parse(read('verdicts.json')) as { readonly cases: readonly { readonly name: string; readonly isValid: boolean; readonly says: string }[] };
const errorsOf = (config: MachineConfig) => validateMachineConfig(config).errors.map(formatFinding);

describe('validateMachineConfig, against the verdicts of talosctl', () => {
  for (const { name, role, patch, without = [] } of validateCases) {
    const verdict = verdicts.cases.find((entry) => entry.name === name) ?? assert.fail(`no verdict on ${name}`);
    it(`${verdict.isValid ? 'accepts' : 'refuses'} ${name}`, () => {
      const kept = plain(role).filter((document) => !without.includes(String(document['kind'])));
      const errors = errorsOf(patch === undefined ? kept : patchMachineConfig(kept, [patch]));
      assert.equal(errors.length === 0, verdict.isValid, `talosctl: ${verdict.says}; ours: ${errors.join('; ')}`);
    });
  }
});

describe('validateMachineConfig', () => {
  const withDocument = (role: 'controlplane' | 'worker', document: Record<string, unknown>): MachineConfig => [...plain(role), { apiVersion: 'v1alpha1', ...document }];
  const change = (config: MachineConfig, kind: string, fields: Record<string, unknown>): MachineConfig => config.map((document) => (document['kind'] === kind ? { ...document, ...fields } : document));

  const refused: readonly [string, MachineConfig, RegExp][] = [
    ['an unknown kind', withDocument('worker', { kind: 'KubeletConfigs' }), /kind: "KubeletConfigs" is not a kind/],
    ['an unknown field', change(plain('worker'), 'KubeletConfig', { images: 'x' }), /KubeletConfig images: there is no such field \(did you mean image\?\)/],
    ['a field of the wrong type', change(plain('worker'), 'KubeNetworkConfig', { podSubnets: '10.0.0.0/8' }), /podSubnets: must be a list/],
    ['a subnet that is none', change(plain('worker'), 'KubeNetworkConfig', { podSubnets: ['ten'] }), /podSubnets\[0\]: must match/],
    ['a word that is not allowed', change(plain('worker'), 'HostnameConfig', { auto: 'always' }), /auto: must be one of stable, off/],
    ['a missing field', withDocument('worker', { kind: 'KubeStaticPodConfig', pod: {} }), /KubeStaticPodConfig name: is required/],
    ['a document twice', [...plain('worker'), plain('worker')[1]!], /is there twice/],
    ['an API server without authentication', plain('controlplane').filter((document) => document['kind'] !== 'KubeAuthenticationConfig'), /needs a KubeAuthenticationConfig/],
    ['an API server without RBAC', plain('controlplane').filter((document) => document['name'] !== 'rbac'), /KubeAuthorizerConfig of type RBAC/],
    ['a flag that Talos sets', change(plain('controlplane'), 'KubeAPIServerConfig', { extraArgs: { 'etcd-servers': 'x' } }), /extraArgs\.etcd-servers: is set by Talos itself/],
  ];
  for (const [what, config, message] of refused) it(`refuses ${what}`, () => assert.match(errorsOf(config).join('\n'), message));

  it('does not quote the values it refuses', () => {
    const errors = errorsOf(change(plain('worker'), 'DiscoveryIdentityConfig', { clusterSecret: { hush: 'top-secret' } }));
    assert.equal(errors.length, 1);
    assert.ok(!errors.join().includes('top-secret'));
  });
  it('warns of what works but not as meant', () => {
    const warnings = (config: MachineConfig) => validateMachineConfig(config).warnings.map(formatFinding).join('\n');
    assert.match(warnings(withDocument('worker', { kind: 'LinkConfig', name: 'eth0', up: true })), /turns off DHCP on all links/);
    assert.match(warnings(patchMachineConfig(plain('worker'), ['machine: {sysctls: {a: b}}\n'])), /machine\.sysctls: is deprecated: use SysctlConfig/);
    assert.match(warnings(plain('worker').filter((document) => document['kind'] !== 'UnattendedInstallConfig')), /no disk is named/);
    assert.equal(validateMachineConfig(plain('worker').filter((document) => document['kind'] !== 'UnattendedInstallConfig'), { isInstalled: true }).warnings.length, 0);
  });
});
