import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, StatefulSet } from '@keelson/api';
import { planStatefulSet, type OrdinalPod } from './plan.ts';

const pod = (ordinal: number, state: Partial<OrdinalPod> = {}): OrdinalPod => ({
  pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: `db-${ordinal}` } } as Pod,
  ordinal,
  revision: 'b',
  available: true,
  ended: false,
  terminating: false,
  ...state,
});
const set = (spec: Record<string, unknown>) => ({ spec: { replicas: 3, ...spec } }) as unknown as StatefulSet;

const cases: readonly (readonly [name: string, set: StatefulSet, pods: readonly OrdinalPod[], create: readonly string[], remove: readonly string[]])[] = [
  ['the first pod comes alone', set({}), [], ['0:b'], []],
  ['the next waits for the one before', set({}), [pod(0, { available: false })], [], []],
  ['Parallel makes all at once', set({ podManagementPolicy: 'Parallel' }), [], ['0:b', '1:b', '2:b'], []],
  ['a failed pod is replaced', set({}), [pod(0), pod(1, { ended: true, available: false }), pod(2)], [], ['db-1']],
  ['the highest surplus goes first', set({ replicas: 1 }), [pod(0), pod(1), pod(2)], [], ['db-2']],
  ['nothing is removed while one goes', set({ replicas: 1 }), [pod(0), pod(1), pod(2, { terminating: true })], [], []],
  ['an update begins at the top', set({}), [pod(0, { revision: 'a' }), pod(1, { revision: 'a' }), pod(2, { revision: 'a' })], [], ['db-2']],
  ['an update waits for the one above', set({}), [pod(0, { revision: 'a' }), pod(1, { revision: 'a' }), pod(2, { available: false })], [], []],
  ['a partition is not updated', set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }), [pod(0, { revision: 'a' }), pod(1, { revision: 'a' }), pod(2)], [], []],
  ['below a partition the old revision is made', set({ updateStrategy: { rollingUpdate: { partition: 2 } } }), [pod(1, { revision: 'a' }), pod(2)], ['0:a'], []],
  ['OnDelete updates nothing', set({ updateStrategy: { type: 'OnDelete' } }), [pod(0, { revision: 'a' }), pod(1, { revision: 'a' }), pod(2, { revision: 'a' })], [], []],
  ['ordinals can start higher', set({ replicas: 1, ordinals: { start: 5 } }), [], ['5:b'], []],
];
for (const [name, object, pods, create, remove] of cases) {
  test(name, () => {
    const plan = planStatefulSet(object, pods, { current: 'a', update: 'b' });
    assert.deepEqual([plan.create.map((one) => `${one.ordinal}:${one.revision}`), plan.remove.map((one) => one.metadata.name)], [create, remove]);
  });
}
