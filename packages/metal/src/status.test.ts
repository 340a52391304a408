import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BareMetalHost } from '@keelson/api';
import { problem } from '@keelson/std';
import { hostStates, type HostState } from './host-view.ts';
import { metalProblems } from './problems.ts';
import { nextStatus } from './status.ts';
import { errorRetryMs, pollAfter } from './timers.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const hostIn = (state: HostState, status: object = {}): BareMetalHost => ({
  apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', metadata: { name: 'h', namespace: 'n', generation: 4 }, spec: { online: true },
  status: { operationalStatus: 'OK', errorCount: 0, errorMessage: '', poweredOn: true, provisioningFailCount: 0, provisioning: { ID: 'x', state }, ...status },
});
const conditions = (host: BareMetalHost, health?: 'ok' | 'critical') => Object.fromEntries((nextStatus({ host, change: {}, nowMs, ...(health ? { health } : {}) }).conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]));
const failure = { type: 'provisioning error' as const, problem: problem(metalProblems.noVirtualMedia, { host: 'n/h', address: 'a' }, { why: 'none' }) };

const table: [HostState, Record<string, string>][] = [
  ['unmanaged', { Manageable: 'False NotManaged', AvailableForProvisioning: 'False NotAvailable', Progressing: 'False NotProgressing' }],
  ['registering', { Manageable: 'False Registering', Progressing: 'True Registering' }],
  ['inspecting', { Manageable: 'True Manageable', AvailableForProvisioning: 'False Inspecting', Progressing: 'True Inspecting' }],
  ['available', { AvailableForProvisioning: 'True Available', Provisioned: 'False NotProvisioned', Ready: 'False NotProvisioned', Progressing: 'False NotProgressing' }],
  ['provisioning', { Provisioned: 'False Provisioning', Progressing: 'True Provisioning' }],
  ['provisioned', { Provisioned: 'True Provisioned', Ready: 'True Provisioned' }],
  ['externally provisioned', { Provisioned: 'True Provisioned', Ready: 'True Provisioned' }],
  ['deprovisioning', { Ready: 'False NotProvisioned', Progressing: 'True Deprovisioning' }],
  ['powering off before delete', { Progressing: 'True PoweringOffBeforeDelete' }],
];
for (const [state, expected] of table) {
  test(`has upstream's conditions in state ${state}`, () => {
    const seen = conditions(hostIn(state));
    for (const [type, value] of Object.entries(expected)) assert.equal(seen[type], value, type);
  });
}

test('has every condition in every state, and takes the health from the BMC', () => {
  for (const state of hostStates) assert.deepEqual(Object.keys(conditions(hostIn(state))).sort(), ['AvailableForProvisioning', 'FieldsIgnored', 'Healthy', 'Manageable', 'Progressing', 'Provisioned', 'Ready']);
  assert.equal(conditions(hostIn('available'), 'critical')['Healthy'], 'False CriticalError');
  assert.equal(conditions(hostIn('available'))['Healthy'], 'Unknown Unknown');
});

test('is not ready in error and names the error', () => {
  const status = nextStatus({ host: hostIn('provisioned'), change: { error: { ...failure, retry: 'back-off' } }, nowMs });
  assert.equal(status.operationalStatus, 'error');
  assert.equal(status.errorCount, 1);
  assert.match(status.errorMessage, /\[HOST\.NO_VIRTUAL_MEDIA\]$/);
  const ready = status.conditions?.find((c) => c.type === 'Ready');
  assert.equal(`${ready?.status} ${ready?.reason}`, 'False Error');
});

test('counts failed attempts, not waits, and forgets them when the error is over', () => {
  const once = nextStatus({ host: hostIn('provisioning'), change: { error: { ...failure, retry: 'back-off', failedProvisioning: true } }, nowMs });
  const twice = nextStatus({ host: { ...hostIn('provisioning'), status: once }, change: { error: { ...failure, retry: 'back-off', failedProvisioning: true } }, nowMs });
  assert.deepEqual([twice.errorCount, twice.provisioningFailCount], [2, 2]);
  assert.equal(nextStatus({ host: { ...hostIn('provisioning'), status: twice }, change: { error: { ...failure, retry: 'waiting' } }, nowMs }).errorCount, 0);
  const over = nextStatus({ host: { ...hostIn('provisioning'), status: twice }, change: { error: null }, nowMs });
  assert.deepEqual([over.errorCount, over.errorMessage, over.errorType, over.operationalStatus, over.provisioningFailCount], [0, '', undefined, 'OK', 2]);
});

test('writes when an operation began and ended, once', () => {
  const begun = nextStatus({ host: hostIn('available'), change: { state: 'provisioning' }, nowMs });
  assert.deepEqual(begun.operationHistory?.provision, { start: '2026-01-01T12:00:00Z' });
  const same = nextStatus({ host: { ...hostIn('provisioning'), status: begun }, change: {}, nowMs: nowMs + 60_000 });
  assert.deepEqual(same.operationHistory?.provision, { start: '2026-01-01T12:00:00Z' });
  const ended = nextStatus({ host: { ...hostIn('provisioning'), status: same }, change: { state: 'provisioned' }, nowMs: nowMs + 120_000 });
  assert.deepEqual(ended.operationHistory?.provision, { start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:02:00Z' });
});

test('is the same status when nothing changes', () => {
  const first = nextStatus({ host: hostIn('available'), change: {}, nowMs });
  assert.deepEqual(nextStatus({ host: { ...hostIn('available'), status: first }, change: {}, nowMs: nowMs + 3_600_000 }), first);
});

test('waits ever longer after errors, never more than upstream does, the same for one host each time', () => {
  assert.deepEqual([0, 1, 2].map((count) => errorRetryMs(count, 'u')), [0, 10_000, 30_000]);
  for (let count = 3; count < 15; count++) {
    const delay = errorRetryMs(count, 'u');
    const n = Math.min(count - 2, 9);
    assert.ok(delay >= 2 ** n * 30_000 && delay <= 2 ** n * 60_000, `${count}: ${delay}`);
    assert.equal(errorRetryMs(count, 'u'), delay);
  }
  assert.notEqual(errorRetryMs(5, 'a'), errorRetryMs(5, 'b'));
  assert.deepEqual([0, 400, 4_000, 60_000].map(pollAfter), [250, 250, 1_000, 5_000]);
});
