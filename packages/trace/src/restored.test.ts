import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rfc3339 } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import { lastRestored } from './restored.ts';
import { snapshotOf } from './snapshot.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const applier: KubeObject = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: { name: 'apps', namespace: 'a', uid: 'u1' } };
const event = (name: string, agoMs: number, change: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: 'a' }, reason: 'DriftCorrected', message: `someone deleted ${name}: restored`,
  involvedObject: { uid: 'u1' }, lastTimestamp: rfc3339(nowMs - agoMs), ...change,
});

test('tells the newest thing that was put right, of this Kustomization, within the hour', () => {
  const cases: readonly (readonly [string, readonly KubeObject[], string])[] = [
    ['nothing', [], ''],
    ['one', [event('x', 120_000)], 'someone deleted x: restored 2m ago'],
    ['the newest', [event('x', 120_000), event('y', 5_000), event('z', 60_000)], 'someone deleted y: restored 5s ago'],
    ['too long ago', [event('x', 3_700_000)], ''],
    ['of another', [event('x', 1000, { involvedObject: { uid: 'u2' } })], ''],
    ['something else', [event('x', 1000, { reason: 'Progressing' })], ''],
  ];
  for (const [name, events, expected] of cases) assert.equal(lastRestored(snapshotOf([applier, ...events], nowMs), applier), expected, name);
});
