import type { KubeObject } from '@keelson/kube';
import type { HttpResponse } from '@keelson/std';
import { jsonAnswer, objectAnswer } from './answer.ts';
import { formOf } from './get.ts';
import type { ApiRequest } from './request.ts';
import { includeObjectOf, partialMetadata, tableOf } from './table.ts';

/** The object a write has made, in the form the request asks for. */
export function writtenAnswer(request: ApiRequest, status: number, object: KubeObject): HttpResponse {
  const form = formOf(request);
  if (request.record) request.record.name = object.metadata.name;
  const { served, url, machine } = request;
  switch (form.kind) {
    case 'object':
      return objectAnswer(status, object);
    case 'table':
      return jsonAnswer(status, tableOf(served, [object], { version: form.version, include: includeObjectOf(url.searchParams), nowMs: machine.env.clock.now() }));
    case 'metadata':
      return jsonAnswer(status, partialMetadata(object, `meta.k8s.io/${form.version}`));
  }
}
