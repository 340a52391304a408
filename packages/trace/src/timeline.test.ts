import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rfc3339, parseTime } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import { milestonesOf, timelineOf, type Moment } from './timeline.ts';
import { refText } from './relations.ts';
import { snapshotOf } from './snapshot.ts';
import { testNowMs, testSnapshot } from './testing/objects.ts';

const line = ({ atMs, ref, what, severity }: Moment) => `${rfc3339(atMs)} ${refText(ref)} ${severity === 'warning' ? '! ' : ''}${what}`;

test('the milestones tell the chain in the order in which it happened', () => {
  const lines = milestonesOf(testSnapshot()).map(line);
  assert.deepEqual(lines.slice(0, 4), [
    '2026-01-01T00:00:05Z GitRepository/flux-system/datacenter fetched 4f92755a',
    '2026-01-01T00:00:05Z GitRepository/flux-system/datacenter Ready: Succeeded',
    '2026-01-01T00:00:10Z Kustomization/flux-system/datacenter Ready: ReconciliationSucceeded',
    '2026-01-01T00:00:12Z Kustomization/flux-system/hosts Ready: ReconciliationSucceeded',
  ]);
  assert.ok(lines.indexOf('2026-01-01T00:10:00Z BareMetalHost/datacenter/r1u01 provisioned') < lines.indexOf('2026-01-01T00:18:00Z Machine/datacenter/edge-cp1 Ready'));
  assert.ok(!lines.some((text) => text.includes('registering')));
});

test('moments from before are left out', () => {
  assert.ok(timelineOf(testSnapshot(), parseTime('2026-01-01T00:19:30Z')).every(({ atMs }) => atMs >= parseTime('2026-01-01T00:19:30Z')));
});

const event = (name: string, fields: object): KubeObject => ({ apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: 'dc', creationTimestamp: '2026-01-01T00:00:00Z' }, involvedObject: { apiVersion: 'metal3.io/v1alpha1', kind: 'BareMetalHost', name: 'h', namespace: 'dc' }, ...fields });

const events: readonly { readonly name: string; readonly event: KubeObject; readonly line: string | undefined }[] = [
  { name: 'a warning', event: event('a', { type: 'Warning', reason: 'RegistrationError', message: '401', lastTimestamp: '2026-01-01T00:01:00Z' }), line: '2026-01-01T00:01:00Z BareMetalHost/dc/h ! RegistrationError: 401' },
  { name: 'a repeated one, where it was last seen', event: event('b', { reason: 'PowerOn', message: 'on', count: 4, lastTimestamp: '2026-01-01T00:02:00Z' }), line: '2026-01-01T00:02:00Z BareMetalHost/dc/h PowerOn: on (4 times)' },
  { name: 'one of events.k8s.io, with a time in microseconds', event: event('c', { reason: 'PowerOn', message: 'on', lastTimestamp: null, eventTime: '2026-01-01T00:03:00.123456Z' }), line: '2026-01-01T00:03:00Z BareMetalHost/dc/h PowerOn: on' },
  { name: 'a series', event: event('d', { reason: 'PowerOn', message: 'on', eventTime: '2026-01-01T00:03:00.000000Z', series: { count: 9, lastObservedTime: '2026-01-01T00:04:00.000000Z' } }), line: '2026-01-01T00:04:00Z BareMetalHost/dc/h PowerOn: on (9 times)' },
  { name: 'one about nothing', event: event('e', { involvedObject: {} }), line: undefined },
  { name: 'one without any time', event: { ...event('f', { reason: 'x' }), metadata: { name: 'f', namespace: 'dc' } }, line: undefined },
];

for (const { name, event: one, line: wanted } of events) {
  test(`an event: ${name}`, () => assert.deepEqual(timelineOf(snapshotOf([one], testNowMs)).map(line), wanted === undefined ? [] : [wanted]));
}

test('what two sources tell in the same words and second stands once', () => {
  const told = { reason: 'Registered', message: 'Registered new host', lastTimestamp: '2026-01-01T00:01:00Z' };
  const snapshot = snapshotOf([event('a', told), event('b', told), event('c', { ...told, lastTimestamp: '2026-01-01T00:01:05Z' })], testNowMs);
  assert.equal(timelineOf(snapshot).length, 2);
});

test('conditions of v1beta1 without reason and message are told', () => {
  const cluster: KubeObject = { apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Cluster', metadata: { name: 'c', namespace: 'dc' }, status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }, { type: 'InfrastructureReady', status: 'False', severity: 'Error', reason: 'CreateFailed', lastTransitionTime: '2026-01-01T00:00:01Z' }] } };
  assert.deepEqual(timelineOf(snapshotOf([cluster], testNowMs)).map(line), ['2026-01-01T00:00:00Z Cluster/dc/c Ready', '2026-01-01T00:00:01Z Cluster/dc/c ! not InfrastructureReady: CreateFailed']);
});
