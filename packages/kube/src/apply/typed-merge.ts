// Merging two values of one type: structured-merge-diff typed/merge.go.
import { isRecord } from '../schema/schema.ts';
import type { PathElement } from './field-set.ts';
import { setField } from './merge-patch.ts';
import type { Atom, ListType, MapType } from './typed.ts';
import { deduce, itemElement, partOf } from './typed-value.ts';

/**
 * The left value with the right one merged in: scalars and atomic parts of the right win, maps and associative lists merge.
 * Nothing is removed. Both must fit the type. Undefined stands for absent; null is a value.
 */
export function mergeTyped(atom: Atom, left: unknown, right: unknown): unknown {
  const part = partOf(right === undefined ? deduce(atom, left) : deduce(atom, right));
  if (!part || 'scalar' in part) return keepRight(left, right);
  return 'map' in part ? mergeMaps(part.map, left, right) : mergeLists(part.list, left, right);
}

function keepRight(left: unknown, right: unknown): unknown {
  return right !== undefined ? right : left;
}

function mergeMaps(type: MapType, left: unknown, right: unknown): unknown {
  const [a, b] = [isRecord(left) ? left : undefined, isRecord(right) ? right : undefined];
  // Two empty ones are a leaf, so that the difference between empty and null stays.
  if (type.atomic || (isEmpty(a) && isEmpty(b))) return keepRight(left, right);
  const merged: Record<string, unknown> = {};
  const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  for (const name of names) {
    const field = type.field(name) ?? type.element;
    const [x, y] = [own(a, name), own(b, name)];
    const value = field ? mergeTyped(field(), x, y) : keepRight(x, y);
    if (value !== undefined) setField(merged, name, value);
  }
  return names.size > 0 ? merged : undefined;
}

function own(record: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}

function isEmpty(record: Readonly<Record<string, unknown>> | undefined): boolean {
  return !record || Object.keys(record).length === 0;
}

interface Indexed {
  readonly elements: readonly PathElement[];
  /** The item of each element; undefined for one that occurs several times, which is not merged. */
  readonly items: ReadonlyMap<PathElement, unknown>;
}

function index(type: ListType, list: readonly unknown[]): Indexed {
  const elements = list.map((item) => itemElement(type, item));
  const items = new Map<PathElement, unknown>();
  elements.forEach((element, at) => items.set(element, items.has(element) ? undefined : list[at]));
  return { elements, items };
}

/** Items of the right come in its order; items that only the left has keep their place among the shared ones. */
function mergeLists(type: ListType, left: unknown, right: unknown): unknown {
  const [a, b]: [readonly unknown[], readonly unknown[]] = [Array.isArray(left) ? left : [], Array.isArray(right) ? right : []];
  if (type.atomic || (a.length === 0 && b.length === 0)) return keepRight(left, right);
  const [l, r] = [index(type, a), index(type, b)];
  const shared = r.elements.filter((element) => l.items.has(element));
  const merged: unknown[] = [];
  const taken = new Set<PathElement>();
  let nextShared = shared.shift();
  const take = (element: PathElement) => {
    taken.add(element);
    merged.push(mergeTyped(type.element(), l.items.get(element), r.items.get(element)));
  };
  for (let i = 0, j = 0; i < l.elements.length || j < r.elements.length; ) {
    const [x, y] = [l.elements[i], r.elements[j]];
    if (x !== undefined && y !== undefined) {
      if (x === y) {
        take(x);
        i++;
        j++;
        nextShared = shared.shift();
        continue;
      }
      if (r.items.has(x) && nextShared !== undefined && nextShared !== x) {
        // A shared item, but not the one whose turn it is.
        i++;
        continue;
      }
    }
    if (x !== undefined) {
      if (!r.items.has(x)) {
        merged.push(a[i]);
        i++;
        continue;
      }
      if (taken.has(x)) i++;
    }
    if (y !== undefined) {
      take(y);
      j++;
      if (nextShared === y) nextShared = shared.shift();
    }
  }
  return merged.length > 0 ? merged : undefined;
}
