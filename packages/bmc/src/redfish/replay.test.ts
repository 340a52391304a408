import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { virtualEnv } from '@keelson/std/testing';
import { runConformance } from '../conformance/index.ts';
import { probeBmc } from '../probe.ts';
import { driveWork, replayingNet, type Recording } from '../testing/index.ts';
import { redfishDriver } from './index.ts';

const folder = join(import.meta.dirname, '../../testdata');

// Recorded by test/reality/sushy-emulator.ts from a program nobody here wrote; see `source` in each file.
for (const file of readdirSync(folder).filter((name) => name.startsWith('sushy-tools-'))) {
  test(`passes the conformance suite on the recorded answers of ${file}`, async () => {
    const recording: Recording = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    assert.match(recording.source.release, /^\d+\.\d+/);
    const world = virtualEnv({ seed: 1 });
    const replay = replayingNet(world.net, recording);
    const env = { ...world, net: replay.net };
    const credentials = { username: 'admin', password: 'not recorded' };
    const probe = await driveWork(world, probeBmc(env, recording.origin.replace('http://', 'redfish+http://'), credentials));
    assert.equal(probe.usable, true);
    assert.match(probe.rows.find((row) => row.check === 'login')?.detail ?? '', /Basic/);
    const rows = await runConformance({
      env, driver: redfishDriver, target: { origin: recording.origin, credentials }, imageUrl: recording.imageUrl,
      lacks: ['one-time-boot', 'disks'], drive: (work) => driveWork(world, work),
    });
    assert.deepEqual(rows.filter((row) => row.outcome === 'failed'), []);
    assert.equal(replay.left(), 0, 'exchanges of the recording were not made');
  });

  test(`${file} holds no credentials`, () => {
    const text = readFileSync(join(folder, file), 'utf8');
    assert.doesNotMatch(text, /authorization|Basic [A-Za-z0-9+/]{8}|x-auth-token/i);
  });
}
