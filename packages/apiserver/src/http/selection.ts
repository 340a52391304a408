// Label and field selectors of lists, watches and deletecollection.
import type { FieldSelector, KubeObject, Selector } from '@keelson/kube';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector, SelectorError } from '@keelson/kube';
import type { ServedVersion } from '../registry/resource.ts';
import { badRequest } from './api-status.ts';
import { readPath } from './json-path.ts';
import { queryText } from './query.ts';

/** Which objects of a collection a request wants. */
export interface Selection {
  /** True when every object is wanted, so that none needs to be parsed. */
  readonly all: boolean;
  /** The one name that can match, from `metadata.name=x`. */
  readonly name?: string;
  /** The one namespace that can match. */
  readonly namespace?: string;
  /** True when name and namespace decide by themselves. */
  readonly byKeyOnly: boolean;
  matches(object: KubeObject): boolean;
}

/** Reads labelSelector and fieldSelector. 400 for bad syntax and for a field the kind cannot be selected by. */
export function selectionOf(served: ServedVersion, query: URLSearchParams, pathName?: string): Selection {
  const labels = parsed(() => parseLabelSelector(queryText(query, 'labelSelector') ?? ''), 'labelSelector');
  const fields = parsed(() => parseFieldSelector(queryText(query, 'fieldSelector') ?? ''), 'fieldSelector');
  const paths = new Map(served.version.selectableFields.map((path) => [path.replace(/^\./, ''), path]));
  for (const { path } of fields) {
    if (path !== 'metadata.name' && path !== 'metadata.namespace' && !paths.has(path)) throw badRequest(`field label not supported: ${path}`);
  }
  const equal = (path: string) => fields.find((field) => field.path === path && field.operator === '=')?.value;
  const name = pathName ?? equal('metadata.name');
  const namespace = served.resource.namespaced ? equal('metadata.namespace') : undefined;
  const others = fields.filter((field) => !(field.operator === '=' && (field.path === 'metadata.name' || field.path === 'metadata.namespace')));
  const byKeyOnly = labels.requirements.length === 0 && others.length === 0;
  return {
    all: byKeyOnly && name === undefined && namespace === undefined && fields.length === 0,
    name,
    namespace,
    byKeyOnly,
    matches: (object) => matches(object, labels, fields, pathName),
  };
}

function matches(object: KubeObject, labels: Selector, fields: FieldSelector, pathName: string | undefined): boolean {
  if (pathName !== undefined && object.metadata.name !== pathName) return false;
  return matchesLabels(labels, object.metadata.labels) && matchesFields(fields, (path) => fieldText(object, path));
}

/** A field as the text that selectors compare; absent fields are empty. */
function fieldText(object: KubeObject, path: string): string {
  const value = readPath(object, `.${path}`)[0];
  if (value === undefined || value === null) return path === 'status.successful' ? '0' : path === 'spec.unschedulable' || path === 'spec.hostNetwork' ? 'false' : '';
  if (path === 'source' && typeof value === 'object') return String((value as { component?: unknown }).component ?? '');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function parsed<T>(read: () => T, parameter: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(`unable to parse ${parameter}: ${error.message}`);
    throw error;
  }
}
