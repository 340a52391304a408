import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeText, ProblemError } from '@keelson/std';
import { encryptedStore } from '../encryption/encrypted-store.ts';
import { formatKeyFile, newKeyLine, parseKeyFile } from '../encryption/keys.ts';
import { CompactedError, FutureRevisionError, type Store } from '../store.ts';
import { backupStore, checkBackup, checkStore, restoreStore } from './backup.ts';
import { openEnvironment } from './environment.ts';
import { openLmdbStore } from './lmdb-store.ts';

const keys = parseKeyFile(formatKeyFile([newKeyLine()]));
const problemCode = (code: string, why?: RegExp) => (error: unknown) => error instanceof ProblemError && error.problem.code === code && (!why || why.test(error.problem.why));
const open = (directory: string) => encryptedStore(openLmdbStore({ directory }), { keys });

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-backup-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const put = (store: Store, key: string, text: string) =>
  store.commit([{ type: 'put', key, encode: (revision) => encodeText(JSON.stringify({ metadata: { name: key.split('/').at(-1), resourceVersion: String(revision) }, text })) }]);

async function filled(folder: string): Promise<Store> {
  const store = open(join(folder, 'store'));
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 10; index++) await put(store, `core/${index % 2 ? 'secrets' : 'configmaps'}/ns/o${index}`, `round ${round}`);
  }
  await store.commit([{ type: 'delete', key: 'core/secrets/ns/o1' }]);
  return store;
}

test('a healthy store checks well, and the report counts what there is', async (t) => {
  const folder = folderOf(t);
  const store = await filled(folder);
  await store.close();
  const report = await checkStore(join(folder, 'store'), keys);
  assert.deepEqual({ ...report, sealed: [...report.sealed] }, { revision: 32, oldestRevision: 1, objects: 9, historyRecords: 31, sealed: [[keys.first.id, 4]], plain: 0, findings: [], moreFindings: 0 });
});

test('a backup is restored with every object, a revision ahead of all that was, and no history', async (t) => {
  const folder = folderOf(t);
  const store = await filled(folder);
  const before = store.list({ prefix: '' }).entries;
  await store.close();
  const file = join(folder, 'one.backup');
  await backupStore(join(folder, 'store'), file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).sort(), ['one.backup', 'store']);
  await assert.rejects(backupStore(join(folder, 'store'), file), problemCode('STORE.BACKUP_EXISTS'));
  await restoreStore({ file, directory: join(folder, 'second'), keys });
  const restored = open(join(folder, 'second'));
  assert.deepEqual(restored.list({ prefix: '' }).entries, before);
  assert.ok(restored.revision > 1_000_000_000);
  assert.throws(() => restored.watch({ prefix: 'core/', afterRevision: 32, onEvents: () => {} }), CompactedError);
  assert.throws(() => restored.watch({ prefix: 'core/', afterRevision: restored.revision + 1, onEvents: () => {} }), FutureRevisionError);
  await put(restored, 'core/secrets/ns/o3', 'later');
  await restored.close();
  assert.deepEqual((await checkStore(join(folder, 'second'), keys)).findings, []);
  assert.deepEqual(readdirSync(folder).sort(), ['one.backup', 'second', 'store']);
});

test('a restore does not touch a store that is there, unless told where to keep it', async (t) => {
  const folder = folderOf(t);
  const directory = join(folder, 'store');
  const store = await filled(folder);
  const file = join(folder, 'one.backup');
  await store.close();
  await backupStore(directory, file);
  const again = open(directory);
  await put(again, 'core/configmaps/ns/late', 'x');
  await assert.rejects(restoreStore({ file, directory, keys }), problemCode('STORE.NOT_EMPTY'));
  await assert.rejects(restoreStore({ file, directory, keys, moveOldTo: `${directory}.old` }), problemCode('STORE.LOCKED'));
  await again.close();
  await restoreStore({ file, directory, keys, moveOldTo: `${directory}.old` });
  const restored = open(directory);
  assert.equal(restored.get('core/configmaps/ns/late'), undefined);
  await restored.close();
  const kept = open(`${directory}.old`);
  assert.ok(kept.get('core/configmaps/ns/late'));
  await kept.close();
});

test('a backup that was changed or cut short is refused, and nothing is written', async (t) => {
  const folder = folderOf(t);
  await (await filled(folder)).close();
  const file = join(folder, 'one.backup');
  await backupStore(join(folder, 'store'), file);
  const whole = readFileSync(file);
  const flipped = Uint8Array.from(whole);
  flipped[whole.length >> 1]! ^= 4;
  for (const [bytes, why] of [[flipped, /sum/], [whole.subarray(0, -5000), /cut short/], [whole.subarray(0, -1), /cut short/], [Buffer.alloc(10), /cut short/]] as const) {
    writeFileSync(file, bytes);
    await assert.rejects(restoreStore({ file, directory: join(folder, 'second'), keys }), problemCode('STORE.BACKUP_DAMAGED', why));
  }
  await assert.rejects(checkBackup(join(folder, 'none'), keys), problemCode('STORE.BACKUP_DAMAGED', /no such file/));
  await assert.rejects(checkStore(join(folder, 'none'), keys), problemCode('STORE.UNREADABLE'));
  assert.deepEqual(readdirSync(folder).sort(), ['one.backup', 'store']);
});

test('a backup that other keys seal is not restored under these; without keys it is', async (t) => {
  const folder = folderOf(t);
  await (await filled(folder)).close();
  const file = join(folder, 'one.backup');
  await backupStore(join(folder, 'store'), file);
  const others = parseKeyFile(formatKeyFile([newKeyLine()]));
  await assert.rejects(restoreStore({ file, directory: join(folder, 'second'), keys: others }), problemCode('STORE.BACKUP_DAMAGED', /sealed with key/));
  await restoreStore({ file, directory: join(folder, 'second'), keys: undefined });
  assert.equal((await checkStore(join(folder, 'second'), keys)).findings.length, 0);
  assert.match((await checkStore(join(folder, 'second'), undefined)).findings[0]!.what, /there is no key file/);
});

test('what is wrong in a store is found, each in its place', async (t) => {
  const cases: readonly [string, (environment: ReturnType<typeof openEnvironment>) => void, RegExp][] = [
    ['a value in the place of another', ({ objects }) => objects.putSync('core/secrets/ns/o3', objects.get('core/secrets/ns/o5')!), /o3: (it has revision|.*damaged or belongs elsewhere)/],
    ['a changed byte of plain text', ({ objects }) => objects.putSync('core/configmaps/ns/o2', Buffer.concat([objects.get('core/configmaps/ns/o2')!.subarray(0, 8), Buffer.from('{"a')])), /o2: it is not JSON/],
    ['an older revision', ({ objects }) => objects.putSync('core/configmaps/ns/o2', Buffer.concat([Buffer.from('4008000000000000', 'hex'), objects.get('core/configmaps/ns/o2')!.subarray(8)])), /o2: it is of revision 3 and says/],
    ['a record cut short', ({ objects }) => objects.putSync('core/configmaps/ns/o2', Buffer.from('x')), /o2: its record is cut short/],
    ['a lost object', ({ objects }) => void objects.removeSync('core/configmaps/ns/o4'), /revision 26: it wrote core\/configmaps\/ns\/o4, which is not there/],
    ['a gap in the log', ({ log }) => void log.removeSync(20), /revision 21: the record before it is 19/],
    ['a damaged record of the log', ({ log }) => log.putSync(20, Buffer.from('xx')), /revision 20: log record 20 is damaged/],
    ['an object the log does not know', ({ objects }) => objects.putSync('core/configmaps/ns/new', Buffer.concat([Buffer.from('4059000000000000', 'hex'), Buffer.from('{"metadata":{"name":"new","resourceVersion":"100"}}')])), /new: it has revision 100, which the log does not know/],
  ];
  for (const [name, damage, wanted] of cases) {
    const folder = folderOf(t);
    await (await filled(folder)).close();
    const environment = openEnvironment(join(folder, 'store'));
    environment.root.transactionSync(() => damage(environment));
    await environment.close();
    const { findings } = await checkStore(join(folder, 'store'), keys);
    assert.match(findings.map(({ where, what }) => `${where}: ${what}`).join('\n'), wanted, name);
  }
});

test('a backup and a check beside a process that writes see one state each', async (t) => {
  const folder = folderOf(t);
  const directory = join(folder, 'store');
  const program = fileURLToPath(new URL('./testdata/writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=keelson-source', program, directory, 'objects'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const until = async (number: number) => {
    for (;;) if (Number((await lines.next()).value) >= number) return;
  };
  for (let round = 1; round <= 3; round++) {
    await until(round * 100);
    const file = join(folder, `${round}.backup`);
    await backupStore(directory, file);
    const report = await checkBackup(file, keys);
    assert.deepEqual(report.findings, []);
    assert.ok(report.objects >= round * 200 && report.objects % 2 === 0, 'both writes of a commit are in it or none');
    assert.deepEqual((await checkStore(directory, keys)).findings, []);
  }
});
