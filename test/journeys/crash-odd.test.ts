import { test } from 'node:test';
import { crashAtBoundaries } from './crash.ts';

// The other half is in crash-even.test.ts: two files, because files run side by side.
test('a crash at every odd effect boundary of a build leads to the same end', { timeout: 600_000 }, () => crashAtBoundaries((boundary) => boundary % 2 === 1));
