/** One kustomization of the example, built by `kubectl kustomize` and by our builder: the objects must be equal. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseDocuments } from '@keelson/kube/yaml';
import { build, virtualFiles } from '@keelson/kustomize';
import { runProgram } from '../program.ts';

export async function compareBuilds(kubectl: string, repository: string, path: string): Promise<void> {
  const theirs = await runProgram(kubectl, ['kustomize', join(repository, path)]);
  assert.equal(theirs.code, 0, theirs.err);
  const expected = parseDocuments(theirs.out).map(({ object }) => plain(object));
  const files: Record<string, Uint8Array> = {};
  for (const entry of readdirSync(repository, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !file.includes('/.git/')) files[relative(repository, file)] = readFileSync(file);
  }
  assert.ok(expected.length > 0, 'kubectl built nothing');
  const ours = build(virtualFiles(files), path, { order: 'legacy', restrictFiles: true }).map(plain);
  assert.equal(ours.length, expected.length, 'not the same number of objects');
  expected.forEach((object, i) => assert.deepEqual(ours[i], object));
}

/** Without the prototypes that parsers give to their objects. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
