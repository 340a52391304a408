import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '@keelson/std';
import { revisionText } from '../client.ts';
import { memoryGit } from './memory-git.ts';

const url = 'http://git.example.com/fleet.git';
const codeOf = async (run: Promise<unknown>) => run.then(() => 'ok', (error: unknown) => (error instanceof ProblemError ? error.problem.code : String(error)));

test('follows commits, changes and tags as a real remote does', async () => {
  const git = memoryGit();
  const repository = git.repository(url);
  assert.equal(await codeOf(git.resolve({ url }, { branch: 'main' })), 'GIT.EMPTY_REPOSITORY');
  const first = repository.commit({ 'b.yaml': 'b', 'a.yaml': 'a' }, { subject: 'start' });
  repository.tag('v1.0.0', first);
  const second = repository.change({ 'a.yaml': undefined, 'c.yaml': 'c' });
  assert.equal(revisionText(await git.resolve({ url }, { branch: 'main' })), `main@sha1:${second}`);
  assert.deepEqual((await git.fetch({ url }, await git.resolve({ url }, { branch: 'main' }))).files.map((file) => file.path), ['b.yaml', 'c.yaml']);
  const old = await git.fetch({ url }, await git.resolve({ url }, { semver: '1.x' }));
  assert.deepEqual([old.revision.commit, old.subject, old.files.length], [first, 'start', 2]);
});

test('refuses as a real remote does', async () => {
  const git = memoryGit();
  assert.equal(await codeOf(git.resolve({ url }, {})), 'GIT.NOT_FOUND');
  const repository = git.repository(url);
  repository.commit({ a: '' });
  repository.requireAuth({ kind: 'basic', username: 'u', password: 'p' });
  assert.equal(await codeOf(git.resolve({ url }, { branch: 'main' })), 'GIT.AUTH_FAILED');
  assert.equal(await codeOf(git.resolve({ url, auth: { kind: 'basic', username: 'u', password: 'p' } }, { branch: 'main' })), 'ok');
  repository.setUnreachable('connection refused');
  assert.equal(await codeOf(git.resolve({ url }, { branch: 'main' })), 'GIT.UNREACHABLE');
});
