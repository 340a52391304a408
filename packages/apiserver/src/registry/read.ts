import type { KubeObject } from '@keelson/kube';
import { applyDefaults, prune } from '@keelson/kube/schema';
import type { Bytes } from '@keelson/std';
import type { StoredValue } from '../store/store.ts';
import { apiVersionHead, decodeObject, encodeObject, hasApiVersion } from './encode.ts';
import type { ServedVersion } from './resource.ts';
import { groupVersion } from './resource.ts';

const heads = new Map<string, Bytes>();

function headOf(apiVersion: string): Bytes {
  const known = heads.get(apiVersion);
  if (known) return known;
  const head = apiVersionHead(apiVersion);
  heads.set(apiVersion, head);
  return head;
}

/** True when stored bytes are, as they are, the answer in this version. */
export function isCurrent(served: ServedVersion, stored: StoredValue): boolean {
  return stored.revision > served.resource.schemaRevision && hasApiVersion(stored.value, headOf(groupVersion(served)));
}

/** A stored object in the version asked for; a copy that may be changed. */
export function readObject(served: ServedVersion, stored: StoredValue): KubeObject {
  const object = decodeObject(stored.value);
  return isCurrent(served, stored) ? object : bringUp(served, object);
}

/** The bytes of a stored object in the version asked for: the stored ones wherever that is possible. */
export function readBytes(served: ServedVersion, stored: StoredValue): Bytes {
  if (isCurrent(served, stored)) return stored.value;
  return encodeObject(bringUp(served, decodeObject(stored.value)), String(stored.revision));
}

/** Converts, prunes and defaults what was stored in another version or under an older schema. */
function bringUp(served: ServedVersion, stored: KubeObject): KubeObject {
  const { resource, version } = served;
  const converted = version.fromStorage ? version.fromStorage(stored) : stored;
  converted.apiVersion = groupVersion(served);
  converted.kind = resource.kind;
  const { schema, resolver, dialect } = version.schema();
  const defaulted = applyDefaults(schema, prune(schema, converted, { resolver, dialect }).value, { resolver, dialect });
  resource.strategy.defaults?.(defaulted);
  return defaulted;
}

/** An object of a served version as it is stored. */
export function toStored(served: ServedVersion, object: KubeObject): KubeObject {
  const { resource, version } = served;
  if (version.toStorage) return version.toStorage(object);
  const storage = resource.versions.find((one) => one.storage) ?? version;
  const apiVersion = groupVersion({ resource, version: storage });
  return apiVersion === object.apiVersion ? object : { ...object, apiVersion };
}
