import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, randomInt } from '@keelson/std';
import { buildWithCrashes, countBoundaries, smallest } from './crash.ts';

const small = { files: smallest };

// Two processes of this file's kind run side by side in CI: the boundaries are shared out by their number.
const shards = Number(process.env['KEELSON_CRASH_SHARDS'] ?? 1);
const shard = Number(process.env['KEELSON_CRASH_SHARD'] ?? 0);

test('a crash at every effect boundary of a build leads to the same end', async () => {
  const boundaries = await countBoundaries(small);
  assert.ok(boundaries > 100, `a build has only ${boundaries} effect boundaries`);
  for (let at = shard; at < boundaries; at += shards) {
    const { crashes } = await buildWithCrashes(small, [at]);
    assert.equal(crashes.length, 1, `boundary ${at} of ${boundaries} was not reached`);
  }
});

test('crashes at boundaries spread over the build of the whole example lead to the same end', async () => {
  const boundaries = await countBoundaries({});
  const random = seededRandom(7);
  for (let run = 0; run < 6; run++) {
    const at = Array.from({ length: 3 }, () => randomInt(random, boundaries)).sort((a, b) => a - b);
    await buildWithCrashes({}, at);
  }
});
