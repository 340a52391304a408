import type { HttpHandler, HttpRequest, HttpResponse, Log } from '@keelson/std';
import { requestUrl, textResponse } from '@keelson/std';
import type { Authenticator } from '../authn/authenticator.ts';
import { impersonated } from '../authn/impersonation.ts';
import { anonymousUser } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import type { Authorizer, Attributes } from '../authz/authorizer.ts';
import { refusal } from '../authz/authorizer.ts';
import type { Machine } from '../registry/request-context.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { OpenApi } from '../openapi/open-api.ts';
import { asStatusError, errorAnswer, jsonAnswer, withWarnings } from './answer.ts';
import { forbiddenPath, noSuchResource, unauthorized } from './api-status.ts';
import type { AuditSink, RequestRecord } from './audit.ts';
import { createAudit } from './audit.ts';
import { compressed } from './compress.ts';
import { dispatch } from './dispatch.ts';
import { parseResourcePath } from './path.ts';
import type { RequestLimits } from './request-limits.ts';
import { whenSent } from './request-limits.ts';
import { apiRequest } from './request.ts';
import type { Reviews } from '../authz/reviews.ts';
import { attributesOf } from './attributes.ts';

export interface HandlerParts {
  readonly machine: Machine;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly discovery: Discovery;
  readonly openApi: OpenApi;
  readonly reviews: Reviews;
  /** What one user may ask at once; no limits when absent. */
  readonly limits?: RequestLimits;
  readonly audit?: AuditSink;
  readonly version: Readonly<Record<string, string>>;
  readonly log: Log;
  /** Runs before a request for a resource: installs what is made on first use. */
  readonly prepare: (group: string, resource: string) => Promise<void>;
}

/** Paths that anybody may read: probes and the version. */
const publicPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version']);

/** The whole API as one handler. Never throws: what goes wrong is answered as a Status. */
export function createHandler(parts: HandlerParts): HttpHandler {
  const { clock } = parts.machine.env;
  const audit = parts.audit && createAudit(clock, parts.log, parts.audit);
  return async (request) => {
    const startMs = clock.now();
    const record: Entered = { annotations: {}, leave: () => {} };
    const made = await answer(parts, request, record).catch((thrown: unknown) => errorAnswer(loggedStatus(parts.log, request, thrown)));
    audit?.(request, record, startMs, made);
    return whenSent(compressed(request, made), request.signal, record.leave);
  };
}

/** A request that the limits have counted in. */
interface Entered extends RequestRecord {
  leave: () => void;
}

const streamed: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

async function answer(parts: HandlerParts, request: HttpRequest, record: Entered): Promise<HttpResponse> {
  const url = requestUrl(request);
  const path = url.pathname;
  const user = parts.authenticator(request);
  if (user === 'refused') throw unauthorized();
  const isPublic = publicPaths.has(path) || /^\/(readyz|livez|healthz)\//.test(path);
  if (!user && !isPublic) throw unauthorized();
  record.user = user;
  const resourcePath = parseResourcePath(path);
  const attributes: Attributes = resourcePath?.resource === undefined ? { verb: request.method.toLowerCase(), path } : attributesOf(request.method, resourcePath, url);
  record.attributes = attributes;
  const isStream = attributes.verb === 'watch' || streamed.has(resourcePath?.subresource ?? '');
  // Who acts as others does so within their own limits.
  if (user && !isPublic) record.leave = parts.limits?.enter(user.name, isStream ? 'stream' : 'request') ?? record.leave;
  record.impersonated = user && impersonated(request.headers, user, parts.authorizer);
  const who = record.impersonated ?? user ?? anonymousUser;
  if (resourcePath?.resource === undefined) {
    if (!isPublic) authorize(parts.authorizer, who, attributes, record);
    return nonResource(parts, request, url);
  }
  authorize(parts.authorizer, who, attributes, record);
  const review = await parts.reviews.answer(request, resourcePath, who);
  if (review) return review;
  await parts.prepare(resourcePath.group, resourcePath.resource);
  const served = parts.machine.registry.find(resourcePath.group, resourcePath.version, resourcePath.resource);
  if (!served || (resourcePath.namespace !== undefined && !served.resource.namespaced)) throw noSuchResource();
  const api = apiRequest({ machine: parts.machine, http: request, url, path: resourcePath, served, user: who, record });
  return withWarnings(await dispatch(api).catch((thrown: unknown) => errorAnswer(loggedStatus(parts.log, request, thrown))), api.warnings);
}

function loggedStatus(log: Log, request: HttpRequest, thrown: unknown) {
  const error = asStatusError(thrown);
  if (error.status.code === 500) log.error('request failed', { method: request.method, path: request.url.split('?')[0], error: error.cause ?? error });
  return error;
}

function authorize(authorizer: Authorizer, user: User, attributes: Attributes, record: RequestRecord): void {
  const decision = authorizer.authorize(user, attributes);
  record.decision = decision;
  if (decision.allowed) return;
  throw refusal(user, attributes, decision.reason) ?? forbiddenPath('not allowed');
}

function nonResource(parts: HandlerParts, request: HttpRequest, url: URL): HttpResponse {
  const path = url.pathname.replace(/\/+$/, '') || '/';
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead) throw noSuchResource();
  if (path === '/version') return jsonAnswer(200, parts.version);
  const probe = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path);
  if (probe) return probeAnswer(probe[1]!, probe[2], url);
  if (path === '/') return jsonAnswer(200, { paths: rootPaths(parts) });
  const issuer = parts.machine.tokens?.discovery(path);
  if (issuer) return jsonAnswer(200, issuer, path.endsWith('jwks') ? 'application/jwk-set+json' : 'application/json');
  const found = parts.discovery.answer(path, request) ?? parts.openApi.answer(path, url, request);
  if (!found) throw noSuchResource();
  return found;
}

const checks = ['ping', 'store'];

/** Whoever gets an answer gets it from a server whose store is open: there is nothing else to check. */
function probeAnswer(probe: string, check: string | undefined, url: URL): HttpResponse {
  if (check !== undefined && !checks.includes(check)) throw noSuchResource();
  if (check !== undefined || !url.searchParams.has('verbose')) return textResponse(200, 'ok', { 'x-content-type-options': 'nosniff' });
  const excluded = url.searchParams.getAll('exclude');
  const lines = checks.map((name) => (excluded.includes(name) ? `[+]${name} excluded: ok` : `[+]${name} ok`));
  return textResponse(200, `${lines.join('\n')}\n${probe} check passed\n`);
}

function rootPaths(parts: HandlerParts): string[] {
  return ['/api', '/api/v1', '/apis', ...parts.discovery.groupPaths(), '/healthz', '/livez', '/openapi/v3', '/readyz', '/version'];
}
