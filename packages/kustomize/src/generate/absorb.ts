import { isMap } from '../json.ts';
import type { GeneratorEntry } from '../load/kustomization-file.ts';
import { kustomizeProblems, problemAt } from '../problems.ts';
import { type Resource, anyIds, appendResources, currentId, idText, metadataOf, sameId } from '../resource.ts';

/** Adds a generated object to the others as its `behavior` says: create, or replace or merge into the one of the same identity. */
export function absorbGenerated(resources: Resource[], generated: Resource, entry: GeneratorEntry): void {
  const id = currentId(generated);
  const fail = (why: string) => problemAt(kustomizeProblems.generator, entry.origin, why, { kind: entry.kind, name: entry.name });
  const existing = resources.filter((resource) => anyIds(resource).some((other) => sameId(other, id)));
  if (existing.length > 1) throw fail(`${existing.length} objects are or were ${idText(id)}`);
  const [there] = existing;
  if (!there) {
    if (entry.behavior !== 'create') throw fail(`${idText(id)} does not exist, so behavior: ${entry.behavior} has nothing to work on`);
    return appendResources(resources, [generated]);
  }
  if (entry.behavior === 'create') throw fail(`${idText(id)} exists; behavior must be merge or replace`);
  const old = { object: there.object, metadata: metadataOf(there) };
  there.object = generated.object;
  there.needsHash = generated.needsHash;
  const metadata = metadataOf(there);
  metadata.name = old.metadata.name;
  if (old.metadata.namespace !== undefined) metadata.namespace = old.metadata.namespace;
  for (const field of ['labels', 'annotations']) {
    if (isMap(old.metadata[field])) metadata[field] = { ...old.metadata[field], ...(isMap(metadata[field]) ? metadata[field] : {}) };
  }
  if (entry.behavior === 'replace') return;
  for (const field of ['data', 'binaryData']) {
    if (isMap(old.object[field])) there.object[field] = { ...old.object[field], ...(isMap(there.object[field]) ? there.object[field] : {}) };
  }
  if (there.object.immutable === undefined && old.object.immutable !== undefined) there.object.immutable = old.object.immutable;
}
