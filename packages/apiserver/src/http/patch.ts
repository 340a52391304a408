// PATCH: apiserver pkg/endpoints/handlers/patch.go.
import type { KubeObject } from '@keelson/kube';
import { jsonPatch, mergePatch } from '@keelson/kube/apply';
import { isRecord, required } from '@keelson/kube/schema';
import type { HttpResponse } from '@keelson/std';
import { rfc3339 } from '@keelson/std';
import { applyOnto } from '../registry/field-ownership.ts';
import { reportUnknown } from '../registry/sanitize.ts';
import { createObject, updateObject } from '../registry/write.ts';
import type { WriteRequest } from '../registry/request-context.ts';
import { badRequest, conflict, invalidOptions, unprocessable, unsupportedMediaType } from './api-status.ts';
import { asKubeObject, bodyBytes, contentType, decodeJson, decodeYaml } from './body.ts';
import { checkNamespace, typedObject } from './create.ts';
import { formOf } from './get.ts';
import { queryFlag } from './query.ts';
import type { ApiRequest } from './request.ts';
import { nameOf, writeRequest } from './request.ts';
import { strategicPatch } from './strategic.ts';
import { writtenAnswer } from './written-answer.ts';

const jsonType = 'application/json-patch+json';
const mergeType = 'application/merge-patch+json';
const strategicType = 'application/strategic-merge-patch+json';
const applyType = 'application/apply-patch+yaml';

/** PATCH of an object or of a subresource that takes the whole object. */
export async function patchVerb(request: ApiRequest): Promise<HttpResponse> {
  formOf(request);
  const type = contentType(request.http);
  const accepted = [jsonType, mergeType, ...(request.served.resource.builtIn ? [strategicType] : []), applyType];
  if (!accepted.includes(type)) throw unsupportedMediaType(type, accepted);
  const write = writeRequest(request, 'PatchOptions');
  return type === applyType ? applyVerb(request, write) : patchWith(request, write, type);
}

async function patchWith(request: ApiRequest, write: WriteRequest, type: string): Promise<HttpResponse> {
  const { url, machine, served } = request;
  if (url.searchParams.has('force')) throw invalidOptions('PatchOptions', [{ reason: 'FieldValueForbidden', field: 'force', body: 'Forbidden: may not be specified for non-apply patch' }]);
  const name = nameOf(request);
  const { value: patch, duplicates } = decodeJson(await bodyBytes(request.http));
  if (type === jsonType ? !Array.isArray(patch) : !isRecord(patch)) throw badRequest(`error decoding patch: a ${type === jsonType ? 'list of operations' : 'JSON object'} is expected`);
  reportUnknown(write, duplicates);
  const { object } = await updateObject(machine, write, name, (live) => {
    const patched = patchedObject(patchValue(request, type, live, patch));
    keepIdentity(request, name, live, patched);
    return typedObject(served, patched);
  });
  return writtenAnswer(request, 200, object);
}

function patchValue(request: ApiRequest, type: string, live: KubeObject, patch: unknown): unknown {
  switch (type) {
    case jsonType:
      return jsonPatch(live, patch);
    case mergeType:
      return mergePatch(live, patch);
    default:
      return strategicPatch(request.served, live, patch);
  }
}

function patchedObject(value: unknown): KubeObject {
  try {
    return asKubeObject(value);
  } catch (error) {
    throw unprocessable(`cannot use the patched object: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function keepIdentity({ served, path }: ApiRequest, name: string, live: KubeObject, patched: KubeObject): void {
  const qualified = { group: served.resource.group, name: served.resource.plural };
  const { metadata } = patched;
  if (metadata.name !== name) throw badRequest(`the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${name})`);
  if (metadata.namespace !== undefined && metadata.namespace !== path.namespace) {
    throw badRequest('the namespace of the object does not match the namespace on the request');
  }
  if (metadata.uid !== undefined && metadata.uid !== live.metadata.uid) {
    throw conflict(qualified, name, `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${live.metadata.uid ?? ''}`);
  }
}

async function applyVerb(request: ApiRequest, write: WriteRequest): Promise<HttpResponse> {
  const { url, machine, served } = request;
  if (!url.searchParams.get('fieldManager')) throw invalidOptions('PatchOptions', [required('fieldManager', 'is required for apply patch')]);
  const name = nameOf(request);
  const force = queryFlag(url.searchParams, 'force');
  const { value, duplicates } = decodeYaml(await bodyBytes(request.http));
  if (!isRecord(value)) throw badRequest('error decoding patch: a map is expected');
  reportUnknown(write, duplicates);
  const applied = asKubeObject(value);
  if (applied.kind && applied.kind !== served.resource.kind) throw badRequest(`the object kind in the data (${applied.kind}) does not match the expected kind (${served.resource.kind})`);
  if (applied.metadata.name && applied.metadata.name !== name) throw badRequest(`metadata.name in the patch (${applied.metadata.name}) does not match the name on the URL (${name})`);
  checkNamespace(request, applied);
  applied.metadata.name = name;
  if (request.path.namespace !== undefined && served.resource.namespaced) applied.metadata.namespace = request.path.namespace;
  const now = () => rfc3339(machine.env.clock.now());
  const { object, created } = await updateObject(
    machine,
    write,
    name,
    (live) => {
      // A version in the patch is a precondition; it is no field to own.
      const merged = applyOnto(write, live, applied, force, now());
      return merged === live ? structuredClone(live) : merged;
    },
    {
      ownershipDone: true,
      create: write.subresource === undefined ? () => createApplied(request, write, applied, force, now()) : undefined,
    },
  );
  return writtenAnswer(request, created ? 201 : 200, object);
}

function createApplied(request: ApiRequest, write: WriteRequest, applied: KubeObject, force: boolean, now: string): Promise<KubeObject> {
  const { resourceVersion, uid } = applied.metadata;
  const { resource } = request.served;
  if (resourceVersion || uid) {
    throw conflict({ group: resource.group, name: resource.plural }, applied.metadata.name, 'the object does not exist, but the patch names its uid or resourceVersion');
  }
  return createObject(request.machine, write, applyOnto(write, undefined, applied, force, now), true);
}
