// ConfigMapGenerator and SecretGenerator of kustomize: literals, files, env files, and what becomes of bytes that are no text.
import { type JsonMap, setMember } from '../json.ts';
import type { GeneratorEntry, GeneratorOptions } from '../load/kustomization-file.ts';
import { kustomizeProblems, problemAt } from '../problems.ts';
import { type Resource, createResource } from '../resource.ts';

/** Makes the object of a generator's entry. `read` gives the bytes of a file named by it. Throws KUSTOMIZE.GENERATOR_FAILED. */
export function generateObject(entry: GeneratorEntry, common: GeneratorOptions | undefined, read: (path: string) => Uint8Array): Resource {
  const fail = (why: string) => problemAt(kustomizeProblems.generator, entry.origin, why, { kind: entry.kind, name: entry.name });
  const pairs = new Map<string, Uint8Array>();
  const add = (key: string, value: Uint8Array) => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) throw fail(`"${key}" is not a valid key: letters, digits, "-", "_" and "." are allowed`);
    if (pairs.has(key)) throw fail(`the key ${key} is given twice`);
    pairs.set(key, value);
  };
  for (const path of entry.envs) for (const [key, value] of parseEnvFile(read(path), fail)) add(key, value);
  for (const literal of entry.literals) {
    const [key, value] = splitLiteral(literal, fail);
    add(key, Buffer.from(value));
  }
  for (const file of entry.files) {
    const [key, path] = splitFile(file, fail);
    add(key, read(path));
  }
  const options = mergeOptions(entry.options, common);
  const object = objectOf(entry, options, pairs);
  const resource = createResource(object, entry.origin);
  resource.needsHash = options.disableNameSuffixHash !== true;
  return resource;
}

function objectOf(entry: GeneratorEntry, options: GeneratorOptions, pairs: ReadonlyMap<string, Uint8Array>): JsonMap {
  const metadata: JsonMap = { name: entry.name };
  if (entry.namespace) metadata.namespace = entry.namespace;
  if (options.labels && Object.keys(options.labels).length > 0) metadata.labels = { ...options.labels };
  if (options.annotations && Object.keys(options.annotations).length > 0) metadata.annotations = { ...options.annotations };
  const object: JsonMap = { apiVersion: 'v1', kind: entry.kind, metadata };
  const data: JsonMap = {};
  const binary: JsonMap = {};
  for (const key of [...pairs.keys()].sort()) {
    const bytes = pairs.get(key)!;
    const text = entry.kind === 'Secret' ? undefined : utf8(bytes);
    if (entry.kind === 'Secret') setMember(data, key, wrappedBase64(bytes));
    else if (text === undefined) setMember(binary, key, wrappedBase64(bytes));
    else setMember(data, key, text);
  }
  if (entry.kind === 'Secret') object.type = entry.type || 'Opaque';
  if (entry.kind === 'Secret' || Object.keys(data).length > 0) object.data = data;
  if (Object.keys(binary).length > 0) object.binaryData = binary;
  if (options.immutable) object.immutable = true;
  return object;
}

/** An entry's own options over the common ones; a common true stays true. */
function mergeOptions(own: GeneratorOptions, common: GeneratorOptions | undefined): GeneratorOptions {
  return {
    labels: { ...common?.labels, ...own.labels },
    annotations: { ...common?.annotations, ...own.annotations },
    disableNameSuffixHash: own.disableNameSuffixHash || common?.disableNameSuffixHash,
    immutable: own.immutable || common?.immutable,
  };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Base64, in lines of 70 where it is longer than one: it is part of what the hash is made of. */
function wrappedBase64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64');
  return text.length <= 70 ? text : text.replace(/.{1,70}/g, '$&\n');
}

function splitLiteral(literal: string, fail: (why: string) => Error): [key: string, value: string] {
  const equals = literal.indexOf('=');
  if (equals <= 0) throw fail(`the literal "${literal}" is not key=value`);
  const value = literal.slice(equals + 1);
  const quoted = value.length > 1 && (value.startsWith('"') || value.startsWith("'")) && value.at(-1) === value[0];
  return [literal.slice(0, equals), quoted ? value.slice(1, -1) : value];
}

function splitFile(file: string, fail: (why: string) => Error): [key: string, path: string] {
  const parts = file.split('=');
  if (parts.length === 1) return [file.slice(file.lastIndexOf('/') + 1), file];
  const [key, path] = parts;
  if (parts.length > 2 || !key || !path) throw fail(`the file "${file}" is not path or key=path`);
  return [key, path];
}

function parseEnvFile(bytes: Uint8Array, fail: (why: string) => Error): [key: string, value: Uint8Array][] {
  const text = utf8(bytes);
  if (text === undefined) throw fail('an env file is not valid UTF-8');
  const pairs: [string, Uint8Array][] = [];
  for (const raw of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    pairs.push(equals < 0 ? [line, new Uint8Array()] : [line.slice(0, equals), Buffer.from(line.slice(equals + 1))]);
  }
  return pairs;
}
