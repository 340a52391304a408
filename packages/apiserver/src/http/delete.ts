import { isRecord } from '@keelson/kube/schema';
import type { HttpResponse } from '@keelson/std';
import type { DeleteRequest, Deleted } from '../registry/delete.ts';
import { deleteObject } from '../registry/delete.ts';
import { readObject } from '../registry/read.ts';
import { groupVersion, keyParts } from '../registry/resource.ts';
import { jsonAnswer } from './answer.ts';
import { badRequest, invalidOptions, StatusError } from './api-status.ts';
import { decodeBody } from './body.ts';
import { selectPage } from './list.ts';
import { queryFlag, queryInteger, queryText } from './query.ts';
import type { ApiRequest } from './request.ts';
import { dryRunOf, nameOf, writeRequest } from './request.ts';
import { selectionOf } from './selection.ts';
import { writtenAnswer } from './written-answer.ts';
import { invalid } from '@keelson/kube/schema';

interface DeleteOptions extends DeleteRequest {
  readonly dryRun: boolean;
  /** The legacy field was given as false: a deletion that waits answers 202. */
  readonly waits: boolean;
}

/** DELETE of one object. */
export async function deleteVerb(request: ApiRequest): Promise<HttpResponse> {
  const name = nameOf(request);
  const options = await deleteOptions(request);
  const write = { ...writeRequest(request, 'DeleteOptions'), dryRun: options.dryRun };
  const deleted = await deleteObject(request.machine, write, name, options);
  return deletedAnswer(request, deleted, options);
}

function deletedAnswer(request: ApiRequest, { object, gone }: Deleted, options: DeleteOptions): HttpResponse {
  const { resource } = request.served;
  if (!gone || resource.strategy.answersDeleted) return writtenAnswer(request, !gone && options.waits ? 202 : 200, object);
  return jsonAnswer(200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: object.metadata.name, ...(resource.group !== '' && { group: resource.group }), kind: resource.plural, uid: object.metadata.uid },
  });
}

/** DELETE of a collection: each object that the selectors match, one after the other. */
export async function deleteCollectionVerb(request: ApiRequest): Promise<HttpResponse> {
  const options = await deleteOptions(request);
  const write = { ...writeRequest(request, 'DeleteOptions'), dryRun: options.dryRun };
  const { served, url } = request;
  const page = selectPage(request, selectionOf(served, url.searchParams));
  const items: unknown[] = [];
  for (const entry of page.entries) {
    const { namespace, name } = keyParts(served.resource, entry.key);
    try {
      const { object } = await deleteObject(request.machine, { ...write, namespace }, name, options);
      items.push(object);
    } catch (error) {
      // Gone meanwhile is as good as deleted.
      if (!(error instanceof StatusError) || error.status.code !== 404) throw error;
      items.push(readObject(served, entry));
    }
  }
  const metadata = { resourceVersion: String(request.machine.store.revision), ...(page.continue && { continue: page.continue }) };
  return jsonAnswer(200, { kind: served.resource.listKind, apiVersion: groupVersion(served), metadata, items });
}

async function deleteOptions(request: ApiRequest): Promise<DeleteOptions> {
  const { value } = await readOptions(request);
  const { searchParams } = request.url;
  const given = isRecord(value) ? value : {};
  const preconditions = isRecord(given['preconditions']) ? given['preconditions'] : {};
  const propagation = text(given['propagationPolicy']) ?? queryText(searchParams, 'propagationPolicy');
  const orphanDependents = given['orphanDependents'] ?? (searchParams.has('orphanDependents') ? queryFlag(searchParams, 'orphanDependents') : undefined);
  const grace = given['gracePeriodSeconds'] ?? queryInteger(searchParams, 'gracePeriodSeconds');
  const dryRun = Array.isArray(given['dryRun']) ? given['dryRun'].map(String) : searchParams.getAll('dryRun');
  if (propagation !== undefined && orphanDependents !== undefined) {
    throw invalidOptions('DeleteOptions', [invalid('propagationPolicy', propagation, 'orphanDependents and deletionPropagation cannot be both set')]);
  }
  return {
    propagation: propagationOf(propagation) ?? (orphanDependents === true ? 'Orphan' : orphanDependents === false ? 'Background' : undefined),
    waits: orphanDependents === false,
    gracePeriodSeconds: typeof grace === 'number' ? grace : undefined,
    uid: text(preconditions['uid']),
    resourceVersion: text(preconditions['resourceVersion']),
    dryRun: dryRunOf(dryRun, 'DeleteOptions'),
  };
}

async function readOptions(request: ApiRequest): Promise<{ value: unknown }> {
  const { http } = request;
  if (http.body === undefined || (http.body instanceof Uint8Array && http.body.length === 0)) return { value: undefined };
  if (http.headers['content-length'] === '0') return { value: undefined };
  try {
    return await decodeBody(http, { protobuf: true });
  } catch (error) {
    // A streamed body may turn out to be empty.
    if (error instanceof StatusError && error.status.code === 400 && /Unexpected end of JSON input/.test(error.message)) return { value: undefined };
    throw error;
  }
}

function text(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw badRequest('the delete options cannot be read: a text is expected');
  return value;
}

function propagationOf(value: string | undefined): DeleteRequest['propagation'] {
  switch (value) {
    case undefined:
    case 'Orphan':
    case 'Background':
    case 'Foreground':
      return value;
    default:
      throw invalidOptions('DeleteOptions', [
        { reason: 'FieldValueNotSupported', field: 'propagationPolicy', body: `Unsupported value: ${JSON.stringify(value)}: supported values: "Foreground", "Background", "Orphan", "nil"` },
      ]);
  }
}
