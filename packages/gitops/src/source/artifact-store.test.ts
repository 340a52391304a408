import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryFiles, readText } from '@keelson/std';
import { digestOf } from '@keelson/git';
import { createArtifactStore } from './artifact-store.ts';

const owner = { kind: 'gitrepository', namespace: 'flux-system', name: 'fleet' };
const content = (text: string) => ({ bytes: new TextEncoder().encode(text), digest: digestOf(new TextEncoder().encode(text)), revision: 'main@sha1:x', now: '2026-01-01T00:00:00Z' });
const store = () => {
  const files = memoryFiles();
  return { files, artifacts: createArtifactStore({ files, folder: '/data', baseUrl: 'http://127.0.0.1:9090' }) };
};

test('an artifact has the path, URL, size and digest Flux would give it', async () => {
  const { artifacts } = store();
  assert.deepEqual(await artifacts.write(owner, 'abc.tar.gz', content('hi')), {
    digest: digestOf(new TextEncoder().encode('hi')), lastUpdateTime: '2026-01-01T00:00:00Z', path: 'gitrepository/flux-system/fleet/abc.tar.gz', revision: 'main@sha1:x', size: 2,
    url: 'http://127.0.0.1:9090/gitrepository/flux-system/fleet/abc.tar.gz',
  });
});

test('a file that is gone or was changed does not count as there', async () => {
  const { files, artifacts } = store();
  const artifact = await artifacts.write(owner, 'abc.tar.gz', content('hi'));
  assert.ok(await artifacts.read(artifact));
  await files.write(`/data/${artifact.path}`, 'ho');
  assert.equal(await artifacts.read(artifact), undefined);
  assert.equal(await artifacts.read({ path: '../../etc/passwd', digest: artifact.digest }), undefined);
});

test('collect keeps what it is told, and remove takes all of one owner', async () => {
  const { files, artifacts } = store();
  const [one, two, three] = [await artifacts.write(owner, '1', content('1')), await artifacts.write(owner, '2', content('2')), await artifacts.write(owner, '3', content('3'))];
  const other = await artifacts.write({ ...owner, name: 'other' }, '1', content('1'));
  await artifacts.collect(owner, [three, two, undefined]);
  assert.deepEqual([await artifacts.read(one) === undefined, await artifacts.read(two) === undefined], [true, false]);
  await artifacts.remove(owner);
  assert.equal(await artifacts.read(three), undefined);
  assert.ok(await artifacts.read(other));
  assert.deepEqual(await files.list('/data/gitrepository/flux-system'), ['other/']);
});

test('serves files by GET and HEAD, answers probes, and nothing else', async () => {
  const { artifacts } = store();
  const { path } = await artifacts.write(owner, 'abc.tar.gz', content('hi'));
  const call = (method: string, url: string) => artifacts.handler({ method, url, headers: {} });
  assert.deepEqual([(await call('GET', '/')).status, await readText((await call('GET', `/${path}`)).body)], [200, 'hi']);
  const head = await call('HEAD', `/${path}`);
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '2', undefined]);
  for (const bad of ['/gitrepository/flux-system/fleet', '/gitrepository/flux-system/fleet/none', '/gitrepository/flux-system/fleet/..%2f..%2f..%2fsecret', '/a/b/../c']) assert.equal((await call('GET', bad)).status, 404, bad);
  assert.equal((await call('POST', `/${path}`)).status, 405);
});
