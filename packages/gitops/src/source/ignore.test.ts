import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { GitFile } from '@keelson/git';
import { selectFiles } from './ignore.ts';

const tree = (files: Readonly<Record<string, string>>): GitFile[] => Object.entries(files).map(([path, text]) => ({ path, mode: 'file', bytes: new TextEncoder().encode(text) }));
const paths = (files: Readonly<Record<string, string>>, ignore?: string) => selectFiles(tree(files), ignore).map((file) => file.path);

test('without rules of its own a repository loses pictures, archives and CI files', () => {
  const files = { 'a.yaml': '', 'logo.png': '', 'x/y/z.tar.gz': '', '.github/ci.yml': '', '.gitignore': '', 'x/.sops.yaml': '', '.travis.yml': '' };
  assert.deepEqual(paths(files), ['a.yaml']);
});

test('rules of its own replace the defaults, but never bring version control back', () => {
  const files = { 'a.yaml': '', 'logo.png': '', '.gitignore': '', 'docs/a.md': '' };
  assert.deepEqual(paths(files, '/docs/\n'), ['a.yaml', 'logo.png']);
  assert.deepEqual(paths({ ...files, '.sourceignore': '*.png' }), ['a.yaml', 'docs/a.md', '.sourceignore']);
});

test('.sourceignore holds in its own folder, and spec.ignore has the last word', () => {
  const files = { 'x/.sourceignore': '*.md', 'x/a.md': '', 'x/deep/b.md': '', 'y/a.md': '' };
  assert.deepEqual(paths(files), ['x/.sourceignore', 'y/a.md']);
  assert.deepEqual(paths(files, '!x/a.md'), ['x/.sourceignore', 'x/a.md', 'y/a.md']);
});

test('only what is named can be let in', () => {
  const files = { 'a.yaml': '', 'deploy/b.yaml': '', 'deploy/c/d.yaml': '' };
  assert.deepEqual(paths(files, '/*\n!/deploy'), ['deploy/b.yaml', 'deploy/c/d.yaml']);
});

test('patterns mean what git takes them for', () => {
  const all = ['a', 'a.b', 'dir/a', 'dir/sub/a', 'dir/sub/b.txt', 'abc', 'a b', 'x[1]', 'x1', '#h', '!n', 'foo/bar', 'foo/x/bar', 'build/out', 'src/build/out', 'trailing ', 'back\\slash'];
  const patterns = ['a', '/a', 'dir/', 'dir/*', 'dir/**', '**/a', 'a?c', 'x[0-9]', 'x[!0-9]', '\\#h', '\\!n', 'foo/**/bar', 'build/', '/build', '*.txt', '**/sub', 'dir/sub/', 'x\\[1\\]', 'trailing\\ ', '*/a', 'a*', '*\n!a', 'dir/*\n!dir/a', 'dir/\n!dir/a'];
  const folder = mkdtempSync(join(tmpdir(), 'keelson-ignore-'));
  try {
    execFileSync('git', ['init', '-q', folder]);
    for (const path of all) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), '');
    }
    for (const pattern of patterns) {
      writeFileSync(join(folder, '.git', 'info', 'exclude'), `${pattern}\n`);
      const kept = execFileSync('git', ['-C', folder, 'ls-files', '-z', '--others', '--exclude-standard'], { env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' } }).toString().split('\0').filter((path) => path !== '');
      const ours = paths(Object.fromEntries(all.map((path) => [path, ''])), pattern);
      assert.deepEqual(ours.sort(), kept.sort(), `pattern ${JSON.stringify(pattern)}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
