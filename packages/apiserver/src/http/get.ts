import type { HttpResponse } from '@keelson/std';
import { readBytes, readObject } from '../registry/read.ts';
import { objectKey } from '../registry/resource.ts';
import type { StoredValue } from '../store/store.ts';
import { bytesAnswer, jsonAnswer } from './answer.ts';
import { badRequest, notAcceptable, notFound, revisionTooLarge } from './api-status.ts';
import type { AnswerForm } from './negotiate.ts';
import { chooseForm } from './negotiate.ts';
import type { ApiRequest } from './request.ts';
import { nameOf } from './request.ts';
import { includeObjectOf, partialMetadata, tableOf } from './table.ts';

/** The form of the answer that the request asks for; 406 when it asks for none we have. */
export function formOf(request: ApiRequest): AnswerForm {
  const form = chooseForm(request.http.headers['accept'], { table: true, metadata: true });
  if (!form) throw notAcceptable(['application/json']);
  return form;
}

/** GET of one object, or of its status. */
export function getVerb(request: ApiRequest): HttpResponse {
  const form = formOf(request);
  const name = nameOf(request);
  checkNotOlder(request);
  const stored = storedObject(request, name);
  const { served, machine, url } = request;
  switch (form.kind) {
    case 'object':
      return bytesAnswer(200, readBytes(served, stored));
    case 'table': {
      const object = readObject(served, stored);
      const meta = { resourceVersion: String(stored.revision) };
      return jsonAnswer(200, tableOf(served, [object], { version: form.version, include: includeObjectOf(url.searchParams), nowMs: machine.env.clock.now(), meta }));
    }
    case 'metadata':
      return jsonAnswer(200, partialMetadata(readObject(served, stored), `meta.k8s.io/${form.version}`));
  }
}

/** What is stored under the request's namespace and name; 404 when nothing is. */
export function storedObject({ machine, served, path }: ApiRequest, name: string): StoredValue {
  const { resource } = served;
  if (resource.namespaced && path.namespace === undefined) throw badRequest('namespace is required for this resource');
  const stored = machine.store.get(objectKey(resource, path.namespace, name));
  if (!stored) throw notFound({ group: resource.group, name: resource.plural }, name);
  return stored;
}

function checkNotOlder({ url, machine }: ApiRequest): void {
  const wanted = parseRevision(url.searchParams.get('resourceVersion'));
  if (wanted !== undefined && wanted > machine.store.revision) throw revisionTooLarge(wanted, machine.store.revision);
}

/** A resourceVersion parameter as a number; undefined when empty. 400 when it is none of ours. */
export function parseRevision(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version ${JSON.stringify(text)}: must be a whole number`);
  return Number(text);
}
