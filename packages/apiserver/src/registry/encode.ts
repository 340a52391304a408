import type { KubeObject } from '@keelson/kube';
import type { Bytes } from '@keelson/std';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Order of metadata in stored bytes. `resourceVersion` comes before anything a user can name freely, so that it can be found without parsing. */
const metadataOrder = [
  'name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp',
  'deletionGracePeriodSeconds', 'labels', 'annotations', 'ownerReferences', 'finalizers', 'managedFields',
] as const;

/**
 * An object as stored: apiVersion, kind and metadata first, all other keys sorted, so that equal objects have equal bytes.
 * `resourceVersion` is written in place of the object's own; absent: none.
 */
export function encodeObject(object: KubeObject, resourceVersion: string | undefined): Bytes {
  return encoder.encode(encodeText(object, resourceVersion));
}

/** `encodeObject` as text. */
export function encodeText(object: KubeObject, resourceVersion: string | undefined): string {
  const { apiVersion, kind, metadata, ...rest } = object;
  const ordered: Record<string, unknown> = {};
  for (const field of metadataOrder) {
    const value = field === 'resourceVersion' ? resourceVersion : metadata[field];
    if (value !== undefined) ordered[field] = sortKeys(value);
  }
  return JSON.stringify({ apiVersion, kind, metadata: ordered, ...(sortKeys(rest) as object) });
}

/** The object in stored bytes; a fresh copy that may be changed. */
export function decodeObject(bytes: Bytes): KubeObject {
  // Stored bytes were written by encodeObject.
  return JSON.parse(decoder.decode(bytes)) as KubeObject;
}

/** The value with the keys of every object in it sorted; absent fields are left out. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const source = value as Record<string, unknown>;
  const names = Object.keys(source);
  const sorted: Record<string, unknown> = {};
  for (const name of names.sort()) {
    const item = source[name];
    if (item === undefined) continue;
    // `__proto__` is an ordinary key of JSON, but assigning it is not.
    if (name === '__proto__') Object.defineProperty(sorted, name, { value: sortKeys(item), enumerable: true });
    else sorted[name] = typeof item === 'object' && item !== null ? sortKeys(item) : item;
  }
  return sorted;
}

const marker = encoder.encode('"resourceVersion":"');
const quoteByte = 0x22;

/** The stored bytes with another resourceVersion, without parsing them. */
export function withResourceVersion(bytes: Bytes, resourceVersion: string): Bytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = buffer.indexOf(marker);
  if (at < 0) throw new Error('stored object has no resourceVersion');
  const start = at + marker.length;
  const end = buffer.indexOf(quoteByte, start);
  return Buffer.concat([buffer.subarray(0, start), encoder.encode(resourceVersion), buffer.subarray(end)]);
}

/** True when stored bytes begin with this apiVersion: they can be passed on as they are. */
export function hasApiVersion(bytes: Bytes, head: Bytes): boolean {
  if (bytes.length < head.length) return false;
  for (let index = 0; index < head.length; index++) if (bytes[index] !== head[index]) return false;
  return true;
}

/** What stored bytes of an apiVersion begin with. */
export function apiVersionHead(apiVersion: string): Bytes {
  return encoder.encode(`{"apiVersion":${JSON.stringify(apiVersion)},`);
}
