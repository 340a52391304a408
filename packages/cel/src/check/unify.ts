// Which type may stand for which, with type parameters bound on the way: cel-go checker/types.go.
import type { Type } from '../types.ts';
import { dynType, listType, mapType } from '../types.ts';

/** What type parameters stand for, by name. */
export type Bindings = Map<string, Type>;

const nullable = new Set(['null', 'object', 'opaque', 'duration', 'timestamp']);

/** True when `actual` may stand where `wanted` is; binds parameters of both. */
export function assign(bindings: Bindings, actual: Type, wanted: Type): boolean {
  const from = resolve(bindings, actual);
  const to = resolve(bindings, wanted);
  if (to.kind === 'param') return bind(bindings, to.name, from);
  if (from.kind === 'param') return bind(bindings, from.name, to);
  if (isOpen(from) || isOpen(to)) return true;
  if (from.kind === 'null') return nullable.has(to.kind);
  if (to.kind === 'null') return nullable.has(from.kind);
  if (from.kind === 'list' && to.kind === 'list') return assign(bindings, from.element, to.element);
  if (from.kind === 'map' && to.kind === 'map') return assign(bindings, from.key, to.key) && assign(bindings, from.value, to.value);
  if (from.kind === 'object' && to.kind === 'object') return from.name === to.name;
  if (from.kind === 'opaque' && to.kind === 'opaque') {
    return from.name === to.name && from.parameters.every((parameter, index) => assign(bindings, parameter, to.parameters[index] ?? dynType));
  }
  return from.kind === to.kind;
}

function isOpen(type: Type): boolean {
  return type.kind === 'dyn' || type.kind === 'error';
}

function resolve(bindings: Bindings, type: Type): Type {
  let found = type;
  while (found.kind === 'param') {
    const bound = bindings.get(found.name);
    if (!bound) return found;
    found = bound;
  }
  return found;
}

function bind(bindings: Bindings, name: string, type: Type): boolean {
  if (type.kind === 'param' && type.name === name) return true;
  if (mentions(bindings, type, name)) return false;
  bindings.set(name, type);
  return true;
}

function mentions(bindings: Bindings, type: Type, name: string): boolean {
  const found = resolve(bindings, type);
  switch (found.kind) {
    case 'param':
      return found.name === name;
    case 'list':
      return mentions(bindings, found.element, name);
    case 'map':
      return mentions(bindings, found.key, name) || mentions(bindings, found.value, name);
    case 'opaque':
      return found.parameters.some((parameter) => mentions(bindings, parameter, name));
    default:
      return false;
  }
}

/** The type with its parameters replaced by what they stand for; with `close`, those without a meaning become dyn. */
export function substitute(bindings: Bindings, type: Type, close: boolean): Type {
  const found = resolve(bindings, type);
  switch (found.kind) {
    case 'param':
      return close ? dynType : found;
    case 'list':
      return listType(substitute(bindings, found.element, close));
    case 'map':
      return mapType(substitute(bindings, found.key, close), substitute(bindings, found.value, close));
    case 'opaque':
      return { ...found, parameters: found.parameters.map((parameter) => substitute(bindings, parameter, close)) };
    case 'type':
      return found.of ? { kind: 'type', of: substitute(bindings, found.of, close) } : found;
    default:
      return found;
  }
}

/** The type with fresh parameters, so that two uses of a declaration do not meet. */
export function freshen(type: Type, suffix: string): Type {
  switch (type.kind) {
    case 'param':
      return { kind: 'param', name: `${type.name}${suffix}` };
    case 'list':
      return listType(freshen(type.element, suffix));
    case 'map':
      return mapType(freshen(type.key, suffix), freshen(type.value, suffix));
    case 'opaque':
      return { ...type, parameters: type.parameters.map((parameter) => freshen(parameter, suffix)) };
    case 'type':
      return type.of ? { kind: 'type', of: freshen(type.of, suffix) } : type;
    default:
      return type;
  }
}

/** True when both are the same type, parameters included. */
export function isSameType(a: Type, b: Type): boolean {
  if (a.kind === 'list' && b.kind === 'list') return isSameType(a.element, b.element);
  if (a.kind === 'map' && b.kind === 'map') return isSameType(a.key, b.key) && isSameType(a.value, b.value);
  if (a.kind === 'object' && b.kind === 'object') return a.name === b.name;
  if (a.kind === 'param' && b.kind === 'param') return a.name === b.name;
  if (a.kind === 'opaque' && b.kind === 'opaque') return a.name === b.name && a.parameters.every((parameter, index) => isSameType(parameter, b.parameters[index] ?? dynType));
  return a.kind === b.kind;
}
