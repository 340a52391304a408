// Every folder of testdata holds a kustomization of ours and what a released kustomize (see testdata/record.sh) makes of it.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from './build.ts';
import { type VirtualFiles, virtualFiles } from './files.ts';
import { parseYaml } from './load/parse-yaml.ts';

const testdata = join(import.meta.dirname, '..', 'testdata');

function readFolder(root: string, below = '', out: Record<string, Uint8Array> = {}): Record<string, Uint8Array> {
  for (const name of readdirSync(join(root, below))) {
    const path = below ? `${below}/${name}` : name;
    if (statSync(join(root, path)).isDirectory()) readFolder(root, path, out);
    else out[path] = readFileSync(join(root, path));
  }
  return out;
}

/** The objects of an expected file: kustomize writes YAML 1.1-safe text, so YAML 1.2 reads the same. */
function expectedObjects(name: string): unknown[] {
  return parseYaml(readFileSync(join(testdata, name, 'expected.yaml'), 'utf8'), 'expected.yaml', 'resource').map((document) => document.value);
}

for (const name of readdirSync(testdata).filter((entry) => statSync(join(testdata, entry)).isDirectory())) {
  test(`builds ${name} as a released kustomize does`, () => {
    const files: VirtualFiles = virtualFiles(readFolder(join(testdata, name, 'in')));
    assert.deepEqual(build(files, '', { order: 'legacy', restrictFiles: true }), expectedObjects(name));
  });
}
