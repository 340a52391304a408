import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryFiles, ProblemError } from '@keelson/std';
import { readState, stateFile } from './state-file.ts';

test('a save that comes while another is written stores the newest value, and both callers wait for it', async () => {
  const inner = memoryFiles();
  const written: string[] = [];
  const files = {
    ...inner,
    write: async (path: string, content: string | Uint8Array) => {
      await Promise.resolve();
      written.push(String(content));
      await inner.write(path, content);
    },
  };
  let value = 1;
  const file = stateFile(files, '/s.json', () => JSON.stringify(value));
  const first = file.save();
  value = 2;
  const second = file.save();
  value = 3;
  const third = file.save();
  await first;
  await Promise.all([second, third]);
  assert.deepEqual(written, ['1', '3']);
  assert.equal(await readState<number>(files, '/s.json', 'test'), 3);
  await file.settled();
});

test('state that is not JSON is a problem that names the file', async () => {
  const files = memoryFiles();
  await files.write('/s.json', '{');
  await assert.rejects(readState(files, '/s.json', 'machine r1u01'), (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.problem.code, 'LAB.STATE_UNREADABLE');
    assert.equal(error.problem.where, '/s.json');
    return true;
  });
});
