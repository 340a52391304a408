/** The rules that the kinds of this program carry, on objects that keep and break them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindRef, KubeObject } from '@keelson/kube';
import { testApiServer } from '../testing/index.ts';

const ref = (group: string, version: string, kind: string, plural: string): KindRef => ({ group, version, kind, plural, namespaced: true });
const object = (kind: KindRef, spec: object): KubeObject => ({ apiVersion: `${kind.group}/${kind.version}`, kind: kind.kind, metadata: { namespace: 'default', name: 'one' }, spec });
const Kustomization = ref('kustomize.toolkit.fluxcd.io', 'v1', 'Kustomization', 'kustomizations');
const Bucket = ref('source.toolkit.fluxcd.io', 'v1', 'Bucket', 'buckets');
const HelmRelease = ref('helm.toolkit.fluxcd.io', 'v2', 'HelmRelease', 'helmreleases');
const MachineHealthCheck = ref('cluster.x-k8s.io', 'v1beta2', 'MachineHealthCheck', 'machinehealthchecks');
const MachineDrainRule = ref('cluster.x-k8s.io', 'v1beta2', 'MachineDrainRule', 'machinedrainrules');

const kustomization = (more: object) => ({ interval: '1m', prune: true, sourceRef: { kind: 'GitRepository', name: 's' }, ...more });
const bucket = (more: object) => ({ interval: '1m', bucketName: 'b', endpoint: 'e', ...more });
const healthCheck = (type: string) => ({ clusterName: 'c', selector: { matchLabels: { a: 'b' } }, checks: { unhealthyMachineConditions: [{ type, status: 'False', timeoutSeconds: 10 }] } });
const drainRule = (selectors: object[]) => ({ drain: { behavior: 'Skip' }, pods: selectors });

const cases: readonly (readonly [string, KindRef, object, object, RegExp])[] = [
  ['a kube config has one source', Kustomization, kustomization({ kubeConfig: { secretRef: { name: 's' } } }), kustomization({ kubeConfig: { secretRef: { name: 's' }, configMapRef: { name: 'c' } } }), /spec\.kubeConfig: Invalid value: "object": failed rule: !has\(self\.configMapRef\) \|\| !has\(self\.secretRef\)/],
  ['a token service belongs to its provider', Bucket, bucket({ provider: 'generic' }), bucket({ provider: 'gcp', sts: { provider: 'aws', endpoint: 'https://e' } }), /spec: Invalid value: "object"/],
  ['a release has one chart', HelmRelease, { interval: '1m', chartRef: { kind: 'OCIRepository', name: 'o' } }, { interval: '1m' }, /spec: Invalid value: "object": failed rule: \(has\(self\.chart\) && !has\(self\.chartRef\)\)/],
  ['a health check watches no condition of its own', MachineHealthCheck, healthCheck('NodeReady'), healthCheck('Ready'), /checks\.unhealthyMachineConditions\[0\]\.type: Invalid value: "string"/],
  ['pod selectors of a drain rule differ', MachineDrainRule, drainRule([{ selector: { matchLabels: { a: 'b' } } }, { selector: { matchLabels: { a: 'c' } } }]), drainRule([{ selector: { matchLabels: { a: 'b' } } }, { selector: { matchLabels: { a: 'b' } } }]), /spec\.pods: Invalid value: "array": failed rule: self\.all\(x, self\.exists_one\(y, x == y\)\)/],
];

for (const [name, kind, good, bad, complaint] of cases) {
  test(`${kind.kind}: ${name}`, async () => {
    const { client } = await testApiServer();
    await assert.rejects(client.create(kind, object(kind, bad)), complaint);
    await client.create(kind, object(kind, good));
  });
}
