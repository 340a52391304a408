import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseSecretsBundle } from '../pki/index.ts';
import { describeConfigChange, patchMachineConfig, redactMachineConfig, renderMachineConfig, serializeMachineConfig, type ChangeEffect, type MachineConfig } from './index.ts';
import { clusterName, endpoint, renderCases } from './render-cases.ts';

const bundle = parseSecretsBundle(readFileSync(new URL('testdata/secrets.yaml', import.meta.url), 'utf8'));
const config = renderMachineConfig({ ...renderCases[0]!.input, role: 'controlplane', clusterName, endpoint, bundle });
const old = { major: 1, minor: 13 };

describe('describeConfigChange', () => {
  const cases: readonly [string, string, string, ChangeEffect, ChangeEffect][] = [
    ['a kubelet image', 'apiVersion: v1alpha1\nkind: KubeletConfig\nimage: "ghcr.io/siderolabs/kubelet:v1.37.1"\n', 'KubeletConfig image', 'immediate', 'immediate'],
    ['a sysctl document', 'apiVersion: v1alpha1\nkind: SysctlConfig\nparams: {a: b}\n', 'SysctlConfig ', 'immediate', 'immediate'],
    ['a certificate name', 'machine: {certSANs: [x]}\n', 'v1alpha1 machine.certSANs[0]', 'immediate', 'immediate'],
    ['the disk quota, which 1.13 reboots for', 'machine: {features: {diskQuotaSupport: false}}\n', 'v1alpha1 machine.features.diskQuotaSupport', 'immediate', 'reboot'],
    ['etcd\'s arguments', 'cluster: {etcd: {extraArgs: {a: b}}}\n', 'v1alpha1 cluster.etcd.extraArgs', 'reboot', 'reboot'],
    ['the environment', 'apiVersion: v1alpha1\nkind: EnvironmentConfig\nvariables: {a: b}\n', 'EnvironmentConfig ', 'reboot', 'reboot'],
    ['the installer image', 'apiVersion: v1alpha1\nkind: UnattendedInstallConfig\ninstaller: {image: "a/b:v1.14.2"}\n', 'UnattendedInstallConfig installer.image', 'install', 'install'],
    ['a new kernel module', 'apiVersion: v1alpha1\nkind: KernelModuleConfig\nname: a\n', 'KernelModuleConfig/a ', 'immediate', 'immediate'],
  ];
  for (const [what, patch, place, effect, effectBefore114] of cases) {
    it(`says when ${what} takes effect`, () => {
      const after = patchMachineConfig(config, [patch]);
      const seen = describeConfigChange(config, after).changes;
      assert.deepEqual(seen.map((change) => [`${change.document} ${change.path}`, change.effect]), [[place, effect]]);
      assert.equal(describeConfigChange(config, after).needsReboot, effect === 'reboot');
      assert.equal(describeConfigChange(config, after, old).changes[0]?.effect, effectBefore114);
    });
  }

  it('sees nothing in another order of documents and keys', () => {
    const shuffled: MachineConfig = config.toReversed().map((document) => Object.fromEntries(Object.entries(document).toReversed()));
    assert.deepEqual(describeConfigChange(config, shuffled), { changes: [], needsReboot: false });
  });
  it('reboots for a kernel module that goes', () => {
    const withModule = patchMachineConfig(config, ['apiVersion: v1alpha1\nkind: KernelModuleConfig\nname: a\n']);
    const { changes, needsReboot } = describeConfigChange(withModule, config);
    assert.deepEqual(changes.map(({ document, change }) => [document, change]), [['KernelModuleConfig/a', 'removed']]);
    assert.ok(needsReboot);
  });
  it('shows values, but no secrets', () => {
    const after = patchMachineConfig(config, ['machine: {token: aaaaaa.aaaaaaaaaaaaaaaa}\n---\napiVersion: v1alpha1\nkind: KubePrismConfig\nport: 7446\n']);
    assert.deepEqual(
      describeConfigChange(config, after).changes.map(({ path, before, after: then }) => [path, before, then]),
      [['machine.token', '"[secret]"', '"[secret]"'], ['port', '7445', '7446']],
    );
  });
});

describe('redactMachineConfig', () => {
  it('leaves no key, token or secret of the bundle', () => {
    const text = serializeMachineConfig(redactMachineConfig(config));
    const secrets = [
      bundle.cluster.secret, bundle.secrets.bootstraptoken, bundle.secrets.secretboxencryptionsecret!, bundle.trustdinfo.token, bundle.certs.os.key, bundle.certs.etcd.key, 'PRIVATE KEY',
    ];
    for (const secret of secrets) assert.ok(!text.includes(secret));
    assert.ok(text.includes('BEGIN CERTIFICATE'), 'certificates stay');
  });
});
