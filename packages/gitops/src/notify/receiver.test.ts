import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Receiver } from '@keelson/api';
import { type KubeObject, findCondition } from '@keelson/kube';
import { encodeText } from '@keelson/std';
import { GitRepository, gitRepository, type GitopsWorld, gitopsWorld, namespace, secret } from '../testing/gitops-world.ts';
import { receiverHandler } from './webhook.ts';

const key = { namespace, name: 'push' };
const receiver = (spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'notification.toolkit.fluxcd.io/v1', kind: 'Receiver', metadata: { name: 'push', namespace },
  spec: { type: 'generic-hmac', secretRef: { name: 'token' }, resources: [{ kind: 'GitRepository', name: 'fleet' }], ...spec },
});
const body = encodeText('{"ref":"refs/heads/main"}');
const sign = (token: string, algorithm = 'sha256') => `${algorithm}=${createHmac(algorithm, token).update(body).digest('hex')}`;

async function served(spec: Record<string, unknown> = {}) {
  const it = await gitopsWorld();
  it.fleet.commit({ 'a.yaml': '' });
  await it.applyUser(secret('token', { token: 's3cret' }));
  await it.applyUser(gitRepository({ interval: '1h' }));
  await it.applyUser(receiver(spec));
  const ready = await it.world.until<Receiver>(Receiver, key, (object) => findCondition(object, 'Ready')?.status === 'True');
  await it.world.until(GitRepository, { namespace, name: 'fleet' }, (object) => findCondition(object, 'Ready')?.status === 'True');
  const handler = receiverHandler({ client: it.client, clock: it.env.clock });
  const call = async (headers: Record<string, string>, path = ready.status!.webhookPath!, method = 'POST') => (await handler({ method, url: path, headers, body })).status;
  return { it, ready, call };
}
const requested = async (it: GitopsWorld) => (await it.client.get(GitRepository, { namespace, name: 'fleet' }))?.metadata.annotations?.['reconcile.fluxcd.io/requestedAt'];

test('the path follows from token, name and namespace, as Flux computes it', async () => {
  const { it, ready } = await served();
  assert.equal(ready.status?.webhookPath, `/hook/${createHash('sha256').update('s3cretpushflux-system').digest('hex')}`);
  assert.equal(findCondition(ready, 'Ready')?.message, `Receiver initialized for path: ${ready.status?.webhookPath}`);
  await it.world.stop();
});

test('a signed call makes the source look at once, far within its interval', async () => {
  const { it, call } = await served();
  const head = it.fleet.change({ 'b.yaml': '' });
  assert.equal(await call({ 'x-signature': sign('s3cret') }), 200);
  await it.world.until<GitRepository>(GitRepository, { namespace, name: 'fleet' }, (object) => object.status?.artifact?.revision.endsWith(head) === true, { limitMs: 1_000 });
  for (const algorithm of ['sha1', 'sha512']) assert.equal(await call({ 'x-signature': sign('s3cret', algorithm) }), 200, algorithm);
  await it.world.stop();
});

test('unsigned, wrongly signed and unknown calls change nothing', async () => {
  const { it, call, ready } = await served();
  assert.equal(await call({}), 400);
  assert.equal(await call({ 'x-signature': sign('other') }), 400);
  assert.equal(await call({ 'x-signature': 'sha256=00' }), 400);
  assert.equal(await call({ 'x-signature': sign('s3cret').replace('sha256', 'md5') }), 400);
  assert.equal(await call({ 'x-signature': sign('s3cret') }, '/hook/unknown'), 404);
  assert.equal(await call({ 'x-signature': sign('s3cret') }, '/other'), 404);
  assert.equal(await call({ 'x-signature': sign('s3cret') }, ready.status!.webhookPath!, 'GET'), 405);
  const handler = receiverHandler({ client: it.client, clock: it.env.clock });
  assert.equal((await handler({ method: 'POST', url: ready.status!.webhookPath!, headers: {}, body: new Uint8Array(4 * 1024 * 1024) })).status, 413);
  assert.equal(await requested(it), undefined);
  await it.applyUser(receiver({ suspend: true }));
  assert.equal(await call({ 'x-signature': sign('s3cret') }), 503);
  assert.equal(await requested(it), undefined);
  await it.world.stop();
});

test('type generic is verified by its secret path alone, and labels select resources', async () => {
  const { it, call } = await served({ type: 'generic', resources: [{ kind: 'GitRepository', name: '*', matchLabels: { team: 'shop' } }] });
  assert.equal(await call({}), 200);
  assert.equal(await requested(it), undefined);
  await it.client.patch(GitRepository, { namespace, name: 'fleet' }, 'merge', { metadata: { labels: { team: 'shop' } } });
  assert.equal(await call({}), 200);
  assert.ok(await requested(it));
  await it.world.stop();
});

test('a receiver that cannot verify its callers is not served', async () => {
  const it = await gitopsWorld();
  await it.applyUser(receiver());
  const failed = await it.world.until<Receiver>(Receiver, key, (object) => findCondition(object, 'Ready')?.status === 'False');
  assert.deepEqual([findCondition(failed, 'Ready')?.reason, failed.status?.webhookPath], ['TokenNotFound', undefined]);
  await it.applyUser(secret('token', { token: 'x' }));
  await it.world.until<Receiver>(Receiver, key, (object) => findCondition(object, 'Ready')?.status === 'True', { limitMs: 1_000 });
  await it.applyUser(receiver({ type: 'gcr' }));
  const refused = await it.world.until<Receiver>(Receiver, key, (object) => findCondition(object, 'Ready')?.status === 'False', { limitMs: 1_000 });
  assert.match(findCondition(refused, 'Ready')?.message ?? '', /spec.type is not supported/);
  assert.equal(refused.status?.webhookPath, undefined);
  await it.client.delete(Receiver, key);
  await it.world.untilGone(Receiver, key);
  await it.world.stop();
});
