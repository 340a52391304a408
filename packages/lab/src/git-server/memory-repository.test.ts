import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { readText, textResponse } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import { virtualLab } from '../testing/virtual-lab.ts';
import { memoryRepository } from './memory-repository.ts';

test('a commit writes, changes and removes files, and names its parent', () => {
  const { clock } = virtualEnv();
  const repository = memoryRepository({ clock, branch: 'main', files: new Map([['a.yaml', 'a: 1\n'], ['dir/b.yaml', 'b\n'], ['dir/c.yaml', 'c\n']]) });
  const first = repository.head();
  const commit = repository.commit({ message: 'Change', write: { 'a.yaml': (text) => text.replace('1', '2'), 'new.yaml': 'n\n' }, remove: ['dir'] });
  assert.deepEqual([...commit.files], [['a.yaml', 'a: 2\n'], ['new.yaml', 'n\n']]);
  assert.equal(commit.parent, first.hash);
  assert.equal(repository.find(first.hash), first);
  assert.throws(() => repository.commit({ message: 'x', write: { 'nothing.yaml': (text) => text } }), /there is no nothing\.yaml/);
});

test('a push is announced with a signature over the body, again when nobody answers', async () => {
  const env = virtualEnv();
  const lab = await virtualLab(env, { machines: 1, kubernetes: false, files: { 'clusters/x.yaml': 'host: 127.77.1.11\n' } });
  assert.equal(lab.git.repository!.head().files.get('clusters/x.yaml'), 'host: 127.77.1.11\n');
  lab.setWebhook({ url: 'http://127.0.0.1:9000/hook/1', secret: 's3cret' });
  const commit = lab.git.repository!.commit({ message: 'One', write: { 'x.yaml': 'x\n' } });
  await env.clock.advance(500);
  const got: { body: string; signature: string | undefined }[] = [];
  await env.net.listenHttp({ host: '127.0.0.1', port: 9000 }, {
    handler: async (request) => {
      got.push({ body: await readText(request.body), signature: request.headers['x-signature'] });
      return textResponse(200, 'ok');
    },
  });
  await env.clock.runUntil(() => got.length === 1);
  assert.equal(got[0]!.signature, `sha256=${createHmac('sha256', 's3cret').update(got[0]!.body).digest('hex')}`);
  const body = JSON.parse(got[0]!.body);
  assert.deepEqual([body.ref, body.after, body.before], ['refs/heads/main', commit.hash, commit.parent]);
  await env.clock.settle();
  assert.deepEqual(lab.git.deliveries.map((one) => [one.status, one.tries]), [[200, 2]]);
});
