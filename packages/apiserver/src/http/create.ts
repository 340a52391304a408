import type { KubeObject } from '@keelson/kube';
import type { HttpResponse } from '@keelson/std';
import { groupVersion } from '../registry/resource.ts';
import type { ServedVersion } from '../registry/resource.ts';
import { reportUnknown } from '../registry/sanitize.ts';
import { createObject } from '../registry/write.ts';
import { badRequest, conflict } from './api-status.ts';
import { writtenAnswer } from './written-answer.ts';
import { asKubeObject, decodeBody } from './body.ts';
import { formOf } from './get.ts';
import type { ApiRequest } from './request.ts';
import { writeRequest } from './request.ts';

/** POST of a new object. */
export async function createVerb(request: ApiRequest): Promise<HttpResponse> {
  formOf(request);
  const write = writeRequest(request, 'CreateOptions');
  const { served, path } = request;
  if (served.resource.namespaced && path.namespace === undefined) throw badRequest('an empty namespace may not be set during creation');
  const body = await decodeBody(request.http, { protobuf: served.resource.builtIn });
  reportUnknown(write, body.duplicates);
  const object = typedObject(served, asKubeObject(body.value));
  checkNamespace(request, object);
  return writtenAnswer(request, 201, await createObject(request.machine, write, object));
}

/** The object with apiVersion and kind of the URL; 400 when it names others. */
export function typedObject(served: ServedVersion, object: KubeObject): KubeObject {
  const apiVersion = groupVersion(served);
  const { kind } = served.resource;
  if (object.apiVersion && object.apiVersion !== apiVersion) {
    throw badRequest(`the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`);
  }
  if (object.kind && object.kind !== kind) throw badRequest(`the object kind in the data (${object.kind}) does not match the expected kind (${kind})`);
  if (!served.resource.builtIn && (!object.kind || !object.apiVersion)) {
    throw badRequest(`Object 'Kind' is missing in the request body: ${kind} of ${apiVersion} is expected`);
  }
  return { ...object, apiVersion, kind };
}

/** The namespace in the object, if any, must be that of the URL. */
export function checkNamespace({ path, served }: ApiRequest, object: KubeObject): void {
  const { namespace } = object.metadata;
  if (!namespace || !served.resource.namespaced || namespace === path.namespace) return;
  throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
}

/** The name in the object, if any, must be that of the URL. */
export function checkName(object: KubeObject, name: string): void {
  if (object.metadata.name && object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  }
}

/** Names a version although nothing is there. */
export function versionOfNothing(served: ServedVersion, name: string): Error {
  return conflict({ group: served.resource.group, name: served.resource.plural }, name, 'StorageError: invalid object, Code: 4: the object does not exist, but a resourceVersion was given');
}
