// Rules of CustomResourceDefinition objects: apiextensions-apiserver pkg/apis/apiextensions/validation and
// pkg/registry/customresourcedefinition.
import type { KubeObject } from '@keelson/kube';
import { checkDns1035Label, checkDnsLabel, checkDnsSubdomain } from '@keelson/kube';
import type { FieldError, Schema } from '@keelson/kube/schema';
import { forbidden, invalid, notSupported, required } from '@keelson/kube/schema';
import type { Draft } from '../kinds/strategy.ts';
import type { Fields } from '../kinds/fields.ts';
import { ensureFields, fieldsAt, isFields, isSame, listAt, textAt, textsAt } from '../kinds/fields.ts';
import { isPath } from '../http/json-path.ts';
import { ruleIssues } from './rules.ts';
import { structuralErrors } from './structural.ts';

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';
const approvalAnnotation = 'api-approved.kubernetes.io';

/** A new definition has stored nothing yet but what it is going to store. */
export function prepareResourceDefinition(object: Draft): void {
  const storage = storageVersionName(object);
  object['status'] = { storedVersions: storage === undefined ? [] : [storage] };
}

/** A change of the storage version adds to the versions that may be in the store. */
export function prepareResourceDefinitionUpdate(object: Draft): void {
  const storage = storageVersionName(object);
  const status = ensureFields(object, 'status');
  const stored = textsAt(status, 'storedVersions');
  if (storage !== undefined && !stored.includes(storage)) status['storedVersions'] = [...stored, storage];
}

/** The name of the version that is stored; undefined unless exactly one is. */
export function storageVersionName(object: KubeObject): string | undefined {
  const stored = listAt(fieldsAt(object, 'spec'), 'versions').filter((version) => version['storage'] === true);
  return stored.length === 1 ? textAt(stored[0], 'name') : undefined;
}

export function validateResourceDefinition(object: KubeObject): FieldError[] {
  const spec = fieldsAt(object, 'spec');
  const names = fieldsAt(spec, 'names');
  const group = textAt(spec, 'group') ?? '';
  const plural = textAt(names, 'plural') ?? '';
  const errors: FieldError[] = [];
  const expected = `${plural}.${group}`;
  if (object.metadata.name !== expected) errors.push(invalid('metadata.name', object.metadata.name, `must be spec.names.plural+"."+spec.group`));
  if (group === '') errors.push(required('spec.group'));
  else errors.push(...checkDnsSubdomain(group).map((complaint) => invalid('spec.group', group, complaint)));
  if (group !== '' && !group.includes('.')) errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  const scope = textAt(spec, 'scope');
  if (scope !== 'Cluster' && scope !== 'Namespaced') errors.push(notSupported('spec.scope', scope ?? '', ['Cluster', 'Namespaced']));
  if (spec?.['preserveUnknownFields'] === true) errors.push(invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'));
  if (/(^|\.)(k8s\.io|kubernetes\.io)$/.test(group) && !object.metadata.annotations?.[approvalAnnotation]) {
    errors.push(required(`metadata.annotations[${approvalAnnotation}]`, 'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'));
  }
  return [...errors, ...nameErrors(names), ...conversionErrors(fieldsAt(spec, 'conversion')), ...versionErrors(spec, textsAt(fieldsAt(object, 'status'), 'storedVersions'))];
}

function nameErrors(names: Fields | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    const value = textAt(names, field) ?? '';
    if (value === '') errors.push(required(`spec.names.${field}`));
    else errors.push(...checkDns1035Label(value.toLowerCase()).map((complaint) => invalid(`spec.names.${field}`, value, complaint)));
  }
  for (const field of ['plural', 'singular']) {
    const value = textAt(names, field) ?? '';
    if (value !== value.toLowerCase()) errors.push(invalid(`spec.names.${field}`, value, 'must be in lower case'));
  }
  for (const field of ['shortNames', 'categories']) {
    textsAt(names, field).forEach((value, index) => errors.push(...checkDns1035Label(value).map((complaint) => invalid(`spec.names.${field}[${index}]`, value, complaint))));
  }
  const kind = textAt(names, 'kind');
  if (kind !== undefined && kind !== '' && kind === textAt(names, 'listKind')) errors.push(invalid('spec.names.listKind', kind, 'kind and listKind may not be the same'));
  return errors;
}

function conversionErrors(conversion: Fields | undefined): FieldError[] {
  const strategy = textAt(conversion, 'strategy');
  if (strategy === undefined || strategy === 'None') return [];
  if (strategy !== 'Webhook') return [notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])];
  // Accepting it and converting by name alone would lose fields.
  return [forbidden('spec.conversion.strategy', 'conversion by webhook is not supported by this server yet; use None, or serve one version')];
}

function versionErrors(spec: Fields | undefined, stored: readonly string[]): FieldError[] {
  const versions = listAt(spec, 'versions');
  const errors: FieldError[] = [];
  if (versions.length === 0) return [required('spec.versions', 'must have at least one version')];
  const names = new Set<string>();
  versions.forEach((version, index) => {
    const path = `spec.versions[${index}]`;
    const name = textAt(version, 'name') ?? '';
    errors.push(...checkDnsLabel(name).map((complaint) => invalid(`${path}.name`, name, complaint)));
    if (names.has(name)) errors.push(invalid('spec.versions', versions.map((one) => one['name']), 'must contain unique version names'));
    names.add(name);
    errors.push(...schemaErrors(version, path), ...subresourceErrors(version, path), ...columnErrors(version, path));
  });
  if (versions.filter((version) => version['storage'] === true).length !== 1) {
    errors.push(invalid('spec.versions', versions.map((one) => one['name']), 'must have exactly one version marked as storage version'));
  }
  stored.forEach((name, index) => {
    if (!names.has(name)) errors.push(invalid(`status.storedVersions[${index}]`, name, 'missing from spec.versions; storage version cannot be removed from spec.versions while it is in status.storedVersions'));
  });
  return errors;
}

function schemaErrors(version: Fields, path: string): FieldError[] {
  const schema = fieldsAt(version, 'schema', 'openAPIV3Schema');
  if (!schema) return [required(`${path}.schema.openAPIV3Schema`, 'schemas are required')];
  const at = `${path}.schema.openAPIV3Schema`;
  const errors = structuralErrors(schema, at);
  // Rules are only looked at in a schema that can be walked. Structural means it is a Schema.
  return errors.length > 0 ? errors : ruleIssues(schema as Schema, at);
}

function subresourceErrors(version: Fields, path: string): FieldError[] {
  const scale = fieldsAt(version, 'subresources', 'scale');
  if (!scale) return [];
  const errors: FieldError[] = [];
  for (const [field, root] of [['specReplicasPath', '.spec.'], ['statusReplicasPath', '.status.']] as const) {
    const value = textAt(scale, field) ?? '';
    if (value === '') errors.push(required(`${path}.subresources.scale.${field}`));
    else if (!value.startsWith(root) || !isPath(value)) errors.push(invalid(`${path}.subresources.scale.${field}`, value, `should be a json path under ${root.slice(0, -1)}`));
  }
  return errors;
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

function columnErrors(version: Fields, path: string): FieldError[] {
  return listAt(version, 'additionalPrinterColumns').flatMap((column, index) => {
    const at = `${path}.additionalPrinterColumns[${index}]`;
    const errors: FieldError[] = [];
    if (!textAt(column, 'name')) errors.push(required(`${at}.name`));
    if (!columnTypes.includes(textAt(column, 'type') ?? '')) errors.push(invalid(`${at}.type`, column['type'] ?? '', `must be one of ${columnTypes.join(',')}`));
    const jsonPath = textAt(column, 'jsonPath');
    if (!jsonPath) errors.push(required(`${at}.jsonPath`));
    else if (!isPath(jsonPath)) errors.push(invalid(`${at}.jsonPath`, jsonPath, 'is an invalid simple json path'));
    return errors;
  });
}

/** Group, plural, kind and scope are what everything stored hangs on. */
export function validateResourceDefinitionUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const now = fieldsAt(object, 'spec');
  const before = fieldsAt(old, 'spec');
  const fixed: readonly (readonly string[])[] = [['group'], ['scope'], ['names', 'plural'], ['names', 'kind']];
  return fixed.flatMap((path) => {
    const value = (of: Fields | undefined) => path.reduce<unknown>((at, name) => (isFields(at) ? at[name] : undefined), of);
    return isSame(value(now), value(before)) ? [] : [invalid(`spec.${path.join('.')}`, value(now) ?? '', 'field is immutable')];
  });
}
