import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionsOf, findCondition, isConditionTrue, removeCondition, setCondition } from './condition.ts';
import type { Condition, KubeObject } from './object.ts';
import { apiVersionOf, keyOf, parseApiVersion, parseKey } from './object.ts';
import { controllerOf, isOwnedBy, ownerReference } from './owner.ts';

const object = (metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({ apiVersion: 'v1', kind: 'K', metadata: { name: 'x', ...metadata } });

test('writes and reads group versions and keys', () => {
  for (const [text, group, version] of [['v1', '', 'v1'], ['apps/v1', 'apps', 'v1']] as const) {
    assert.deepEqual(parseApiVersion(text), { group, version });
    assert.equal(apiVersionOf({ group, version }), text);
  }
  assert.equal(keyOf(object({ namespace: 'n' })), 'n/x');
  assert.equal(keyOf(object()), 'x');
  assert.deepEqual(parseKey('n/x'), { namespace: 'n', name: 'x' });
  assert.deepEqual(parseKey('x'), { name: 'x' });
});

test('moves the transition time of a condition only with its status', () => {
  const first = setCondition([], { type: 'Ready', status: 'False', reason: 'A', message: 'a' }, 't1');
  const second = setCondition(first, { type: 'Ready', status: 'False', reason: 'B', message: 'b' }, 't2');
  assert.deepEqual(second, [{ type: 'Ready', status: 'False', reason: 'B', message: 'b', lastTransitionTime: 't1' }]);
  const third = setCondition(second, { type: 'Ready', status: 'True', reason: 'C', message: '' }, 't3');
  assert.equal(third[0]?.lastTransitionTime, 't3');
  assert.deepEqual(removeCondition(third, 'Ready'), []);
});

test('finds conditions of objects that may have none', () => {
  const conditions: Condition[] = [{ type: 'Ready', status: 'True', reason: 'R', message: '', lastTransitionTime: 't' }];
  const withStatus: KubeObject = { ...object(), status: { conditions } };
  assert.equal(findCondition(withStatus, 'Ready')?.reason, 'R');
  assert.equal(isConditionTrue(withStatus, 'Ready'), true);
  assert.equal(isConditionTrue(undefined, 'Ready'), false);
  assert.deepEqual(conditionsOf(object()), []);
});

test('refers to a stored owner and finds the one that controls', () => {
  const owner = object({ name: 'o', uid: '1' });
  const child = object({ ownerReferences: [{ ...ownerReference(owner, { controller: false }), uid: '2' }, ownerReference(owner)] });
  assert.equal(controllerOf(child)?.uid, '1');
  assert.equal(isOwnedBy(child, owner), true);
  assert.equal(isOwnedBy(object(), owner), false);
  assert.throws(() => ownerReference(object()), /no uid/);
});
