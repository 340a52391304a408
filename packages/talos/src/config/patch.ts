/**
 * Patches of machine configurations, as `talosctl machineconfig patch` of 1.14 does them.
 *
 * Strategic merge: documents are matched by kind and name, unmatched ones are added at the end. First every `$patch: delete`
 * is carried out, then the rest is merged: mappings merge, scalars replace unless they are empty (0, "", null; false does
 * replace), lists are appended to. `replacedFields` replace, `keyedLists` match their items by a key, extra arguments
 * replace by flag. A list of operations is a JSON patch (RFC 6902), for configurations of one document only.
 *
 * One difference is meant: upstream drops `provisioning` of a volume that a patch does not mention. Here it stays.
 */
import { ProblemError, problem } from '@keelson/std';
import { jsonPatch } from '@keelson/kube/apply';
import { parse } from 'yaml';
import { talosProblems } from '../problems.ts';
import { documentId, isRecord, type ConfigDocument, type MachineConfig } from './machine-config.ts';
import { checkDocument } from './schema-check.ts';
import { formatFinding } from './validate.ts';
import { parseDocuments } from './yaml.ts';

export type ConfigPatch =
  | { readonly kind: 'strategic'; readonly name: string; readonly documents: MachineConfig }
  | { readonly kind: 'json'; readonly name: string; readonly operations: readonly unknown[] };

/** Fields that a patch replaces as a whole, by kind: `*` in a path stands for any key. */
const replacedFields: Readonly<Record<string, readonly string[]>> = {
  v1alpha1: ['cluster.network.podSubnets', 'cluster.network.serviceSubnets', 'cluster.apiServer.auditPolicy'],
  KubeNetworkConfig: ['podSubnets', 'serviceSubnets'],
  KubeAuditPolicyConfig: ['configuration'],
  KubeAuthenticationConfig: ['configuration'],
  KubeCredentialProviderConfig: ['configuration'],
  KubeStaticPodConfig: ['pod'],
  CRIBaseRuntimeSpecConfig: ['overrides'],
  ResolverConfig: ['searchDomains.domains'],
  NetworkRuleConfig: ['ingress', 'portSelector.ports'],
  BGPInstanceConfig: ['advertise', 'importRoutes', 'neighbors'],
};

/** Lists whose items are matched, and how: the first key that an item has. `isWhole`: a match is replaced, not merged. */
const keyedLists: Readonly<Record<string, readonly { readonly path: string; readonly keys: readonly string[]; readonly isWhole?: boolean }[]>> = {
  v1alpha1: [
    { path: 'machine.network.interfaces', keys: ['interface', 'deviceSelector'] },
    { path: 'machine.network.interfaces.vlans', keys: ['vlanId'] },
    { path: 'cluster.apiServer.admissionControl', keys: ['name'] },
  ],
  ExtensionServiceConfig: [{ path: 'configFiles', keys: ['mountPath'] }],
  ImageVerificationConfig: [{ path: 'rules', keys: ['image'], isWhole: true }],
};

/** Arguments of a component: a flag's values are replaced, never appended to. */
const argumentsPath = /(^|\.)extraArgs$/;

/** Reads a patch in YAML or JSON. Throws ProblemError (TALOS.BAD_PATCH); `name` tells the user which patch it is. */
export function parseConfigPatch(text: string, name = 'patch'): ConfigPatch {
  const fail = (why: string, line?: number) => badPatch(name, why, line === undefined ? name : `${name}:${line}`);
  let first: unknown;
  try {
    // A list is a JSON patch; several documents make parse() throw, and are read below.
    first = parse(text);
  } catch {
    first = undefined;
  }
  if (Array.isArray(first)) return { kind: 'json', name, operations: first };
  // One patch may name a document twice: delete it, then add it anew.
  const documents = parseDocuments(text, fail, { allowRepeated: true });
  for (const document of documents) checkPatchDocument(document, name);
  return { kind: 'strategic', name, documents };
}

function checkPatchDocument(document: ConfigDocument, name: string): void {
  const { $patch, ...rest } = document;
  if ($patch !== undefined && $patch !== 'delete') throw badPatch(name, `${documentId(document)}: $patch is ${JSON.stringify($patch)}, only delete is known`);
  if ($patch === 'delete' && document['kind'] === undefined) throw badPatch(name, 'the v1alpha1 document cannot be deleted');
  const { rest: cleaned } = splitDeletes(rest, [], [], name);
  const findings = checkDocument(isRecord(cleaned) ? cleaned : {}, { isPartial: true });
  if (findings.length > 0) throw badPatch(name, findings.map(formatFinding).join('; '));
}

/** The configuration after one patch; the given one is not changed. Throws ProblemError (TALOS.BAD_PATCH) when the patch does not fit. */
export function applyConfigPatch(config: MachineConfig, patch: ConfigPatch): MachineConfig {
  if (patch.kind === 'strategic') return patch.documents.reduce((current, document) => applyDocument(current, document, patch.name), config);
  const [only, ...others] = config;
  if (!only || others.length > 0) throw badPatch(patch.name, 'a JSON patch works on a configuration of one document only: write it as a strategic merge patch');
  try {
    const patched = jsonPatch(only, patch.operations);
    if (!isRecord(patched)) throw new Error('the result is not a mapping');
    return [patched];
  } catch (cause) {
    throw badPatch(patch.name, cause instanceof Error ? cause.message : 'it does not apply', patch.name, cause);
  }
}

/** The configuration after patches in order, given as text. `patchNames` name them for the user; `patch 1`, … when absent. */
export function patchMachineConfig(config: MachineConfig, patches: readonly string[], patchNames: readonly string[] = []): MachineConfig {
  return patches.reduce((current, text, index) => applyConfigPatch(current, parseConfigPatch(text, patchNames[index] ?? `patch ${index + 1}`)), config);
}

function badPatch(name: string, why: string, where = name, cause?: unknown): ProblemError {
  return new ProblemError(problem(talosProblems.badPatch, { patch: name }, { why, where }), cause === undefined ? undefined : { cause });
}

function applyDocument(config: MachineConfig, patch: ConfigDocument, name: string): MachineConfig {
  const id = documentId(patch);
  const index = config.findIndex((document) => documentId(document) === id);
  if (patch['$patch'] === 'delete') return index < 0 ? config : config.filter((_document, at) => at !== index);
  const deletes: DeletePath[] = [];
  const { rest } = splitDeletes(patch, [], deletes, name);
  const merge = isRecord(rest) ? rest : {};
  if (index < 0) return deletes.length > 0 && isOnlyHead(merge) ? config : [...config, merge];
  const remaining = deletes.reduce<unknown>((document, path) => deleteAt(document, path, () => badPatch(name, `${id}: there is nothing to delete at ${formatPath(path)}`)), config[index]);
  const merged = mergeMaps(remaining as ConfigDocument, merge, { kind: String(patch['kind'] ?? 'v1alpha1'), path: '', fail: (why) => badPatch(name, `${id} ${why}`) });
  return config.map((document, at) => (at === index ? merged : document));
}

function isOnlyHead(document: ConfigDocument): boolean {
  return Object.keys(document).every((key) => ['apiVersion', 'kind', 'name', 'version'].includes(key));
}

/** A step into a mapping, or to the list item in which `key` has `value`. */
type DeleteStep = string | { readonly key: string; readonly value: unknown };
type DeletePath = readonly DeleteStep[];

/** Takes the `$patch: delete` nodes out of a patch and collects where they stood. */
function splitDeletes(value: unknown, path: DeletePath, found: DeletePath[], name: string): { readonly rest: unknown; readonly isDeleted: boolean } {
  if (Array.isArray(value)) {
    const rest = value.flatMap((item: unknown) => {
      if (!isRecord(item) || item['$patch'] === undefined) return [splitInListItem(item, path, name)];
      const entry = Object.entries(item).find(([key]) => key !== '$patch');
      if (!entry) throw badPatch(name, `${formatPath(path)}: an item to delete needs a key: value that finds it`);
      found.push([...path, { key: entry[0], value: entry[1] }]);
      return [];
    });
    return { rest, isDeleted: value.length > 0 && rest.length === 0 };
  }
  if (!isRecord(value)) return { rest: value, isDeleted: false };
  if (value['$patch'] !== undefined && value['$patch'] !== 'delete') throw badPatch(name, `${formatPath(path)}: $patch is ${JSON.stringify(value['$patch'])}, only delete is known`);
  if (value['$patch'] === 'delete') {
    found.push(path);
    return { rest: undefined, isDeleted: true };
  }
  const entries = Object.entries(value).flatMap(([key, item]) => {
    const inner = splitDeletes(item, [...path, key], found, name);
    return inner.isDeleted ? [] : [[key, inner.rest] as const];
  });
  const isDeleted = Object.keys(value).length > 0 && entries.length === 0 && path.length > 0;
  return { rest: Object.fromEntries(entries), isDeleted };
}

/** Upstream finds list items only at the end of a path. */
function splitInListItem(item: unknown, path: DeletePath, name: string): unknown {
  const inner: DeletePath[] = [];
  const { rest } = splitDeletes(item, [], inner, name);
  if (inner.length > 0) throw badPatch(name, `${formatPath(path)}: $patch: delete inside a list item is not supported, delete the item and add it anew`);
  return rest;
}

function deleteAt(value: unknown, path: DeletePath, missing: () => Error): unknown {
  const [step, ...others] = path;
  if (step === undefined) return undefined;
  if (typeof step !== 'string') {
    const index = Array.isArray(value) ? value.findIndex((item) => isRecord(item) && isSame(item[step.key], step.value)) : -1;
    if (index < 0) throw missing();
    return (value as readonly unknown[]).filter((_item, at) => at !== index);
  }
  if (!isRecord(value) || !Object.hasOwn(value, step)) throw missing();
  const inner = deleteAt(value[step], others, missing);
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (key !== step ? [[key, item]] : inner === undefined ? [] : [[key, inner]])));
}

function formatPath(path: DeletePath): string {
  return path.map((step) => (typeof step === 'string' ? step : `[${step.key}: ${String(step.value)}]`)).join('.');
}

interface MergeContext {
  /** Of the document; `v1alpha1` for the root. */
  readonly kind: string;
  /** In the document, without the indices of lists. */
  readonly path: string;
  readonly fail: (why: string) => Error;
}

function mergeMaps(left: ConfigDocument, right: ConfigDocument, context: MergeContext): ConfigDocument {
  const out: Record<string, unknown> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const path = context.path === '' ? key : `${context.path}.${key}`;
    if (Object.hasOwn(left, key) && left[key] !== null && left[key] !== undefined) out[key] = mergeValue(left[key], value, { ...context, path });
    else if (value !== null && value !== undefined) out[key] = value;
  }
  return out;
}

function mergeValue(left: unknown, right: unknown, context: MergeContext): unknown {
  const { kind, path } = context;
  if (right === null || right === undefined) return left;
  if (replacedFields[kind]?.includes(path)) return isRecord(right) && Object.keys(right).length === 0 ? left : right;
  if (argumentsPath.test(path) && isRecord(left) && isRecord(right)) return { ...left, ...right };
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right)) throw context.fail(`${path}: a list cannot be merged with something else`);
    const keyed = keyedLists[kind]?.find((list) => list.path === path);
    return keyed ? mergeKeyed(left, right, keyed, context) : [...left, ...right];
  }
  if (isRecord(left) || isRecord(right)) {
    if (!isRecord(left) || !isRecord(right)) throw context.fail(`${path}: a mapping cannot be merged with something else`);
    return mergeMaps(left, right, context);
  }
  return right === '' || right === 0 ? left : right;
}

function mergeKeyed(left: readonly unknown[], right: readonly unknown[], { keys, isWhole = false }: { readonly keys: readonly string[]; readonly isWhole?: boolean }, context: MergeContext): unknown[] {
  const out = [...left];
  for (const item of right) {
    const key = isRecord(item) ? keys.find((candidate) => item[candidate] !== undefined) : undefined;
    const index = key === undefined ? -1 : out.findIndex((other) => isRecord(other) && isSame(other[key], (item as ConfigDocument)[key]));
    if (index < 0) out.push(item);
    else out[index] = isWhole ? item : mergeMaps(out[index] as ConfigDocument, item as ConfigDocument, context);
  }
  return out;
}

/** Equal as YAML values: scalars by their text, for a patch may write 10 where the configuration has "10". */
function isSame(a: unknown, b: unknown): boolean {
  if (isRecord(a) && isRecord(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => isSame(a[key], b[key]));
  }
  if (typeof a === 'object' || typeof b === 'object') return false;
  return a !== undefined && String(a) === String(b);
}
