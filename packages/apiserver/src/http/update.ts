import type { HttpResponse } from '@keelson/std';
import { invalid } from '@keelson/kube/schema';
import { reportUnknown } from '../registry/sanitize.ts';
import { createObject, updateObject } from '../registry/write.ts';
import { invalidObject } from './api-status.ts';
import { asKubeObject, decodeBody } from './body.ts';
import { checkName, checkNamespace, typedObject, versionOfNothing } from './create.ts';
import { formOf } from './get.ts';
import type { ApiRequest } from './request.ts';
import { nameOf, writeRequest } from './request.ts';
import { writtenAnswer } from './written-answer.ts';

/** PUT of an object, its status, or another subresource that takes the whole object. */
export async function updateVerb(request: ApiRequest): Promise<HttpResponse> {
  formOf(request);
  const write = writeRequest(request, 'UpdateOptions');
  const name = nameOf(request);
  const { served, machine } = request;
  const { resource } = served;
  const body = await decodeBody(request.http, { protobuf: resource.builtIn });
  reportUnknown(write, body.duplicates);
  const object = typedObject(served, asKubeObject(body.value));
  checkName(object, name);
  checkNamespace(request, object);
  object.metadata.name = name;
  const { resourceVersion, uid } = object.metadata;
  const creates = resource.strategy.createsOnUpdate && write.subresource === undefined;
  const { object: written, created } = await updateObject(
    machine,
    write,
    name,
    () => {
      if (!resourceVersion && !resource.strategy.updatesUnconditionally) {
        throw invalidObject({ group: resource.group, name: resource.kind }, name, [invalid('metadata.resourceVersion', 0, 'must be specified for an update')]);
      }
      return object;
    },
    {
      create: creates
        ? () => {
            if (resourceVersion || uid) throw versionOfNothing(served, name);
            return createObject(machine, write, object);
          }
        : undefined,
    },
  );
  return writtenAnswer(request, created ? 201 : 200, written);
}
