import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition, type KubeObject } from '@keelson/kube';
import { readArchive } from '@keelson/git';
import { GitRepository, fleetUrl, gitRepository, type GitopsWorld, gitopsWorld, namespace, secret } from '../testing/gitops-world.ts';

const key = { namespace, name: 'fleet' };
const until = (it: GitopsWorld, predicate: (object: GitRepository) => boolean, limitMs?: number) => it.world.until<GitRepository>(GitRepository, key, predicate, { limitMs });
const isReady = (object: KubeObject) => findCondition(object, 'Ready')?.status === 'True';
const hasFailed = (object: KubeObject) => findCondition(object, 'Ready')?.status === 'False';
const readyText = (object: KubeObject) => findCondition(object, 'Ready')?.message ?? '';

test('stores an artifact as Flux describes it, and follows the branch', async () => {
  const it = await gitopsWorld();
  const first = it.fleet.commit({ 'a.yaml': 'a: 1\n', 'logo.png': 'x' }, { subject: 'start the fleet' });
  await it.applyUser(gitRepository());
  const ready = await until(it, isReady);
  const { artifact, conditions, observedGeneration } = ready.status!;
  assert.deepEqual({ ...artifact, digest: '', size: 0 }, {
    digest: '', lastUpdateTime: '2026-01-01T00:00:00Z', path: `gitrepository/${namespace}/fleet/${first}.tar.gz`, revision: `main@sha1:${first}`, size: 0,
    url: `http://127.0.0.1:9090/gitrepository/${namespace}/fleet/${first}.tar.gz`,
  });
  assert.match(artifact!.digest, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(readArchive((await it.artifacts.read(artifact!))!).map((file) => file.path), ['a.yaml']);
  assert.deepEqual(conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]).sort(), [
    ['ArtifactInStorage', 'True', 'Succeeded', `stored artifact for revision 'main@sha1:${first}'`], ['Ready', 'True', 'Succeeded', `stored artifact for revision 'main@sha1:${first}'`],
  ]);
  assert.equal(observedGeneration, 1);
  assert.deepEqual(ready.metadata.finalizers, ['finalizers.fluxcd.io']);
  assert.ok((await it.events('fleet')).includes("Normal NewArtifact stored artifact for commit 'start the fleet'"));

  const second = it.fleet.change({ 'b.yaml': 'b: 1\n' });
  await until(it, (object) => object.status?.artifact?.revision.endsWith(second) === true, 70_000);
  const third = it.fleet.change({ 'c.yaml': 'c: 1\n' });
  await until(it, (object) => object.status?.artifact?.revision.endsWith(third) === true, 70_000);
  assert.deepEqual(await it.env.files.list(`/data/artifacts/gitrepository/${namespace}/fleet`), [second, third].map((commit) => `${commit}.tar.gz`).sort(), 'the one before is kept for readers, older ones are not');
  await it.world.stop();
});

test('asks the remote once per interval, and fetches only what is new', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(gitRepository({ interval: '1m' }));
  await until(it, isReady);
  const { resolves, fetches } = it.fleet;
  await it.world.untilIdle(600_000);
  assert.ok(it.fleet.resolves - resolves >= 9 && it.fleet.resolves - resolves <= 11, `${it.fleet.resolves - resolves} questions in ten minutes`);
  assert.deepEqual([fetches, it.fleet.fetches], [1, 1]);
  await it.world.stop();
});

test('a request is carried out at once and acknowledged', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(gitRepository({ interval: '1h' }));
  await until(it, isReady);
  const head = it.fleet.change({ 'b.yaml': '' });
  await it.client.patch(GitRepository, key, 'merge', { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now-1' } } });
  const handled = await until(it, (object) => object.status?.lastHandledReconcileAt === 'now-1', 1_000);
  assert.equal(handled.status?.artifact?.revision, `main@sha1:${head}`);
  await it.world.stop();
});

test('the artifact survives a restart, and a damaged one is made again', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(gitRepository());
  const { status } = await until(it, isReady);
  await it.restart();
  await it.world.untilIdle(120_000);
  assert.equal(it.fleet.fetches, 1);
  await it.env.files.write(`/data/artifacts/${status!.artifact!.path}`, 'damaged');
  await it.world.untilIdle(120_000);
  assert.equal(it.fleet.fetches, 2);
  assert.ok(await it.artifacts.read(status!.artifact!));
  await it.world.stop();
});

test('a failure keeps the artifact, is told with why and next, retried with growing delays, and healed', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(gitRepository());
  const { status } = await until(it, isReady);
  it.fleet.setUnreachable('connection refused');
  const failed = await until(it, hasFailed);
  assert.match(readyText(failed), /^cannot reach http:\/\/git.example.com\/fleet.git: connection refused; next: .* \[GIT.UNREACHABLE\]$/);
  assert.deepEqual([findCondition(failed, 'Ready')?.reason, findCondition(failed, 'FetchFailed')?.status, findCondition(failed, 'ArtifactInStorage')?.status], ['GitOperationFailed', 'True', 'True']);
  assert.deepEqual(failed.status?.artifact, status?.artifact);
  await it.world.untilIdle(60_000);
  it.fleet.setUnreachable(undefined);
  const healed = await until(it, isReady, 70_000);
  assert.equal(findCondition(healed, 'FetchFailed'), undefined);
  assert.ok((await it.events('fleet')).some((line) => line.startsWith('Normal Succeeded ')));
  await it.world.stop();
});

test('credentials come from the Secret, and a corrected Secret is tried at once', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  it.fleet.requireAuth({ kind: 'basic', username: 'bot', password: 'right' });
  await it.applyUser(gitRepository({ secretRef: { name: 'git-auth' } }));
  const missing = await until(it, hasFailed);
  assert.match(readyText(missing), /the Secret flux-system\/git-auth that GitRepository flux-system\/fleet names cannot be used: there is no such Secret; .*\[GITOPS.SECRET_MISSING\]/);
  await it.applyUser(secret('git-auth', { username: 'bot', password: 'wrong' }));
  const refused = await until(it, (object) => readyText(object).includes('GIT.AUTH_FAILED'), 1_000);
  assert.doesNotMatch(JSON.stringify(refused), /wrong/);
  await it.applyUser(secret('git-auth', { username: 'bot', password: 'right' }));
  await until(it, isReady, 1_000);
  await it.world.stop();
});

test('what would fetch something else than meant is refused; what only has no effect is told', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(gitRepository({ verify: { mode: 'HEAD', secretRef: { name: 'keys' } } }));
  const stalled = await until(it, (object) => findCondition(object, 'Stalled')?.status === 'True');
  assert.match(readyText(stalled), /spec.verify.* is not supported: commits without the demanded signature would be applied/);
  assert.equal(it.fleet.resolves, 0);
  for (const spec of [{ include: [{ repository: { name: 'x' } }] }, { proxySecretRef: { name: 'x' } }]) {
    const { metadata } = await it.applyUser(gitRepository(spec));
    await until(it, (object) => findCondition(object, 'Stalled')?.status === 'True' && object.status?.observedGeneration === metadata.generation, 1_000);
  }
  await it.applyUser(gitRepository({ sparseCheckout: ['apps'] }));
  const ready = await until(it, isReady, 1_000);
  assert.deepEqual([findCondition(ready, 'Stalled'), findCondition(ready, 'FieldsIgnored')?.message], [undefined, 'these fields have no effect: spec.sparseCheckout']);
  await it.world.stop();
});

test('a change of spec.ignore makes a new artifact of the same revision', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '', 'b.yaml': '' });
  await it.applyUser(gitRepository());
  const before = await until(it, isReady);
  await it.applyUser(gitRepository({ ignore: '/b.yaml' }));
  const after = await until(it, (object) => object.status?.observedIgnore === '/b.yaml' && isReady(object), 1_000);
  assert.equal(after.status?.artifact?.revision, before.status?.artifact?.revision);
  assert.notEqual(after.status?.artifact?.digest, before.status?.artifact?.digest);
  await it.world.stop();
});

test('suspended it stands still; deleted it takes its files along', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(gitRepository());
  await until(it, isReady);
  await it.applyUser(gitRepository({ suspend: true }));
  await it.world.untilIdle(1_000);
  const asked = it.fleet.resolves;
  await it.world.untilIdle(300_000);
  assert.equal(it.fleet.resolves, asked);
  await it.client.delete(GitRepository, key);
  await it.world.untilGone(GitRepository, key);
  assert.deepEqual(await it.env.files.list('/data/artifacts/gitrepository/flux-system'), []);
  await it.world.stop();
});

test('tags, ranges and commits are followed', async () => {
  const it = await gitopsWorld();
  const first = it.fleet.commit({ 'a.yaml': '1' });
  it.fleet.tag('v1.0.0', first);
  const second = it.fleet.commit({ 'a.yaml': '2' });
  it.fleet.tag('v1.1.0', second);
  for (const [ref, revision] of [[{ tag: 'v1.0.0' }, `v1.0.0@sha1:${first}`], [{ semver: '1.x' }, `v1.1.0@sha1:${second}`], [{ commit: first }, `sha1:${first}`], [{ branch: 'main', commit: first }, `main@sha1:${first}`]] as const) {
    await it.applyUser({ ...gitRepository(), spec: { url: fleetUrl, interval: '1m', ref } });
    await until(it, (object) => object.status?.artifact?.revision === revision && isReady(object), 1_000);
  }
  await it.world.stop();
});
