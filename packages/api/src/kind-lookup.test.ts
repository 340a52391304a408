import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindByName, kindsByCategory, kindsByName } from './kind-lookup.ts';

const cases: readonly (readonly [text: string, expected: string | undefined])[] = [
  ['bmh', 'metal3.io/v1alpha1 BareMetalHost'],
  ['BareMetalHost', 'metal3.io/v1alpha1 BareMetalHost'],
  ['baremetalhosts.metal3.io', 'metal3.io/v1alpha1 BareMetalHost'],
  ['ks', 'kustomize.toolkit.fluxcd.io/v1 Kustomization'],
  ['deployments.v1.apps', 'apps/v1 Deployment'],
  ['pods.v1', '/v1 Pod'],
  ['deploy', 'apps/v1 Deployment'],
  ['ev', '/v1 Event'],
  ['events.events.k8s.io', 'events.k8s.io/v1 Event'],
  ['clusters.v1beta1.cluster.x-k8s.io', 'cluster.x-k8s.io/v1beta1 Cluster'],
  ['talosconfigs', 'bootstrap.cluster.x-k8s.io/v1beta1 TalosConfig'],
  ['hpa', 'autoscaling/v2 HorizontalPodAutoscaler'],
  ['deployments.v2.apps', undefined],
  ['nothing', undefined],
];

for (const [text, expected] of cases) {
  test(`${text} is ${expected ?? 'no kind'}`, () => {
    const kind = kindByName(text);
    assert.equal(kind && `${kind.group}/${kind.version} ${kind.kind}`, expected);
  });
}

test('a name that several families use lists them all, the built-in first', () => {
  assert.deepEqual(kindsByName('ipaddress').map((kind) => kind.group), ['networking.k8s.io', 'ipam.metal3.io', 'ipam.cluster.x-k8s.io']);
});

test('the category all has workloads and Flux kinds', () => {
  const names = kindsByCategory('all').map((kind) => kind.kind);
  assert.ok(names.includes('Deployment') && names.includes('Kustomization') && !names.includes('ConfigMap'));
});
