// Optional values: cel-go cel/library.go (optional types, version 2). or and orValue are evaluated lazily by the planner.
import type { Value } from '../values/value.ts';
import { CelError, elementsOf, listOf, noneValue } from '../values/value.ts';
import type { Overload } from './declare.ts';
import { global, member } from './declare.ts';

function isZero(value: Value): boolean {
  switch (typeof value) {
    case 'boolean':
      return !value;
    case 'bigint':
      return value === 0n;
    case 'number':
      return value === 0;
    case 'string':
      return value === '';
    default:
  }
  if (value === null) return true;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value.kind === 'list' || value.kind === 'map') return value.size === 0;
  if (value.kind === 'uint') return value.value === 0n;
  if (value.kind === 'duration') return value.ns === 0n;
  return value.kind === 'optional' && value.value === undefined;
}

export const optionalFunctions: readonly Overload[] = [
  global('optional.of', ['A'], 'optional<A>', (value) => ({ kind: 'optional', value })),
  global('optional.ofNonZeroValue', ['A'], 'optional<A>', (value) => (isZero(value) ? noneValue : { kind: 'optional', value })),
  global('optional.none', [], 'optional<A>', () => noneValue),
  global('optional.unwrap', ['list<optional<A>>'], 'list<A>', (list) =>
    listOf([...elementsOf(list)].flatMap((element) => (typeof element === 'object' && element !== null && 'kind' in element && element.kind === 'optional' && element.value !== undefined ? [element.value] : []))),
  ),
  member('hasValue', ['optional<A>'], 'bool', (optional) => optional.value !== undefined),
  member('value', ['optional<A>'], 'A', (optional) => {
    if (optional.value === undefined) throw new CelError('optional.none() dereference');
    return optional.value;
  }),
  member('or', ['optional<A>', 'optional<A>'], 'optional<A>', (optional, other) => (optional.value === undefined ? other : optional)),
  member('orValue', ['optional<A>', 'A'], 'A', (optional, other) => optional.value ?? other),
  global('_[_]', ['list<A>', 'int'], 'A', never),
  global('_[_]', ['map<A, B>', 'A'], 'B', never),
  global('_[_]', ['optional<list<A>>', 'int'], 'optional<A>', never),
  global('_[_]', ['optional<map<A, B>>', 'A'], 'optional<B>', never),
  global('_[?_]', ['list<A>', 'int'], 'optional<A>', never),
  global('_[?_]', ['optional<list<A>>', 'int'], 'optional<A>', never),
  global('_[?_]', ['map<A, B>', 'A'], 'optional<B>', never),
  global('_[?_]', ['optional<map<A, B>>', 'A'], 'optional<B>', never),
  global('_&&_', ['bool', 'bool'], 'bool', never),
  global('_||_', ['bool', 'bool'], 'bool', never),
  global('@not_strictly_false', ['bool'], 'bool', never),
  global('_?_:_', ['bool', 'A', 'A'], 'A', never),
];

/** Declared for the checker; the planner has steps of its own for them. */
function never(): Value {
  throw new CelError('no such overload');
}
