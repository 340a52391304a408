/** Objects for tests, written as YAML in testdata. */
import { readFileSync } from 'node:fs';
import { keyOf, type KubeObject } from '@keelson/kube';
import { mergePatch } from '@keelson/kube/apply';
import { parseDocuments, parseYaml } from '@keelson/kube/yaml';
import { remoteObjects, snapshotOf, type Snapshot } from '../snapshot.ts';

/** One o'clock on the day on which everything in testdata happens. */
export const testNowMs = Date.UTC(2026, 0, 1, 1, 0, 0);

const urlOf = (name: string) => new URL(`../../testdata/${name}`, import.meta.url);

/** A file of testdata with one document. */
export function readTestYaml(name: string): unknown {
  return parseYaml(readFileSync(urlOf(name), 'utf8'), { file: name });
}

/** The objects in a file of testdata. */
export function readTestObjects(name: string): KubeObject[] {
  return parseDocuments(readFileSync(urlOf(name), 'utf8'), { file: name }).map(({ object }) => object as unknown as KubeObject); // testdata holds objects
}

/** Merge patches by `Kind/namespace/name`; null takes the object away. */
export type Changes = Readonly<Record<string, object | null>>;

function changed(objects: readonly KubeObject[], changes: Changes, used: Set<string>): KubeObject[] {
  return objects.flatMap((object) => {
    const key = `${object.kind}/${keyOf(object)}`;
    if (!(key in changes)) return [object];
    used.add(key);
    const patch = changes[key];
    return patch == null ? [] : [mergePatch(object, patch) as KubeObject]; // a patched object is an object
  });
}

/** The datacenter of testdata with the cluster edge in it, changed as a case says. */
export function testSnapshot(changes: Changes = {}, options: { readonly remote?: boolean } = {}): Snapshot {
  const used = new Set<string>();
  const objects = changed(readTestObjects('datacenter.yaml'), changes, used);
  const edge = changed(readTestObjects('edge.yaml'), changes, used);
  for (const key of Object.keys(changes)) if (!used.has(key)) throw new Error(`no object of testdata is called ${key}`);
  return snapshotOf(objects, testNowMs, options.remote === false ? {} : { remotes: new Map([['datacenter/edge', remoteObjects(edge)]]) });
}
