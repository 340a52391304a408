// The scale subresource: apiextensions-apiserver pkg/registry/customresource/etcd.go and kubernetes/pkg/registry/apps.
import type { KubeObject } from '@keelson/kube';
import { formatLabelSelector, selectorOf, selectorOfLabels } from '@keelson/kube';
import type { LabelSelector } from '@keelson/kube';
import { jsonPatch, mergePatch } from '@keelson/kube/apply';
import { invalid } from '@keelson/kube/schema';
import type { ScalePaths } from '@keelson/api/tables';
import type { HttpResponse } from '@keelson/std';
import { rfc3339 } from '@keelson/std';
import { applyOnto } from '../registry/field-ownership.ts';
import { readObject } from '../registry/read.ts';
import type { WriteRequest } from '../registry/request-context.ts';
import { updateObject } from '../registry/write.ts';
import { ensureFields, fieldsAt, isFields, numberAt } from '../kinds/fields.ts';
import { jsonAnswer } from './answer.ts';
import { badRequest, conflict, invalidObject, methodNotAllowed, modifiedMessage, noSuchResource, unsupportedMediaType } from './api-status.ts';
import { asKubeObject, bodyBytes, contentType, decodeBody, decodeJson, decodeYaml } from './body.ts';
import { storedObject } from './get.ts';
import { readPath } from './json-path.ts';
import { queryFlag } from './query.ts';
import type { ApiRequest } from './request.ts';
import { nameOf, writeRequest } from './request.ts';

/** GET, PUT and PATCH of an object's scale. */
export async function scaleVerb(request: ApiRequest): Promise<HttpResponse> {
  const paths = request.served.version.scale;
  if (!paths) throw noSuchResource();
  const name = nameOf(request);
  switch (request.http.method) {
    case 'GET':
      return jsonAnswer(200, scaleOf(readObject(request.served, storedObject(request, name)), paths));
    case 'PUT': {
      const wanted = asKubeObject((await decodeBody(request.http, { protobuf: true })).value);
      return change(request, paths, writeRequest(request, 'UpdateOptions'), () => wanted);
    }
    case 'PATCH':
      return patchScale(request, paths);
    default:
      throw methodNotAllowed(`${request.http.method} is not supported on resources of kind "${request.served.resource.plural}/scale"`);
  }
}

async function patchScale(request: ApiRequest, paths: ScalePaths): Promise<HttpResponse> {
  const write = writeRequest(request, 'PatchOptions');
  const type = contentType(request.http);
  const bytes = await bodyBytes(request.http);
  switch (type) {
    case 'application/json-patch+json': {
      const patch = decodeJson(bytes).value;
      return change(request, paths, write, (scale) => jsonPatch(scale, patch));
    }
    case 'application/merge-patch+json':
    case 'application/strategic-merge-patch+json': {
      // A Scale has no lists, so both patches mean the same.
      const patch = decodeJson(bytes).value;
      return change(request, paths, write, (scale) => mergePatch(scale, patch));
    }
    case 'application/apply-patch+yaml':
      return applyScale(request, paths, write, asKubeObject(decodeYaml(bytes).value));
    default:
      throw unsupportedMediaType(type, ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml']);
  }
}

/** Changes the replicas in the parent; the owner of the field is recorded in the parent under the subresource. */
async function change(request: ApiRequest, paths: ScalePaths, write: WriteRequest, make: (scale: KubeObject) => unknown): Promise<HttpResponse> {
  const name = nameOf(request);
  const { resource } = request.served;
  const { object } = await updateObject(request.machine, write, name, (live) => {
    const wanted = asKubeObject(make(scaleOf(live, paths)));
    if (wanted.metadata.name && wanted.metadata.name !== name) throw badRequest(`the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`);
    const { resourceVersion, uid } = wanted.metadata;
    if ((resourceVersion && resourceVersion !== live.metadata.resourceVersion) || (uid && uid !== live.metadata.uid)) {
      throw conflict({ group: resource.group, name: resource.plural }, name, modifiedMessage);
    }
    setReplicas(live, paths, wantedReplicas(wanted));
    return live;
  });
  return jsonAnswer(200, scaleOf(object, paths));
}

function wantedReplicas(scale: KubeObject): number {
  const replicas = fieldsAt(scale, 'spec')?.['replicas'] ?? 0;
  const wrong = typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0;
  if (wrong) throw invalidObject({ group: 'autoscaling', name: 'Scale' }, scale.metadata.name, [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
  return replicas;
}

async function applyScale(request: ApiRequest, paths: ScalePaths, write: WriteRequest, applied: KubeObject): Promise<HttpResponse> {
  const name = nameOf(request);
  const replicas = wantedReplicas(applied);
  const force = queryFlag(request.url.searchParams, 'force');
  const now = rfc3339(request.machine.env.clock.now());
  const { object } = await updateObject(
    request.machine,
    write,
    name,
    (live) => {
      const parent: KubeObject = { apiVersion: live.apiVersion, kind: live.kind, metadata: { name, namespace: live.metadata.namespace } };
      setReplicas(parent, paths, replicas);
      return applyOnto(write, live, parent, force, now);
    },
    { ownershipDone: true },
  );
  return jsonAnswer(200, scaleOf(object, paths));
}

function setReplicas(object: KubeObject, { specReplicasPath }: ScalePaths, replicas: number): void {
  const names = specReplicasPath.replace(/^\./, '').split('.');
  const last = names.pop() ?? 'replicas';
  let at: Record<string, unknown> = object;
  for (const name of names) at = ensureFields(at, name);
  at[last] = replicas;
}

/** An object as an autoscaling/v1 Scale. */
export function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const numberOf = (path: string) => numberAt({ value: readPath(object, path)[0] }, 'value') ?? 0;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelectorPath === undefined ? undefined : selectorText(readPath(object, paths.labelSelectorPath)[0]);
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberOf(paths.specReplicasPath) },
    status: { replicas: numberOf(paths.statusReplicasPath), ...(selector !== undefined && { selector }) },
  };
}

/** The selector as a text: custom kinds keep it as one, built-in ones as labels or a LabelSelector. */
function selectorText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!isFields(value)) return undefined;
  const isLabelSelector = 'matchLabels' in value || 'matchExpressions' in value;
  // The kind's schema has found it to be one or the other.
  return formatLabelSelector(isLabelSelector ? selectorOf(value as LabelSelector) : selectorOfLabels(value as Record<string, string>));
}
