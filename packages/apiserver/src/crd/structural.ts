// Which schemas a CustomResourceDefinition may have: apiextensions-apiserver pkg/apiserver/schema/validation.go and
// pkg/apis/apiextensions/validation.
import type { FieldError } from '@keelson/kube/schema';
import { forbidden, invalid, notSupported, required } from '@keelson/kube/schema';
import type { Fields } from '../kinds/fields.ts';
import { isFields } from '../kinds/fields.ts';
import { compilePattern } from '@keelson/kube/schema';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const unsupported = ['$ref', 'definitions', 'dependencies', 'patternProperties', 'additionalItems', 'id', '$schema'];
/** What may not stand inside allOf, anyOf, oneOf and not: there only values are judged. */
const structureOnly = ['default', 'additionalProperties', 'nullable', 'description', 'title', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'];
/** A schema deeper than this is refused rather than walked. */
const maxDepth = 200;

/** The errors that keep a schema from being structural; empty when it is. `path` is where it stands in the definition. */
export function structuralErrors(schema: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  walk(schema, path, { root: true, depth: 0 }, errors);
  return errors;
}

interface Place {
  readonly root: boolean;
  readonly depth: number;
}

function walk(schema: Fields, path: string, place: Place, errors: FieldError[]): void {
  if (place.depth > maxDepth) {
    errors.push(invalid(path, '', `must not be nested more than ${maxDepth} levels deep`));
    return;
  }
  checkType(schema, path, place, errors);
  for (const field of unsupported) if (schema[field] !== undefined) errors.push(forbidden(`${path}.${field}`, `${field} is not supported`));
  if (schema['uniqueItems'] === true) errors.push(forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'));
  if (place.root && schema['nullable'] === true) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  if (typeof schema['pattern'] === 'string') {
    const compiled = compilePattern(schema['pattern']);
    if (typeof compiled === 'string') errors.push(invalid(`${path}.pattern`, schema['pattern'], `must be a valid regular expression, but isn't: ${compiled}`));
  }
  checkLists(schema, path, errors);
  for (const composition of ['allOf', 'anyOf', 'oneOf']) {
    const parts = schema[composition];
    if (Array.isArray(parts)) parts.forEach((part, index) => isFields(part) && walkValues(part, `${path}.${composition}[${index}]`, schema['x-kubernetes-int-or-string'] === true, place.depth + 1, errors));
  }
  if (isFields(schema['not'])) walkValues(schema['not'], `${path}.not`, false, place.depth + 1, errors);
  walkChildren(schema, path, place, errors);
}

function checkType(schema: Fields, path: string, place: Place, errors: FieldError[]): void {
  const { type } = schema;
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (type === undefined || type === '') {
    if (place.root) errors.push(required(`${path}.type`, 'must not be empty at the root'));
    else if (!isIntOrString && !isOpen) errors.push(required(`${path}.type`, 'must not be empty for specified object fields'));
    return;
  }
  if (typeof type !== 'string' || !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types));
  if (place.root && type !== 'object') errors.push(invalid(`${path}.type`, type, 'must be object at the root'));
  if (isIntOrString) errors.push(invalid(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true'));
  if (schema['x-kubernetes-embedded-resource'] === true && type !== 'object') errors.push(invalid(`${path}.type`, type, 'must be object if x-kubernetes-embedded-resource is true'));
}

function checkLists(schema: Fields, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['type'] === 'array' && !isFields(schema['items'])) errors.push(required(`${path}.items`, 'must be specified'));
  if (listType !== undefined) {
    if (schema['type'] !== 'array') errors.push(invalid(`${path}.type`, schema['type'] ?? '', 'must be array if x-kubernetes-list-type is specified'));
    if (!['atomic', 'set', 'map'].includes(String(listType))) errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'map', 'set']));
  }
  if (keys !== undefined && listType !== 'map') errors.push(invalid(`${path}.x-kubernetes-list-type`, listType ?? '', 'must be map if x-kubernetes-list-map-keys is non-empty'));
  if (listType !== 'map') return;
  if (!Array.isArray(keys) || keys.length === 0) {
    errors.push(required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'));
    return;
  }
  const items = isFields(schema['items']) ? schema['items'] : {};
  const properties = isFields(items['properties']) ? items['properties'] : {};
  const wanted = Array.isArray(items['required']) ? items['required'] : [];
  for (const key of keys) {
    const property = properties[String(key)];
    if (!isFields(property)) errors.push(invalid(`${path}.x-kubernetes-list-map-keys`, keys, 'entries must all be names of item properties'));
    else if (!wanted.includes(key) && property['default'] === undefined) {
      errors.push(required(`${path}.items.properties[${String(key)}].default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
    }
  }
}

function walkChildren(schema: Fields, path: string, place: Place, errors: FieldError[]): void {
  const { properties, additionalProperties, items } = schema;
  const below = { root: false, depth: place.depth + 1 };
  if (isFields(properties)) {
    if (isFields(additionalProperties) || additionalProperties === true) errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
    for (const [name, property] of Object.entries(properties)) {
      if (!isFields(property)) continue;
      if (place.root && name === 'metadata') checkMetadata(property, `${path}.properties[metadata]`, errors);
      else walk(property, `${path}.properties[${name}]`, below, errors);
    }
  } else if (place.root && additionalProperties !== undefined) {
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  if (isFields(additionalProperties)) walk(additionalProperties, `${path}.additionalProperties`, below, errors);
  if (isFields(items)) walk(items, `${path}.items`, below, errors);
  if (Array.isArray(items)) errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'));
}

/** At the root, metadata is ObjectMeta; only names may be restricted. */
function checkMetadata(schema: Fields, path: string, errors: FieldError[]): void {
  const properties = isFields(schema['properties']) ? schema['properties'] : {};
  const strange = Object.keys(properties).filter((name) => name !== 'name' && name !== 'generateName');
  if (strange.length > 0) errors.push(forbidden(`${path}.properties`, 'only allowed to specify restrictions on metadata.name and metadata.generateName'));
}

function walkValues(schema: Fields, path: string, inIntOrString: boolean, depth: number, errors: FieldError[]): void {
  if (depth > maxDepth) return;
  for (const field of structureOnly) if (schema[field] !== undefined && schema[field] !== false && schema[field] !== '') errors.push(forbidden(`${path}.${field}`, 'must be undefined to be structural'));
  if (schema['type'] !== undefined && schema['type'] !== '' && !inIntOrString) errors.push(forbidden(`${path}.type`, 'must be empty to be structural'));
  for (const composition of ['allOf', 'anyOf', 'oneOf']) {
    const parts = schema[composition];
    if (Array.isArray(parts)) parts.forEach((part, index) => isFields(part) && walkValues(part, `${path}.${composition}[${index}]`, inIntOrString, depth + 1, errors));
  }
  if (isFields(schema['not'])) walkValues(schema['not'], `${path}.not`, false, depth + 1, errors);
  const { properties, items } = schema;
  if (isFields(properties)) for (const [name, part] of Object.entries(properties)) if (isFields(part)) walkValues(part, `${path}.properties[${name}]`, false, depth + 1, errors);
  if (isFields(items)) walkValues(items, `${path}.items`, false, depth + 1, errors);
}
