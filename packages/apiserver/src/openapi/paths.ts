// Paths of a group version as kubectl and other clients look for them: which operations there are, their parameters and media types.
import type { ServedVersion } from '../registry/resource.ts';
import { groupVersion } from '../registry/resource.ts';
import type { SchemaCollector, SchemaNames } from './schemas.ts';

type PathItem = Record<string, unknown>;

const component = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const query = (name: string, type: 'string' | 'integer' | 'boolean') => ({ name, in: 'query', schema: { type, uniqueItems: true } });
const pathParameter = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } });

const writeParameters = [query('dryRun', 'string'), query('fieldManager', 'string'), query('fieldValidation', 'string')];
const listParameters = [
  query('allowWatchBookmarks', 'boolean'), query('continue', 'string'), query('fieldSelector', 'string'), query('labelSelector', 'string'), query('limit', 'integer'),
  query('resourceVersion', 'string'), query('resourceVersionMatch', 'string'), query('sendInitialEvents', 'boolean'), query('timeoutSeconds', 'integer'), query('watch', 'boolean'),
];
const deleteParameters = [query('dryRun', 'string'), query('gracePeriodSeconds', 'integer'), query('orphanDependents', 'boolean'), query('propagationPolicy', 'string')];

const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'];
const strategicType = 'application/strategic-merge-patch+json';

/** The path items of a resource, by path. */
export function pathsOf(served: ServedVersion, names: SchemaNames, collector: SchemaCollector): Record<string, PathItem> {
  const { resource, version } = served;
  const base = resource.group === '' ? `/api/${version.name}` : `/apis/${groupVersion(served)}`;
  const collection = resource.namespaced ? `${base}/namespaces/{namespace}/${resource.plural}` : `${base}/${resource.plural}`;
  const namespaced = resource.namespaced ? [pathParameter('namespace')] : [];
  const paths: Record<string, PathItem> = {
    [collection]: { ...collectionItem(served, names, collector), parameters: [...namespaced, query('pretty', 'string')] },
    [`${collection}/{name}`]: { ...objectItem(served, names, collector, resource.verbs), parameters: [pathParameter('name'), ...namespaced, query('pretty', 'string')] },
  };
  if (resource.namespaced && resource.verbs.includes('list')) {
    paths[`${base}/${resource.plural}`] = { get: operation(served, 'list', 'ForAllNamespaces', names.list, { parameters: listParameters }) };
  }
  for (const sub of version.subresources) {
    const schema = sub.kind ? subresourceSchema(sub.kind, collector) : names.kind;
    const item = sub.verbs.includes('create')
      ? { post: operation(served, 'post', sub.name, schema, { body: schema, parameters: writeParameters, gvk: sub.kind }) }
      : objectItem(served, { kind: schema, list: names.list }, collector, sub.verbs.filter((verb) => verb !== 'delete'), sub.name, sub.kind);
    paths[`${collection}/{name}/${sub.name}`] = { ...item, parameters: [pathParameter('name'), ...namespaced, query('pretty', 'string')] };
  }
  return paths;
}

function subresourceSchema(kind: { group: string; version: string; kind: string }, collector: SchemaCollector): string {
  const packages: Readonly<Record<string, string>> = { '': 'core', 'authentication.k8s.io': 'authentication' };
  const name = `io.k8s.api.${packages[kind.group] ?? kind.group}.${kind.version}.${kind.kind}`;
  collector.addDefinition(name);
  return name;
}

function collectionItem(served: ServedVersion, names: SchemaNames, collector: SchemaCollector): PathItem {
  const { verbs } = served.resource;
  const status = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
  collector.addDefinition(status);
  return {
    ...(verbs.includes('list') && { get: operation(served, 'list', '', names.list, { parameters: listParameters }) }),
    ...(verbs.includes('create') && { post: operation(served, 'post', '', names.kind, { body: names.kind, parameters: writeParameters }) }),
    ...(verbs.includes('deletecollection') && { delete: operation(served, 'deletecollection', '', status, { parameters: [...deleteParameters, ...listParameters] }) }),
  };
}

function objectItem(
  served: ServedVersion,
  names: SchemaNames,
  collector: SchemaCollector,
  verbs: readonly string[],
  subresource = '',
  gvk?: { group: string; version: string; kind: string },
): PathItem {
  const status = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
  collector.addDefinition(status);
  const types = served.resource.builtIn ? [...patchTypes, strategicType] : patchTypes;
  return {
    ...(verbs.includes('get') && { get: operation(served, 'get', subresource, names.kind, { gvk }) }),
    ...(verbs.includes('update') && { put: operation(served, 'put', subresource, names.kind, { body: names.kind, parameters: writeParameters, gvk }) }),
    ...(verbs.includes('patch') && {
      patch: operation(served, 'patch', subresource, names.kind, { bodyTypes: types, parameters: [...writeParameters, query('force', 'boolean')], gvk }),
    }),
    ...(verbs.includes('delete') && { delete: operation(served, 'delete', subresource, status, { parameters: deleteParameters }) }),
  };
}

interface OperationParts {
  readonly parameters?: readonly object[];
  readonly body?: string;
  readonly bodyTypes?: readonly string[];
  readonly gvk?: { group: string; version: string; kind: string };
}

function operation({ resource, version }: ServedVersion, action: string, suffix: string, answer: string, parts: OperationParts): object {
  const upper = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
  const groupName = resource.group === '' ? 'Core' : upper(resource.group.split('.')[0] ?? '');
  const scope = resource.namespaced && suffix !== 'ForAllNamespaces' ? 'Namespaced' : '';
  const content = (types: readonly string[], schema: object) => Object.fromEntries(types.map((type) => [type, { schema }]));
  const bodyTypes = parts.bodyTypes ?? (parts.body === undefined ? undefined : ['*/*']);
  const patch = { type: 'object' };
  return {
    tags: [`${groupName.toLowerCase()}_${version.name}`],
    operationId: `${action}${groupName}${upper(version.name)}${scope}${resource.kind}${upper(suffix)}`,
    ...(parts.parameters && { parameters: parts.parameters }),
    ...(bodyTypes && { requestBody: { required: true, content: content(bodyTypes, parts.body === undefined ? patch : component(parts.body)) } }),
    responses: { '200': { description: 'OK', content: content(['application/json'], component(answer)) }, '401': { description: 'Unauthorized' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': parts.gvk ?? { group: resource.group, version: version.name, kind: resource.kind },
  };
}
