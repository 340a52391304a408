import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BareMetalHost } from '@keelson/api';
import { isDestructive } from '@keelson/controller';
import { hostAnnotations, hostFinalizer, recordText } from './annotations.ts';
import { hostStates, type BmcObservation, type HostView, type NodeObservation } from './host-view.ts';
import { otherMachine, planHost } from './plan.ts';
import { sameUuid } from './system-uuid.ts';
import type { HostPlan } from './steps.ts';

const nowMs = Date.UTC(2026, 0, 1);
const minute = 60_000;
const iso = 'http://10.0.9.9/talos.iso';
const identity = { uuid: '11111111-2222-4333-8444-555555555555', serialNumber: 'S1', manufacturer: 'ACME', model: 'M', bmcModel: '', bmcFirmware: '' };

interface Given {
  state?: string;
  spec?: Partial<NonNullable<BareMetalHost['spec']>>;
  annotations?: Record<string, string>;
  status?: object;
  deleting?: boolean;
  power?: 'on' | 'off' | 'powering-on' | 'powering-off';
  media?: boolean;
  inserted?: string;
  node?: NodeObservation;
  talosconfig?: boolean;
  bmc?: BmcObservation;
  view?: Partial<HostView>;
}

function view(given: Given): HostView {
  const host: BareMetalHost = {
    apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost',
    metadata: {
      name: 'h', namespace: 'n', uid: 'u', finalizers: [hostFinalizer], generation: 1,
      annotations: { [hostAnnotations.identity]: recordText(identity), ...given.annotations },
      ...(given.deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { online: true, bmc: { address: 'redfish://bmc', credentialsName: 'c' }, ...given.spec },
    status: {
      operationalStatus: 'OK', errorCount: 0, errorMessage: '', poweredOn: false, provisioningFailCount: 0, operationHistory: { deprovision: { start: '2025-12-31T23:59:50Z' } },
      ...given.status, provisioning: { ID: identity.uuid, state: given.state ?? 'available', ...(given.status && 'image' in given.status ? { image: { url: iso, format: 'live-iso' } } : {}) },
    },
  };
  const slot = { id: 'Cd', types: ['CD'], bootable: true, inserted: given.inserted !== undefined, image: given.inserted ?? '' };
  return {
    nowMs, host, credentials: { state: 'ok', name: 'c', version: '1', claimed: true }, sameMachineAs: '', inUseBy: '', hasTalosconfig: given.talosconfig ?? true,
    bmc: given.bmc ?? { kind: 'ok', identity, power: { power: given.power ?? 'on', health: 'ok', bootProgress: '' }, media: given.media === false ? [] : [slot] },
    node: given.node ?? { kind: 'not-asked' }, ...given.view,
  };
}

const kinds = (plan: HostPlan) => plan.steps.map((step) => step.kind).join(' ');
const image = { image: { url: iso, format: 'live-iso' as const } };
const provisioned = { image: true };
const configured: NodeObservation = { kind: 'configured', address: '10.0.2.1', systemUuid: identity.uuid, stage: 'running', installed: true };
const maintenance: NodeObservation = { kind: 'maintenance', address: '10.0.2.1', systemUuid: identity.uuid };
const foreign: NodeObservation = { kind: 'foreign', address: '10.0.2.1', why: 'it wants a client certificate' };
const occupied = { [hostAnnotations.occupied]: recordText({ atMs: nowMs - minute, why: 'it was running when it was registered' }) };
const silent: NodeObservation = { kind: 'silent', why: 'no answer' };
const hardware = { hardware: { nics: [{ ip: '10.0.2.1', mac: '52:54:00:00:00:01' }] } };
const wipe = (record: object) => ({ [hostAnnotations.wipe]: JSON.stringify(record) });
const provision = (step: string, agoMs = 0) => ({ [hostAnnotations.intent]: JSON.stringify({ operation: 'provision', image: iso, step, sinceMs: nowMs - agoMs, atMs: nowMs - agoMs }) });
const power = (change: string, agoMs: number, sinceMs = agoMs) => ({ [hostAnnotations.intent]: JSON.stringify({ operation: 'power', change, sinceMs: nowMs - sinceMs, atMs: nowMs - agoMs }) });
const error = (code: string) => (plan: HostPlan) => assert.ok(plan.status.error?.problem.code === code, `${plan.status.error?.problem.code ?? 'no problem'}: ${plan.waitsFor ?? ''}`);
const to = (state: string) => (plan: HostPlan) => assert.equal(plan.status.state, state);
const frees = (plan: HostPlan) => assert.deepEqual(plan.steps.map((step) => step.kind === 'record' && step.annotations), [{ [hostAnnotations.occupied]: null }]);
const waits = (text: RegExp) => (plan: HostPlan) => assert.match(plan.waitsFor ?? '', text);

const rows: [string, Given, string, ((plan: HostPlan) => void)?][] = [
  ['leaves a paused host', { annotations: { [hostAnnotations.paused]: '' }, spec: image }, '', (plan) => assert.equal(plan.writesStatus, false)],
  ['restores a moved status first', { annotations: { [hostAnnotations.status]: '{}' } }, 'restore-status'],
  ['marks the Secret before the first login', { view: { credentials: { state: 'ok', name: 'c', version: '1', claimed: false }, bmc: { kind: 'not-asked' } } }, 'claim-secret'],
  ['registers a new host with a BMC', { state: '' }, '', to('registering')],
  ['only knows a host without a BMC', { state: '', spec: { bmc: undefined } }, '', to('unmanaged')],
  ['inspects after registration', { power: 'off', state: 'registering' }, '', to('inspecting')],
  ['records the machine before anything else', { power: 'off', state: 'registering', annotations: { [hostAnnotations.identity]: '' } }, 'record', to('inspecting')],
  ['records that a machine was found running', { state: 'registering' }, 'record', to('inspecting')],
  ['says nothing of a running machine that is externally provisioned', { state: 'registering', spec: { externallyProvisioned: true } }, '', to('externally provisioned')],
  ['leaves a machine alone that was found running', { spec: image, annotations: occupied }, '', error('HOST.OCCUPIED')],
  ['does not switch off a machine that was found running', { spec: { online: false }, annotations: occupied }, '', error('HOST.OCCUPIED')],
  ['starts an occupied machine again', { power: 'off', annotations: occupied }, 'record power-on', error('HOST.OCCUPIED')],
  ['records that a free machine runs a configured node', { spec: image, node: foreign }, 'record', error('HOST.OCCUPIED')],
  ['does not stop a configured node for an image', { state: 'provisioning', spec: image, node: configured }, 'record', error('HOST.OCCUPIED')],
  ['takes a machine that answers from maintenance', { spec: image, annotations: occupied, node: maintenance }, 'record', frees],
  ['takes a machine that its owner gave away', { spec: image, annotations: { ...occupied, [hostAnnotations.overwrite]: identity.uuid.toUpperCase() } }, 'record', frees],
  ['does not take a word that was given for another machine', { spec: image, annotations: { ...occupied, [hostAnnotations.overwrite]: 'S2' } }, '', error('HOST.OCCUPIED')],
  ['leaves an occupied machine on when its image is taken back', { state: 'deprovisioning', annotations: occupied }, '', to('available')],
  ['leaves an occupied machine on when its host is deleted', { state: 'powering off before delete', deleting: true, annotations: occupied }, '', to('deleting')],
  ['skips inspection when it is disabled', { power: 'off', state: 'registering', spec: { inspectionMode: 'disabled' } }, '', to('preparing')],
  ['goes from registration to externally provisioned', { state: 'registering', spec: { externallyProvisioned: true } }, '', to('externally provisioned')],
  ['refuses a machine of another host', { state: 'registering', view: { sameMachineAs: 'n/other' } }, '', error('HOST.DUPLICATE_MACHINE')],
  ['keeps a deleted host whose machine is in use', { deleting: true, state: 'provisioned', status: provisioned, view: { inUseBy: 'n/m' } }, '', error('HOST.DELETED_IN_USE')],
  ['lets a deleted host go without power off where that is disabled', { deleting: true, state: 'powering off before delete', spec: { disablePowerOff: true } }, '', to('deleting')],
  ['does not wipe a deleted host that must not lose power', { deleting: true, state: 'provisioned', status: provisioned, spec: { disablePowerOff: true } }, '', error('HOST.FIELD_GUARDS_DATA')],
  ['does not go on with the wipe of a deleted host that must not lose power', { deleting: true, state: 'deprovisioning', status: provisioned, node: configured, spec: { disablePowerOff: true } }, '', error('HOST.FIELD_GUARDS_DATA')],
  ['keeps a host whose image was taken away while its machine is in use', { state: 'provisioned', status: provisioned, view: { inUseBy: 'n/m' } }, '', error('HOST.IMAGE_TAKEN_IN_USE')],
  ['deprovisions a deleted host that nobody uses', { deleting: true, state: 'provisioned', status: provisioned }, '', to('deprovisioning')],
  ['refuses another machine', { bmc: { kind: 'ok', identity: { ...identity, uuid: '99999999-2222-4333-8444-555555555555' }, power: { power: 'on', health: 'ok', bootProgress: '' } }, spec: image }, '', error('HOST.WRONG_MACHINE')],
  ['writes HardwareData', { state: 'inspecting' }, 'inspect', to('preparing')],
  ['passes preparing', { state: 'preparing' }, '', to('available')],
  ['refuses raid', { spec: { raid: { softwareRAIDVolumes: [] } } }, '', error('HOST.FIELD_GUARDS_DATA')],
  ['ignores raid that says to leave alone', { spec: { raid: {} } }, ''],
  ['refuses hints that choose a disk to write', { spec: { rootDeviceHints: { serialNumber: 'x' }, image: { url: iso, format: 'raw' } } }, '', error('HOST.FIELD_GUARDS_DATA')],
  ['takes hints with a live image, which writes no disk', { power: 'off', spec: { rootDeviceHints: { serialNumber: 'x' }, ...image } }, '', to('provisioning')],
  ['powers an available host on by online', { power: 'off' }, 'record power-on'],
  ['powers an available host off by online', { spec: { online: false } }, 'record power-off'],
  ['waits for a power change that was asked for', { power: 'off', annotations: power('on', 5_000) }, '', waits(/power on/)],
  ['asks again for a power on that does not show', { power: 'off', annotations: power('on', 30_000) }, 'record power-on'],
  ['asks for a soft power off once', { spec: { online: false }, annotations: power('off-soft', 60_000) }, '', waits(/power off/)],
  ['powers off hard after a soft one that takes too long', { spec: { online: false }, annotations: power('off-soft', 4 * minute) }, 'record power-off', (plan) => assert.ok(plan.steps.some((step) => step.kind === 'power-off' && step.mode === 'hard'))],
  ['calls a power change stuck after ten minutes', { power: 'off', annotations: power('on', 0, 11 * minute) }, 'record', error('HOST.POWER_STUCK')],
  ['does nothing with a disk image', { spec: { online: false, image: { url: 'http://x/a.qcow2', format: 'qcow2' } }, power: 'off' }, '', error('HOST.IMAGE_NOT_SERVED')],
  ['does nothing with a custom deploy step', { spec: { online: false, customDeploy: { method: 'm' } }, power: 'off' }, '', error('HOST.IMAGE_NOT_SERVED')],
  ['starts no provisioning without online', { spec: { online: false, ...image }, power: 'off' }, '', waits(/online/)],
  ['provisions an image with online', { spec: image }, '', to('provisioning')],
  ['powers off before it provisions', { state: 'provisioning', spec: image }, 'record power-off'],
  ['inserts, points, records and powers on', { state: 'provisioning', spec: image, power: 'off' }, 'record insert-media boot-once record power-on'],
  ['takes a powered host with a boot intent as booted', { state: 'provisioning', spec: image, annotations: provision('boot', 3_000) }, '', to('provisioned')],
  ['does not take a powered host without a boot intent as booted', { state: 'provisioning', spec: image, annotations: provision('prepare', 30_000) }, 'record power-off'],
  ['waits after a boot intent', { state: 'provisioning', spec: image, power: 'off', annotations: provision('boot', 3_000) }, '', waits(/power on/)],
  ['boots again after a crash between intent and power', { state: 'provisioning', spec: image, power: 'off', annotations: provision('boot', 30_000) }, 'record insert-media boot-once record power-on'],
  ['touches no power without a virtual CD', { state: 'provisioning', spec: image, media: false }, '', error('HOST.NO_VIRTUAL_MEDIA')],
  ['takes a provisioning back without a trace when nothing was booted', { state: 'provisioning', annotations: provision('prepare') }, '', (plan) => assert.equal(plan.status.image, null)],
  ['treats what may have been booted as provisioned', { state: 'provisioning', annotations: provision('boot') }, '', (plan) => assert.equal(plan.status.image?.url, iso)],
  ['gives up after five failures', { state: 'provisioning', spec: image, status: { provisioningFailCount: 5 } }, '', error('HOST.PROVISIONING_GAVE_UP')],
  ['leaves a provisioned host running', { state: 'provisioned', spec: image, status: { ...provisioned, ...hardware } }, ''],
  ['takes the medium out of an installed node', { state: 'provisioned', spec: image, status: { ...provisioned, ...hardware }, annotations: { [hostAnnotations.medium]: iso }, node: configured }, 'clear-boot eject-media record'],
  ['keeps the medium while it installs', { state: 'provisioned', spec: image, status: { ...provisioned, ...hardware }, annotations: { [hostAnnotations.medium]: iso }, node: { ...configured, stage: 'installing' } }, ''],
  ['keeps the medium when another machine answers', { state: 'provisioned', spec: image, status: { ...provisioned, ...hardware }, annotations: { [hostAnnotations.medium]: iso }, node: { ...configured, systemUuid: 'ffffffff-2222-4333-8444-555555555555' } }, ''],
  ['deprovisions when the image goes', { state: 'provisioned', status: provisioned }, '', to('deprovisioning')],
  ['deprovisions when the image changes', { state: 'provisioned', spec: { image: { url: 'http://x/b.iso', format: 'live-iso' } }, status: provisioned }, '', to('deprovisioning')],
  ['asks an installed node to wipe, with the image ready', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: configured }, 'record insert-media boot-once record wipe'],
  ['waits for a wipe that was asked for', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: configured, annotations: wipe({ phase: 'requested', atMs: nowMs - 5_000 }) }, '', waits(/wipe/)],
  ['asks again after a minute', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: configured, annotations: wipe({ phase: 'requested', atMs: nowMs - 2 * minute }) }, 'record insert-media boot-once record wipe'],
  ['does not wipe another machine', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: { ...configured, systemUuid: 'ffffffff-2222-4333-8444-555555555555' } }, '', error('HOST.NODE_IS_ANOTHER_MACHINE')],
  ['does not wipe a machine that does not say who it is', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: { ...configured, systemUuid: '' } }, '', error('HOST.NODE_IS_ANOTHER_MACHINE')],
  ['takes maintenance of this machine as proof', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: maintenance }, 'record'],
  ['takes maintenance of another machine as nothing', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: { ...maintenance, systemUuid: '' } }, '', error('HOST.NODE_IS_ANOTHER_MACHINE')],
  ['powers off with the proof', { state: 'deprovisioning', status: provisioned, annotations: wipe({ phase: 'confirmed', atMs: nowMs }) }, 'record power-off'],
  ['is available with the proof, off and empty', { state: 'deprovisioning', status: provisioned, power: 'off', inserted: iso, annotations: wipe({ phase: 'confirmed', atMs: nowMs }) }, 'eject-media', to('available')],
  ['keeps the disks with automatedCleaningMode disabled', { state: 'deprovisioning', spec: { automatedCleaningMode: 'disabled' }, status: provisioned, power: 'off' }, '', to('available')],
  ['waits for a node that was silent for a moment', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: silent }, '', waits(/to answer/)],
  ['stays with a silent node', { state: 'deprovisioning', status: { ...provisioned, ...hardware, operationHistory: { deprovision: { start: '2025-12-31T20:00:00Z' } } }, node: silent }, '', error('HOST.WIPE_NOT_CONFIRMED')],
  ['looks from the disk of a node that was seen installed', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: silent, power: 'off' }, 'boot-once record power-on'],
  ['looks from the image of a node that was not', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: silent, power: 'off', annotations: { [hostAnnotations.medium]: iso } }, 'record insert-media boot-once record power-on'],
  ['tries the other after the first look', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: silent, annotations: wipe({ phase: 'looking', from: 'disk', second: false, atMs: nowMs - 20 * minute }) }, 'record power-off'],
  ['stops after the second look', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: silent, annotations: wipe({ phase: 'looking', from: 'image', second: true, atMs: nowMs - 20 * minute }) }, '', error('HOST.WIPE_NOT_CONFIRMED')],
  ['says when nothing can wipe', { state: 'deprovisioning', status: { ...provisioned, ...hardware }, node: silent, talosconfig: false }, '', error('HOST.WIPE_IMPOSSIBLE')],
  ['asks the BMC for addresses it does not know', { state: 'deprovisioning', status: provisioned, node: silent }, 'refresh-addresses', error('HOST.WIPE_NOT_CONFIRMED')],
  ['never wipes what is externally provisioned', { state: 'externally provisioned', spec: { externallyProvisioned: true, ...image }, node: configured }, ''],
  ['does not clean a machine whose flag was removed', { state: 'externally provisioned' }, '', error('HOST.EXTERNAL_WITHOUT_IMAGE')],
  ['reboots by annotation', { state: 'provisioned', spec: image, status: { ...provisioned, ...hardware }, annotations: { [hostAnnotations.reboot]: '' } }, 'record power-off'],
  ['removes the annotation once the machine is off', { state: 'provisioned', spec: image, power: 'off', status: { ...provisioned, ...hardware }, annotations: { [hostAnnotations.reboot]: '' } }, 'record'],
  ['stays off for an annotation with a key', { state: 'provisioned', spec: image, power: 'off', status: { ...provisioned, ...hardware }, annotations: { [`${hostAnnotations.reboot}/x`]: '' } }, ''],
  ['leaves a detached host', { annotations: { [hostAnnotations.detached]: '' }, spec: { online: false } }, '', (plan) => assert.equal(plan.status.operationalStatus, 'detached')],
  ['does not detach in the middle of a provisioning', { state: 'provisioning', spec: image, annotations: { [hostAnnotations.detached]: '' } }, 'record power-off'],
  ['deprovisions a provisioned host that is deleted', { state: 'provisioned', spec: image, status: provisioned, deleting: true }, '', to('deprovisioning')],
  ['powers an available host off that is deleted', { deleting: true }, '', to('powering off before delete')],
  ['lets a host go that was never registered', { state: 'registering', deleting: true }, '', to('deleting')],
  ['lets a detached host go untouched', { state: 'provisioned', spec: image, status: provisioned, deleting: true, annotations: { [hostAnnotations.detached]: '' } }, '', to('deleting')],
  ['delays the deletion of a detached host when told to', { state: 'provisioned', spec: image, deleting: true, annotations: { [hostAnnotations.detached]: '{"deleteAction":"delay"}' } }, '', waits(/delays the deletion/)],
  ['releases everything at the end', { state: 'deleting', deleting: true }, 'release'],
];

for (const [name, given, steps, check] of rows) {
  test(name, () => {
    const plan = planHost(view(given));
    assert.equal(kinds(plan), steps, plan.waitsFor);
    check?.(plan);
  });
}

test('every step that can destroy or stop something names its rule and follows a record', () => {
  const destructive = rows.map(([, given]) => planHost(view(given))).filter(isDestructive);
  assert.ok(destructive.length > 5);
  for (const plan of rows.map(([, given]) => planHost(view(given)))) {
    plan.steps.forEach((step, index) => {
      if (step.kind !== 'power-off' && step.kind !== 'wipe') return;
      assert.ok(step.guard && step.guard.length > 10, step.kind);
      assert.ok(plan.steps.slice(0, index).some((earlier) => earlier.kind === 'record'), `${step.kind} without an intent`);
    });
  }
});

test('plans no effect on a machine whose BMC was not asked, in any state', () => {
  for (const state of hostStates) {
    const plan = planHost(view({ state, bmc: { kind: 'not-asked' }, spec: image, status: { ...provisioned, errorType: 'registration error', errorMessage: 'x', errorCount: 3 } }));
    assert.ok(plan.steps.every((step) => ['record', 'release', 'claim-secret'].includes(step.kind)), `${state}: ${kinds(plan)}`);
  }
});

test('knows one machine by two spellings of its UUID, and two machines apart', () => {
  assert.ok(sameUuid('33221100-5544-7766-8899-AABBCCDDEEFF', '00112233-4455-6677-8899-aabbccddeeff'));
  assert.ok(!sameUuid('', ''));
  assert.ok(!sameUuid('33221100-5544-7766-8899-aabbccddeeff', '33221100-5544-7766-8899-aabbccddee00'));
  assert.equal(otherMachine({ uuid: '', serialNumber: 'A' }, { uuid: 'x', serialNumber: 'A' }), undefined);
  assert.match(otherMachine({ uuid: '', serialNumber: 'A' }, { uuid: 'x', serialNumber: 'B' }) ?? '', /serial A/);
});
