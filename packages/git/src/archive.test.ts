import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ArchiveError, archiveFiles, digestOf, readArchive } from './archive.ts';
import type { GitFile } from './client.ts';

const file = (path: string, text: string, mode: GitFile['mode'] = 'file'): GitFile => ({ path, mode, bytes: new TextEncoder().encode(text) });
const long = `${'deep/'.repeat(30)}${'n'.repeat(90)}.yaml`;
const files = [file('b.yaml', 'kind: B\n'), file('a/run.sh', '#!/bin/sh\n', 'executable'), file('a-b.yaml', ''), file('é.yaml', 'x: 1\n'), file(long, 'y: 2\n'), file('link', 'b.yaml', 'symlink')];

test('the same files give the same bytes in whatever order they come', () => {
  const once = archiveFiles(files);
  assert.deepEqual(archiveFiles([...files].reverse()).bytes, once.bytes);
  assert.equal(once.digest, digestOf(once.bytes));
  assert.notEqual(archiveFiles([file('b.yaml', 'kind: C\n')]).digest, archiveFiles([file('b.yaml', 'kind: B\n')]).digest);
});

test('what was packed is read back, without symlinks, with modes', () => {
  const read = readArchive(archiveFiles(files).bytes);
  assert.deepEqual(
    read.map((entry) => [entry.path, entry.mode, new TextDecoder().decode(entry.bytes)]),
    [['a/run.sh', 'executable', '#!/bin/sh\n'], ['a-b.yaml', 'file', ''], ['b.yaml', 'file', 'kind: B\n'], [long, 'file', 'y: 2\n'], ['é.yaml', 'file', 'x: 1\n']],
  );
});

test('tar reads our archives, and we read tar\'s', { skip: !hasTar() && 'no tar program here' }, () => {
  const listed = execFileSync('tar', ['-tvzf', '-', '--quoting-style=literal'], { input: archiveFiles(files).bytes, env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' } }).toString();
  assert.match(listed, /^drwxr-x--- 0\/0 +0 1970-01-01 00:00 a\/$/m);
  assert.match(listed, /^-rwx------ 0\/0 +10 1970-01-01 00:00 a\/run.sh$/m);
  assert.ok(listed.includes(` ${long}\n`) && listed.includes(' é.yaml\n'));
  for (const format of ['gnu', 'pax', 'ustar']) {
    const tar = execFileSync('tar', ['--format', format, '-czf', '-', '-C', import.meta.dirname, 'archive.ts', 'binary/run-git.ts']);
    assert.deepEqual(readArchive(tar).map((entry) => entry.path), ['archive.ts', 'binary/run-git.ts'], format);
  }
});

test('damage, escape and bombs are refused', () => {
  assert.throws(() => readArchive(new Uint8Array([1, 2, 3])), ArchiveError);
  const tar = archiveFiles([file('xx/yy', 'z')]);
  assert.throws(() => readArchive(tar.bytes, 1024), ArchiveError);
  const block = Buffer.alloc(1024);
  block.write('../../etc/passwd', 0);
  block.write('00000000000\0', 124);
  block.write('0', 156);
  assert.throws(() => readArchive(gzipSync(block)), /leaves its root/);
});

function hasTar(): boolean {
  try {
    return execFileSync('tar', ['--version']).toString().includes('GNU');
  } catch {
    return false;
  }
}
