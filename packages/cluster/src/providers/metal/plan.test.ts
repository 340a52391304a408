import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostView, NodeSeen } from './plan.ts';
import { chooseHost, describeRefusals, planClaim, planConfig, planRelease, whyNotEligible, robbedHost } from './plan.ts';

const host = (name: string, more: Partial<HostView> = {}): HostView => ({ name, labels: {}, annotations: {}, deleting: false, state: 'available', errorMessage: '', poweredOn: false, online: true, externallyProvisioned: false, ...more });
const wish = { consumer: 'Metal3Machine n/m', matches: () => true };

test('a host is taken only when nothing speaks against it', () => {
  const rows: readonly [Partial<HostView>, string | undefined][] = [
    [{}, undefined],
    [{ state: 'ready' }, undefined],
    [{ consumer: 'Metal3Machine n/other' }, 'used by Metal3Machine n/other'],
    [{ deleting: true }, 'being deleted'],
    [{ errorMessage: 'no power' }, 'in error: no power'],
    [{ annotations: { 'baremetalhost.metal3.io/paused': '' } }, 'paused'],
    [{ annotations: { 'baremetalhost.metal3.io/detached': '' } }, 'detached'],
    [{ annotations: { 'capm3.metal3.io/unhealthy': '' } }, 'marked unhealthy'],
    [{ annotations: { 'capi.metal3.io/unhealthy': '' } }, 'marked unhealthy'],
    [{ externallyProvisioned: true }, 'externally provisioned'],
    [{ state: 'inspecting' }, 'in state inspecting'],
    [{ state: '' }, 'in state new'],
    [{ state: 'deprovisioning' }, 'in state deprovisioning'],
    [{ wantedImage: 'http://x' }, 'it has an image that nobody claims'],
  ];
  for (const [more, why] of rows) assert.equal(whyNotEligible(host('a', more), wish), why);
  assert.equal(whyNotEligible(host('a'), { ...wish, matches: () => false }), 'hostSelector does not match its labels');
});

test('the choice is the own host, else the failure domain, else the first by name', () => {
  const domain = { 'infrastructure.cluster.x-k8s.io/failure-domain': 'r2' };
  assert.deepEqual(chooseHost([host('c'), host('b'), host('a', { state: 'inspecting' })], wish), { kind: 'free', host: 'b' });
  assert.deepEqual(chooseHost([host('a'), host('z', { labels: domain })], { ...wish, failureDomain: 'r2' }), { kind: 'free', host: 'z' });
  assert.deepEqual(chooseHost([host('a')], { ...wish, failureDomain: 'r9' }), { kind: 'free', host: 'a' });
  assert.deepEqual(chooseHost([host('a'), host('z', { consumer: wish.consumer, state: 'provisioned', errorMessage: 'x' })], wish), { kind: 'ours', host: 'z' });
});

test('a shortage names how many hosts there are and why none can be taken', () => {
  const choice = chooseHost([host('a', { consumer: 'Metal3Machine n/o' }), host('b', { consumer: 'Metal3Machine n/p' }), host('c', { state: 'inspecting' })], wish);
  assert.equal(choice.kind === 'none' && describeRefusals(choice.refusals), 'of 3 hosts: 2 in use (a, b); 1 in state inspecting (c)');
  assert.equal(describeRefusals([]), 'there is no BareMetalHost in this namespace');
});

const wanted = { consumer: wish.consumer, image: 'http://iso', userData: 'm-bootstrap-data' };
const claimed = (more: Partial<HostView> = {}) => host('a', { consumer: wish.consumer, wantedImage: 'http://iso', userData: 'm-bootstrap-data', ...more });

test('a claim takes a free host, mends an incomplete one, and never gives a used host another image', () => {
  const rows: readonly [string, HostView, string[]][] = [
    ['free', host('a'), ['claim-host']],
    ['complete', claimed({ state: 'provisioned', currentImage: 'http://iso' }), []],
    ['another image stays', claimed({ wantedImage: 'http://old', currentImage: 'http://old', state: 'provisioned' }), []],
    ['image lost before it was used', claimed({ wantedImage: undefined }), ['correct-host']],
    ['powered down by hand', claimed({ online: false }), ['correct-host']],
    ['a node switched off by its owner stays off', claimed({ online: false, state: 'provisioned', currentImage: 'http://iso' }), []],
    ['image taken from a node that runs on it', claimed({ wantedImage: undefined, currentImage: 'http://iso', state: 'provisioned' }), ['correct-host']],
    ['another image than the one that was taken', claimed({ wantedImage: undefined, currentImage: 'http://old', state: 'provisioned' }), []],
    ['image cleared while in use', claimed({ wantedImage: undefined, currentImage: 'http://iso', state: 'deprovisioning' }), []],
    ['host is being deleted', claimed({ online: false, deleting: true }), []],
  ];
  for (const [name, view, steps] of rows) assert.deepEqual(planClaim('m', 'n', chooseHost([view], wish), [view], wanted).steps.map((step) => step.kind), steps, name);
});

test('a host whose consumer was taken away is still its machine\'s while it runs that machine\'s image', () => {
  const robbed = host('a', { state: 'provisioned', currentImage: 'http://iso' });
  assert.deepEqual(robbedHost([robbed], 'a', 'http://iso'), { kind: 'ours', host: 'a' });
  assert.deepEqual(planClaim('m', 'n', { kind: 'ours', host: 'a' }, [robbed], wanted).steps.map((step) => step.kind), ['correct-host']);
  for (const more of [{ consumer: 'Metal3Machine n/other' }, { state: 'available' }, { currentImage: 'http://other' }, { deleting: true }]) assert.equal(robbedHost([{ ...robbed, ...more }], 'a', 'http://iso'), undefined);
});

test('a host is freed only after it was wiped', () => {
  const rows: readonly [string, HostView | undefined, string[]][] = [
    ['no host', undefined, ['forget']],
    ['a host of someone else', host('a', { consumer: 'Metal3Machine n/o' }), ['forget']],
    ['in use', claimed({ state: 'provisioned', currentImage: 'http://iso' }), ['clear-image']],
    ['claimed a moment ago', claimed(), ['clear-image']],
    ['being wiped', host('a', { consumer: wish.consumer, state: 'deprovisioning', currentImage: 'http://iso' }), []],
    ['not begun to be wiped', host('a', { consumer: wish.consumer, state: 'provisioned', currentImage: 'http://iso' }), []],
    ['wiped', host('a', { consumer: wish.consumer, state: 'available' }), ['drop-consumer']],
    ['available, and the image is still recorded', host('a', { consumer: wish.consumer, state: 'available', currentImage: 'http://iso' }), []],
    ['leaves with its own deletion', host('a', { consumer: wish.consumer, state: 'deleting', deleting: true }), ['drop-consumer']],
    ['deleted and not yet wiped', host('a', { consumer: wish.consumer, state: 'deprovisioning', deleting: true, currentImage: 'http://iso' }), []],
  ];
  for (const [name, view, steps] of rows) assert.deepEqual(planRelease('m', 'n', wish.consumer, view).steps.map((step) => step.kind), steps, name);
  const plan = planRelease('m', 'n', wish.consumer, host('a', { consumer: wish.consumer, state: 'deprovisioning', currentImage: 'x', errorMessage: 'Talos does not answer' }));
  assert.equal(plan.waitsFor, 'host a to become available (it is deprovisioning: Talos does not answer)');
});

test('a config is given to a machine in maintenance only, once, to the very service it was recorded for', () => {
  const maintenance: NodeSeen = { kind: 'maintenance', fingerprint: 'f1', macAddresses: ['aa:bb'] };
  const intent = { fingerprint: 'f1', sha256: 's' };
  const rows: readonly [string, NodeSeen, Parameters<typeof planConfig>[4], string[], string | undefined, string[]?][] = [
    ['silent', { kind: 'silent', why: 'refused' }, {}, [], undefined],
    ['in maintenance: the intent first', maintenance, {}, ['record-intent'], undefined],
    ['recorded: apply', maintenance, { intent }, ['apply-config'], undefined],
    ['rebooted since: the intent anew', { ...maintenance, fingerprint: 'f2' }, { intent }, ['record-intent'], undefined],
    ['another config: the intent anew', maintenance, { intent: { ...intent, sha256: 't' } }, ['record-intent'], undefined],
    ['installing', { kind: 'configured', installing: true }, { intent }, [], undefined],
    ['running', { kind: 'configured', installing: false }, { intent }, ['record-configured'], undefined],
    ['running and known', { kind: 'configured', installing: false }, { intent, configuredAt: 't' }, [], undefined],
    ['running, the record was lost', { kind: 'configured', installing: false }, {}, ['record-configured'], undefined],
    ['back in maintenance', maintenance, { intent, configuredAt: 't' }, [], 'lost'],
    ['someone else\'s', { kind: 'foreign', why: 'unknown authority' }, { intent }, [], 'foreign'],
    ['another machine has the address', maintenance, { intent }, [], 'other-machine', ['cc:dd']],
    ['one interface is enough', maintenance, { intent }, ['apply-config'], undefined, ['cc:dd', 'aa:bb']],
    ['a node that does not name its interfaces', { ...maintenance, macAddresses: [] }, { intent }, ['apply-config'], undefined, ['cc:dd']],
  ];
  for (const [name, seen, record, steps, refused, macs] of rows) {
    const plan = planConfig('m', 'n', '10.0.0.1', seen, record, 's', macs);
    assert.deepEqual([plan.steps.map((step) => step.kind), plan.refused], [steps, refused], name);
  }
});
