import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, Machine, TalosConfig } from '@keelson/api';
import { ProblemError, seededRandom } from '@keelson/std';
import { findDocument, parseMachineConfig } from '@keelson/talos/config';
import { currentContract, generateSecretsBundle, generateTalosconfig, parseTalosconfig, serializeTalosconfig } from '@keelson/talos/pki';
import { configForHost, diskExpression, unusedHints } from '../providers/metal/node-config.ts';
import { isRecord } from '../write.ts';
import { withEndpoints } from './cluster-secrets.ts';
import { installerImage, renderBootstrapData } from './render.ts';

const nowMs = Date.UTC(2026, 10, 20);
const bundle = await generateSecretsBundle({ contract: currentContract, nowMs, random: seededRandom(1), serviceAccountKey: 'p256' });
const cluster: Cluster = {
  apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Cluster', metadata: { name: 'edge', namespace: 'n' },
  spec: { controlPlaneEndpoint: { host: '10.0.0.1', port: 6443 }, clusterNetwork: { pods: { cidrBlocks: ['10.1.0.0/16'] }, services: { cidrBlocks: ['10.2.0.0/16'] }, serviceDomain: 'edge.local' } },
};
const machine: Machine = {
  apiVersion: 'cluster.x-k8s.io/v1beta2', kind: 'Machine', metadata: { name: 'edge-abc', namespace: 'n' },
  spec: { clusterName: 'edge', version: 'v1.36.0', bootstrap: {}, infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'Metal3Machine', name: 'infra-abc' } },
};
const config = (spec: TalosConfig['spec']): TalosConfig => ({ apiVersion: 'bootstrap.cluster.x-k8s.io/v1beta1', kind: 'TalosConfig', metadata: { name: 'edge-abc', namespace: 'n' }, spec });
const render = (spec: NonNullable<TalosConfig['spec']>) => parseMachineConfig(renderBootstrapData({ config: config(spec), cluster, machine, bundle }));
const refusal = (spec: NonNullable<TalosConfig['spec']>) => {
  try {
    render(spec);
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  return undefined;
};

test('a machine config takes networks, endpoint and version from Cluster and Machine', () => {
  const rendered = render({ generateType: 'controlplane', talosVersion: 'v1.14.1' });
  assert.deepEqual(findDocument(rendered, 'KubeNetworkConfig'), { apiVersion: 'v1alpha1', kind: 'KubeNetworkConfig', dnsDomain: 'edge.local', podSubnets: ['10.1.0.0/16'], serviceSubnets: ['10.2.0.0/16'] });
  assert.equal(findDocument(rendered, 'KubeClusterConfig')?.endpoint, 'https://10.0.0.1:6443');
  assert.match(String(findDocument(rendered, 'KubeletConfig')?.image), /:v1\.36\.0$/);
  assert.ok(findDocument(rendered, 'KubeAPIServerConfig'));
  assert.equal(findDocument(render({ generateType: 'worker' }), 'KubeAPIServerConfig'), undefined);
});

test('the hostname is that of the source, and none without one', () => {
  const rows: readonly [string | undefined, Record<string, unknown>][] = [
    ['MachineName', { auto: 'off', hostname: 'edge-abc' }],
    ['InfrastructureName', { auto: 'off', hostname: 'infra-abc' }],
    [undefined, { auto: 'stable' }],
  ];
  for (const [source, expected] of rows) {
    const document = findDocument(render({ generateType: 'worker', ...(source ? { hostname: { source } } : {}) }), 'HostnameConfig');
    assert.deepEqual({ ...document, apiVersion: undefined, kind: undefined }, { ...expected, apiVersion: undefined, kind: undefined });
  }
});

test('strategic patches are merged into the config', () => {
  const rendered = render({ generateType: 'worker', strategicPatches: ['apiVersion: v1alpha1\nkind: UnattendedInstallConfig\nprovisioning:\n  diskSelector:\n    match: disk.serial == "S1"\n'] });
  assert.deepEqual(findDocument(rendered, 'UnattendedInstallConfig')?.provisioning, { diskSelector: { match: 'disk.serial == "S1"' }, wipe: false });
});

test('what cannot become a config is refused with what is wrong', () => {
  const rows: readonly [NonNullable<TalosConfig['spec']>, string, RegExp][] = [
    [{ generateType: 'init' }, 'CLUSTER.INIT_REFUSED', /bootstraps etcd by itself/],
    [{ generateType: 'none' }, 'CLUSTER.INVALID_MACHINE_CONFIG', /needs spec\.data/],
    [{ generateType: 'worker', talosVersion: 'newest' }, 'CLUSTER.INVALID_MACHINE_CONFIG', /is not a version/],
    [{ generateType: 'worker', strategicPatches: ['kind: NoSuchConfig\napiVersion: v1alpha1\n'] }, 'TALOS.BAD_PATCH', /NoSuchConfig/],
  ];
  for (const [spec, code, why] of rows) {
    const problem = refusal(spec);
    assert.equal(problem?.code, code);
    assert.match(problem?.why ?? '', why);
  }
});

test('the installer is that of the named patch release, else of the newest', () => {
  assert.match(installerImage('v1.14.0'), /metal-installer\/[0-9a-f]{64}:v1\.14\.0$/);
  assert.match(installerImage('1.14.0'), /:v1\.14\.0$/);
  assert.match(installerImage('v1.14'), /:v1\.14\.1$/);
  assert.match(installerImage(undefined), /:v1\.14\.1$/);
});

test('a host adds its provider id and the disk its hints name, and changes nothing else', () => {
  const data = renderBootstrapData({ config: config({ generateType: 'worker' }), cluster, machine, bundle });
  const before = parseMachineConfig(data);
  const after = parseMachineConfig(configForHost(data, { providerID: 'metal3://n/h/m', rootDeviceHints: { serialNumber: 'S1', minSizeGigabytes: 100, rotational: false } }));
  assert.deepEqual(findDocument(after, 'KubeletConfig')?.extraArgs, { 'provider-id': 'metal3://n/h/m' });
  assert.deepEqual(findDocument(after, 'UnattendedInstallConfig')?.provisioning, { diskSelector: { match: 'disk.serial == "S1" && disk.size >= 100u * GB && !disk.rotational' }, wipe: false });
  const rest = (documents: typeof before) => documents.filter((document) => document.kind !== 'KubeletConfig' && document.kind !== 'UnattendedInstallConfig');
  assert.deepEqual(rest(after), rest(before));
});

test('a config without documents of its own gets the provider id in its root', () => {
  const after = parseMachineConfig(configForHost('version: v1alpha1\nmachine:\n  type: worker\n  kubelet:\n    extraArgs:\n      v: "4"\n', { providerID: 'metal3://n/h/m' }));
  const root = findDocument(after, 'v1alpha1');
  assert.deepEqual(isRecord(root?.machine) && root.machine.kubelet, { extraArgs: { v: '4', 'provider-id': 'metal3://n/h/m' } });
});

test('root device hints become a disk expression', () => {
  const rows: readonly [Parameters<typeof diskExpression>[0], string | undefined, string[]][] = [
    [{ deviceName: '/dev/sdb' }, 'disk.dev_path == "/dev/sdb"', []],
    [{ deviceName: '/dev/disk/by-path/pci-0' }, '"/dev/disk/by-path/pci-0" in disk.symlinks', []],
    [{ wwn: '0x5000C500' }, 'disk.wwid.contains("5000c500")', []],
    [{ model: 'PM9', vendor: 'X' }, 'disk.model.contains("PM9")', ['vendor']],
    [{ hctl: '0:0:0:0' }, undefined, ['hctl']],
  ];
  for (const [hints, expression, unused] of rows) assert.deepEqual([diskExpression(hints), unusedHints(hints)], [expression, unused]);
});

test('a talosconfig follows the endpoints and keeps its key', async () => {
  const text = serializeTalosconfig(await generateTalosconfig({ clusterName: 'edge', bundle, endpoints: [], nowMs, random: seededRandom(2) }));
  const changed = withEndpoints(text, 'edge', ['10.0.0.2', '10.0.0.10']);
  assert.ok(changed);
  const [before, after] = [parseTalosconfig(text), parseTalosconfig(changed)];
  assert.deepEqual(after.contexts.edge?.endpoints, ['10.0.0.2', '10.0.0.10']);
  assert.equal(after.contexts.edge?.key, before.contexts.edge?.key);
  assert.equal(after.contexts.edge?.crt, before.contexts.edge?.crt);
  assert.equal(withEndpoints(changed, 'edge', ['10.0.0.2', '10.0.0.10']), undefined, 'nothing to change');
  assert.equal(withEndpoints(text, 'other', ['10.0.0.2']), undefined, 'a context of someone else');
});
