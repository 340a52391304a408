// The content hash that kustomize appends to the names of generated ConfigMaps and Secrets.
import { createHash } from 'node:crypto';
import { type JsonMap, isMap } from '../json.ts';

/** Ten characters that change with the contents: SHA-256 of Go's JSON of data, kind, an empty name and a Secret's type. */
export function contentHash(object: JsonMap): string {
  return encodeHash(createHash('sha256').update(goJson(hashedParts(object))).digest('hex'));
}

function hashedParts(object: JsonMap): JsonMap {
  if (object.kind === 'ConfigMap') {
    const parts: JsonMap = { data: object.data ?? '', kind: 'ConfigMap', name: '' };
    if (isMap(object.binaryData)) parts.binaryData = object.binaryData;
    return parts;
  }
  if (object.kind === 'Secret') {
    const parts: JsonMap = { data: object.data ?? '', kind: 'Secret', name: '', type: object.type ?? '' };
    if (isMap(object.stringData)) parts.stringData = object.stringData;
    return parts;
  }
  return object;
}

/** The first ten hex digits, with those replaced that could spell words or look alike. */
function encodeHash(hex: string): string {
  const replaced: Readonly<Record<string, string>> = { '0': 'g', '1': 'h', '3': 'k', a: 'm', e: 't' };
  return hex.slice(0, 10).replace(/[013ae]/g, (digit) => replaced[digit]!);
}

/** JSON as Go's encoding/json writes it: keys sorted by bytes, and <, >, &, U+2028 and U+2029 escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${keys.map((key) => `${goJson(key)}:${goJson(value[key])}`).join(',')}}`;
  }
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
