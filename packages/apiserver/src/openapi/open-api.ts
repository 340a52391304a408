// OpenAPI v3 by group version: kube-openapi pkg/handler3.
import { createHash } from 'node:crypto';
import type { Bytes, HttpRequest, HttpResponse } from '@keelson/std';
import { encodeText, rfc3339 } from '@keelson/std';
import { jsonAnswer } from '../http/answer.ts';
import { notAcceptable } from '../http/api-status.ts';
import { parseAccept } from '../http/negotiate.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resource } from '../registry/resource.ts';
import { pathsOf } from './paths.ts';
import { createSchemaCollector, servedIn } from './schemas.ts';

export interface OpenApi {
  /** The answer to /openapi/v3 and below; undefined for other paths. */
  answer(path: string, url: URL, request: HttpRequest): HttpResponse | undefined;
}

interface Document {
  /** What the document was made of; it is made anew when these are others. */
  readonly resources: readonly Resource[];
  readonly body: Bytes;
  readonly hash: string;
}

const yearMs = 365 * 24 * 3600 * 1000;

/** OpenAPI documents of the kinds in a registry, each made when it is first asked for and after its kinds have changed. */
export function createOpenApi(registry: Registry, version: string, now: () => number): OpenApi {
  const documents = new Map<string, Document>();
  const documentOf = (group: string, name: string): Document | undefined => {
    const served = servedIn(registry.all(), group, name);
    if (served.length === 0) return undefined;
    const key = `${group}/${name}`;
    const resources = served.map((one) => one.resource);
    const known = documents.get(key);
    if (known && known.resources.length === resources.length && known.resources.every((resource, index) => resource === resources[index])) return known;
    const collector = createSchemaCollector();
    const paths = Object.assign({}, ...served.map((one) => pathsOf(one, collector.addKind(one), collector))) as object;
    const body = encodeText(JSON.stringify({ openapi: '3.0.0', info: { title: 'Kubernetes', version }, paths, components: { schemas: collector.components } }));
    const made = { resources, body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
    documents.set(key, made);
    return made;
  };
  const index = (): object => {
    const entries = registry.groups().flatMap((group) =>
      registry.versionsOf(group).flatMap((name) => {
        const document = documentOf(group, name);
        const path = group === '' ? `api/${name}` : `apis/${group}/${name}`;
        return document ? [[path, { serverRelativeURL: `/openapi/v3/${path}?hash=${document.hash}` }] as const] : [];
      }),
    );
    return { paths: Object.fromEntries(entries) };
  };
  return {
    answer(path, url, request) {
      if (path === '/openapi/v3') return jsonAnswer(200, index());
      const match = /^\/openapi\/v3\/(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))$/.exec(path);
      if (!match) return undefined;
      const [, coreVersion, group = '', name] = match;
      const document = documentOf(group, coreVersion ?? name ?? '');
      if (!document) return undefined;
      if (!acceptsJson(request)) throw notAcceptable(['application/json']);
      return documentAnswer(path, url, request, document, now());
    },
  };
}

function acceptsJson(request: HttpRequest): boolean {
  return parseAccept(request.headers['accept']).some(({ type }) => type === 'application/json' || type === '*/*' || type === 'application/*');
}

function documentAnswer(path: string, url: URL, request: HttpRequest, { body, hash }: Document, nowMs: number): HttpResponse {
  const wanted = url.searchParams.get('hash');
  if (wanted !== null && wanted !== hash) return { status: 301, headers: { location: `${path}?hash=${hash}` } };
  const etag = `"${hash}"`;
  const forever: Record<string, string> = wanted === null ? {} : { 'cache-control': 'public, immutable', expires: httpDate(nowMs + yearMs) };
  const headers = { 'content-type': 'application/json', etag, vary: 'Accept', ...forever };
  if (request.headers['if-none-match'] === etag) return { status: 304, headers };
  return { status: 200, headers, body };
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A time as HTTP headers have it (RFC 9110). */
function httpDate(epochMs: number): string {
  const [date = '', time = ''] = rfc3339(epochMs).replace('Z', '').split('T');
  const [year, month, day] = date.split('-');
  // 1 January 1970 was a Thursday.
  const weekday = days[(Math.floor(epochMs / 86_400_000) + 4) % 7];
  return `${weekday}, ${day} ${months[Number(month) - 1]} ${year} ${time} GMT`;
}
