import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@keelson/kube';
import { chainOf } from './chain.ts';
import { findingsOf, healthSentence } from './findings.ts';
import { refText } from './relations.ts';
import { snapshotOf } from './snapshot.ts';
import { readTestYaml, testNowMs, testSnapshot, type Changes } from './testing/objects.ts';

const wrongPassword = (readTestYaml('chains.yaml') as { name: string; changes?: Changes }[]).find(({ name }) => name === 'a wrong BMC password holds up an application')!.changes;

test('nothing is found where all is well', () => {
  assert.deepEqual(findingsOf(testSnapshot()), []);
  assert.equal(healthSentence(testSnapshot()), 'All 17 objects are ready.');
});

test('findings are in the order from the cause to what it holds up', () => {
  const findings = findingsOf(testSnapshot(wrongPassword));
  assert.deepEqual(findings.map(({ ref, state, because, cause }) => `${refText(ref)} ${state.state} ${because ? refText(because) : '-'} ${cause ? refText(cause) : '-'}`), [
    'BareMetalHost/datacenter/r1u01 failed - -',
    'Metal3Machine/datacenter/edge-cp1 waiting BareMetalHost/datacenter/r1u01 BareMetalHost/datacenter/r1u01',
    'Machine/datacenter/edge-cp1 waiting Metal3Machine/datacenter/edge-cp1 BareMetalHost/datacenter/r1u01',
    'TalosControlPlane/datacenter/edge waiting Machine/datacenter/edge-cp1 BareMetalHost/datacenter/r1u01',
    'Cluster/datacenter/edge waiting TalosControlPlane/datacenter/edge BareMetalHost/datacenter/r1u01',
    'Kustomization/datacenter/edge-apps waiting Cluster/datacenter/edge BareMetalHost/datacenter/r1u01',
  ]);
});

test('the sentence counts what is off apart and names the first cause', () => {
  const snapshot = testSnapshot({ ...wrongPassword, 'Kustomization/flux-system/hosts': { spec: { suspend: true } } });
  assert.equal(healthSentence(snapshot), '10 of 17 objects are ready, 1 is off; first in the way: BareMetalHost/datacenter/r1u01 (registering).');
  assert.equal(healthSentence(snapshotOf([], testNowMs)), 'Nothing is declared yet.');
  assert.equal(healthSentence(snapshotOf([], testNowMs, { unread: [{ kind: 'Cluster', why: 'forbidden' }] })), 'Nothing can be seen: 1 kinds may not be read.');
});

/** A host, its machine and a machine that waits for a host, `count` times, in clusters of ten; each object counts how often it is looked at. */
function largeDatacenter(count: number, looked: () => void): KubeObject[] {
  const objects: KubeObject[] = [];
  const add = (apiVersion: string, kind: string, name: string, metadata: object, more: object) => {
    const object: KubeObject = { apiVersion, kind, metadata: { name, namespace: 'dc', uid: `${kind}-${name}`, ...metadata }, ...more };
    objects.push(new Proxy(object, { get: (target, field) => { if (field === 'metadata') looked(); return Reflect.get(target, field); } }));
  };
  const not = (reason: string) => ({ conditions: [{ type: 'Ready', status: 'False', reason, message: reason, lastTransitionTime: '2026-01-01T00:00:00Z' }] });
  for (let i = 0; i < count; i++) {
    const cluster = `c${Math.floor(i / 10)}`;
    const labels = { 'cluster.x-k8s.io/cluster-name': cluster, ...(i % 10 < 3 ? { 'cluster.x-k8s.io/control-plane': '' } : {}) };
    if (i % 10 === 0) {
      add('cluster.x-k8s.io/v1beta2', 'Cluster', cluster, {}, { spec: { controlPlaneRef: { apiGroup: 'controlplane.cluster.x-k8s.io', kind: 'TalosControlPlane', name: cluster } }, status: not('NotAvailable') });
      add('controlplane.cluster.x-k8s.io/v1alpha3', 'TalosControlPlane', cluster, { labels }, { status: not('WaitingForMachines') });
      add('cluster.x-k8s.io/v1beta2', 'MachineDeployment', cluster, { labels }, { status: not('NotAvailable') });
    }
    const waits = i % 2 === 1;
    add('cluster.x-k8s.io/v1beta2', 'Machine', `m${i}`, { labels }, { spec: { clusterName: cluster, infrastructureRef: { apiGroup: 'infrastructure.cluster.x-k8s.io', kind: 'Metal3Machine', name: `m${i}` } }, status: not('NotReady') });
    add('infrastructure.cluster.x-k8s.io/v1beta2', 'Metal3Machine', `m${i}`, { labels, ...(waits ? {} : { annotations: { 'metal3.io/BareMetalHost': `dc/h${i}` } }) }, { status: not(waits ? 'AssociateBareMetalHostFailed' : 'WaitingForBareMetalHost') });
    add('metal3.io/v1alpha1', 'BareMetalHost', `h${i}`, {}, { spec: waits ? {} : { consumerRef: { kind: 'Metal3Machine', name: `m${i}`, namespace: 'dc' } }, status: waits ? { operationalStatus: 'error', errorMessage: '401', provisioning: { state: 'registering' } } : { operationalStatus: 'OK', provisioning: { state: 'provisioning' } } });
  }
  return objects;
}

test('the work grows with the number of objects, not with its square: 1000 hosts', () => {
  const work = (count: number) => {
    let looks = 0;
    const snapshot = snapshotOf(largeDatacenter(count, () => looks++), testNowMs);
    assert.equal(findingsOf(snapshot).length, 3 * count + 3 * (count / 10));
    assert.equal(findingsOf(snapshot)[0]?.ref.kind, 'BareMetalHost');
    assert.equal(chainOf(snapshot, { group: '', kind: 'Cluster', name: 'c7' })?.cause?.ref.kind, 'BareMetalHost');
    return looks;
  };
  const small = work(100);
  const large = work(1000);
  assert.ok(large < small * 13, `${small} looks at metadata for 100 hosts, ${large} for 1000`);
});
