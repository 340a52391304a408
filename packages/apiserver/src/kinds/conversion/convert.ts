import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '@keelson/kube';
import { moveFields, putIn, valueAt, type FormContext, type Json, type MovedField } from './moved-fields.ts';

/** The annotation in which Cluster API keeps what a version cannot show. */
export const conversionDataAnnotation = 'cluster.x-k8s.io/conversion-data';

export interface Conversion {
  readonly fields: readonly MovedField[];
  readonly versionOf: FormContext['versionOf'];
  /** Removes what the schema of a version does not know and sets its defaults. */
  readonly fit: Readonly<Record<'newer' | 'older', (object: KubeObject) => KubeObject>>;
}

/** Something the other version cannot say: its path, what it is, and what comes back for it when nobody touches the object. */
interface KeptValue {
  readonly path: readonly string[];
  readonly value: Json;
  readonly shown?: Json;
}

/**
 * An object in the other version. What that version has no field for is kept in an annotation, and put back on the way home wherever the
 * client has left alone what it was shown, so that there and back again is the object it was.
 */
export function convert({ fields, versionOf, fit }: Conversion, source: KubeObject, to: 'newer' | 'older', apiVersion: string): KubeObject {
  const home = to === 'newer' ? 'older' : 'newer';
  const context: FormContext = { namespace: source.metadata.namespace, versionOf };
  const move = (object: KubeObject, direction: 'newer' | 'older', version: string): KubeObject =>
    // Only fields below spec and status move.
    fit[direction]({ ...(moveFields({ ...object }, fields, direction, context) as KubeObject), apiVersion: version });
  const { annotation, plain } = withoutKept(source);
  const result = move(plain, to, apiVersion);
  for (const { path, value, shown } of annotation) if (isDeepStrictEqual(valueAt(result, path), shown)) putIn(result, path, structuredClone(value));
  const kept = differences(plain, move(result, home, source.apiVersion), []);
  if (kept.length === 0) return result;
  return { ...result, metadata: { ...result.metadata, annotations: { ...result.metadata.annotations, [conversionDataAnnotation]: JSON.stringify(kept) } } };
}

function withoutKept(source: KubeObject): { annotation: readonly KeptValue[]; plain: KubeObject } {
  const text = source.metadata.annotations?.[conversionDataAnnotation];
  if (text === undefined) return { annotation: [], plain: source };
  const { [conversionDataAnnotation]: _kept, ...others } = source.metadata.annotations ?? {};
  const { annotations: _all, ...metadata } = source.metadata;
  return { annotation: parseKept(text), plain: { ...source, metadata: { ...metadata, ...(Object.keys(others).length > 0 && { annotations: others }) } } };
}

/** A user can write the annotation: what does not look as it is written here is passed over. */
function parseKept(text: string): readonly KeptValue[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(isKept) : [];
  } catch {
    return [];
  }
}

function isKept(entry: unknown): entry is KeptValue {
  const path = (entry as { path?: unknown } | null)?.path; // asked for in the next line
  return Array.isArray(path) && path.length > 0 && path.every((name) => typeof name === 'string' && name !== '__proto__') && (path[0] === 'spec' || path[0] === 'status');
}

/** Where `is` says something that `comes` back does not. Lists are compared as one value. */
function differences(is: Json, comes: Json, path: readonly string[]): KeptValue[] {
  if (isMap(is) && (isMap(comes) || comes === undefined) && Object.keys(is).length > 0) {
    return Object.keys(is).flatMap((name) => (path.length === 0 && name !== 'spec' && name !== 'status' ? [] : differences(is[name], isMap(comes) ? comes[name] : undefined, [...path, name])));
  }
  if (is === undefined || isDeepStrictEqual(is, comes)) return [];
  return [{ path, value: is, ...(comes !== undefined && { shown: comes }) }];
}

function isMap(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
