/** A Keelson without its memory, on a rack that runs: nothing may be written, wiped or stopped, and the reason is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, Cluster, Machine } from '@keelson/api';
import { createMemoryStore } from '@keelson/apiserver/store';
import type { JournalEntry } from '@keelson/lab';
import { findCondition } from '@keelson/kube';
import { observer, virtualDatacenter, type DatacenterOptions, type VirtualDatacenter } from './virtual-datacenter.ts';

const hour = 3_600_000;
/** Everything that costs somebody a disk, a running machine or a cluster. */
const destructive: readonly JournalEntry['event'][] = ['power-off', 'reset', 'kernel-reboot', 'disk-write', 'disk-wipe', 'config-apply', 'etcd-bootstrap', 'etcd-join', 'etcd-leave', 'boot-from', 'boot-override', 'media-insert'];

/** Builds the example, ends that Keelson, and forgets its store. */
async function built(options: DatacenterOptions = {}): Promise<VirtualDatacenter> {
  const datacenter = await virtualDatacenter(options);
  const running = datacenter.start();
  await datacenter.untilReady(running);
  await datacenter.env.clock.advance(10 * 60_000);
  running.process.kill();
  return datacenter;
}

const acts = (journal: readonly JournalEntry[], after: number) => journal.filter((entry) => entry.order > after && destructive.includes(entry.event)).map(({ machine, event, detail, by }) => `${machine} ${event} ${detail} (${by})`);
const lastOrder = (datacenter: VirtualDatacenter) => Math.max(...datacenter.lab.journal().map(({ order }) => order));

test('an empty store, the same repository and running machines: nothing is touched, and every host and machine says why', async () => {
  const datacenter = await built();
  const before = lastOrder(datacenter);
  const store = createMemoryStore();
  const again = datacenter.start(undefined, store);
  await datacenter.env.clock.advance(6 * hour);
  assert.deepEqual(acts(datacenter.lab.journal(), before), []);
  assert.ok(datacenter.lab.machines.every((machine) => machine.state.power === 'on'), 'every machine runs on');

  const client = await observer({ env: datacenter.env, store });
  const hosts = (await client.list<BareMetalHost>(BareMetalHost)).items;
  assert.equal(hosts.length, 6);
  for (const host of hosts) {
    assert.match(host.status?.errorMessage ?? '', /HOST\.OCCUPIED/, host.metadata.name);
    assert.match(host.status?.errorMessage ?? '', /next:.*backup/s, host.metadata.name);
    assert.equal(host.spec?.consumerRef, undefined, `${host.metadata.name} is not taken`);
  }
  const cluster = await client.get<Cluster>(Cluster, { namespace: 'datacenter', name: 'edge' });
  assert.match(JSON.stringify(cluster?.status?.conditions), /CLUSTER\.ENDPOINT_IN_USE/);
  for (const machine of (await client.list<Machine>(Machine)).items) assert.notEqual(findCondition(machine, 'Ready')?.message ?? '', '', machine.metadata.name);

  // Taking it all out of the repository again costs nothing either.
  datacenter.lab.git.repository!.commit({ message: 'no cluster, no hosts', write: {
    'clusters/management/kustomization.yaml': (text) => text.replace('  - edge.yaml\n', ''),
    'hosts/kustomization.yaml': (text) => text.replace(/ {2}- r1u0[1-5]\.yaml\n/g, ''),
  } });
  await datacenter.env.clock.advance(2 * hour);
  assert.deepEqual((await client.list<BareMetalHost>(BareMetalHost)).items.map((host) => host.metadata.name), ['r1u06']);
  assert.deepEqual(acts(datacenter.lab.journal(), before), []);
  again.process.kill();
  await datacenter.lab.close();
});
