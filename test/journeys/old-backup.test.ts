/** A Keelson on a backup that is older than the machines: what the store believes is not what runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryStore, type Store } from '@keelson/apiserver/store';
import { assertNoProvisionedDiskWiped, bootstrapCount } from '@keelson/lab/testing';
import { isBoundary, smallest } from './crash.ts';
import { virtualDatacenter } from './virtual-datacenter.ts';

/** A copy of what a store holds now, as a restored backup has it: the same objects in another store. */
async function backupOf(store: Store): Promise<Store> {
  const copy = createMemoryStore();
  const entries = store.list({ prefix: '' }).entries;
  const encodeAt = (value: Uint8Array) => (revision: number) => {
    const object = JSON.parse(new TextDecoder().decode(value)) as { metadata: object };
    return new TextEncoder().encode(JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }));
  };
  if (entries.length > 0) await copy.commit(entries.map(({ key, value }) => ({ type: 'put' as const, key, encode: encodeAt(value) })));
  return copy;
}

// From before the keys of the cluster, from before and during the provisioning of its hosts, and from after.
for (const at of [60, 130, 180, 220]) {
  test(`a backup from effect ${at} of the build, restored when the cluster runs, costs no disk, no etcd and no running node`, async (t) => {
    const datacenter = await virtualDatacenter({ files: smallest });
    let seen = 0;
    let backup: Promise<Store> | undefined;
    const running = datacenter.start((effect) => {
      if (isBoundary(effect) && ++seen === at) backup = backupOf(datacenter.store);
    });
    await datacenter.untilReady(running);
    await datacenter.env.clock.advance(10 * 60_000);
    running.process.kill();
    if (!backup) return t.skip(`the build has only ${seen} effects`);
    const before = Math.max(...datacenter.lab.journal().map(({ order }) => order));
    const again = datacenter.start(undefined, await backup);
    await datacenter.env.clock.advance(3_600_000);
    const journal = datacenter.lab.journal();
    assertNoProvisionedDiskWiped(journal);
    assert.equal(bootstrapCount(journal), 1);
    const stopped = journal.filter(({ order, event }) => order > before && (event === 'power-off' || event === 'reset' || event === 'disk-write' || event === 'config-apply'));
    assert.deepEqual(stopped.map(({ machine, event, detail, by }) => `${machine} ${event} ${detail} (${by})`), []);
    // Either it finds its way back, or it says what it found.
    const missing = again.keelson?.missing().join('; ');
    assert.ok(missing === '' || /HOST\.OCCUPIED|CLUSTER\.ENDPOINT_IN_USE/.test(missing ?? ''), missing);
    again.process.kill();
    await datacenter.lab.close();
  });
}
