import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ProblemError } from '@keelson/std';
import { parseSecretsBundle } from '../pki/index.ts';
import type { MachineConfigInput } from './machine-config.ts';
import { clusterName, endpoint, renderCases } from './render-cases.ts';
import { findDocument, parseMachineConfig, renderMachineConfig, serializeMachineConfig, validateMachineConfig } from './index.ts';

const read = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8');
const bundle = parseSecretsBundle(read('secrets.yaml'));
const base = { clusterName, endpoint, bundle } as const;
const install = { disk: '/dev/sda', image: 'factory.talos.dev/metal-installer/abc:v1.14.1' };

describe('renderMachineConfig', () => {
  for (const { name, role, input, flags } of renderCases) {
    if (!flags) continue;
    it(`renders what talosctl generates: ${name}`, () => {
      assert.deepEqual(renderMachineConfig({ ...base, ...input, role }), parseMachineConfig(read(`${name}.yaml`)));
    });
  }

  const generated: readonly [string, Partial<MachineConfigInput> & Pick<MachineConfigInput, 'role'>][] = [
    ['controlplane-scheduling', { role: 'controlplane', allowSchedulingOnControlPlanes: true, install }],
    ['controlplane-sysctls', { role: 'controlplane', sysctls: { 'net.core.somaxconn': '65535', 'vm.nr_hugepages': '0x10' }, install }],
    ['worker-sysctls', { role: 'worker', sysctls: { 'net.core.somaxconn': '65535', 'vm.nr_hugepages': '0x10' }, install }],
    ['controlplane-noinstall', { role: 'controlplane' }],
    ['worker-noinstall', { role: 'worker' }],
  ];
  for (const [name, input] of generated) {
    it(`renders what upstream's library generates: ${name}`, () => {
      assert.deepEqual(renderMachineConfig({ ...base, kubernetesVersion: '1.37.0', ...input }), parseMachineConfig(read(`${name}.yaml`)));
    });
  }

  const verdicts = JSON.parse(read('verdicts.json')) as { rendered: { name: string; isValid: boolean; says: string; documents: number }[] };
  for (const { name, role, input } of renderCases) {
    it(`renders a configuration that talosctl and our own validation accept: ${name}`, () => {
      const config = renderMachineConfig({ ...base, ...input, role });
      const recorded = verdicts.rendered.find((entry) => entry.name === name);
      assert.deepEqual(recorded, { name, isValid: true, says: '', documents: config.length });
      assert.deepEqual(validateMachineConfig(config), { errors: [], warnings: [] });
    });
  }

  it('gives a worker no key of the cluster', () => {
    const text = serializeMachineConfig(renderMachineConfig({ ...base, role: 'worker', kubernetesVersion: '1.37.0', install }));
    assert.ok(!text.includes('PRIVATE KEY'));
    for (const { key } of [bundle.certs.os, bundle.certs.k8s, bundle.certs.etcd, bundle.certs.k8saggregator, bundle.certs.k8sserviceaccount]) assert.ok(!text.includes(key));
  });
  it('writes the provider id where the kubelet takes it', () => {
    const config = renderMachineConfig({ ...base, role: 'worker', kubernetesVersion: '1.37.0', kubeletExtraArgs: { 'provider-id': 'metal3://ns/h/m' } });
    assert.deepEqual(findDocument(config, 'KubeletConfig')?.['extraArgs'], { 'provider-id': 'metal3://ns/h/m' });
  });

  const refused: readonly [string, Partial<MachineConfigInput>, RegExp][] = [
    ['an endpoint without TLS', { endpoint: 'http://10.0.0.1:6443' }, /endpoint "http:\/\/10\.0\.0\.1:6443" is not an https URL/],
    ['a version that is none', { kubernetesVersion: 'latest' }, /kubernetesVersion "latest"/],
    ['an older dialect', { contract: { major: 1, minor: 13 } }, /Talos 1\.13 cannot be rendered, the oldest is 1\.14/],
    ['two ways to find the disk', { install: { ...install, diskSelector: 'disk.size > 1' } }, /either disk or diskSelector/],
    ['an image that is none', { install: { disk: '/dev/sda', image: 'two words' } }, /install\.image "two words"/],
    ['a host name with spaces', { hostname: 'a b' }, /hostname "a b"/],
    ['KubeSpan without discovery', { kubeSpan: true, clusterDiscovery: false }, /kubeSpan needs clusterDiscovery/],
    ['a bundle without a token', { bundle: { ...bundle, trustdinfo: { token: '' } } }, /secrets bundle: trustdinfo\.token is missing/],
  ];
  for (const [what, input, why] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => renderMachineConfig({ ...base, role: 'worker', kubernetesVersion: '1.37.0', ...input }), (error) => error instanceof ProblemError && error.problem.code === 'TALOS.BAD_CONFIG' && why.test(error.problem.why));
    });
  }
});

describe('machine configurations as YAML', () => {
  it('reads back what it writes, and words of YAML 1.1 stay text', () => {
    const config = [{ version: 'v1alpha1', machine: { nodeLabels: { a: 'yes', b: 'off', c: '0x10', d: '1_000', e: '012', f: '', g: 'null', h: '1e3' } } }, { apiVersion: 'v1alpha1', kind: 'HostnameConfig', auto: 'off' }];
    const text = serializeMachineConfig(config);
    assert.deepEqual(parseMachineConfig(text), config);
    for (const word of ['yes', 'off', '0x10', '1_000', '012', 'null', '1e3']) assert.ok(text.includes(`"${word}"`), word);
  });
  it('leaves out documents that are empty or comments only', () => {
    assert.deepEqual(parseMachineConfig('# nothing\n---\nversion: v1alpha1\n---\n# nothing\n'), [{ version: 'v1alpha1' }]);
    assert.deepEqual(parseMachineConfig(''), []);
  });
  const broken: readonly [string, string, RegExp, string][] = [
    ['a document that is a list', 'version: v1alpha1\n---\n- a\n', /not a mapping/, 'x:3'],
    ['a tab where YAML has none', 'machine:\n  a: b\n\tc: d\n', /not YAML/, 'x:3'],
    ['a kind that is there twice', 'apiVersion: v1alpha1\nkind: A\n---\napiVersion: v1alpha1\nkind: A\n', /A is there twice/, 'x:4'],
    ['another apiVersion', 'apiVersion: v2\nkind: A\n', /apiVersion "v2"/, 'x:1'],
    ['a key that is there twice', 'machine: {}\nmachine: {}\n', /duplicate key/, 'x:2'],
  ];
  for (const [what, text, why, where] of broken) {
    it(`says where it found ${what}`, () => {
      assert.throws(() => parseMachineConfig(text, 'x'), (error) => error instanceof ProblemError && why.test(error.problem.why) && error.problem.where === where);
    });
  }
});
