// Sets of field paths and their wire form FieldsV1: structured-merge-diff fieldpath (element.go, set.go, serialize.go).
import { goJson, showValue } from '../schema/field-error.ts';
import { isRecord } from '../schema/schema.ts';

/**
 * One step of a path in its wire form: `f:name` a field, `k:{"name":"x"}` a list item by its keys (sorted),
 * `v:"x"` a member of a list set, `i:0` a place in a list.
 */
export type PathElement = string;
export type FieldPath = readonly PathElement[];

/**
 * A set of paths as a tree. `members` are the paths that end here, `children` what lies below;
 * a path may be in both. Values of this type are never changed after they were built.
 */
export interface FieldSet {
  readonly members: ReadonlySet<PathElement>;
  readonly children: ReadonlyMap<PathElement, FieldSet>;
}

/** FieldsV1 as it stands in managedFields. */
export type FieldsV1 = Readonly<Record<string, unknown>>;

export const emptySet: FieldSet = { members: new Set(), children: new Map() };

export const fieldElement = (name: string): PathElement => `f:${name}`;
export const valueElement = (value: unknown): PathElement => `v:${goJson(value)}`;

/** The element of an item with these key fields. */
export function keyElement(keys: Readonly<Record<string, unknown>>): PathElement {
  const fields = Object.keys(keys)
    .sort()
    .map((name) => `${goJson(name)}:${goJson(keys[name])}`);
  return `k:{${fields.join(',')}}`;
}

interface Node {
  readonly members: Set<PathElement>;
  readonly children: Map<PathElement, Node>;
}

const emptyNode = (): Node => ({ members: new Set(), children: new Map() });

/** Collects paths; `done` gives the set. The root path itself is never a member. */
export class FieldSetBuilder {
  readonly #root = emptyNode();

  insert(path: FieldPath): void {
    let node = this.#root;
    for (let depth = 0; depth < path.length - 1; depth++) {
      const element = path[depth] ?? '';
      let child = node.children.get(element);
      if (!child) {
        child = emptyNode();
        node.children.set(element, child);
      }
      node = child;
    }
    const last = path.at(-1);
    if (last !== undefined) node.members.add(last);
  }

  /** The set; nothing may be inserted afterwards. */
  done(): FieldSet {
    return this.#root;
  }
}

/** A set of these paths. */
export function fieldSetOf(...paths: readonly FieldPath[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.done();
}

export function isEmptySet(set: FieldSet): boolean {
  if (set.members.size > 0) return false;
  for (const child of set.children.values()) if (!isEmptySet(child)) return false;
  return true;
}

export function hasPath(set: FieldSet, path: FieldPath): boolean {
  let node: FieldSet | undefined = set;
  for (let depth = 0; depth < path.length - 1; depth++) node = node?.children.get(path[depth] ?? '');
  return node?.members.has(path.at(-1) ?? '') ?? false;
}

/** What lies below one element, without that element. */
export function below(set: FieldSet, element: PathElement): FieldSet {
  return set.children.get(element) ?? emptySet;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isBare(b)) return a;
  if (isBare(a)) return b;
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const known = children.get(element);
    children.set(element, known ? union(known, child) : child);
  }
  return { members: new Set([...a.members, ...b.members]), children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: new Set([...a.members].filter((element) => b.members.has(element))),
    children: mapChildren(a, (child, element) => {
      const other = b.children.get(element);
      return other ? intersection(child, other) : emptySet;
    }),
  };
}

/** The paths of `a` that are not in `b`; a parent in `b` does not take its children along. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isBare(b)) return a;
  return {
    members: new Set([...a.members].filter((element) => !b.members.has(element))),
    children: mapChildren(a, (child, element) => {
      const other = b.children.get(element);
      return other ? difference(child, other) : child;
    }),
  };
}

/** The paths of `a` that are neither in `b` nor below a path in `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (isBare(b)) return a;
  return {
    members: new Set([...a.members].filter((element) => !b.members.has(element))),
    children: mapChildren(a, (child, element) => {
      if (b.members.has(element)) return emptySet;
      const other = b.children.get(element);
      return other ? recursiveDifference(child, other) : child;
    }),
  };
}

export function isSameSet(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(difference(a, b)) && isEmptySet(difference(b, a));
}

/** All paths, members before children, each in path order. */
export function pathsOf(set: FieldSet): FieldPath[] {
  const found: FieldPath[] = [];
  const visit = (node: FieldSet, prefix: FieldPath) => {
    for (const element of [...node.members].sort(compareElements)) found.push([...prefix, element]);
    for (const element of [...node.children.keys()].sort(compareElements)) visit(below(node, element), [...prefix, element]);
  };
  visit(set, []);
  return found;
}

/** A path as messages show it: `.spec.containers[name="c"].image`, `.metadata.finalizers[="f"]`. */
export function formatPath(path: FieldPath): string {
  return path.map(formatElement).join('');
}

export function formatElement(element: PathElement): string {
  const text = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${text}`;
    case 'k': {
      const keys: unknown = JSON.parse(text);
      const pairs = isRecord(keys) ? Object.entries(keys) : [];
      return `[${pairs.map(([name, value]) => `${name}=${showValue(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${showValue(JSON.parse(text))}]`;
    default:
      return `[${text}]`;
  }
}

/** The wire form. Elements are in path order, `.` first, so that equal sets give equal JSON. */
export function encodeFields(set: FieldSet): FieldsV1 {
  return encodeNode(set, false);
}

function encodeNode(set: FieldSet, isMember: boolean): FieldsV1 {
  const encoded: Record<string, unknown> = {};
  if (isMember && (set.members.size > 0 || set.children.size > 0)) encoded['.'] = {};
  const elements = new Set([...set.members, ...set.children.keys()]);
  for (const element of [...elements].sort(compareElements)) {
    const child = set.children.get(element);
    encoded[element] = child ? encodeNode(child, set.members.has(element)) : {};
  }
  return encoded;
}

/** Reads the wire form; elements of unknown kinds are left out. Throws for one that cannot be read. */
export function decodeFields(fields: FieldsV1 | undefined): FieldSet {
  return decodeNode(fields ?? {}).set;
}

function decodeNode(fields: FieldsV1): { set: FieldSet; isMember: boolean } {
  const members = new Set<PathElement>();
  const children = new Map<PathElement, FieldSet>();
  let isMember = false;
  for (const [key, value] of Object.entries(fields)) {
    if (key === '.') {
      isMember = true;
      continue;
    }
    const element = readElement(key);
    if (element === undefined) continue;
    const child = decodeNode(isRecord(value) ? value : {});
    if (child.isMember) members.add(element);
    if (!isBare(child.set)) children.set(element, child.set);
  }
  const set = { members, children };
  return { set, isMember: isMember || isBare(set) };
}

function readElement(key: string): PathElement | undefined {
  if (key.charAt(1) !== ':') throw new Error(`managedFields: cannot read path element ${JSON.stringify(key)}`);
  const text = key.slice(2);
  switch (key.charAt(0)) {
    case 'f':
      return key;
    case 'v':
      return valueElement(JSON.parse(text));
    case 'k': {
      const keys: unknown = JSON.parse(text);
      if (!isRecord(keys)) throw new Error(`managedFields: keys ${JSON.stringify(key)} are not an object`);
      return keyElement(keys);
    }
    case 'i':
      if (!/^-?\d+$/.test(text)) throw new Error(`managedFields: index ${JSON.stringify(key)} is not a number`);
      return key;
    default:
      return undefined;
  }
}

const kindOrder = 'fkvi';

/** The order of path elements: fields by name, then keys, values, indices, each by value. */
export function compareElements(a: PathElement, b: PathElement): number {
  const kind = a.charAt(0);
  if (kind !== b.charAt(0)) return kindOrder.indexOf(kind) - kindOrder.indexOf(b.charAt(0));
  if (kind === 'f') return compareTexts(a, b);
  if (kind === 'i') return Number(a.slice(2)) - Number(b.slice(2));
  return compareValues(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
}

/** JSON values in order: numbers, texts, booleans, lists, maps, null; maps by their sorted fields. */
function compareValues(a: unknown, b: unknown): number {
  const [rankA, rankB] = [rank(a), rank(b)];
  if (rankA !== rankB) return rankA - rankB;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (Array.isArray(a) && Array.isArray(b)) return compareLists(a, b, compareValues);
  if (isRecord(a) && isRecord(b)) {
    return compareLists(sortedEntries(a), sortedEntries(b), (x, y) => compareTexts(x[0], y[0]) || compareValues(x[1], y[1]));
  }
  return 0;
}

function rank(value: unknown): number {
  if (value === null) return 5;
  if (Array.isArray(value)) return 3;
  return ['number', 'string', 'boolean', '', 'object'].indexOf(typeof value);
}

function sortedEntries(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => compareTexts(a, b));
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    // Both indices are within bounds.
    const order = compare(a[index] as T, b[index] as T);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** True for a node without any entry, which upstream treats as absent. */
function isBare(set: FieldSet): boolean {
  return set.members.size === 0 && set.children.size === 0;
}

function mapChildren(set: FieldSet, change: (child: FieldSet, element: PathElement) => FieldSet): Map<PathElement, FieldSet> {
  const changed = new Map<PathElement, FieldSet>();
  for (const [element, child] of set.children) {
    const next = change(child, element);
    if (!isEmptySet(next)) changed.set(element, next);
  }
  return changed;
}
