import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupBy } from './group-by.ts';

test('groups keep the order of their keys and items', () => {
  const groups = groupBy(['bat', 'ant', 'bee', 'asp'], (word) => word[0]);
  assert.deepEqual([...groups], [['b', ['bat', 'bee']], ['a', ['ant', 'asp']]]);
  assert.equal(groupBy([], String).size, 0);
});
