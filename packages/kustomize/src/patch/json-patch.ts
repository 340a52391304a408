// RFC 6902 in the dialect of the Go library kustomize uses: `replace` of a missing key adds it, `copy` of a missing key gives null, a negative index
// counts from the end, a missing parent is an error.
import { type JsonMap, copyJson, equalJson, isMap, member, setMember } from '../json.ts';

export interface JsonPatchOperation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError';
}

/** Checks the shape of a parsed patch. Throws JsonPatchError. */
export function parseJsonPatch(value: unknown): readonly JsonPatchOperation[] {
  if (!Array.isArray(value)) throw new JsonPatchError('a JSON patch is a list of operations');
  return value.map((item, index) => {
    if (!isMap(item) || typeof item.op !== 'string') throw new JsonPatchError(`operation ${index + 1} has no op`);
    if (typeof item.path !== 'string') throw new JsonPatchError(`operation ${index + 1} (${item.op}) has no path`);
    if (item.from !== undefined && typeof item.from !== 'string') throw new JsonPatchError(`operation ${index + 1}: from is not a string`);
    return { op: item.op, path: item.path, from: item.from, value: item.value ?? null };
  });
}

/** Applies the operations in order, changing the object in place. Throws JsonPatchError at the first that fails. */
export function applyJsonPatch(object: JsonMap, operations: readonly JsonPatchOperation[]): void {
  for (const operation of operations) applyOperation(object, operation);
}

function applyOperation(object: JsonMap, { op, path, from, value }: JsonPatchOperation): void {
  switch (op) {
    case 'add':
      return put(object, path, copyJson(value), 'add');
    case 'replace':
      return put(object, path, copyJson(value), 'replace');
    case 'remove':
      return void take(object, path, 'remove');
    case 'move':
      return put(object, path, take(object, needFrom(from, op), 'move'), 'add');
    case 'copy':
      return put(object, path, copyJson(read(object, needFrom(from, op), 'copy') ?? null), 'add');
    case 'test': {
      const found = read(object, path, 'test') ?? null;
      if (!equalJson(found, value)) throw new JsonPatchError(`test of "${path}" failed: found ${JSON.stringify(found)}, not ${JSON.stringify(value)}`);
      return;
    }
    default:
      throw new JsonPatchError(`unknown operation "${op}"`);
  }
}

function needFrom(from: string | undefined, op: string): string {
  if (from === undefined) throw new JsonPatchError(`${op} has no from`);
  return from;
}

function locate(object: JsonMap, path: string, op: string): { holder: JsonMap | unknown[]; key: string } {
  const parts = path.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = parts.pop();
  if (key === undefined) throw new JsonPatchError(`${op} has the path "${path}", which names no field`);
  let holder: unknown = object;
  for (const [i, part] of parts.entries()) {
    holder = Array.isArray(holder) ? holder[listIndex(holder, part, op, path, holder.length - 1)] : isMap(holder) ? member(holder, part) : undefined;
    // kustomize's own bookkeeping makes these maps exist while patches run.
    if (holder === undefined && i === 1 && parts[0] === 'metadata' && part === 'annotations') {
      holder = {};
      setMember(object.metadata as JsonMap, 'annotations', holder); // a resource's metadata is a map
    }
    if (!isMap(holder) && !Array.isArray(holder)) throw new JsonPatchError(`${op} of "${path}": there is no "/${parts.slice(0, i + 1).join('/')}"`);
  }
  return { holder: holder as JsonMap | unknown[], key }; // the loop has checked each step
}

function listIndex(list: readonly unknown[], text: string, op: string, path: string, max: number): number {
  if (!/^-?\d+$/.test(text)) throw new JsonPatchError(`${op} of "${path}": "${text}" is not an index of a list`);
  const given = Number(text);
  const index = given < 0 ? given + list.length : given;
  if (index < 0 || index > max) throw new JsonPatchError(`${op} of "${path}": index ${given} is outside the list of ${list.length}`);
  return index;
}

function put(object: JsonMap, path: string, value: unknown, op: 'add' | 'replace'): void {
  const { holder, key } = locate(object, path, op);
  if (!Array.isArray(holder)) return setMember(holder, key, value);
  if (op === 'replace') holder[listIndex(holder, key, op, path, holder.length - 1)] = value;
  else if (key === '-') holder.push(value);
  else {
    const end = key.startsWith('-') ? holder.length - 1 : holder.length;
    const index = /^-\d+$/.test(key) ? Number(key) + holder.length + 1 : listIndex(holder, key, op, path, end);
    if (index < 0) throw new JsonPatchError(`${op} of "${path}": index ${key} is outside the list of ${holder.length}`);
    holder.splice(index, 0, value);
  }
}

function take(object: JsonMap, path: string, op: string): unknown {
  const { holder, key } = locate(object, path, op);
  if (Array.isArray(holder)) return holder.splice(listIndex(holder, key, op, path, holder.length - 1), 1)[0];
  if (!Object.hasOwn(holder, key)) throw new JsonPatchError(`${op} of "${path}": there is no such field`);
  const value = holder[key];
  delete holder[key];
  return value;
}

function read(object: JsonMap, path: string, op: string): unknown {
  const { holder, key } = locate(object, path, op);
  return Array.isArray(holder) ? holder[listIndex(holder, key, op, path, holder.length - 1)] : member(holder, key);
}
