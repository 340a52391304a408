import { formatGoDuration, parseGoDuration } from './go-duration.ts';

/** Any JSON value below a spec or a status. */
export type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

/** What a change of form may ask of the object. */
export interface FormContext {
  readonly namespace: string | undefined;
  /** The version in which clients of the older contract know a kind. */
  readonly versionOf: (group: string, kind: string) => string | undefined;
}

/** How a value changes when its field moves. Answers undefined for what has no other form; it then stays behind, kept aside. */
export interface Form {
  readonly newer: (older: Json, context: FormContext) => Json;
  readonly older: (newer: Json, context: FormContext) => Json;
}

/** A field in both versions: its path in the older one, in the newer one, and its change of form when it has one. */
export type MovedField = readonly [older: string, newer: string, form?: Form];

const isFields = (value: Json): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A Go duration as text ↔ whole seconds. */
export const seconds: Form = {
  newer: (text) => {
    const ms = typeof text === 'string' ? parseGoDuration(text) : undefined;
    return ms === undefined ? undefined : Math.trunc(ms / 1000);
  },
  older: (count) => (typeof count === 'number' ? formatGoDuration(count) : undefined),
};

/** A map by name ↔ a list sorted by name, whose entries have the value's fields. */
export const namedEntries: Form = {
  newer: (map) => (isFields(map) ? Object.keys(map).sort().map((name) => ({ name, ...(isFields(map[name]) ? map[name] : {}) })) : undefined),
  older: (list) => (Array.isArray(list) ? Object.fromEntries(list.filter(isFields).map(({ name, ...rest }) => [String(name), rest])) : undefined),
};

/** A map by name ↔ a list sorted by name, whose entries have the value in a field of its own. */
export const namedValues = (field: string): Form => ({
  newer: (map) => (isFields(map) ? Object.keys(map).sort().map((name) => ({ name, [field]: map[name] })) : undefined),
  older: (list) => (Array.isArray(list) ? Object.fromEntries(list.filter((entry) => isFields(entry) && entry[field] !== undefined).map((entry) => [String(entry['name']), entry[field]])) : undefined),
});

/** An ObjectReference ↔ a reference by group, kind and name in the same namespace. */
export const contractReference: Form = {
  newer: (ref) => {
    if (!isFields(ref)) return undefined;
    const { apiVersion, kind, name } = ref;
    const apiGroup = typeof apiVersion === 'string' ? apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/'))) : undefined;
    return withoutAbsent({ apiGroup, kind, name });
  },
  older: (ref, { namespace, versionOf }) => {
    if (!isFields(ref)) return undefined;
    const { apiGroup, kind, name } = ref;
    return withoutAbsent({ apiVersion: typeof apiGroup === 'string' ? apiVersionOf(apiGroup, versionOf(apiGroup, String(kind ?? ''))) : undefined, kind, namespace, name });
  },
};

function apiVersionOf(group: string, version = 'v1beta1'): string {
  return group === '' ? 'v1' : `${group}/${version}`;
}

/** An ObjectReference ↔ one with the version, in the same namespace. */
export const versionedReference: Form = {
  newer: (ref) => (isFields(ref) ? withoutAbsent({ apiVersion: ref['apiVersion'], kind: ref['kind'], name: ref['name'] }) : undefined),
  older: (ref, { namespace }) => (isFields(ref) ? withoutAbsent({ ...ref, namespace }) : undefined),
};

/** An ObjectReference ↔ the name of a node. */
export const nodeReference: Form = {
  newer: (ref) => (isFields(ref) ? withoutAbsent({ name: ref['name'] }) : undefined),
  older: (ref) => (isFields(ref) ? withoutAbsent({ apiVersion: 'v1', kind: 'Node', name: ref['name'] }) : undefined),
};

/** Every entry of a list, with fields of its own that move. */
export const entries = (...fields: readonly MovedField[]): Form => ({
  newer: (list, context) => (Array.isArray(list) ? list.map((entry) => (isFields(entry) ? moveFields(entry, fields, 'newer', context) : entry)) : undefined),
  older: (list, context) => (Array.isArray(list) ? list.map((entry) => (isFields(entry) ? moveFields(entry, fields, 'older', context) : entry)) : undefined),
});

function withoutAbsent(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A copy with its fields where the other version has them. All are taken out before any is put in, since one may go where another was. */
export function moveFields(source: Fields, fields: readonly MovedField[], to: 'newer' | 'older', context: FormContext): Record<string, Json> {
  const result: Record<string, Json> = structuredClone(source);
  const moved: [path: readonly string[], value: Json][] = [];
  for (const [older, newer, form] of fields) {
    const [from, target] = to === 'newer' ? [older, newer] : [newer, older];
    const value = takeOut(result, from.split('.'));
    if (value === undefined) continue;
    const changed = form ? form[to](value, context) : value;
    if (changed !== undefined) moved.push([target.split('.'), changed]);
  }
  for (const [path, value] of moved) putIn(result, path, value);
  return result;
}

/** The value at a path; undefined when there is none. */
export function valueAt(source: Json, path: readonly string[]): Json {
  let value = source;
  for (const name of path) value = isFields(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/** Removes a field, and what holds nothing without it. */
function takeOut(target: Record<string, Json>, path: readonly string[]): Json {
  const [name = '', ...rest] = path;
  if (!Object.hasOwn(target, name)) return undefined;
  if (rest.length === 0) {
    const value = target[name];
    delete target[name];
    return value;
  }
  const inner = target[name];
  if (!isFields(inner)) return undefined;
  // A clone of the source: it may be changed.
  const value = takeOut(inner as Record<string, Json>, rest);
  if (value !== undefined && Object.keys(inner).length === 0) delete target[name];
  return value;
}

/** Sets a field, making what holds it. */
export function putIn(target: Record<string, Json>, path: readonly string[], value: Json): void {
  let holder = target;
  for (const name of path.slice(0, -1)) {
    const inner = holder[name];
    if (isFields(inner)) holder = inner as Record<string, Json>; // of a clone, as above
    else holder = (holder[name] = {}) as Record<string, Json>; // just made
  }
  holder[path.at(-1)!] = value;
}
