// The fields patches, patchesStrategicMerge and patchesJson6902 (kustomize's PatchTransformer and its older relatives).
import { type JsonMap, copyJson, isMap } from '../json.ts';
import type { LocatedText, PatchEntry } from '../load/kustomization-file.ts';
import { type YamlDocument, parseYaml } from '../load/parse-yaml.ts';
import { type Origin, kustomizeProblems, problemAt } from '../problems.ts';
import { type Resource, anyIds, createResource, currentId, gvkOf, idText, metadataOf, nameOf, namespaceOf, rememberId, sameId, setName } from '../resource.ts';
import { JsonPatchError, type JsonPatchOperation, applyJsonPatch, parseJsonPatch } from './json-patch.ts';
import { mergeSchemaOf } from './merge-schema.ts';
import { SelectorError, selectTargets } from './select.ts';
import { StrategicMergeError, mergeStrategic } from './strategic-merge.ts';

/** Text of a patch and where it stands: a file of its own, or lines of the kustomization. */
export interface PatchText {
  readonly text: string;
  readonly origin: Origin;
}

type ParsedPatch =
  | { readonly kind: 'merge'; readonly objects: readonly { readonly object: JsonMap; readonly origin: Origin }[] }
  | { readonly kind: 'json'; readonly operations: readonly JsonPatchOperation[] };

/** One entry of `patches` or `patchesJson6902`. Resources are changed in place; deleted ones leave the list. */
export function applyPatch(resources: Resource[], entry: PatchEntry, source: PatchText, mustMatch = false): void {
  const fail = (why: string, origin = source.origin) => problemAt(kustomizeProblems.patch, origin, why);
  const parsed = parsePatch(source);
  if (parsed.kind === 'merge' && !entry.target) {
    for (const patch of parsed.objects) mergeInto(resources, findTarget(resources, patch), patch, entry);
    return;
  }
  if (!entry.target) throw fail('a JSON patch needs a target');
  if (parsed.kind === 'merge' && parsed.objects.length > 1) throw fail('a patch with a target has one document', parsed.objects[1]!.origin);
  let targets: Resource[];
  try {
    targets = selectTargets(resources, entry.target);
  } catch (error) {
    if (error instanceof SelectorError) throw fail(error.message, entry.origin);
    throw error;
  }
  if (mustMatch && targets.length === 0) throw fail(`no object matches the target ${JSON.stringify(entry.target)}`, entry.origin);
  for (const target of targets) {
    if (parsed.kind === 'merge') mergeInto(resources, target, parsed.objects[0]!, entry);
    else patchJson(target, parsed.operations, source.origin);
  }
}

/** One entry of `patchesStrategicMerge`. */
export function applyStrategicMerge(resources: Resource[], source: PatchText): void {
  applyPatch(resources, { allowNameChange: false, allowKindChange: false, origin: source.origin }, source);
}

/** Text of an inline patch: its first line is the one after the field's key when it is a block. */
export function inlinePatch(text: LocatedText): PatchText {
  return { text: text.text, origin: text.origin };
}

function parsePatch(source: PatchText): ParsedPatch {
  const fail = (why: string, line: number) => problemAt(kustomizeProblems.patch, { file: source.origin.file, line }, why);
  const documents = parseYaml(source.text, source.origin.file, 'resource', source.origin.line || 1);
  const [first] = documents;
  if (!first) throw fail('the patch is empty', source.origin.line);
  if (Array.isArray(first.value)) {
    try {
      return { kind: 'json', operations: parseJsonPatch(first.value) };
    } catch (error) {
      if (error instanceof JsonPatchError) throw fail(error.message, first.line);
      throw error;
    }
  }
  return { kind: 'merge', objects: documents.map((document) => mergeObject(document, source.origin.file, fail)) };
}

function mergeObject(document: YamlDocument, file: string, fail: (why: string, line: number) => Error): { object: JsonMap; origin: Origin } {
  const { value, line } = document;
  if (!isMap(value)) throw fail('a patch is an object or a list of JSON patch operations', line);
  const metadata = value.metadata;
  if (typeof value.kind !== 'string' || !isMap(metadata) || typeof metadata.name !== 'string') {
    throw fail('a strategic merge patch needs kind and metadata.name, also when it has a target', line);
  }
  return { object: value, origin: { file, line } };
}

function findTarget(resources: readonly Resource[], patch: { readonly object: JsonMap; readonly origin: Origin }): Resource {
  const wanted = currentId({ object: patch.object, origin: patch.origin, previousIds: [], prefixes: [], suffixes: [], needsHash: false });
  const found = resources.filter((resource) => anyIds(resource).some((id) => sameId(id, wanted)));
  if (found.length === 1) return found[0]!;
  const near = resources.filter((resource) => anyIds(resource).some((id) => id.kind === wanted.kind && id.name === wanted.name)).map((resource) => idText(currentId(resource)));
  const hint = near.length > 0 ? `; near: ${near.slice(0, 3).join(', ')}` : '';
  const why = found.length === 0 ? `no object is ${idText(wanted)}${hint}` : `${found.length} objects are or were ${idText(wanted)}`;
  throw problemAt(kustomizeProblems.patch, patch.origin, why);
}

function mergeInto(resources: Resource[], target: Resource, patch: { readonly object: JsonMap; readonly origin: Origin }, entry: PatchEntry): void {
  const gvk = gvkOf(target.object);
  const before = { kind: target.object.kind, name: nameOf(target), namespace: namespaceOf(target) };
  if (entry.allowNameChange || entry.allowKindChange) rememberId(target);
  const merged = tryMerge(target, patch, () => mergeStrategic(target.object, copyJson(patch.object), mergeSchemaOf(gvk.group, gvk.kind)));
  if (!merged) {
    resources.splice(resources.indexOf(target), 1);
    return;
  }
  target.object = merged;
  if (!entry.allowKindChange) merged.kind = before.kind;
  if (!entry.allowNameChange) setName(target, before.name);
  const metadata = metadataOf(target);
  if (before.namespace) metadata.namespace = before.namespace;
  else delete metadata.namespace;
}

function tryMerge<T>(target: Resource, patch: { readonly origin: Origin }, merge: () => T): T {
  try {
    return merge();
  } catch (error) {
    if (error instanceof StrategicMergeError) throw problemAt(kustomizeProblems.patch, patch.origin, `${idText(currentId(target))}: ${error.message}`);
    throw error;
  }
}

function patchJson(target: Resource, operations: readonly JsonPatchOperation[], origin: Origin): void {
  rememberId(target);
  try {
    applyJsonPatch(target.object, operations);
  } catch (error) {
    if (error instanceof JsonPatchError) throw problemAt(kustomizeProblems.patch, origin, `${idText(currentId(target))}: ${error.message}`);
    throw error;
  }
  const annotations = metadataOf(target).annotations;
  if (isMap(annotations) && Object.keys(annotations).length === 0) delete metadataOf(target).annotations;
  createResource(target.object, target.origin);
}
