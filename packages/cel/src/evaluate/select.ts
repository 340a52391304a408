// Reading fields and items: cel-spec doc/langdef.md "Field Selection"; words as cel-go interpreter/attributes.go and common/types.
import type { Value } from '../values/value.ts';
import { CelError, noneValue, typeNameOf } from '../values/value.ts';
import type { Frame, Step } from './frame.ts';

/** The step's value or its failure. */
export function attempt(step: Step, frame: Frame): Value | CelError {
  try {
    return step(frame);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

/** `of.field`; of an optional, the optional of it. Throws CelError when it is not there. */
export function readField(of: Value, field: string): Value {
  if (typeof of === 'object' && of !== null && !(of instanceof Uint8Array)) {
    if (of.kind === 'map') {
      const value = of.get(field);
      if (value === undefined) throw new CelError(`no such key: ${field}`);
      return value;
    }
    if (of.kind === 'optional') return optionalItem(of, field);
  }
  throw new CelError(`no such key: ${field}`);
}

/** `of[key]`. Throws CelError when it is not there. */
export function readItem(of: Value, key: Value): Value {
  if (typeof of === 'object' && of !== null && !(of instanceof Uint8Array)) {
    if (of.kind === 'optional') return optionalItem(of, key);
    if (of.kind === 'map') {
      const value = of.get(key);
      if (value === undefined) throw new CelError(`no such key: ${showKey(key)}`);
      return value;
    }
    if (of.kind === 'list') {
      const index = indexOf(key);
      if (index === undefined) throw new CelError(`unsupported index type '${typeNameOf(key)}' in list`);
      if (index < 0 || index >= of.size) throw new CelError(`index out of bounds: ${index}`);
      return of.at(index);
    }
  }
  throw new CelError('no such overload');
}

/** `of?.key` and `of[?key]`: an optional, empty when it is not there. */
export function optionalItem(of: Value, key: Value): Value {
  if (typeof of !== 'object' || of === null || of instanceof Uint8Array) throw new CelError('no such overload');
  if (of.kind === 'optional') return of.value === undefined ? of : optionalItem(of.value, key);
  if (of.kind === 'map') {
    const value = of.get(key);
    return value === undefined ? noneValue : wrap(value);
  }
  if (of.kind !== 'list') throw new CelError('no such overload');
  const index = indexOf(key);
  if (index === undefined) throw new CelError(`unsupported index type '${typeNameOf(key)}' in list`);
  return index < 0 || index >= of.size ? noneValue : wrap(of.at(index));
}

function wrap(value: Value): Value {
  return { kind: 'optional', value };
}

/** A whole number of any type as an index. */
function indexOf(key: Value): number | undefined {
  if (typeof key === 'bigint') return Number(key);
  if (typeof key === 'number') return Number.isInteger(key) ? key : undefined;
  return typeof key === 'object' && key !== null && 'kind' in key && key.kind === 'uint' ? Number(key.value) : undefined;
}

function showKey(key: Value): string {
  return typeof key === 'object' && key !== null && 'kind' in key && key.kind === 'uint' ? key.value.toString() : String(key);
}
