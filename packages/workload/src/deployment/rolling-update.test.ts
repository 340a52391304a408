import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '@keelson/api';
import { initialSize, limitsOf, proportionalSizes, rollingStep, type SetSize } from './rolling-update.ts';

const set = (name: string, replicas: number, available = replicas, changes: Partial<SetSize> = {}): SetSize => ({ name, replicas, available, createdMs: Number(name.slice(1)), ...changes });
const limits = (replicas: number, maxSurge: number, maxUnavailable: number) => ({ replicas, maxSurge, maxUnavailable });

const steps: readonly (readonly [name: string, limits: ReturnType<typeof limits>, current: SetSize, old: readonly SetSize[], expected: Record<string, number>])[] = [
  ['the new set grows into the surge', limits(4, 1, 1), set('s9', 0), [set('s1', 4)], { s9: 1 }],
  ['the old set shrinks when there is no room to grow', limits(4, 1, 1), set('s9', 1, 0), [set('s1', 4)], { s1: 3 }],
  ['nothing moves while too few are available', limits(4, 1, 1), set('s9', 2, 0), [set('s1', 3)], {}],
  ['old pods that serve nobody go first', limits(4, 1, 0), set('s9', 1, 0), [set('s1', 4, 3)], {}],
  ['unhealthy old pods go within the budget', limits(4, 1, 1), set('s9', 1, 1), [set('s1', 4, 2)], { s1: 2 }],
  ['the oldest set shrinks first', limits(4, 1, 1), set('s9', 1, 1), [set('s2', 2), set('s1', 2)], { s1: 0 }],
  ['a set that is too large shrinks to the size asked for', limits(2, 1, 1), set('s9', 5), [], { s9: 2 }],
  ['a finished rollout stays', limits(4, 1, 1), set('s9', 4), [set('s1', 0)], {}],
];
for (const [name, limit, current, old, expected] of steps) {
  test(name, () => assert.deepEqual(Object.fromEntries([...rollingStep(limit, current, old)].filter(([of, size]) => [current, ...old].find((one) => one.name === of)?.replicas !== size)), expected));
}

test('limits come from percentages, surge rounded up and unavailability down', () => {
  const of = (replicas: number, rollingUpdate?: object) => limitsOf({ spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate } } } as unknown as Deployment);
  assert.deepEqual(of(5), limits(5, 2, 1));
  assert.deepEqual(of(1), limits(1, 1, 0));
  assert.deepEqual(of(3, { maxSurge: 0, maxUnavailable: '10%' }), limits(3, 0, 1));
  assert.deepEqual(of(3, { maxSurge: '100%', maxUnavailable: 2 }), limits(3, 3, 2));
  assert.throws(() => of(3, { maxSurge: 'many' }), /neither a number nor a percentage/);
});

test('a new set begins with what room there is', () => {
  assert.equal(initialSize(limits(4, 1, 1), [set('s1', 4)]), 1);
  assert.equal(initialSize(limits(4, 1, 1), []), 4);
  assert.equal(initialSize(limits(4, 0, 1), [set('s1', 4)]), 0);
});

test('scaling in the middle of a rollout is spread in proportion', () => {
  const sizes = proportionalSizes(limits(20, 5, 5), [set('s9', 5, 5, { maxReplicas: 13 }), set('s1', 8, 8, { maxReplicas: 13 })]);
  assert.deepEqual(Object.fromEntries(sizes), { s1: 15, s9: 10 });
  assert.equal([...sizes.values()].reduce((a, b) => a + b, 0), 25);
  const fewer = proportionalSizes(limits(5, 0, 1), [set('s9', 5, 5, { maxReplicas: 10 }), set('s1', 5, 5, { maxReplicas: 10 })]);
  assert.equal([...fewer.values()].reduce((a, b) => a + b, 0), 5);
});
