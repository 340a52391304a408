/** Hosts that leave the repository, or are deleted by hand, under a running cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, Kustomization, Machine, Metal3Machine } from '@keelson/api';
import { findCondition } from '@keelson/kube';
import { eventCount } from '@keelson/lab/testing';
import { observer, virtualDatacenter } from './virtual-datacenter.ts';
import { smallest } from './crash.ts';

const hour = 3_600_000;
const namespace = 'datacenter';

test('hosts are pruned, emptied out, moved and deleted by hand: no running node is touched until its Machine goes', async () => {
  const datacenter = await virtualDatacenter({ files: smallest });
  const running = datacenter.start();
  await datacenter.untilReady(running);
  const { env, lab } = datacenter;
  const client = await observer(datacenter);
  const before = lab.journal().length;
  const touched = () => lab.journal().slice(before).filter(({ event }) => ['power-off', 'reset', 'kernel-reboot', 'disk-wipe', 'disk-write', 'boot-from'].includes(event)).map(({ machine, event }) => `${machine} ${event}`);
  const hosts = async () => (await client.list<BareMetalHost>(BareMetalHost)).items;

  // Somebody takes the image and the consumer away; then somebody applies a whole host with kubectl, and the repository takes the fields over and drops them.
  const { metadata, spec } = (await hosts())[0]!;
  const { name } = metadata;
  await client.patch(BareMetalHost, { namespace, name }, 'merge', { spec: { image: null, consumerRef: null } }, { fieldManager: 'somebody' });
  await env.clock.advance(hour);
  const wholeSpec = (await hosts())[0]!.spec!;
  assert.deepEqual([wholeSpec.image, wholeSpec.consumerRef], [spec!.image, spec!.consumerRef], 'the machine has its host back');
  await client.apply(BareMetalHost, { apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { namespace, name }, spec: wholeSpec }, { fieldManager: 'kubectl', force: true });
  await env.clock.advance(hour);
  const again = (await hosts())[0]!;
  assert.deepEqual([again.spec?.image, again.spec?.consumerRef, again.status?.errorMessage], [spec!.image, spec!.consumerRef, '']);
  assert.ok(again.metadata.managedFields?.every(({ manager }) => manager !== 'kubectl'), 'the fields were taken over');
  assert.deepEqual(touched(), []);

  // An emptied kustomization.yaml.
  const empty = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n';
  const kept = lab.git.repository!.head().files.get('hosts/kustomization.yaml') ?? '';
  lab.git.repository!.commit({ message: 'emptied', write: { 'hosts/kustomization.yaml': empty } });
  await env.clock.advance(hour);
  assert.ok((await hosts()).length === 2 && (await hosts()).every((host) => !host.metadata.deletionTimestamp));
  const kustomization = await client.get<Kustomization>(Kustomization, { namespace: 'flux-system', name: 'hosts' });
  assert.match(findCondition(kustomization, 'Ready')?.message ?? '', /no objects at all/);

  // The folder and its Kustomization under other names, in one commit.
  const files = [...lab.git.repository!.head().files].filter(([path]) => path.startsWith('hosts/'));
  lab.git.repository!.commit({
    message: 'moved', remove: ['hosts', 'clusters/management/hosts.yaml'],
    write: {
      ...Object.fromEntries(files.map(([path, text]) => [path.replace('hosts/', 'machines/'), path === 'hosts/kustomization.yaml' ? kept : text])),
      'clusters/management/machines.yaml': lab.git.repository!.head().files.get('clusters/management/hosts.yaml')!.replace('name: hosts', 'name: machines').replace('path: ./hosts', 'path: ./machines').replace('  deletionPolicy: Orphan\n', ''),
      'clusters/management/kustomization.yaml': (text) => text.replace('hosts.yaml', 'machines.yaml'),
      'clusters/management/edge.yaml': (text) => text.replace('name: hosts', 'name: machines'),
    },
  });
  await env.clock.advance(hour);
  assert.ok((await hosts()).every((host) => !host.metadata.deletionTimestamp && host.metadata.labels?.['kustomize.toolkit.fluxcd.io/name'] === 'machines'));
  assert.deepEqual(touched(), []);

  // One host leaves the repository while a node runs on it.
  const worker = (await hosts()).find((host) => host.spec?.consumerRef?.name?.includes('workers'))!.metadata.name;
  lab.git.repository!.commit({ message: 'one host less', write: { 'machines/kustomization.yaml': (text) => text.replace(`  - ${worker}.yaml\n`, '') } });
  await env.clock.advance(hour);
  const leaving = await client.get<BareMetalHost>(BareMetalHost, { namespace, name: worker });
  assert.ok(leaving?.metadata.deletionTimestamp, 'it is to go');
  assert.match(leaving.status?.errorMessage ?? '', /HOST\.DELETED_IN_USE/);
  assert.deepEqual(touched(), []);

  // And goes, wiped, once its Machine does.
  const owner = (await client.get<Metal3Machine>(Metal3Machine, { namespace, name: leaving.spec!.consumerRef!.name! }))!.metadata.ownerReferences!.find((one) => one.kind === 'Machine')!.name;
  await client.delete(Machine, { namespace, name: owner });
  await env.clock.advance(2 * hour);
  assert.deepEqual((await hosts()).map((host) => host.metadata.name).filter((name) => name === worker), []);
  assert.equal(eventCount(lab.journal().slice(before), 'disk-wipe', worker), 1);
  assert.deepEqual(touched().filter((line) => !line.startsWith(worker)), []);
  running.process.kill();
  await lab.close();
});
