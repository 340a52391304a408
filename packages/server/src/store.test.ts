import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeText, ProblemError } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import { encryptionKeyFile, openKeelsonStore, sealKeelsonStore } from './store.ts';

test('a data directory whose key is lost is refused, and goes on once the key is back', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'keelson-server-'));
  const { files } = nodeEnv();
  const opened = openKeelsonStore(dataDir);
  const store = await sealKeelsonStore(files, dataDir, opened);
  await store.commit([{ type: 'put', key: 'core/secrets/default/a', encode: () => encodeText('{}') }]);
  const key = await files.read(encryptionKeyFile(dataDir));
  await files.remove(encryptionKeyFile(dataDir));
  await assert.rejects(sealKeelsonStore(files, dataDir, opened), (error) => error instanceof ProblemError && error.problem.code === 'STORE.KEY_MISSING' && error.problem.where === encryptionKeyFile(dataDir));
  await files.write(encryptionKeyFile(dataDir), key!, { mode: 0o600 });
  assert.equal(new TextDecoder().decode((await sealKeelsonStore(files, dataDir, opened)).get('core/secrets/default/a')!.value), '{}');
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
});
