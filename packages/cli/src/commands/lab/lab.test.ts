/** Commands that talk to a lab: its BMCs and its control door, on a network in memory or on loopback, and its folder. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLmdbStore } from '@keelson/apiserver/store';
import { virtualEnv } from '@keelson/std/testing';
import { runLine } from '../../testing/session-world.ts';

/** A lab in virtual time with its door open, as `keelson up --lab` leaves it in /data. */
async function startLab() {
  const [{ labControl }, { virtualLab }] = await Promise.all([import('@keelson/lab'), import('@keelson/lab/testing')]);
  const world = virtualEnv({ seed: 7 });
  const lab = await virtualLab(world, { machines: 2, kubernetes: false, vendor: 'generic', dataDir: '/data' });
  const door = await world.net.listenHttp(lab.addresses.control, { handler: labControl(lab) });
  const { host, port } = lab.machines[0]!.bmcAddress;
  /** Modules are loaded in real time, so the virtual one is moved on between turns of the event loop. */
  const run = async (argv: readonly string[], env: Record<string, string> = {}) => {
    let ended = false;
    const ran = runLine([...argv, ...(argv[0] === 'lab' ? ['--data-dir', '/data'] : [])], { world, cwd: '/', env }).finally(() => (ended = true));
    while (!ended) {
      await new Promise((resolve) => setImmediate(resolve));
      if (world.clock.pending > 0) await world.clock.advance(100);
    }
    return ran;
  };
  return { lab, door, bmc: `${host}:${port}`, run };
}

const password = (text: string) => ({ KEELSON_BMC_PASSWORD: text });

test('host probe tells what a BMC of the lab can do, and changes nothing', async () => {
  const { lab, bmc, run } = await startLab();
  const before = lab.journal().length;
  const ran = await run(['host', 'probe', `redfish-virtualmedia://${bmc}`, '-u', 'admin', '--insecure'], password('lab-1'));
  assert.equal(ran.code, 0, ran.err);
  for (const check of ['login', 'identity', 'power', 'boot override', 'virtual media', 'inventory']) assert.match(ran.out, new RegExp(`^${check} +ok`, 'm'));
  assert.match(ran.out, /Keelson can use this host\./);
  assert.equal(lab.journal().length, before);
  await lab.close();
});

test('host probe answers no to a wrong password and says what to do, without showing it', async () => {
  const { lab, bmc, run } = await startLab();
  const ran = await run(['host', 'probe', `https://${bmc}`, '-u', 'admin', '--insecure'], password('not-the-password'));
  assert.equal(ran.code, 1);
  assert.match(ran.err, /\[HOST\.BMC_UNAUTHORIZED\]/);
  assert.match(ran.out, /Keelson cannot use this host yet\./);
  assert.doesNotMatch(ran.out + ran.err, /not-the-password/);
  const json = JSON.parse((await run(['host', 'probe', `https://${bmc}`, '-u', 'admin', '--insecure', '-o', 'json'], password('lab-1'))).out) as { usable: boolean };
  assert.equal(json.usable, true);
  assert.equal((await run(['host', 'probe'])).code, 2);
  assert.equal((await run(['host', 'probe', `https://${bmc}`, '-u', 'admin', '--password-file', 'nowhere'])).code, 2);
  await lab.close();
});

test('lab status shows machines and journals; lab fault breaks and mends', async () => {
  const { lab, run } = await startLab();
  const status = await run(['lab', 'status']);
  assert.match(status.out, /^MACHINE +POWER +RUNS +SINCE /);
  assert.match(status.out, /^r1u01 +Off +off +2026-01-01T/mi);
  const broken = await run(['lab', 'fault', 'r1u01', 'bmc-401']);
  assert.deepEqual([broken.code, broken.out], [0, '']);
  assert.match((await run(['lab', 'status'])).out, /fault bmc-401/);
  assert.equal((await run(['lab', 'fault', 'r1u01', 'bmc-401', '--clear'])).code, 0);
  assert.doesNotMatch((await run(['lab', 'status'])).out, /fault bmc-401/);
  assert.match((await run(['lab', 'status', '--journal', 'r1u01'])).out, /^TIME +MACHINE +EVENT/);
  const wrong = await run(['lab', 'fault', 'r9u99', 'bmc-401']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /no machine "r9u99"/);
  assert.match((await run(['lab', 'fault'])).out, /^bmc-unreachable +Nothing listens/m);
  await lab.close();
});

test('a lab that does not run, and a folder without one, are told apart', async () => {
  const { lab, door, run } = await startLab();
  await door.close();
  const silent = await run(['lab', 'status']);
  assert.deepEqual([silent.code, /CLI\.LAB_SILENT/.test(silent.err)], [2, true]);
  const none = await runLine(['lab', 'status', '--data-dir', '/nowhere'], { world: virtualEnv() });
  assert.deepEqual([none.code, /CLI\.NO_LAB/.test(none.err)], [1, true]);
  await lab.close();
});

test('lab reset removes what a lab has written and nothing else', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'keelson-cli-'));
  const data = join(dir, '.keelson');
  mkdirSync(join(data, 'lab'), { recursive: true });
  writeFileSync(join(data, 'mine.txt'), 'mine');
  const refused = await runLine(['lab', 'reset'], { cwd: dir });
  assert.deepEqual([refused.code, /CLI\.NO_LAB/.test(refused.err)], [1, true]);
  assert.ok(existsSync(join(data, 'lab')));

  writeFileSync(join(data, 'lab.json'), '{}');
  const store = openLmdbStore({ directory: join(data, 'store') });
  const locked = await runLine(['lab', 'reset'], { cwd: dir });
  assert.deepEqual([locked.code, /STORE\.LOCKED/.test(locked.err)], [2, true], locked.err);
  assert.ok(existsSync(join(data, 'lab')));
  await store.close();

  const unconfirmed = await runLine(['lab', 'reset', '--data-dir', data], { cwd: '/' });
  assert.deepEqual([unconfirmed.code, /--confirm/.test(unconfirmed.err)], [2, true]);
  const done = await runLine(['lab', 'reset'], { cwd: dir });
  assert.deepEqual([done.code, done.out], [0, '']);
  assert.deepEqual(['lab', 'lab.json', 'store', 'mine.txt'].map((name) => existsSync(join(data, name))), [false, false, false, true]);
});
