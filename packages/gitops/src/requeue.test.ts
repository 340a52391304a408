import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@keelson/std';
import { durationMs, durationText, jittered } from './requeue.ts';

test('durations are read and written as Go does', () => {
  assert.deepEqual([durationMs('1m30s', 0), durationMs(undefined, 7), durationMs('2h', 0)], [90_000, 7, 7_200_000]);
  assert.deepEqual([500, 1500, 90_000, 3_661_000].map(durationText), ['500ms', '1.5s', '1m30s', '1h1m1s']);
});

test('an interval varies by at most five percent', () => {
  const random = seededRandom(3);
  const waits = Array.from({ length: 200 }, () => jittered(60_000, random));
  assert.ok(Math.min(...waits) >= 57_000 && Math.max(...waits) <= 63_000 && new Set(waits).size > 100);
});
