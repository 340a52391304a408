import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, HardwareData, Secret } from '@keelson/api';
import { hostAnnotations, secretFinalizer } from '../annotations.ts';
import { liveIso, provisioned, talos } from '../testing/provisioned.ts';
import { install, key, namespace, otherIso, rack, secretOf } from '../testing/rack.ts';

test('wipes through Talos and is available only when the machine came up unconfigured', async () => {
  const r = await provisioned();
  await r.patch({ spec: { image: null, online: false } });
  await r.until((h) => h.metadata.annotations?.[hostAnnotations.wipe]?.includes('confirmed') ?? false);
  const host = await r.untilState('available');
  assert.deepEqual(r.machine.journal, ['power on from Cd', 'wipe', 'restart from Cd', 'power off']);
  assert.equal(r.machine.disk, 'empty');
  assert.equal(r.bmc.state.media.Inserted, false);
  assert.equal(host.status?.provisioning.image, undefined);
  await r.until((h) => h.metadata.annotations?.[hostAnnotations.wipe] === undefined);
});

test('is available again at once when nothing was ever installed', async () => {
  const r = await rack({ spec: { image: liveIso() } });
  await r.untilState('provisioned');
  await r.patch({ spec: { image: null, online: false } });
  await r.untilState('available');
  assert.deepEqual(r.machine.journal, ['power on from Cd', 'power off']);
});

test('boots another image only after the wipe of the first', async () => {
  const r = await provisioned();
  await r.patch({ spec: { image: liveIso(otherIso) } });
  const host = await r.until((h) => h.status?.provisioning.image?.url === otherIso);
  assert.equal(host.status?.provisioning.state, 'provisioned');
  assert.deepEqual(r.machine.journal, ['power on from Cd', 'wipe', 'restart from Cd', 'power off', 'power on from Cd']);
});

test('looks from the image after the disk when nobody answers from there, and the other way round', async () => {
  const empty = await provisioned();
  await empty.patch({ spec: { online: false } });
  await empty.until((h) => h.status?.poweredOn === false);
  empty.machine.disk = 'empty';
  await empty.patch({ spec: { image: null } });
  await empty.untilState('available', 2 * 3_600_000);
  assert.deepEqual(empty.machine.journal.slice(-4), ['power on from Hdd', 'power off', 'power on from Cd', 'power off']);

  const unseen = await rack({ ...talos, spec: { image: liveIso() } });
  await unseen.client.create(Secret, secretOf('edge-talosconfig', { talosconfig: 'talosconfig of edge' }));
  await unseen.untilState('provisioned');
  install(unseen);
  unseen.machine.stage = 'installing';
  await unseen.patch({ spec: { online: false } });
  await unseen.until((h) => h.status?.poweredOn === false);
  await unseen.patch({ spec: { image: null } });
  await unseen.untilState('available', 2 * 3_600_000);
  assert.deepEqual(unseen.machine.journal.slice(2), ['power on from Cd', 'power off', 'power on from Hdd', 'wipe', 'restart from Cd', 'power off']);
});

test('stays deprovisioning when nobody answers from either', async () => {
  const r = await provisioned();
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.poweredOn === false);
  r.machine.hangs = true;
  await r.patch({ spec: { image: null } });
  await r.until((h) => h.status?.errorMessage?.includes('HOST.WIPE_NOT_CONFIRMED') ?? false, 2 * 3_600_000);
  const journal = [...r.machine.journal];
  await r.world.untilIdle(3 * 3_600_000);
  assert.deepEqual(r.machine.journal, journal, 'the machine is switched on and off for ever');
  assert.equal((await r.host()).status?.provisioning.state, 'deprovisioning');
});

test('starts a machine that is off from its disk to have it wiped', async () => {
  const r = await provisioned();
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.poweredOn === false);
  await r.patch({ spec: { image: null } });
  await r.untilState('available');
  assert.ok(r.machine.journal.includes('wipe'));
  assert.equal(r.machine.disk, 'empty');
});

test('stays deprovisioning with the reason while a node is silent, whatever happens', async () => {
  const r = await provisioned();
  r.machine.runs = 'hung';
  await r.patch({ spec: { image: null, online: false } });
  const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.WIPE_NOT_CONFIRMED') ?? false);
  assert.equal(host.status?.provisioning.state, 'deprovisioning');
  await r.world.untilIdle(2 * 3_600_000);
  assert.equal((await r.host()).status?.provisioning.state, 'deprovisioning');
  assert.equal(r.machine.disk, 'talos');
  await r.annotate({ [hostAnnotations.reboot]: '{"mode":"hard"}' });
  await r.untilState('available', 3_600_000);
  assert.ok(r.machine.journal.includes('wipe'));
});

test('never wipes a node that is another machine', async () => {
  const r = await provisioned();
  r.machine.systemUuid = 'ffffffff-1111-4000-8000-000000000001';
  await r.patch({ spec: { image: null } });
  const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.NODE_IS_ANOTHER_MACHINE') ?? false);
  assert.match(host.status?.errorMessage ?? '', /ffffffff-1111/);
  await r.world.untilIdle(3_600_000);
  assert.ok(!r.machine.journal.includes('wipe'));
});

test('never takes another machine in maintenance for the proof of a wipe', async () => {
  const r = await provisioned();
  r.machine.systemUuid = 'ffffffff-1111-4000-8000-000000000001';
  r.machine.runs = 'maintenance';
  await r.patch({ spec: { image: null } });
  await r.until((h) => h.status?.errorMessage?.includes('HOST.NODE_IS_ANOTHER_MACHINE') ?? false);
  await r.world.untilIdle(3_600_000);
  assert.equal((await r.host()).status?.provisioning.state, 'deprovisioning');
});

test('keeps the disks with automatedCleaningMode disabled', async () => {
  const r = await provisioned({ spec: { automatedCleaningMode: 'disabled' } });
  await r.patch({ spec: { image: null, online: false } });
  await r.untilState('available');
  assert.deepEqual(r.machine.journal, ['power on from Cd', 'power off']);
  assert.equal(r.machine.disk, 'talos');
});

test('says when nothing can wipe a disk, and goes on when the wipe is given up', async () => {
  const r = await rack({ spec: { image: liveIso() } });
  await r.untilState('provisioned');
  install(r);
  await r.patch({ spec: { image: null, online: false } });
  await r.until((h) => h.status?.errorMessage?.includes('HOST.WIPE_IMPOSSIBLE') ?? false);
  await r.world.untilIdle(3_600_000);
  assert.equal((await r.host()).status?.provisioning.state, 'deprovisioning');
  await r.patch({ spec: { automatedCleaningMode: 'disabled' } });
  await r.untilState('available');
  assert.equal(r.machine.disk, 'talos');
});

test('asks again when the request to wipe was lost', async () => {
  let lost = 1;
  const r = await provisioned({ nodes: (nodes) => ({ ...nodes, wipe: async (...args) => (lost-- > 0 ? Promise.reject(new Error('connection reset')) : nodes.wipe(...args)) }) });
  await r.patch({ spec: { image: null, online: false } });
  await r.untilState('available');
  assert.equal(r.machine.journal.filter((entry) => entry === 'wipe').length, 1);
});

test('lets go of a Secret that it no longer names', async () => {
  const r = await rack();
  await r.untilState('available');
  await r.client.create(Secret, secretOf('bmc2', { username: 'root', password: 'calvin' }));
  await r.patch({ spec: { bmc: { credentialsName: 'bmc2' } } });
  await r.until((h) => h.status?.goodCredentials?.credentials?.name === 'bmc2');
  const old = await r.client.get<Secret>(Secret, { namespace, name: 'bmc' });
  assert.ok(old && !old.metadata.finalizers?.includes(secretFinalizer));
  assert.deepEqual(old.metadata.ownerReferences ?? [], []);
});

test('wipes, powers off and lets go of a host that is deleted', async () => {
  const r = await provisioned();
  await r.client.delete(BareMetalHost, key);
  await r.world.untilGone(BareMetalHost, key);
  assert.ok(r.machine.journal.includes('wipe'));
  assert.equal(r.bmc.state.power, 'Off');
  assert.equal(await r.client.get(HardwareData, key), undefined);
  const secret = await r.client.get<Secret>(Secret, { namespace, name: 'bmc' });
  assert.ok(!secret?.metadata.finalizers?.includes(secretFinalizer));
  assert.equal(r.bmc.sessions.size, 0, 'the session was not ended');
});

test('powers an available host off and deletes it', async () => {
  const r = await rack();
  await r.until((h) => h.status?.poweredOn === true);
  await r.client.delete(BareMetalHost, key);
  await r.world.untilGone(BareMetalHost, key);
  assert.deepEqual(r.machine.journal, ['power on from None', 'power off']);
});

test('deletes a detached host without touching it, or waits when the deletion is delayed', async () => {
  const r = await provisioned();
  await r.annotate({ [hostAnnotations.detached]: '{"deleteAction":"delay"}' });
  await r.until((h) => h.status?.operationalStatus === 'detached');
  await r.client.delete(BareMetalHost, key);
  await r.world.untilIdle(3_600_000);
  assert.ok(await r.host());
  await r.annotate({ [hostAnnotations.detached]: '' });
  await r.world.untilGone(BareMetalHost, key);
  assert.deepEqual(r.machine.journal, ['power on from Cd']);
});

test('deletes a host whose BMC is gone after several tries', async () => {
  let down = false;
  const r = await rack({ bmc: { intercept: () => (down ? { status: 502, headers: {} } : undefined) } });
  await r.untilState('available');
  down = true;
  await r.client.delete(BareMetalHost, key);
  await r.world.untilGone(BareMetalHost, key, { limitMs: 3_600_000 });
});
