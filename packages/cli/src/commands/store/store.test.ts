/** A store's life on disk by the command line: checked, backed up, lost, restored, with its key or without. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { nodeEnv } from '@keelson/std/node';
import { runLine } from '../../testing/session-world.ts';

async function startData(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-cli-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const world = nodeEnv();
  const { openKeelsonStore, sealKeelsonStore } = await import('@keelson/server');
  const dataDir = join(folder, 'data');
  const open = async (directory = dataDir) => sealKeelsonStore(world.files, directory, openKeelsonStore(directory));
  const store = await open();
  for (const [resource, name] of [['secrets', 'bmc'], ['configmaps', 'greeting']] as const) {
    await store.commit([{ type: 'put', key: `core/${resource}/default/${name}`, encode: (revision) => new TextEncoder().encode(JSON.stringify({ metadata: { name, resourceVersion: String(revision) }, text: 'open sesame' })) }]);
  }
  const run = (...argv: string[]) => runLine(argv, { world, cwd: folder, env: {} });
  return { folder, dataDir, store, open, run };
}

test('a backup has no key in it, and what is restored opens once the key is put back', async (t) => {
  const { folder, dataDir, store, open, run } = await startData(t);
  await store.close();
  const backup = await run('store', 'backup', 'one.backup', '--data-dir', 'data');
  assert.equal(backup.code, 0, backup.err);
  assert.match(backup.err, /2 objects at revision 3 .*\n.*keep a copy of .*encryption\.key elsewhere/);
  assert.ok(!existsSync(join(folder, 'one.backup.key')));
  assert.ok(!readFileSync(join(folder, 'one.backup')).includes(/aes-256-gcm:(\S+)/.exec(readFileSync(join(dataDir, 'pki', 'encryption.key'), 'utf8'))![1]!));

  const restored = await run('store', 'restore', 'one.backup', '--data-dir', 'second');
  assert.equal(restored.code, 0, restored.err);
  assert.match(restored.err, /their key is not here: put it at .*second\/pki\/encryption\.key/);
  await assert.rejects(async () => {
    const { openKeelsonStore, sealKeelsonStore } = await import('@keelson/server');
    const opened = openKeelsonStore(join(folder, 'second'));
    try {
      await sealKeelsonStore(nodeEnv().files, join(folder, 'second'), opened);
    } finally {
      await opened.close();
    }
  }, /key is gone/);
  await nodeEnv().files.write(join(folder, 'second', 'pki', 'encryption.key'), readFileSync(join(dataDir, 'pki', 'encryption.key')));
  const second = await open(join(folder, 'second'));
  assert.match(new TextDecoder().decode(second.get('core/secrets/default/bmc')!.value), /open sesame/);
  await second.close();
});

test('--with-key keeps the key beside the backup, and restore brings it along', async (t) => {
  const { folder, store, open, run } = await startData(t);
  await store.close();
  assert.equal((await run('store', 'backup', 'one.backup', '--with-key', '--data-dir', 'data')).code, 0);
  assert.equal(statSync(join(folder, 'one.backup.key')).mode & 0o777, 0o600);
  const restored = await run('store', 'restore', 'one.backup', '--data-dir', 'second');
  assert.equal(restored.code, 0, restored.err);
  const second = await open(join(folder, 'second'));
  assert.match(new TextDecoder().decode(second.get('core/secrets/default/bmc')!.value), /open sesame/);
  await second.close();
  assert.equal(statSync(join(folder, 'second', 'pki', 'encryption.key')).mode & 0o777, 0o600);
});

test('restore replaces a store only when told, keeps the old one, and adds the key of another', async (t) => {
  const { folder, store, open, run } = await startData(t);
  await store.close();
  await run('store', 'backup', 'one.backup', '--with-key', '--data-dir', 'data');
  await (await open(join(folder, 'second'))).close();
  const refused = await run('store', 'restore', 'one.backup', '--data-dir', 'second');
  assert.equal(refused.code, 2);
  assert.match(refused.err, /\[STORE\.NOT_EMPTY\]\n {2}why: .*\n {2}where: .*\n {2}next: /);
  assert.equal((await run('store', 'restore', 'one.backup', '--data-dir', 'second', '--confirm', 'data')).code, 2);
  const running = await open(join(folder, 'second'));
  assert.match((await run('store', 'restore', 'one.backup', '--data-dir', 'second', '--confirm', 'second')).err, /\[STORE\.LOCKED\]/);
  await running.close();
  const done = await run('store', 'restore', 'one.backup', '--data-dir', 'second', '--confirm', 'second');
  assert.equal(done.code, 0, done.err);
  assert.match(done.err, /The store that was there is in .*store\.before-/);
  assert.equal(readdirSync(join(folder, 'second')).filter((name) => name.startsWith('store.before-')).length, 1);
  const second = await open(join(folder, 'second'));
  assert.match(new TextDecoder().decode(second.get('core/secrets/default/bmc')!.value), /open sesame/);
  await second.close();
  assert.match((await run('store', 'check', '--data-dir', 'second')).out, /1 Secrets with key [0-9a-f]{16} \(old/);
});

test('check says what there is, and answers no with the place of what is wrong', async (t) => {
  const { folder, dataDir, store, run } = await startData(t);
  await store.close();
  const good = await run('store', 'check', '--data-dir', 'data');
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /^objects {2}2, at revision 3$/m);
  assert.match(good.out, /^sealed {3}1 Secrets with key [0-9a-f]{16}$/m);
  assert.match(good.out, /^records {2}all as they must be$/m);
  await nodeEnv().files.remove(join(dataDir, 'pki', 'encryption.key'));
  const bad = await run('store', 'check', '--data-dir', 'data');
  assert.equal(bad.code, 1);
  assert.match(bad.out, /core\/secrets\/default\/bmc +it is sealed with key .*there is no key file/);
  assert.match(bad.err, /\[CLI\.STORE_FINDINGS\]/);
  const json = JSON.parse((await run('store', 'check', '--data-dir', 'data', '-o', 'json')).out) as { objects: number; findings: unknown[] };
  assert.equal(json.objects, 2);
  assert.equal(json.findings.length, 1);
  writeFileSync(join(folder, 'no.backup'), 'something else');
  const file = await run('store', 'check', 'no.backup', '--data-dir', 'data');
  assert.equal(file.code, 2);
  assert.match(file.err, /\[STORE\.BACKUP_DAMAGED\]/);
  assert.match((await run('store', 'check', '--data-dir', 'nowhere')).err, /\[STORE\.UNREADABLE\]/);
  assert.equal((await run('store', 'backup', '--data-dir', 'data')).code, 2);
  assert.match((await run('store', 'backup', 'x.backup', '--with-key', '--data-dir', 'data')).err, /\[CLI\.NO_STORE_KEY\]/);
});
