// Types of expressions: cel-spec doc/langdef.md "Values" and "Gradual type checking"; names as cel-go's checker prints them.

/** A type of the language. `param` is a type parameter of a declared function; `opaque` is a type with functions only. */
export type Type =
  | { readonly kind: 'int' | 'uint' | 'double' | 'bool' | 'string' | 'bytes' | 'null' | 'dyn' | 'timestamp' | 'duration' | 'error' }
  | { readonly kind: 'type'; readonly of?: Type }
  | { readonly kind: 'list'; readonly element: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type }
  | { readonly kind: 'object'; readonly name: string; readonly fields: ReadonlyMap<string, Type> }
  | { readonly kind: 'opaque'; readonly name: string; readonly parameters: readonly Type[] }
  | { readonly kind: 'param'; readonly name: string };

export const intType: Type = { kind: 'int' };
export const uintType: Type = { kind: 'uint' };
export const doubleType: Type = { kind: 'double' };
export const boolType: Type = { kind: 'bool' };
export const stringType: Type = { kind: 'string' };
export const bytesType: Type = { kind: 'bytes' };
export const nullType: Type = { kind: 'null' };
export const dynType: Type = { kind: 'dyn' };
export const timestampType: Type = { kind: 'timestamp' };
export const durationType: Type = { kind: 'duration' };
export const errorType: Type = { kind: 'error' };

export function listType(element: Type): Type {
  return { kind: 'list', element };
}

export function mapType(key: Type, value: Type): Type {
  return { kind: 'map', key, value };
}

export function opaqueType(name: string, ...parameters: Type[]): Type {
  return { kind: 'opaque', name, parameters };
}

export function optionalType(of: Type): Type {
  return opaqueType('optional_type', of);
}

export function isOptional(type: Type): type is Extract<Type, { kind: 'opaque' }> {
  return type.kind === 'opaque' && type.name === 'optional_type';
}

export const ipType = opaqueType('net.IP');
export const cidrType = opaqueType('net.CIDR');
export const urlType = opaqueType('kubernetes.URL');
export const quantityType = opaqueType('kubernetes.Quantity');
export const formatType = opaqueType('kubernetes.NamedFormat');
export const semverType = opaqueType('kubernetes.Semver');

/** The name of the type itself, as `type(x)` shows it: `list`, `google.protobuf.Timestamp`. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'null':
      return 'null_type';
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'object':
    case 'opaque':
    case 'param':
      return type.name;
    default:
      return type.kind;
  }
}

/** The type with its parameters, as error messages show it: `map(string, list(int))`. */
export function showType(type: Type): string {
  switch (type.kind) {
    case 'error':
      return '!error!';
    case 'list':
      return `list(${showType(type.element)})`;
    case 'map':
      return `map(${showType(type.key)}, ${showType(type.value)})`;
    case 'type':
      return type.of ? `type(${showType(type.of)})` : 'type';
    case 'null':
      return 'null';
    case 'timestamp':
      return 'timestamp';
    case 'duration':
      return 'duration';
    case 'opaque':
      return type.parameters.length === 0 ? type.name : `${type.name}(${type.parameters.map(showType).join(', ')})`;
    default:
      return typeName(type);
  }
}
