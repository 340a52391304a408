import type { Bytes, HttpRequest, HttpResponse, HttpTransport } from '@keelson/std';
import { encodeText, readBody } from '@keelson/std';
import type { KindRef, KubeObject, ObjectKey } from '../object.ts';
import { apiVersionOf, parseApiVersion } from '../object.ts';
import type { ApplyOptions, DeleteOptions, KubeClient, KubeList, ListOptions, PatchType, Status, WatchEvent, WatchOptions, WriteOptions } from './client.ts';
import { ApiError } from './client.ts';
import { splitLines } from './lines.ts';

export interface KubeClientOptions {
  /** The server's handler in this process, or a transport over the network. */
  readonly transport: HttpTransport;
  /** Scheme, host, port and perhaps a path prefix: `https://127.0.0.1:6443`. */
  readonly baseUrl: string;
  /** Sent with every request, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The most bytes of one answer; 256 MiB when absent. */
  readonly answerLimitBytes?: number;
}

const patchTypes: Readonly<Record<PatchType | 'apply', string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const defaultAnswerLimit = 256 * 1024 * 1024;

/** A client of one API server. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const send = sender(options);
  const json = async <T>(doing: string, request: Outgoing): Promise<T> => {
    const answer = await send(request);
    const body = await readAnswer(answer, options.answerLimitBytes ?? defaultAnswerLimit);
    if (answer.status >= 300) throw new ApiError(statusOf(answer.status, body), doing);
    // The server answers the kind that was asked for; its schema is the server's to hold.
    return body as T;
  };
  const kinds = kindCache((path) => json('reading discovery', { method: 'GET', path }));

  return {
    async get<T extends KubeObject>(kind: KindRef, key: ObjectKey) {
      try {
        return await json<T>(`getting ${show(kind, key)}`, { method: 'GET', path: objectPath(kind, key) });
      } catch (error) {
        if (error instanceof ApiError && error.code === 404) return undefined;
        throw error;
      }
    },
    async list<T extends KubeObject>(kind: KindRef, list: ListOptions = {}): Promise<KubeList<T>> {
      const path = `${collectionPath(kind, list.namespace)}${queryOf(listQuery(list))}`;
      const body = await json<RawList<T>>(`listing ${kind.plural}`, { method: 'GET', path });
      const apiVersion = apiVersionOf(kind);
      // Servers leave the type out of a list's items.
      const items = (body.items ?? []).map((item) => (item.kind ? item : { ...item, apiVersion, kind: kind.kind }));
      return { items, resourceVersion: body.metadata?.resourceVersion ?? '', continue: body.metadata?.continue || undefined };
    },
    watch: <T extends KubeObject>(kind: KindRef, watch: WatchOptions, signal: AbortSignal) => watchEvents<T>(send, kind, watch, signal),
    create: (kind, object, write = {}) =>
      json(`creating ${show(kind, object.metadata)}`, {
        method: 'POST',
        path: `${collectionPath(kind, object.metadata.namespace)}${write.subresource ? `/${encodeURIComponent(object.metadata.name)}/${write.subresource}` : ''}${queryOf(writeQuery(write))}`,
        body: object,
      }),
    update: (kind, object, write = {}) =>
      json(`updating ${show(kind, object.metadata)}`, { method: 'PUT', path: `${objectPath(kind, object.metadata, write.subresource)}${queryOf(writeQuery(write))}`, body: object }),
    patch: (kind, key, type, patch, write = {}) =>
      json(`patching ${show(kind, key)}`, {
        method: 'PATCH',
        path: `${objectPath(kind, key, write.subresource)}${queryOf(writeQuery(write))}`,
        body: patch,
        contentType: patchTypes[type],
      }),
    apply: (kind, object, apply: ApplyOptions) =>
      json(`applying ${show(kind, object.metadata)}`, {
        method: 'PATCH',
        path: `${objectPath(kind, object.metadata, apply.subresource)}${queryOf({ ...writeQuery(apply), force: apply.force ? 'true' : undefined })}`,
        body: { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind },
        contentType: patchTypes.apply,
      }),
    async delete(kind, key, options: DeleteOptions = {}) {
      const { propagationPolicy, preconditions, gracePeriodSeconds, dryRun } = options;
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy, preconditions, gracePeriodSeconds, ...(dryRun && { dryRun: ['All'] }) };
      try {
        await json(`deleting ${show(kind, key)}`, { method: 'DELETE', path: objectPath(kind, key), body });
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.code === 404) return false;
        throw error;
      }
    },
    resolve: (apiVersion, kind) => kinds.resolve(apiVersion, kind),
    async raw(method, path, body, headers) {
      const answer = await send({ method, path, body, headers });
      return { status: answer.status, body: await readAnswer(answer, options.answerLimitBytes ?? defaultAnswerLimit) };
    },
  };
}

interface RawList<T> {
  readonly items?: T[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

interface Outgoing {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Send = (request: Outgoing) => Promise<HttpResponse>;

function sender({ transport, baseUrl, headers }: KubeClientOptions): Send {
  const base = baseUrl.replace(/\/+$/, '');
  return ({ method, path, body, contentType, headers: own, signal }) => {
    const encoded = body === undefined ? undefined : body instanceof Uint8Array ? body : encodeText(typeof body === 'string' ? body : JSON.stringify(body));
    const request: HttpRequest = {
      method,
      url: `${base}${path}`,
      headers: {
        accept: 'application/json',
        'user-agent': 'keelson',
        ...headers,
        ...(encoded && { 'content-type': contentType ?? 'application/json', 'content-length': String(encoded.length) }),
        ...own,
      },
      body: encoded,
      signal,
    };
    return transport(request);
  };
}

async function readAnswer(answer: HttpResponse, limitBytes: number): Promise<unknown> {
  const text = new TextDecoder().decode(await readBody(answer.body, limitBytes));
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The Status in a refusal; made up from what there is when something else than an API server has answered. */
function statusOf(code: number, body: unknown): Status {
  if (typeof body === 'object' && body !== null && (body as { kind?: unknown }).kind === 'Status') {
    // `kind` tells a Status from everything else.
    const status = body as Status;
    return status.code === undefined ? { ...status, code } : status;
  }
  const message = typeof body === 'string' && body.trim() !== '' ? body.trim().slice(0, 500) : `the server answered HTTP ${code}`;
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason: reasonOf(code), code };
}

function reasonOf(code: number): string {
  const reasons: Readonly<Record<number, string>> = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 409: 'Conflict', 410: 'Expired', 429: 'TooManyRequests', 503: 'ServiceUnavailable' };
  return reasons[code] ?? (code >= 500 ? 'InternalError' : 'BadRequest');
}

async function* watchEvents<T extends KubeObject>(send: Send, kind: KindRef, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
  if (signal.aborted) return;
  const query = {
    ...listQuery(options),
    watch: 'true',
    allowWatchBookmarks: options.allowBookmarks ? 'true' : undefined,
    timeoutSeconds: options.timeoutSeconds?.toString(),
  };
  try {
    const answer = await send({ method: 'GET', path: `${collectionPath(kind, options.namespace)}${queryOf(query)}`, signal });
    if (answer.status !== 200) throw new ApiError(statusOf(answer.status, await readAnswer(answer, defaultAnswerLimit)), `watching ${kind.plural}`);
    for await (const line of splitLines(asStream(answer.body))) {
      if (signal.aborted) return;
      yield eventOf<T>(line);
    }
  } catch (error) {
    // The caller has lost interest: how the transport ends is no news.
    if (!signal.aborted) throw error;
  }
}

async function* asStream(body: HttpResponse['body']): AsyncGenerator<Bytes> {
  if (body === undefined) return;
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

function eventOf<T extends KubeObject>(line: string): WatchEvent<T> {
  // The watch protocol: one such object per line.
  const { type, object } = JSON.parse(line) as { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: unknown };
  return type === 'ERROR' ? { type, status: object as Status } : { type, object: object as T };
}

function listQuery(options: ListOptions): Query {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit?.toString(),
    continue: options.continue,
    resourceVersion: options.resourceVersion,
  };
}

function writeQuery(options: WriteOptions): Query {
  return { fieldManager: options.fieldManager, fieldValidation: options.fieldValidation, dryRun: options.dryRun ? 'All' : undefined };
}

type Query = Readonly<Record<string, string | undefined>>;

function queryOf(query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

function groupVersionPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The path of a kind's objects, in one namespace or in all. */
export function collectionPath(kind: KindRef, namespace: string | undefined): string {
  const base = groupVersionPath(kind.group, kind.version);
  return kind.namespaced && namespace ? `${base}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}` : `${base}/${kind.plural}`;
}

/** The path of one object or of a subresource of it. Throws when a namespaced kind has no namespace. */
export function objectPath(kind: KindRef, key: ObjectKey, subresource?: string): string {
  if (kind.namespaced && !key.namespace) throw new Error(`${kind.kind} ${key.name} needs a namespace`);
  if (!key.name) throw new Error(`a ${kind.kind} needs a name`);
  return `${collectionPath(kind, key.namespace)}/${encodeURIComponent(key.name)}${subresource ? `/${subresource}` : ''}`;
}

function show(kind: KindRef, key: { readonly namespace?: string; readonly name?: string; readonly generateName?: string }): string {
  const name = key.name ?? `${key.generateName ?? ''}*`;
  return `${kind.kind} ${key.namespace ? `${key.namespace}/` : ''}${name}`;
}

interface ResourceListBody {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

function kindCache(read: (path: string) => Promise<ResourceListBody>): { resolve(apiVersion: string, kind: string): Promise<KindRef | undefined> } {
  const known = new Map<string, ReadonlyMap<string, KindRef>>();
  const load = async (apiVersion: string) => {
    const { group, version } = parseApiVersion(apiVersion);
    let body: ResourceListBody;
    try {
      body = await read(groupVersionPath(group, version));
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) body = {};
      else throw error;
    }
    const kinds = new Map<string, KindRef>();
    for (const { name, kind, namespaced } of body.resources ?? []) {
      if (!name.includes('/')) kinds.set(kind, { group, version, kind, plural: name, namespaced });
    }
    if (kinds.size > 0) known.set(apiVersion, kinds);
    return kinds;
  };
  return {
    // What is not there may have come since: it is looked up again.
    resolve: async (apiVersion, kind) => known.get(apiVersion)?.get(kind) ?? (await load(apiVersion)).get(kind),
  };
}
