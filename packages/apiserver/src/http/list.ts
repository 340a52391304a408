// LIST: apiserver pkg/storage/etcd3/store.go (GetList) and pkg/apis/meta/internalversion/validation.
import type { Bytes, HttpResponse } from '@keelson/std';
import { encodeText } from '@keelson/std';
import type { FieldError } from '@keelson/kube/schema';
import { forbidden as forbiddenField, invalid } from '@keelson/kube/schema';
import { readBytes, readObject } from '../registry/read.ts';
import { collectionPrefix, groupVersion, keyParts } from '../registry/resource.ts';
import type { StoredEntry, StorePage } from '../store/store.ts';
import { CompactedError, FutureRevisionError } from '../store/store.ts';
import { bytesAnswer, jsonAnswer } from './answer.ts';
import { expired, failure, invalidOptions, revisionTooLarge, StatusError } from './api-status.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { formOf, parseRevision } from './get.ts';
import { queryFlag, queryInteger, queryText } from './query.ts';
import type { ApiRequest } from './request.ts';
import type { Selection } from './selection.ts';
import { selectionOf } from './selection.ts';
import type { TableMeta } from './table.ts';
import { includeObjectOf, partialMetadata, tableOf } from './table.ts';

/** How many stored entries are looked at per step when a selector may skip most of them. */
const scanStep = 500;

/** LIST of a collection. */
export function listVerb(request: ApiRequest): HttpResponse {
  const form = formOf(request);
  const { served, machine, url } = request;
  const selection = selectionOf(served, url.searchParams);
  const page = selectPage(request, selection);
  const meta: TableMeta = { resourceVersion: String(page.revision), continue: page.continue, remainingItemCount: page.remaining };
  switch (form.kind) {
    case 'object':
      return bytesAnswer(200, listBytes(request, page, meta));
    case 'table': {
      const objects = page.entries.map((entry) => readObject(served, entry));
      const include = includeObjectOf(url.searchParams);
      return jsonAnswer(200, tableOf(served, objects, { version: form.version, include, nowMs: machine.env.clock.now(), meta }));
    }
    case 'metadata': {
      const apiVersion = `meta.k8s.io/${form.version}`;
      const items = page.entries.map((entry) => partialMetadata(readObject(served, entry), apiVersion));
      return jsonAnswer(200, { kind: 'PartialObjectMetadataList', apiVersion, metadata: meta, items });
    }
  }
}

interface SelectedPage {
  readonly entries: readonly StoredEntry[];
  readonly revision: number;
  readonly continue?: string;
  readonly remaining?: number;
}

/** The entries a list request wants, with the token of the next page. */
export function selectPage(request: ApiRequest, selection: Selection): SelectedPage {
  const { searchParams } = request.url;
  const start = startOf(request);
  const limit = queryInteger(searchParams, 'limit') ?? 0;
  const prefix = collectionPrefix(request.served.resource, request.path.namespace ?? selection.namespace);
  const wanted = limit > 0 ? limit : Infinity;
  const entries: StoredEntry[] = [];
  let after = start.after;
  let revision = start.revision;
  for (;;) {
    const step = selection.all ? wanted - entries.length : Math.max(scanStep, Math.min(wanted, 10_000));
    const page = readPage(request, { prefix, after, limit: Number.isFinite(step) ? step : undefined, revision });
    revision = page.revision;
    for (const [index, entry] of page.entries.entries()) {
      after = entry.key;
      if (isWanted(request, selection, entry)) entries.push(entry);
      if (entries.length < wanted) continue;
      const more = page.more || index < page.entries.length - 1;
      if (!more) return { entries, revision };
      const remaining = selection.all && start.revision === undefined ? request.machine.store.count(prefix, entry.key) : undefined;
      return { entries, revision, continue: encodeContinue(revision, entry.key.slice(prefix.length)), remaining };
    }
    if (!page.more) return { entries, revision };
  }
}

function isWanted({ served }: ApiRequest, selection: Selection, entry: StoredEntry): boolean {
  if (selection.all) return true;
  const { name, namespace } = keyParts(served.resource, entry.key);
  if (selection.name !== undefined && name !== selection.name) return false;
  if (selection.namespace !== undefined && namespace !== selection.namespace) return false;
  return selection.byKeyOnly || selection.matches(readObject(served, entry));
}

function startOf(request: ApiRequest): { after?: string; revision?: number } {
  const { searchParams } = request.url;
  const token = queryText(searchParams, 'continue');
  const asked = searchParams.get('resourceVersion') ?? '';
  const match = queryText(searchParams, 'resourceVersionMatch');
  refuseOptions(asked, match, token, queryFlag(searchParams, 'sendInitialEvents'));
  const selection = selectionOf(request.served, searchParams);
  const prefix = collectionPrefix(request.served.resource, request.path.namespace ?? selection.namespace);
  if (token !== undefined) {
    const { revision, start } = decodeContinue(token);
    return { after: `${prefix}${start}`, revision: revision < 0 ? undefined : revision };
  }
  const wanted = parseRevision(asked);
  if (wanted === undefined || wanted === 0) return {};
  const exact = match === 'Exact' || (match === undefined && (queryInteger(searchParams, 'limit') ?? 0) > 0);
  if (wanted > request.machine.store.revision) throw revisionTooLarge(wanted, request.machine.store.revision);
  return exact ? { revision: wanted } : {};
}

function refuseOptions(revision: string, match: string | undefined, token: string | undefined, sendInitialEvents: boolean): void {
  const errors: FieldError[] = [];
  if (sendInitialEvents) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (match !== undefined) {
    if (revision === '') errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (token !== undefined) errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push({ reason: 'FieldValueNotSupported', field: 'resourceVersionMatch', body: `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""` });
    }
    if (match === 'Exact' && revision === '0') errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (token !== undefined && revision !== '' && revision !== '0') errors.push(invalid('resourceVersion', revision, 'specifying resource version is not allowed when using continue'));
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
}

function readPage({ machine, url }: ApiRequest, range: { prefix: string; after?: string; limit?: number; revision?: number }): StorePage {
  try {
    return machine.store.list(range);
  } catch (error) {
    if (error instanceof FutureRevisionError) throw revisionTooLarge(error.revision, error.current);
    if (!(error instanceof CompactedError)) throw error;
    if (!url.searchParams.get('continue')) throw expired(error.message);
    const message =
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, ' +
      'or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - ' +
      'objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
    const token = encodeContinue(-1, (range.after ?? range.prefix).slice(range.prefix.length));
    throw new StatusError({ ...failure(410, 'Expired', message), metadata: { continue: token } } as ReturnType<typeof failure>);
  }
}

/** Stored bytes are passed on as they are; large lists in pieces. */
function listBytes({ served }: ApiRequest, page: SelectedPage, meta: TableMeta): Bytes {
  const head = JSON.stringify({ kind: served.resource.listKind, apiVersion: groupVersion(served), metadata: meta });
  const chunks: Bytes[] = [encodeText(`${head.slice(0, -1)},"items":[`)];
  page.entries.forEach((entry, index) => {
    if (index > 0) chunks.push(comma);
    chunks.push(readBytes(served, entry));
  });
  chunks.push(listEnd);
  return Buffer.concat(chunks);
}

const comma = encodeText(',');
const listEnd = encodeText(']}\n');
