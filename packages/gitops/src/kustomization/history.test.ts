import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addToHistory } from './history.ts';

const event = (digest: string, now: string, status = 'ReconciliationSucceeded') => ({ digest, status, revision: `main@sha1:${digest}`, now, duration: '1s' });

test('equal digest and outcome are one entry that counts up and comes to the front', () => {
  let history = addToHistory(undefined, event('a', '2026-01-01T00:00:00Z'));
  history = addToHistory(history, event('b', '2026-01-02T00:00:00Z'));
  history = addToHistory(history, event('b', '2026-01-03T00:00:00Z', 'HealthCheckFailed'));
  history = addToHistory(history, event('a', '2026-01-04T00:00:00Z'));
  assert.deepEqual(history.map((entry) => [entry.digest, entry.lastReconciledStatus, entry.totalReconciliations, entry.firstReconciled, entry.lastReconciled]), [
    ['a', 'ReconciliationSucceeded', 2, '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
    ['b', 'HealthCheckFailed', 1, '2026-01-03T00:00:00Z', '2026-01-03T00:00:00Z'],
    ['b', 'ReconciliationSucceeded', 1, '2026-01-02T00:00:00Z', '2026-01-02T00:00:00Z'],
  ]);
});

test('five entries at most', () => {
  let history: ReturnType<typeof addToHistory> | undefined;
  for (const digest of 'abcdefg') history = addToHistory(history, event(digest, '2026-01-01T00:00:00Z'));
  assert.deepEqual(history?.map(({ digest }) => digest), ['g', 'f', 'e', 'd', 'c']);
});
