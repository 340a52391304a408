import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '@keelson/std';
import { revisionText } from './client.ts';
import { chooseReference, isReferenceName, parseReferences, selectRevision } from './reference.ts';
import { parseGitUrl, redactUrl } from './url.ts';

const a = 'a'.repeat(40);
const b = 'b'.repeat(40);
const c = 'c'.repeat(40);
const remote = parseReferences([`${a}\tHEAD`, `${a}\trefs/heads/main`, `${b}\trefs/heads/staging`, `${b}\trefs/tags/v1.2.0`, `${c}\trefs/tags/v1.10.0`, `${a}\trefs/tags/v1.10.0^{}`, `${c}\trefs/pull/4/head`, ''].join('\n'));
const url = 'https://git.example.com/fleet.git';
const select = (reference: Parameters<typeof chooseReference>[1]) => selectRevision(url, chooseReference(url, reference), remote);
const codeOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code} ${error.problem.summary}: ${error.problem.why}`;
    throw error;
  }
  return 'no error';
};

test('a revision is written as Flux writes it', () => {
  assert.equal(revisionText(select({ branch: 'main' })), `main@sha1:${a}`);
  assert.equal(revisionText(select({ tag: 'v1.2.0' })), `v1.2.0@sha1:${b}`);
  assert.equal(revisionText(select({ name: 'refs/pull/4/head' })), `refs/pull/4/head@sha1:${c}`);
  assert.equal(revisionText(select({ commit: b })), `sha1:${b}`);
  assert.equal(revisionText(select({ commit: b, branch: 'staging' })), `staging@sha1:${b}`);
  assert.equal(revisionText({ commit: 'd'.repeat(64), pinned: true }), `sha256:${'d'.repeat(64)}`);
});

test('an annotated tag means the commit behind it, and a range its highest tag', () => {
  assert.deepEqual(select({ semver: '>=1.0.0' }), { commit: a, ref: 'refs/tags/v1.10.0', pinned: false });
});

test('the most exact reference wins: commit, name, semver, tag, branch', () => {
  assert.equal(select({ branch: 'main', tag: 'v1.2.0', semver: '1.10.x', name: 'refs/heads/staging' }).commit, b);
  assert.equal(select({ branch: 'staging', tag: 'v1.2.0', semver: '1.10.x' }).commit, a);
  assert.equal(select({ branch: 'main', tag: 'v1.2.0' }).commit, b);
});

test('a missing reference is told with what is there', () => {
  assert.match(codeOf(() => select({})), /^GIT.REFERENCE_NOT_FOUND .* has no branch "master": its branches are main, staging$/);
  assert.match(codeOf(() => select({ semver: '>=2' })), /^GIT.REFERENCE_NOT_FOUND .*its tags are v1.2.0, v1.10.0$/);
  assert.match(codeOf(() => selectRevision(url, chooseReference(url, {}), new Map())), /^GIT.EMPTY_REPOSITORY/);
});

test('references and URLs that git would misread are refused', () => {
  for (const reference of [{ commit: 'abc' }, { name: 'main' }, { semver: 'newest' }, { branch: 'a..b' }, { branch: 'a b' }, { tag: '.x' }]) {
    assert.match(codeOf(() => chooseReference(url, reference)), /^GIT.INVALID_REQUEST/, JSON.stringify(reference));
  }
  for (const bad of ['ext::sh -c id', 'git://host/x', 'ssh://-oProxyCommand=id/x', 'https://u:hunter2@host/x', 'host:repo', 'https://h/a b']) {
    assert.match(codeOf(() => parseGitUrl(bad)), /^GIT.INVALID_REQUEST/, bad);
    assert.doesNotMatch(codeOf(() => parseGitUrl(bad)), /hunter2/);
  }
  assert.equal(isReferenceName('refs/heads/feature/x.1'), true);
  assert.equal(isReferenceName('refs/heads/x.lock'), false);
});

test('a URL given to git has no user over HTTP and keeps it over ssh', () => {
  assert.deepEqual(parseGitUrl('https://bot@host:8443/x.git'), { scheme: 'https', text: 'https://host:8443/x.git', host: 'host:8443', username: 'bot' });
  assert.deepEqual(parseGitUrl('ssh://me@host/x.git'), { scheme: 'ssh', text: 'ssh://me@host/x.git', host: 'host', username: 'me' });
  assert.equal(redactUrl('https://u:p@host/x'), 'https://host/x');
});
