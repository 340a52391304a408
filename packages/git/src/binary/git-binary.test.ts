// The foreign sides are git itself: a repository by path, git-http-backend behind our HTTP listener, and sshd where there is one.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type HttpHandler, type HttpResponse, type Listener, ProblemError, readBody, requestUrl } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { revisionText, type GitRemote } from '../client.ts';
import { gitBinary } from './git-binary.ts';

const env = nodeEnv();
const root = mkdtempSync(join(tmpdir(), 'keelson-git-test-'));
const origin = join(root, 'origin.git');
const workDir = join(root, 'work');
const client = gitBinary({ clock: env.clock, workDir });
let first = '';
let second = '';

function git(...args: string[]): string {
  const identity = { GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@example.com', GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@example.com', GIT_COMMITTER_DATE: '1700000000 +0000' };
  return execFileSync('git', args, { cwd: join(root, 'clone'), env: { ...process.env, ...identity, HOME: root, GIT_CONFIG_NOSYSTEM: '1' }, stdio: ['ignore', 'pipe', 'pipe'] }).toString().trim();
}

before(() => {
  mkdirSync(join(root, 'clone'));
  git('init', '-q', '-b', 'main');
  writeFileSync(join(root, 'clone', 'a.yaml'), 'kind: A\n');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  first = git('rev-parse', 'HEAD');
  git('tag', '-a', 'v1.0.0', '-m', 'one');
  mkdirSync(join(root, 'clone', 'apps'));
  writeFileSync(join(root, 'clone', 'apps', 'größe b.yaml'), 'kind: B\n');
  writeFileSync(join(root, 'clone', 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  execFileSync('ln', ['-s', 'a.yaml', join(root, 'clone', 'link')]);
  git('add', '.');
  git('commit', '-q', '-m', 'second change\n\nwith a body');
  second = git('rev-parse', 'HEAD');
  git('clone', '-q', '--bare', '.', origin);
});
after(() => rmSync(root, { recursive: true, force: true }));

async function problemOf(run: Promise<unknown>): Promise<{ code: string; text: string }> {
  try {
    await run;
  } catch (error) {
    if (error instanceof ProblemError) return { code: error.problem.code, text: JSON.stringify(error.problem) };
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** What every transport must do alike. */
async function followsReferences(remote: GitRemote): Promise<void> {
  const head = await client.resolve(remote, { branch: 'main' });
  assert.equal(revisionText(head), `main@sha1:${second}`);
  const snapshot = await client.fetch(remote, head);
  assert.deepEqual({ ...snapshot, files: undefined }, { revision: head, subject: 'second change', author: 'Ada <ada@example.com>', committedAt: 1700000000, files: undefined });
  assert.deepEqual(
    snapshot.files.map((file) => [file.path, file.mode, new TextDecoder().decode(file.bytes)]),
    [['a.yaml', 'file', 'kind: A\n'], ['apps/größe b.yaml', 'file', 'kind: B\n'], ['link', 'symlink', 'a.yaml'], ['run.sh', 'executable', '#!/bin/sh\n']],
  );
  const tag = await client.resolve(remote, { semver: '1.x' });
  assert.deepEqual(tag, { commit: first, ref: 'refs/tags/v1.0.0', pinned: false });
  assert.equal((await client.fetch(remote, tag)).revision.commit, first);
  for (const reference of [{ commit: first }, { commit: first, branch: 'main' }]) {
    const pinned = await client.resolve(remote, reference);
    assert.deepEqual((await client.fetch(remote, pinned)).files.map((file) => file.path), ['a.yaml']);
  }
  assert.equal((await problemOf(client.resolve(remote, { branch: 'nope' }))).code, 'GIT.REFERENCE_NOT_FOUND');
  const missing = await client.resolve(remote, { commit: 'e'.repeat(40) });
  assert.equal((await problemOf(client.fetch(remote, missing))).code, 'GIT.REFERENCE_NOT_FOUND');
  assert.deepEqual(readdirSync(workDir), [], 'nothing is left in the work folder');
}

describe('by path', () => {
  test('follows branch, tag, range and commit', async () => {
    await followsReferences({ url: origin });
    await followsReferences({ url: `file://${origin}` });
  });

  test('a path without a repository is not found', async () => {
    assert.equal((await problemOf(client.resolve({ url: join(root, 'nowhere') }, {}))).code, 'GIT.NOT_FOUND');
  });

  test('fetches what the branch is at when it moved after it was resolved', async () => {
    const stale = { commit: first, ref: 'refs/heads/main', pinned: false };
    assert.equal((await client.fetch({ url: origin }, stale)).revision.commit, second);
  });

  test('a commit outside the branch it is asked for in is refused', async () => {
    git('checkout', '-q', '--orphan', 'other');
    git('commit', '-q', '-m', 'elsewhere');
    const elsewhere = git('rev-parse', 'HEAD');
    git('push', '-q', origin, 'other');
    git('checkout', '-q', 'main');
    const revision = await client.resolve({ url: origin }, { commit: elsewhere, branch: 'main' });
    assert.equal((await problemOf(client.fetch({ url: origin }, revision))).code, 'GIT.REFERENCE_NOT_FOUND');
    execFileSync('git', ['--git-dir', origin, 'update-ref', '-d', 'refs/heads/other']);
  });

  test('is not influenced by the user\'s git configuration and leftovers of a killed process are removed', async () => {
    mkdirSync(join(workDir, 'git-left'), { recursive: true });
    writeFileSync(join(workDir, 'git-left', 'identity'), 'secret');
    const fresh = gitBinary({ clock: env.clock, workDir, environment: { PATH: process.env.PATH ?? '', GIT_DIR: '/nowhere' } });
    assert.deepEqual(readdirSync(workDir), []);
    assert.equal((await fresh.resolve({ url: origin }, { branch: 'main' })).commit, second);
  });

  test('bounds size and time, stops on abort, and says so when there is no git', async () => {
    const small = gitBinary({ clock: env.clock, workDir, treeLimitBytes: 10 });
    const head = await small.resolve({ url: origin }, { branch: 'main' });
    assert.equal((await problemOf(small.fetch({ url: origin }, head))).code, 'GIT.TOO_LARGE');
    assert.equal((await problemOf(client.resolve({ url: origin, timeoutMs: 0 }, { branch: 'main' }))).code, 'GIT.TIMEOUT');
    await assert.rejects(client.resolve({ url: origin }, { branch: 'main' }, AbortSignal.abort(new Error('stopping'))), /stopping/);
    const none = gitBinary({ clock: env.clock, workDir, binary: join(root, 'no-git') });
    assert.equal((await problemOf(none.resolve({ url: origin }, { branch: 'main' }))).code, 'GIT.NO_BINARY');
  });
});

describe('by smart HTTP', () => {
  let listener: Listener;
  let credentials: string | undefined;
  const seen: string[] = [];

  before(async () => {
    listener = await env.net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler: httpBackend(() => credentials, seen) });
  });
  after(() => listener.close());
  const remote = (auth?: GitRemote['auth']): GitRemote => ({ url: `http://127.0.0.1:${listener.address.port}/origin.git`, auth });

  test('follows branch, tag, range and commit', async () => {
    credentials = undefined;
    await followsReferences(remote());
  });

  test('sends basic and bearer credentials', async () => {
    credentials = `Basic ${Buffer.from('bot:s3cret').toString('base64')}`;
    await followsReferences(remote({ kind: 'basic', username: 'bot', password: 's3cret' }));
    credentials = 'Bearer t0ken';
    await followsReferences(remote({ kind: 'bearer', token: 't0ken' }));
  });

  test('wrong and missing credentials are told apart from a missing repository, without naming them', async () => {
    credentials = 'Basic other';
    const wrong = await problemOf(client.resolve(remote({ kind: 'basic', username: 'bot', password: 's3cret' }), {}));
    assert.equal(wrong.code, 'GIT.AUTH_FAILED');
    assert.doesNotMatch(wrong.text, /s3cret|Ym90OnMzY3JldA/);
    const none = await problemOf(client.resolve(remote(), {}));
    assert.equal(none.code, 'GIT.AUTH_FAILED');
    assert.match(none.text, /no spec.secretRef/);
    credentials = undefined;
    assert.equal((await problemOf(client.resolve({ url: `${remote().url}x` }, {}))).code, 'GIT.NOT_FOUND');
  });

  test('credentials are on no command line', async () => {
    credentials = 'Bearer t0ken';
    seen.length = 0;
    await client.fetch(remote({ kind: 'bearer', token: 't0ken' }), await client.resolve(remote({ kind: 'bearer', token: 't0ken' }), { branch: 'main' }));
    assert.ok(seen.length > 0, 'the process table was looked at while git ran');
    assert.ok(seen.every((commands) => !commands.includes('t0ken')));
  });

  test('a server that is not there is unreachable', async () => {
    const gone = await env.net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler: async () => ({ status: 404, headers: {} }) });
    const url = `http://127.0.0.1:${gone.address.port}/x.git`;
    await gone.close();
    assert.equal((await problemOf(client.resolve({ url }, {}))).code, 'GIT.UNREACHABLE');
  });
});

const refusal: HttpResponse = { status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } };

/** git-http-backend as a CGI program; `authorization` is demanded when set, `seen` collects the command lines of all processes. */
function httpBackend(authorization: () => string | undefined, seen: string[]): HttpHandler {
  return async (request) => {
    if (existsSync('/proc')) seen.push(commandLines());
    const url = requestUrl(request);
    const wanted = authorization();
    if (wanted && request.headers.authorization !== wanted) return refusal;
    const body = await readBody(request.body);
    const output = spawnSync('git', ['http-backend'], {
      input: body,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: process.env.PATH, GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'], HTTP_CONTENT_ENCODING: request.headers['content-encoding'], GIT_PROTOCOL: request.headers['git-protocol'],
        CONTENT_LENGTH: String(body.length), HOME: root, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*',
      },
    }).stdout;
    const end = output.indexOf('\r\n\r\n');
    const headers = Object.fromEntries(output.subarray(0, end).toString('latin1').split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    return { status: Number(headers.status?.slice(0, 3) ?? 200), headers: { 'content-type': headers['content-type'] ?? '' }, body: output.subarray(end + 4) };
  };
}

function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
}

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find(existsSync);

describe('by ssh', { skip: !sshd && 'no sshd here' }, () => {
  const folder = join(root, 'ssh');
  const host = `127.66.${(process.pid >> 8) & 255}.${(process.pid & 255) || 1}`;
  const port = 20022;
  let server: ReturnType<typeof spawn>;
  let knownHosts = '';
  const key = (name: string, passphrase = '') => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-f', join(folder, name)]);
    return { identity: readFileSync(join(folder, name), 'utf8'), publicKey: readFileSync(join(folder, `${name}.pub`), 'utf8') };
  };
  const remote = (identity: string, hosts = knownHosts, passphrase?: string): GitRemote => ({
    url: `ssh://${userInfo().username}@${host}:${port}${origin}`,
    auth: { kind: 'ssh', identity, knownHosts: hosts, passphrase },
  });
  let user = { identity: '', publicKey: '' };
  let locked = { identity: '', publicKey: '' };
  let stranger = { identity: '', publicKey: '' };

  before(async () => {
    mkdirSync(folder, { mode: 0o700 });
    // sshd as root insists on this folder for its unprivileged half.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const hostKey = key('host');
    user = key('user');
    locked = key('locked', 'open sesame');
    stranger = key('stranger');
    writeFileSync(join(folder, 'authorized_keys'), user.publicKey + locked.publicKey, { mode: 0o600 });
    knownHosts = `[${host}]:${port} ${hostKey.publicKey.split(' ').slice(0, 2).join(' ')}`;
    const config = [`ListenAddress ${host}:${port}`, `HostKey ${join(folder, 'host')}`, `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`, 'PidFile none', 'StrictModes no', 'UsePAM no', 'PermitRootLogin yes', 'PasswordAuthentication no', ''];
    writeFileSync(join(folder, 'sshd_config'), config.join('\n'));
    server = spawn(sshd!, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let told = '';
    await new Promise<void>((resolve, reject) => {
      server.stderr!.on('data', (chunk: Buffer) => {
        told += chunk;
        if (told.includes('Server listening')) resolve();
      });
      server.on('exit', () => reject(new Error(`sshd ended: ${told}`)));
    });
  });
  after(() => void server?.kill());

  test('follows branch, tag, range and commit with a key', async () => {
    await followsReferences(remote(user.identity));
  });

  test('opens a key with its passphrase', async () => {
    assert.equal((await client.resolve(remote(locked.identity, knownHosts, 'open sesame'), { branch: 'main' })).commit, second);
    assert.equal((await problemOf(client.resolve(remote(locked.identity, knownHosts, 'wrong'), { branch: 'main' }))).code, 'GIT.AUTH_FAILED');
  });

  test('a stranger\'s key is refused, and so is a host with another key or without one', async () => {
    assert.equal((await problemOf(client.resolve(remote(stranger.identity), { branch: 'main' }))).code, 'GIT.AUTH_FAILED');
    const other = knownHosts.replace(/ssh-ed25519 .*/, stranger.publicKey);
    assert.equal((await problemOf(client.resolve(remote(user.identity, other), { branch: 'main' }))).code, 'GIT.HOST_KEY');
    assert.equal((await problemOf(client.resolve(remote(user.identity, ''), { branch: 'main' }))).code, 'GIT.HOST_KEY');
    assert.deepEqual(readdirSync(workDir), [], 'no key file is left');
  });

  test('a repository that is not there is not found', async () => {
    const elsewhere = { ...remote(user.identity), url: `ssh://${userInfo().username}@${host}:${port}/nowhere.git` };
    assert.equal((await problemOf(client.resolve(elsewhere, { branch: 'main' }))).code, 'GIT.NOT_FOUND');
  });
});

test('ssh without a Secret is refused before anything runs', async () => {
  assert.equal((await problemOf(client.resolve({ url: 'ssh://git@host.invalid/x.git' }, {}))).code, 'GIT.AUTH_FAILED');
});
