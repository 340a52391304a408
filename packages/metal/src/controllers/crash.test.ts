import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareMetalHost, Secret } from '@keelson/api';
import { hostAnnotations } from '../annotations.ts';
import { crashAt, type Crash } from '../testing/crash.ts';
import { install, iso, key, rack, secretOf, type Rack } from '../testing/rack.ts';

/** Runs until the condition holds; a crash on the way is followed by a new process. */
async function through(r: Rack, crash: Crash, what: string, condition: (host: BareMetalHost | undefined) => boolean): Promise<void> {
  const holds = async () => condition(await r.client.get<BareMetalHost>(BareMetalHost, key));
  const limitMs = 3_600_000;
  await r.env.clock.runUntil(async () => crash.dead || (await holds()), { limitMs, what });
  if (!crash.dead) return;
  crash.revive();
  await r.restart();
  await r.env.clock.runUntil(holds, { limitMs, what: `${what} after a crash ${crash.at}` });
}

/** From nothing over a running node to an available host, and then deleted; a crash somewhere. */
async function life(crash: Crash): Promise<Rack> {
  const r = await rack({ crash, without: ['host'], annotations: { [hostAnnotations.talosconfigSecret]: 'edge-talosconfig' } });
  const { hostOf } = await import('../testing/rack.ts');
  await r.client.create(Secret, secretOf('edge-talosconfig', { talosconfig: 'talosconfig of edge' }));
  await r.client.create(BareMetalHost, hostOf({ spec: { image: { url: iso, format: 'live-iso' } }, annotations: { [hostAnnotations.talosconfigSecret]: 'edge-talosconfig' } }));
  await through(r, crash, 'the image to run', (host) => host?.status?.provisioning?.state === 'provisioned');
  install(r);
  await through(r, crash, 'the medium to be taken out', (host) => host?.metadata.annotations?.[hostAnnotations.medium] === undefined);
  assert.ok(!r.machine.journal.includes('wipe'), `a provisioned disk was wiped after a crash ${crash.at}`);
  assert.equal(r.machine.runs, 'configured', `a running node was stopped after a crash ${crash.at}`);
  await r.patch({ spec: { image: null, online: false } });
  await through(r, crash, 'the host to be available', (host) => host?.status?.provisioning?.state === 'available' && host.metadata.annotations?.[hostAnnotations.wipe] === undefined);
  assert.equal(r.machine.disk, 'empty', `available with a disk that was not wiped, after a crash ${crash.at}`);
  await r.client.delete(BareMetalHost, key);
  await through(r, crash, 'the host to go', (host) => host === undefined);
  return r;
}

test('reaches the same end after a crash before or after every effect', async () => {
  const undisturbed = crashAt(-1, 'before');
  const calm = await life(undisturbed);
  assert.deepEqual(calm.machine.journal, ['power on from Cd', 'wipe', 'restart from Cd', 'power off']);
  assert.ok(undisturbed.effects > 25, `only ${undisturbed.effects} effects`);
  for (let index = 0; index < undisturbed.effects; index++) {
    for (const when of ['before', 'after'] as const) {
      const crash = crashAt(index, when);
      const r = await life(crash);
      assert.notEqual(crash.at, '', `no crash at effect ${index}`);
      assert.deepEqual(r.machine.journal, calm.machine.journal, `a crash ${crash.at} (effect ${index}) was repeated or lost something`);
    }
  }
});
