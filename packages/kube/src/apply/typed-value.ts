// How values meet types: structured-merge-diff typed/helpers.go and typed/validate.go.
import { quote, showValue } from '../schema/field-error.ts';
import { isRecord } from '../schema/schema.ts';
import type { PathElement } from './field-set.ts';
import { fieldElement, formatElement, formatPath, keyElement, valueElement } from './field-set.ts';
import type { Atom, ListType, MapType, ScalarType } from './typed.ts';

/** The part of a type that a value uses. Undefined and null keep all parts. */
export function deduce(atom: Atom, value: unknown): Atom {
  if (Array.isArray(value)) return atom.list ? { list: atom.list } : atom;
  if (isRecord(value)) return atom.map ? { map: atom.map } : atom;
  if (value === undefined || value === null) return atom;
  return atom.scalar ? { scalar: atom.scalar } : atom;
}

/** Which of its parts a type is handled by, in upstream's order of preference. */
export function partOf(atom: Atom): { map: MapType } | { scalar: ScalarType } | { list: ListType } | undefined {
  if (atom.map) return { map: atom.map };
  if (atom.scalar) return { scalar: atom.scalar };
  return atom.list ? { list: atom.list } : undefined;
}

export function isSameAtom(a: Atom, b: Atom): boolean {
  return a.scalar === b.scalar && a.list === b.list && a.map === b.map;
}

/** The path element of an item of an associative list. Throws an Error that says why an item has none. */
export function itemElement(list: ListType, item: unknown): PathElement {
  if (list.keys.length === 0) {
    if (isRecord(item)) throw new Error("associative list without keys has an element that's a map type");
    if (Array.isArray(item)) throw new Error('not supported: associative list with lists as elements');
    if (item === null) throw new Error("associative list without keys has an element that's an explicit null");
    return valueElement(item);
  }
  if (item === null) throw new Error('associative list with keys may not have a null element');
  if (!isRecord(item)) throw new Error('associative list with keys may not have non-map elements');
  const keys: Record<string, unknown> = {};
  let element: Atom | undefined;
  for (const key of list.keys) {
    const value = item[key] !== undefined ? item[key] : (element ??= list.element()).map?.defaultOf(key);
    if (value !== undefined && (value !== null || item[key] === null)) keys[key] = value;
  }
  if (Object.keys(keys).length === 0) {
    const names = `[${list.keys.map(quote).join(' ')}]`;
    throw new Error(`associative list with keys has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`);
  }
  return keyElement(keys);
}

/** One thing in a value that its type does not allow. */
export interface TypeProblem {
  readonly path: string;
  readonly message: string;
}

/**
 * What in a value does not fit its type: undeclared fields, wrong kinds of value, items without keys, and,
 * unless `allowDuplicates`, items with equal keys.
 */
export function typeProblems(atom: Atom, value: unknown, allowDuplicates: boolean): TypeProblem[] {
  const run: Check = { path: [], allowDuplicates, found: [] };
  visit(atom, value, run);
  return run.found;
}

/** The problems as one text, each on a line when there are several. */
export function formatTypeProblems(problems: readonly TypeProblem[]): string {
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return lines.length === 1 ? (lines[0] ?? '') : ['errors:', ...lines.map((line) => `  ${line}`)].join('\n');
}

interface Check {
  readonly path: PathElement[];
  readonly allowDuplicates: boolean;
  readonly found: TypeProblem[];
}

function complain(run: Check, message: string): void {
  run.found.push({ path: formatPath(run.path), message });
}

function visit(atom: Atom, value: unknown, run: Check): void {
  const part = partOf(deduce(atom, value));
  if (!part) complain(run, 'schema error: invalid atom: inlined');
  else if ('map' in part) visitMap(part.map, value, run);
  else if ('list' in part) visitList(part.list, value, run);
  else {
    const message = scalarProblem(part.scalar, value);
    if (message !== undefined) complain(run, message);
  }
}

function visitMap(type: MapType, value: unknown, run: Check): void {
  if (value === null || value === undefined) return;
  if (!isRecord(value)) return complain(run, `expected map, got ${goPointer(value)}`);
  for (const name of Object.keys(value)) {
    const item = value[name];
    if (item === undefined) continue;
    const field = type.field(name) ?? type.element;
    run.path.push(fieldElement(name));
    if (field) visit(field(), item, run);
    else complain(run, 'field not declared in schema');
    run.path.pop();
  }
}

function visitList(type: ListType, value: unknown, run: Check): void {
  if (value === null || value === undefined) return;
  if (!Array.isArray(value)) return complain(run, `expected list, got ${goPointer(value)}`);
  const seen = new Set<PathElement>();
  for (const [index, item] of value.entries()) {
    let element = `i:${index}`;
    if (!type.atomic) {
      try {
        element = itemElement(type, item);
      } catch (error) {
        return complain(run, `element ${index}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (seen.has(element) && !run.allowDuplicates) complain(run, `duplicate entries for key ${formatElement(element)}`);
      seen.add(element);
    }
    run.path.push(element);
    visit(type.element(), item, run);
    run.path.pop();
  }
}

function scalarProblem(type: ScalarType, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  switch (type) {
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goLiteral(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${goPointer(value)}`;
    case 'untyped':
      return typeof value === 'object' ? `expected any scalar, got ${goPointer(value)}` : undefined;
  }
}

/** Upstream prints values in Go's notation; the three below are %T, %#v and %v of what JSON decodes to. */
function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goLiteral).join(', ')}}`;
  if (isRecord(value)) {
    const fields = Object.keys(value)
      .sort()
      .map((name) => `${quote(name)}:${goLiteral(value[name])}`);
    return `map[string]interface {}{${fields.join(', ')}}`;
  }
  return value === null ? 'interface {}(nil)' : showValue(value);
}

/** A JSON value as Go's %v prints it: `map[a:1 b:[x y]]`. */
export function goPlain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goPlain).join(' ')}]`;
  if (isRecord(value)) {
    const fields = Object.keys(value)
      .sort()
      .map((name) => `${name}:${goPlain(value[name])}`);
    return `map[${fields.join(' ')}]`;
  }
  return value === null ? '<nil>' : String(value);
}

function goPointer(value: unknown): string {
  return `&{${goPlain(value)}}`;
}
