import type { HttpResponse } from '@keelson/std';
import { methodNotAllowed, noSuchResource } from './api-status.ts';
import { createVerb } from './create.ts';
import { deleteCollectionVerb, deleteVerb } from './delete.ts';
import { getVerb } from './get.ts';
import { listVerb } from './list.ts';
import { patchVerb } from './patch.ts';
import { queryFlag } from './query.ts';
import type { ApiRequest } from './request.ts';
import { isSpecialSubresource, specialSubresource } from './special-subresources.ts';
import { scaleVerb } from './scale.ts';
import { updateVerb } from './update.ts';
import { watchVerb } from '../watch/watch-verb.ts';

/** Answers a request for a kind by its verb. */
export async function dispatch(request: ApiRequest): Promise<HttpResponse> {
  const { path, served, http } = request;
  const { resource, version } = served;
  if (path.rest.length > 0) throw noSuchResource();
  if (path.subresource !== undefined) {
    const subresource = version.subresources.find((sub) => sub.name === path.subresource);
    if (!subresource) throw noSuchResource();
    if (isSpecialSubresource(request)) return specialSubresource(request);
    if (path.subresource === 'scale') return scaleVerb(request);
  }
  const verb = verbOf(request);
  const verbs = path.subresource === undefined ? resource.verbs : (version.subresources.find((sub) => sub.name === path.subresource)?.verbs ?? []);
  if (verb === undefined || !verbs.includes(verb)) {
    throw methodNotAllowed(`${verb ?? http.method} is not supported on resources of kind "${resource.plural}${path.subresource ? `/${path.subresource}` : ''}"`);
  }
  return run(verb, request);
}

function run(verb: Verb, request: ApiRequest): Promise<HttpResponse> | HttpResponse {
  switch (verb) {
    case 'get':
      return getVerb(request);
    case 'list':
      return listVerb(request);
    case 'watch':
      return watchVerb(request);
    case 'create':
      return createVerb(request);
    case 'update':
      return updateVerb(request);
    case 'patch':
      return patchVerb(request);
    case 'delete':
      return deleteVerb(request);
    case 'deletecollection':
      return deleteCollectionVerb(request);
  }
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** The Kubernetes verb of a request; undefined when the method has none there. */
export function verbOf({ http, path, url }: Pick<ApiRequest, 'path' | 'url'> & { readonly http: { readonly method: string } }): Verb | undefined {
  const named = path.name !== undefined;
  switch (http.method) {
    case 'GET':
    case 'HEAD':
      if (path.isWatch || (queryFlag(url.searchParams, 'watch') && path.subresource === undefined)) return 'watch';
      return named ? 'get' : 'list';
    case 'POST':
      return named && path.subresource === undefined ? undefined : 'create';
    case 'PUT':
      return named ? 'update' : undefined;
    case 'PATCH':
      return named ? 'patch' : undefined;
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      return undefined;
  }
}
