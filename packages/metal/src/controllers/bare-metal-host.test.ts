import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, HardwareData, Secret } from '@keelson/api';
import { isConditionTrue } from '@keelson/kube';
import { hostAnnotations, hostFinalizer, secretFinalizer } from '../annotations.ts';
import { liveIso, provisioned, resets, sessions, talos } from '../testing/provisioned.ts';
import { hostOf, install, iso, key, namespace, rack, secretOf } from '../testing/rack.ts';

test('registers, inspects and offers a host, and powers it on', async () => {
  const r = await rack();
  const host = await r.until((h) => h.status?.provisioning?.state === 'available' && h.status.poweredOn);
  assert.equal(host.status?.operationalStatus, 'OK');
  assert.equal(host.status?.errorMessage, '');
  assert.ok(isConditionTrue(host, 'Manageable') && isConditionTrue(host, 'AvailableForProvisioning'));
  assert.equal(host.status?.hardware?.nics?.[0]?.ip, '10.0.2.1');
  assert.equal(host.status?.hardware?.ramMebibytes, 32_768);
  assert.equal(host.status?.provisioning.ID, r.bmc.state.uuid);
  assert.equal(host.status?.goodCredentials?.credentials?.name, 'bmc');
  for (const operation of ['register', 'inspect'] as const) assert.ok(host.status?.operationHistory?.[operation]?.end, operation);
  const data = await r.client.get<HardwareData>(HardwareData, key);
  assert.deepEqual(data?.spec?.hardware, host.status?.hardware);
  assert.deepEqual(data?.metadata.ownerReferences?.map((owner) => owner.name), ['r1u01']);
  assert.ok(host.metadata.finalizers?.includes(hostFinalizer));
  const secret = await r.client.get<Secret>(Secret, { namespace, name: 'bmc' });
  assert.ok(secret?.metadata.finalizers?.includes(secretFinalizer));
  assert.equal(secret?.metadata.labels?.['environment.metal3.io'], 'baremetal');
  assert.equal(sessions(r), 1, 'one session serves the whole registration');
});

test('only knows a host without a BMC', async () => {
  const r = await rack({ spec: { bmc: undefined } });
  const host = await r.untilState('unmanaged');
  assert.equal(host.status?.operationalStatus, 'discovered');
});

test('waits for the Secret and goes on as soon as it is there', async () => {
  const r = await rack({ without: ['secret'] });
  const waiting = await r.until((h) => h.status?.errorMessage?.includes('HOST.CREDENTIALS_MISSING') ?? false);
  assert.equal(waiting.status?.errorType, 'registration error');
  await r.client.create(Secret, secretOf('bmc', { username: 'root', password: 'calvin' }));
  await r.until((h) => h.status?.provisioning?.state === 'available', 5_000);
});

test('offers a refused password to the BMC once, and the next one at once when the Secret changes', async () => {
  const r = await rack({ password: 'wrong' });
  const failed = await r.until((h) => h.status?.errorMessage?.includes('HOST.BMC_UNAUTHORIZED') ?? false);
  assert.equal(failed.status?.operationalStatus, 'error');
  assert.doesNotMatch(failed.status?.errorMessage ?? '', /wrong\b.*password/);
  await r.world.untilIdle(4 * 3_600_000);
  await r.patch({ spec: { description: 'an edit that does not concern the BMC' } });
  await r.restart();
  await r.world.untilIdle(3_600_000);
  assert.equal(sessions(r), 1, 'the refused password was offered again');
  await r.setPassword('calvin');
  const healed = await r.until((h) => h.status?.provisioning?.state === 'available', 5_000);
  assert.equal(healed.status?.errorType, undefined);
  assert.equal(healed.status?.errorMessage, '');
});

test('tries an unreachable BMC again, ever more rarely', async () => {
  let down = true;
  const r = await rack({ bmc: { intercept: () => (down ? { status: 502, headers: {} } : undefined) } });
  const failed = await r.until((h) => (h.status?.errorCount ?? 0) >= 3);
  assert.equal(failed.status?.errorType, 'registration error');
  const before = r.bmc.log.length;
  await r.world.untilIdle(30_000);
  assert.equal(r.bmc.log.length, before, 'asked before its time');
  down = false;
  await r.untilState('available');
  assert.equal((await r.host()).status?.errorCount, 0);
});

test('explains a scheme that is not served', async () => {
  const r = await rack({ spec: { bmc: { address: 'ipmi://10.0.0.1', credentialsName: 'bmc' } } });
  const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.BMC_SCHEME_UNSUPPORTED') ?? false);
  assert.match(host.status?.errorMessage ?? '', /redfish-virtualmedia:\/\/10\.0\.0\.1/);
  await r.patch({ spec: { bmc: { address: 'redfish+http://10.0.0.1' } } });
  await r.until((h) => h.status?.provisioning?.state === 'available', 5_000);
});

test('takes hardware from the annotation when inspection is disabled', async () => {
  const r = await rack({ spec: { inspectionMode: 'disabled' }, annotations: { [hostAnnotations.hardwareDetails]: JSON.stringify({ hostname: 'n1', nics: [{ name: 'eth0', mac: '52:54:00:00:00:01', ip: '10.7.7.7' }] }) } });
  const host = await r.until((h) => h.status?.hardware?.hostname === 'n1');
  assert.equal(host.status?.hardware?.nics?.[0]?.ip, '10.7.7.7');
  assert.equal((await r.client.get<HardwareData>(HardwareData, key))?.spec?.hardware?.hostname, 'n1');
});

test('inspects again when asked', async () => {
  const r = await rack();
  await r.untilState('available');
  r.bmc.state.ip = '10.0.2.99';
  await r.annotate({ [hostAnnotations.inspect]: '' });
  const host = await r.until((h) => h.status?.hardware?.nics?.[0]?.ip === '10.0.2.99');
  assert.equal(host.metadata.annotations?.[hostAnnotations.inspect], undefined);
  await r.untilState('available');
});

test('boots the image once from the virtual CD', async () => {
  const r = await rack({ spec: { image: liveIso() } });
  const host = await r.untilState('provisioned');
  assert.equal(host.status?.provisioning.image?.url, iso);
  assert.equal(host.status?.poweredOn, true);
  assert.deepEqual(r.machine.journal, ['power on from Cd']);
  assert.equal(r.machine.runs, 'maintenance');
  await r.world.untilIdle(3_600_000);
  assert.deepEqual(r.machine.journal, ['power on from Cd'], 'something happened to a provisioned host');
  assert.ok((await r.host()).status?.operationHistory?.provision?.end);
});

test('powers a running host off before it boots the image', async () => {
  const r = await rack();
  await r.until((h) => h.status?.poweredOn === true);
  await r.patch({ spec: { image: liveIso() } });
  await r.untilState('provisioned');
  assert.deepEqual(r.machine.journal, ['power on from None', 'power off', 'power on from Cd']);
});

test('does not provision while online is false', async () => {
  const r = await rack({ spec: { online: false, image: liveIso() } });
  await r.untilState('available');
  await r.world.untilIdle(600_000);
  assert.equal((await r.host()).status?.provisioning.state, 'available');
  assert.deepEqual(r.machine.journal, []);
});

test('takes the medium out once the node runs from its disk, not before', async () => {
  const r = await rack({ ...talos, spec: { image: liveIso() } });
  await r.client.create(Secret, secretOf('edge-talosconfig', { talosconfig: 'talosconfig of edge' }));
  await r.untilState('provisioned');
  await r.world.untilIdle(600_000);
  assert.equal(r.bmc.state.media.Image, iso);
  install(r);
  r.machine.stage = 'installing';
  await r.world.untilIdle(600_000);
  assert.equal(r.bmc.state.media.Image, iso);
  r.machine.stage = 'running';
  await r.until((h) => h.metadata.annotations?.[hostAnnotations.medium] === undefined);
  assert.equal(r.bmc.state.media.Inserted, false);
});

const refusedImages: [string, object][] = [
  ['a disk image', { image: { url: 'http://10.0.9.9/a.qcow2', checksum: 'abc', format: 'qcow2' } }],
  ['an image without a format', { image: { url: 'http://10.0.9.9/a.img', checksum: 'abc' } }],
  ['a custom deploy step', { customDeploy: { method: 'install_coreos' } }],
];
for (const [name, spec] of refusedImages) {
  test(`does nothing with ${name}`, async () => {
    const r = await rack({ spec: { online: false, ...spec } });
    const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.IMAGE_NOT_SERVED') ?? false);
    assert.equal(host.status?.provisioning.state, 'available');
    await r.patch({ spec: { image: null, customDeploy: null } });
    await r.until((h) => h.status?.errorMessage === '');
    assert.deepEqual(r.machine.journal, []);
  });
}

const guarded: [string, object][] = [
  ['spec.raid', { raid: { hardwareRAIDVolumes: [] } }],
  ['spec.rootDeviceHints', { rootDeviceHints: { serialNumber: 'X' }, image: { url: 'http://10.0.9.9/a.raw', checksum: 'abc', format: 'raw' } }],
  ['spec.disablePowerOff', { disablePowerOff: true }],
];
for (const [field, spec] of guarded) {
  test(`leaves a host alone whose ${field} guards data`, async () => {
    const r = await rack({ spec });
    const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.FIELD_GUARDS_DATA') ?? false);
    assert.match(host.status?.errorMessage ?? '', new RegExp(field.replace('.', '\\.')));
    await r.world.untilIdle(600_000);
    assert.deepEqual(r.bmc.log, [], 'the BMC was asked');
  });
}

test('says which fields are accepted without effect', async () => {
  const r = await rack({ spec: { networkData: { name: 'net', namespace } } });
  const host = await r.untilState('available');
  assert.match(host.status?.conditions?.find((c) => c.type === 'FieldsIgnored')?.message ?? '', /spec\.networkData/);
});

test('refuses to provision without a virtual CD, and touches no power', async () => {
  const r = await rack({ bmc: { media: 'none' }, spec: { image: liveIso() } });
  const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.NO_VIRTUAL_MEDIA') ?? false);
  assert.equal(host.status?.errorType, 'provisioning error');
  assert.deepEqual(r.machine.journal, []);
});

test('waits longer after each failed insert and names what the BMC said', async () => {
  const { errorBody } = await import('@keelson/bmc/testing');
  const { jsonResponse } = await import('@keelson/std');
  let inserts = 0;
  const r = await rack({ spec: { image: liveIso() }, bmc: { intercept: (request) => (request.url.endsWith('InsertMedia') ? ((inserts += 1), jsonResponse(403, errorBody('RAC0904', 'the share is not reachable'))) : undefined) } });
  const host = await r.until((h) => (h.status?.provisioningFailCount ?? 0) >= 5, 3 * 3_600_000);
  assert.match(host.status?.errorMessage ?? '', /the share is not reachable/);
  const gaveUp = await r.until((h) => h.status?.errorMessage?.includes('HOST.PROVISIONING_GAVE_UP') ?? false, 8 * 3_600_000);
  assert.equal(gaveUp.status?.provisioning.state, 'provisioning');
  const before = inserts;
  await r.world.untilIdle(4 * 3_600_000);
  assert.equal(inserts, before);
  assert.deepEqual(r.machine.journal, []);
});

test('lets a node that may have installed itself boot from its disk when it is switched on again', async () => {
  const r = await rack({ ...talos, spec: { image: liveIso() } });
  await r.client.create(Secret, secretOf('edge-talosconfig', { talosconfig: 'talosconfig of edge' }));
  await r.untilState('provisioned');
  install(r);
  r.machine.stage = 'installing';
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.poweredOn === false);
  r.machine.stage = 'running';
  await r.patch({ spec: { online: true } });
  await r.until((h) => h.metadata.annotations?.[hostAnnotations.medium] === undefined);
  assert.equal(r.machine.runs, 'configured');
});

test('boots a live image again when its machine is switched on again', async () => {
  const r = await rack({ spec: { image: liveIso() } });
  await r.untilState('provisioned');
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.poweredOn === false);
  await r.patch({ spec: { online: true } });
  await r.until((h) => h.status?.poweredOn === true && r.machine.runs === 'maintenance');
  assert.equal(r.machine.journal.at(-1), 'power on from Cd');
});

test('manages power by online, softly first and hard when that takes too long', async () => {
  let ignoreSoft = false;
  const r = await provisioned({ bmc: { intercept: (_request, body) => (ignoreSoft && body['ResetType'] === 'GracefulShutdown' ? { status: 204, headers: {} } : undefined) } });
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.poweredOn === false);
  assert.equal(resets(r).at(-1)?.includes('GracefulShutdown'), true);
  await r.patch({ spec: { online: true } });
  await r.until((h) => h.status?.poweredOn === true);
  ignoreSoft = true;
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.poweredOn === false);
  assert.equal(resets(r).filter((line) => line.includes('GracefulShutdown')).length, 2, 'a soft off is asked for once each');
  assert.equal(resets(r).at(-1)?.includes('ForceOff'), true);
});

test('corrects a power state that someone changed by hand', async () => {
  const r = await provisioned();
  r.bmc.state.power = 'Off';
  await r.until((h) => h.status?.poweredOn === false || r.bmc.state.power === 'On');
  await r.until((h) => h.status?.poweredOn === true && r.bmc.state.power === 'On');
});

test('reboots once for reboot.metal3.io and removes it', async () => {
  const r = await provisioned();
  const before = r.machine.journal.length;
  await r.annotate({ [hostAnnotations.reboot]: '' });
  await r.until((h) => h.metadata.annotations?.[hostAnnotations.reboot] === undefined && h.status?.poweredOn === true && r.machine.journal.length >= before + 2);
  await r.world.untilIdle(600_000);
  assert.deepEqual(r.machine.journal.slice(before), ['power off', 'power on from None']);
});

test('keeps a host off while a reboot annotation with a key is there', async () => {
  const r = await provisioned();
  await r.annotate({ [`${hostAnnotations.reboot}/remediation`]: '{"mode":"hard"}' });
  await r.until((h) => h.status?.poweredOn === false);
  assert.equal(resets(r).at(-1)?.includes('ForceOff'), true);
  await r.world.untilIdle(600_000);
  assert.equal(r.bmc.state.power, 'Off');
  await r.annotate({ [`${hostAnnotations.reboot}/remediation`]: null });
  await r.until((h) => h.status?.poweredOn === true);
});

test('never deploys to or wipes an externally provisioned host', async () => {
  const r = await rack({ spec: { externallyProvisioned: true } });
  await r.until((h) => h.status?.provisioning?.state === 'externally provisioned' && h.status.poweredOn);
  await r.patch({ spec: { image: liveIso() } });
  await r.world.untilIdle(600_000);
  assert.equal(r.bmc.state.media.Inserted, false);
  await r.patch({ spec: { image: null, externallyProvisioned: false } });
  await r.until((h) => h.status?.errorMessage?.includes('HOST.EXTERNAL_WITHOUT_IMAGE') ?? false);
  await r.patch({ spec: { image: liveIso() } });
  const host = await r.untilState('provisioned');
  assert.equal(host.status?.provisioning.image?.url, iso);
  assert.deepEqual(r.machine.journal, ['power on from None']);
});

test('leaves a detached and a paused host alone', async () => {
  const r = await provisioned();
  await r.annotate({ [hostAnnotations.detached]: '' });
  await r.until((h) => h.status?.operationalStatus === 'detached');
  // The idle session is ended after a while; nothing else reaches the BMC.
  const asked = () => r.bmc.log.filter((line) => !line.startsWith('DELETE /redfish/v1/SessionService/')).length;
  const before = asked();
  await r.patch({ spec: { online: false } });
  await r.world.untilIdle(3_600_000);
  assert.equal(asked(), before);
  await r.annotate({ [hostAnnotations.detached]: null, [hostAnnotations.paused]: 'x' });
  await r.world.untilIdle(3_600_000);
  assert.equal(asked(), before);
  await r.annotate({ [hostAnnotations.paused]: null });
  await r.until((h) => h.status?.operationalStatus === 'OK' && h.status.poweredOn === false);
});

test('refuses another machine behind the same address, and takes it when told to', async () => {
  const r = await rack();
  await r.untilState('available');
  r.bmc.state.uuid = 'aaaaaaaa-2222-4000-8000-000000000002';
  r.bmc.sessions.clear();
  const host = await r.until((h) => h.status?.errorMessage?.includes('HOST.WRONG_MACHINE') ?? false);
  assert.match(host.status?.errorMessage ?? '', /aaaaaaaa-2222/);
  await r.patch({ spec: { image: liveIso() } });
  await r.world.untilIdle(600_000);
  assert.equal(r.bmc.state.media.Inserted, false);
  await r.annotate({ [hostAnnotations.identity]: null });
  await r.untilState('provisioned');
});

test('does not power off a machine that was swapped between the look and the act', async () => {
  let reads = Number.POSITIVE_INFINITY;
  const r: Awaited<ReturnType<typeof rack>> = await rack({
    bmc: {
      intercept: (request) => {
        // Identity and power are read for the plan; the third read is the check before the act.
        if (request.method === 'GET' && request.url.endsWith('/Systems/1') && --reads === 0) r.bmc.state.uuid = 'bbbbbbbb-2222-4000-8000-000000000003';
        return undefined;
      },
    },
  });
  await r.until((h) => h.status?.poweredOn === true);
  await r.world.untilIdle(5_000);
  reads = 3;
  await r.patch({ spec: { online: false } });
  await r.until((h) => h.status?.errorMessage?.includes('HOST.WRONG_MACHINE') ?? false);
  await r.world.untilIdle(600_000);
  assert.deepEqual(r.machine.journal, ['power on from None']);
});

test('refuses a machine that another host has registered', async () => {
  const r = await rack();
  await r.untilState('available');
  await r.client.create(BareMetalHost, hostOf({}, 'twin'));
  const twin = await r.world.until<BareMetalHost>(BareMetalHost, { namespace, name: 'twin' }, (h) => h.status?.errorMessage?.includes('HOST.DUPLICATE_MACHINE') ?? false);
  assert.match(twin.status?.errorMessage ?? '', /rack\/r1u01/);
});

test('registers again at once when the password changes on both sides', async () => {
  const r = await provisioned();
  r.bmc.state.password = 'new one';
  r.bmc.sessions.clear();
  const failed = await r.until((h) => h.status?.errorMessage?.includes('HOST.BMC_UNAUTHORIZED') ?? false);
  assert.equal(failed.status?.errorType, 'provisioned registration error');
  assert.equal(failed.status?.provisioning.state, 'provisioned');
  const before = r.machine.journal.length;
  await r.setPassword('new one');
  await r.until((h) => h.status?.errorMessage === '', 5_000);
  assert.equal(r.machine.journal.length, before);
});

test('restores a status that a move left behind', async () => {
  const status = { operationalStatus: 'OK', errorCount: 0, errorMessage: '', poweredOn: true, provisioningFailCount: 0, lastUpdated: '2026-01-01T00:00:00Z', provisioning: { state: 'provisioned', ID: 'x', image: liveIso() } };
  const r = await rack({ without: ['host'] });
  r.bmc.state.power = 'On';
  await r.client.create(BareMetalHost, hostOf({ spec: { image: liveIso() }, annotations: { [hostAnnotations.status]: JSON.stringify(status) } }));
  const host = await r.until((h) => h.metadata.annotations?.[hostAnnotations.identity] !== undefined);
  assert.equal(host.status?.provisioning.state, 'provisioned');
  await r.world.untilIdle(600_000);
  assert.equal((await r.host()).status?.provisioning.state, 'provisioned');
  assert.deepEqual(r.machine.journal, []);
});

test('ends its sessions when it stops', async () => {
  const r = await rack();
  await r.untilState('available');
  assert.equal(r.bmc.sessions.size, 1);
  await r.world.stop();
  await r.env.clock.settle();
  assert.equal(r.bmc.sessions.size, 0);
});
