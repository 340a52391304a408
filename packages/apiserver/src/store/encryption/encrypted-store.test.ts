import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeText, memoryFiles, ProblemError } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { virtualEnv } from '@keelson/std/testing';
import { createApiServer } from '../../server.ts';
import { createKubeClient } from '@keelson/kube/client';
import { Secret } from '@keelson/api';
import { storeConformance } from '../conformance/store-conformance.ts';
import { openLmdbStore } from '../lmdb/lmdb-store.ts';
import { createMemoryStore } from '../memory/memory-store.ts';
import { CompactedError, type Store } from '../store.ts';
import { encryptedStore } from './encrypted-store.ts';
import { formatKeyFile, newKeyLine, parseKeyFile } from './keys.ts';
import { openEncryptedStore } from './open-encrypted.ts';
import { openValue, SealError, sealedWith, sealValue } from './seal.ts';

const keysOf = (...lines: string[]) => parseKeyFile(formatKeyFile(lines));
const keys = keysOf(newKeyLine());
const put = (store: Store, key: string, value: string) => store.commit([{ type: 'put', key, encode: () => encodeText(value) }]);
const text = (store: Store, key: string) => decodeText(store.get(key)!.value);
const decodeText = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const folder = () => mkdtempSync(join(tmpdir(), 'keelson-sealed-'));
const problemCode = (code: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === code;

// One collection of the suite is sealed and the other is not.
storeConformance('encrypted memory store', async (options) => {
  const store = encryptedStore(createMemoryStore(options), { keys, resources: ['b.a', '0.g'] });
  return { store, dispose: () => store.close() };
});

storeConformance('encrypted lmdb store', async (options) => {
  const directory = folder();
  const store = encryptedStore(openLmdbStore({ directory, ...options }), { keys, resources: ['b.a', 'c.a', '0.g', '1.g'] });
  return {
    store,
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});

test('a sealed value opens in its place only', () => {
  const place = { key: 'core/secrets/ns/a', revision: 7 };
  const sealed = sealValue(keys.first, place, encodeText('text'));
  assert.equal(sealedWith(sealed), keys.first.id);
  assert.equal(decodeText(openValue(keys, place, sealed)), 'text');
  assert.throws(() => openValue(keys, { ...place, key: 'core/secrets/ns/b' }, sealed), SealError);
  assert.throws(() => openValue(keys, { ...place, revision: 6 }, sealed), SealError);
  for (const at of [13, 26, sealed.length - 1]) {
    const damaged = Uint8Array.from(sealed);
    damaged[at]! ^= 1;
    assert.throws(() => openValue(keys, place, damaged), SealError, `byte ${at}`);
  }
  for (const length of [5, 13, 25, 40]) assert.throws(() => openValue(keys, place, sealed.subarray(0, length)), SealError, `${length} bytes`);
  assert.throws(() => openValue(keysOf(newKeyLine()), place, sealed), (error) => error instanceof SealError && error.missingKeyId === keys.first.id);
});

test('equal values are sealed differently', () => {
  const place = { key: 'k', revision: 2 };
  assert.notDeepEqual(sealValue(keys.first, place, encodeText('x')), sealValue(keys.first, place, encodeText('x')));
});

test('a key file that is not one is refused without a word of it', () => {
  for (const bad of ['', '# only a comment', 'aes-256-gcm:c2hvcnQ=', 'hunter2hunter2', `${newKeyLine()}x`]) {
    assert.throws(() => parseKeyFile(bad), (error) => error instanceof Error && !/hunter2|c2hv/.test(error.message), bad);
  }
});

test('values of other resources pass through as they are, also in lists', async () => {
  const inner = createMemoryStore();
  const store = encryptedStore(inner, { keys });
  await put(store, 'core/configmaps/ns/a', 'plain');
  assert.equal(store.get('core/configmaps/ns/a'), inner.get('core/configmaps/ns/a'));
  assert.equal(store.list({ prefix: 'core/configmaps/' }).entries[0]!.value, inner.get('core/configmaps/ns/a')!.value);
});

test('plain values of before are read, marked stale, and sealed by the next write', async () => {
  const inner = createMemoryStore();
  await put(inner, 'core/secrets/ns/a', 'old');
  const store = encryptedStore(inner, { keys });
  assert.equal(text(store, 'core/secrets/ns/a'), 'old');
  assert.equal(store.get('core/secrets/ns/a')!.stale, true);
  await put(store, 'core/secrets/ns/a', 'old');
  assert.equal(store.get('core/secrets/ns/a')!.stale, undefined);
  assert.equal(sealedWith(inner.get('core/secrets/ns/a')!.value), keys.first.id);
});

test('after a rotation the old key still reads and the new one writes', async () => {
  const [one, two] = [newKeyLine(), newKeyLine()];
  const inner = createMemoryStore();
  await put(encryptedStore(inner, { keys: keysOf(one) }), 'core/secrets/ns/a', 'x');
  const rotated = encryptedStore(inner, { keys: keysOf(two, one) });
  assert.equal(text(rotated, 'core/secrets/ns/a'), 'x');
  assert.equal(rotated.get('core/secrets/ns/a')!.stale, true);
  await put(rotated, 'core/secrets/ns/a', 'y');
  assert.equal(text(encryptedStore(inner, { keys: keysOf(two) }), 'core/secrets/ns/a'), 'y');
});

test('history whose key is gone counts as compacted; a watch from now on goes on', async () => {
  const [one, two] = [newKeyLine(), newKeyLine()];
  const inner = createMemoryStore();
  const before = encryptedStore(inner, { keys: keysOf(one) });
  await put(before, 'core/secrets/ns/a', 'x');
  await put(before, 'core/secrets/ns/a', 'y');
  await put(encryptedStore(inner, { keys: keysOf(two, one) }), 'core/secrets/ns/a', 'z');
  const store = encryptedStore(inner, { keys: keysOf(two) });
  assert.throws(() => store.watch({ prefix: 'core/secrets/', afterRevision: 1, onEvents: () => assert.fail('told') }), CompactedError);
  assert.throws(() => store.list({ prefix: 'core/secrets/', revision: 2 }), CompactedError);
  const seen: string[] = [];
  store.watch({ prefix: 'core/secrets/', onEvents: (events) => seen.push(...events.map((event) => `${decodeText(event.previous!.value)}>${decodeText(event.value!)}`)) });
  await put(store, 'core/secrets/ns/a', 'w');
  assert.deepEqual(seen, ['z>w']);
});

test('a value that was put in the place of another is not served', async () => {
  const inner = createMemoryStore();
  const store = encryptedStore(inner, { keys });
  await put(store, 'core/secrets/ns/a', 'x');
  const stolen = inner.get('core/secrets/ns/a')!.value;
  await inner.commit([{ type: 'put', key: 'core/secrets/ns/b', encode: () => stolen }]);
  assert.throws(() => store.get('core/secrets/ns/b'), problemCode('STORE.DAMAGED'));
  assert.throws(() => store.list({ prefix: 'core/secrets/' }), problemCode('STORE.DAMAGED'));
});

test('the key is made once; a lost or foreign one is a problem, and nothing is overwritten', async () => {
  const files = memoryFiles();
  const inner = createMemoryStore();
  const open = () => openEncryptedStore({ store: inner, files, keyFile: '/data/pki/encryption.key', name: '/data/store' });
  await put(await open(), 'core/secrets/ns/a', 'x');
  const made = await files.read('/data/pki/encryption.key');
  assert.equal(text(await open(), 'core/secrets/ns/a'), 'x');
  assert.deepEqual(await files.read('/data/pki/encryption.key'), made);

  await files.remove('/data/pki/encryption.key');
  await assert.rejects(open(), problemCode('STORE.KEY_MISSING'));
  assert.equal(await files.read('/data/pki/encryption.key'), undefined);

  for (const wrong of [formatKeyFile([newKeyLine()]), 'nonsense', '']) {
    await files.write('/data/pki/encryption.key', wrong);
    await assert.rejects(open(), problemCode('STORE.KEY_WRONG'), wrong);
    assert.equal(decodeText((await files.read('/data/pki/encryption.key'))!), wrong);
  }
  assert.equal(inner.revision, 2);
  await files.write('/data/pki/encryption.key', made!);
  assert.equal(text(await open(), 'core/secrets/ns/a'), 'x');
});

test('no text of a Secret is on the disk, whatever is done with it', async () => {
  const directory = folder();
  const { files } = nodeEnv();
  const inner = openLmdbStore({ directory: join(directory, 'store') });
  const store = await openEncryptedStore({ store: inner, files, keyFile: join(directory, 'pki', 'encryption.key'), name: directory });
  const api = await createApiServer({ env: virtualEnv(), store });
  const client = createKubeClient({ transport: api.localHandler, baseUrl: 'http://test' });
  const words = ['correct-horse', 'battery-staple', 'user-of-the-bmc'];
  const at = { namespace: 'default', name: 'bmc' };
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { ...at }, stringData: { password: words[0]!, username: words[2]! } });
  await client.patch(Secret, at, 'merge', { stringData: { password: words[1]! } });
  const read = await client.get(Secret, at);
  assert.equal(Buffer.from((read!['data'] as Record<string, string>)['password']!, 'base64').toString(), words[1]);
  await client.delete(Secret, at);
  await api.close();
  await store.close();
  const found = readdirSync(join(directory, 'store')).flatMap((name) => {
    const bytes = readFileSync(join(directory, 'store', name));
    return words.flatMap((word) => [word, Buffer.from(word).toString('base64')]).filter((needle) => bytes.includes(needle));
  });
  assert.deepEqual(found, []);
  assert.ok(readFileSync(join(directory, 'store', 'data.mdb')).includes('core/secrets/default/bmc'), 'keys are not sealed: the search would have found text');
  assert.equal(statSync(join(directory, 'pki', 'encryption.key')).mode & 0o777, 0o600);
  rmSync(directory, { recursive: true, force: true });
});

test('an update that changes nothing seals what was plain', async () => {
  const inner = createMemoryStore();
  const env = virtualEnv();
  const plain = await createApiServer({ env, store: inner });
  const at = { namespace: 'default', name: 'bmc' };
  await createKubeClient({ transport: plain.localHandler, baseUrl: 'http://test' }).create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { ...at }, stringData: { password: 'x' } });
  await plain.close();
  const api = await createApiServer({ env, store: encryptedStore(inner, { keys }) });
  const client = createKubeClient({ transport: api.localHandler, baseUrl: 'http://test' });
  await client.update(Secret, (await client.get(Secret, at))!);
  const once = inner.revision;
  assert.equal(sealedWith(inner.get('core/secrets/default/bmc')!.value), keys.first.id);
  await client.update(Secret, (await client.get(Secret, at))!);
  assert.equal(inner.revision, once, 'what is sealed is left alone');
  await api.close();
});
