import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIndexes, writeIndexes } from './job/controller.ts';
import { scaledValue } from './int-or-percent.ts';
import { shortHash } from './json.ts';
import { parseQuantity } from './quantity.ts';

const quantities: readonly (readonly [text: string | number, value: number | undefined])[] = [
  ['500m', 0.5],
  ['2', 2],
  [0.5, 0.5],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['1e3', 1000],
  ['1E', 1e18],
  ['100k', 100_000],
  ['-1', -1],
  ['.5', 0.5],
  ['1 Gi', undefined],
  ['many', undefined],
  ['', undefined],
];
for (const [text, value] of quantities) test(`the quantity ${JSON.stringify(text)} is ${value}`, () => assert.equal(parseQuantity(text), value));

test('percentages round as they are told', () => {
  assert.equal(scaledValue('25%', 5, 'up', 1), 2);
  assert.equal(scaledValue('25%', 5, 'down', 1), 1);
  assert.equal(scaledValue(undefined, 5, 'up', 3), 3);
});

test('completed indexes are written as runs and read back', () => {
  assert.equal(writeIndexes(new Set([7, 0, 2, 3, 4])), '0,2-4,7');
  assert.deepEqual(readIndexes('0,2-4,7'), [0, 2, 3, 4, 7]);
  assert.deepEqual(readIndexes(undefined), []);
});

test('a hash does not depend on the order of fields, and a salt changes it', () => {
  assert.equal(shortHash({ a: 1, b: [2] }), shortHash({ b: [2], a: 1, c: undefined }));
  assert.notEqual(shortHash({ a: 1 }), shortHash({ a: 2 }));
  assert.notEqual(shortHash({ a: 1 }), shortHash({ a: 1 }, 1));
  assert.match(shortHash({ a: 1 }), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});
