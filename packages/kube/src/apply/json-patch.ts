// JSON Patch, RFC 6902, and JSON Pointer, RFC 6901; negative indices and messages as the API server's library has them
// (evanphx/json-patch v4, which apiserver pkg/endpoints/handlers/patch.go uses): a missing key reads as null.
import { isRecord } from '../schema/schema.ts';
import { isEqual } from '../schema/validate.ts';
import { setField } from './merge-patch.ts';
import { PatchError } from './patch-error.ts';

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** The most operations the API server takes in one patch. */
export const jsonPatchMaxOperations = 10_000;
/** The most bytes all copy operations of one patch may add. */
const maxCopiedBytes = 3 * 1024 * 1024;

/**
 * The document after all operations; it is not changed itself. `patch` is checked here, so it may be any JSON.
 * Throws PatchError: 400 malformed, 413 too many operations, 422 an operation does not apply or a test fails.
 */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  const operations = readOperations(patch);
  const root = { value: structuredClone(document), copiedBytes: 0 };
  for (const operation of operations) applyOperation(root, operation);
  return root.value;
}

interface Root {
  value: unknown;
  copiedBytes: number;
}

function readOperations(patch: unknown): JsonPatchOperation[] {
  if (!Array.isArray(patch)) throw new PatchError(400, 'error decoding patch: a JSON patch is a list of operations');
  if (patch.length > jsonPatchMaxOperations) {
    throw new PatchError(413, `The allowed maximum operations in a JSON patch is ${jsonPatchMaxOperations}, got ${patch.length}`);
  }
  return patch.map((entry: unknown) => {
    if (!isRecord(entry)) throw new PatchError(400, 'error decoding patch: an operation is an object');
    const { op, path, from, value } = entry;
    if (typeof path !== 'string') throw new PatchError(422, `${String(op)} operation failed to decode path: missing value`);
    switch (op) {
      case 'move':
      case 'copy':
        if (typeof from !== 'string') throw new PatchError(422, `${op} operation failed to decode from: operation, missing from field: missing value`);
        return { op, path, from };
      case 'add':
      case 'replace':
      case 'test':
        // RFC 6902 wants a value; upstream reads an absent one as null.
        return { op, path, value: value ?? null };
      case 'remove':
        return { op, path };
      default:
        throw new PatchError(422, `Unexpected kind: ${typeof op === 'string' ? op : 'unknown'}`);
    }
  });
}

function applyOperation(root: Root, operation: JsonPatchOperation): void {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      return add(root, op, path, structuredClone(operation.value));
    case 'remove':
      return remove(root, path);
    case 'replace':
      return replace(root, path, structuredClone(operation.value));
    case 'test':
      return test(root, path, operation.value);
    case 'move': {
      const from = operation.from ?? '';
      if (path === from) return;
      if (path.startsWith(`${from}/`)) throw new PatchError(422, `move operation does not apply: ${path} lies within ${from}`);
      return add(root, op, path, take(root, from));
    }
    case 'copy': {
      const value = structuredClone(source(root, operation.from ?? ''));
      root.copiedBytes += JSON.stringify(value ?? null).length;
      if (root.copiedBytes > maxCopiedBytes) {
        throw new PatchError(422, `Unable to complete the copy, the accumulated size increase of copy is ${root.copiedBytes}, exceeding the limit ${maxCopiedBytes}`);
      }
      return add(root, op, path, value);
    }
  }
}

/** The object or list that holds what a pointer names, and its key there. */
interface Place {
  readonly container: Record<string, unknown> | unknown[];
  readonly key: string;
}

/** Where a pointer leads; undefined when the way there is missing. */
function locate(root: Root, path: string): Place | undefined {
  const parts = path.split('/').slice(1).map(unescapePointer);
  const key = parts.pop();
  if (!path.startsWith('/') || key === undefined) return undefined;
  let at = root.value;
  for (const part of parts) {
    if (Array.isArray(at)) at = at[listIndex(at, part, at.length) ?? -1];
    else if (isRecord(at) && Object.hasOwn(at, part)) at = at[part];
    else return undefined;
  }
  return Array.isArray(at) || isRecord(at) ? { container: at, key } : undefined;
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** The place a list key means, negative ones from the end; undefined outside 0..limit-1. */
function listIndex(list: readonly unknown[], key: string, limit: number): number | undefined {
  if (!/^-?\d+$/.test(key)) return undefined;
  const index = Number(key);
  const place = index < 0 ? index + limit : index;
  return place >= 0 && place < limit ? place : undefined;
}

function indexOrThrow(list: readonly unknown[], key: string, limit: number, doing: string): number {
  const index = listIndex(list, key, limit);
  if (index !== undefined) return index;
  const isNumber = /^[-+]?\d+$/.test(key);
  throw new PatchError(422, `${doing}: ${isNumber ? `Unable to access invalid index: ${key}: invalid index referenced` : `strconv.Atoi: parsing "${key}": invalid syntax`}`);
}

function add(root: Root, op: 'add' | 'move' | 'copy', path: string, value: unknown): void {
  if (path === '') {
    root.value = value;
    return;
  }
  const place = locate(root, path);
  if (!place) {
    const missing = op === 'add' ? `doc is missing path: "${path}"` : `doc is missing destination path: ${path}`;
    throw new PatchError(422, `${op} operation does not apply: ${missing}: missing value`);
  }
  const { container, key } = place;
  if (!Array.isArray(container)) setField(container, key, value);
  else if (key === '-') container.push(value);
  else container.splice(indexOrThrow(container, key, container.length + 1, `error in ${op} for path: '${path}'`), 0, value);
}

function remove(root: Root, path: string): void {
  const place = locate(root, path);
  if (!place) throw new PatchError(422, `remove operation does not apply: doc is missing path: "${path}": missing value`);
  cut(place, `error in remove for path: '${path}'`);
}

/** Removes what a move takes along. */
function take(root: Root, from: string): unknown {
  const place = locate(root, from);
  if (!place) throw new PatchError(422, `move operation does not apply: doc is missing from path: ${from}: missing value`);
  return cut(place, `error in move for path: '${place.key}'`);
}

function cut({ container, key }: Place, doing: string): unknown {
  if (Array.isArray(container)) return container.splice(indexOrThrow(container, key, container.length, doing), 1)[0];
  if (!Object.hasOwn(container, key)) throw new PatchError(422, `${doing}: Unable to remove nonexistent key: ${key}: missing value`);
  const value = container[key];
  delete container[key];
  return value;
}

/** Upstream's replace only needs the place to be there: a missing key is set. */
function replace(root: Root, path: string, value: unknown): void {
  if (path === '') {
    root.value = value;
    return;
  }
  const place = locate(root, path);
  if (!place) throw new PatchError(422, `replace operation does not apply: doc is missing path: ${path}: missing value`);
  const { container, key } = place;
  if (!Array.isArray(container)) {
    setField(container, key, value);
    return;
  }
  const index = listIndex(container, key, container.length);
  if (index === undefined) throw new PatchError(422, `replace operation does not apply: doc is missing key: ${path}: missing value`);
  container[index] = value;
}

function test(root: Root, path: string, expected: unknown): void {
  const actual = path === '' ? root.value : lookUp(locate(root, path));
  // A missing field equals null, as upstream reads it.
  if (!isEqual(actual ?? null, expected)) throw new PatchError(422, `testing value ${path} failed: test failed`);
}

/** What a copy copies; a missing key counts as null, as upstream reads it. */
function source(root: Root, from: string): unknown {
  if (from === '') return root.value;
  const place = locate(root, from);
  if (!place) throw new PatchError(422, `copy operation does not apply: doc is missing from path: ${from}: missing value`);
  if (Array.isArray(place.container)) indexOrThrow(place.container, place.key, place.container.length, `error in copy for from: '${from}'`);
  return lookUp(place) ?? null;
}

function lookUp(place: Place | undefined): unknown {
  if (!place) return undefined;
  const { container, key } = place;
  if (Array.isArray(container)) return container[listIndex(container, key, container.length) ?? -1];
  return Object.hasOwn(container, key) ? container[key] : undefined;
}
