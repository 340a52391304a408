import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeFiles } from './node-files.ts';

test('what is appended stands after what was there, in a file that is made with its folders', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-files-'));
  try {
    const files = nodeFiles();
    const path = join(folder, 'a', 'b.log');
    await files.append(path, 'one\n', { mode: 0o600 });
    await files.append(path, 'two\n');
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await assert.rejects(files.append(join(path, 'below'), 'x'), /appending to/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
