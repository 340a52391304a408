// Who has asked for what, and what came of it: the metadata level of upstream's audit events, flat. Never queries, headers with credentials, or bodies.
import type { Clock, HttpRequest, HttpResponse, Log } from '@keelson/std';
import { describeError, rfc3339Micro } from '@keelson/std';
import type { User } from '../authn/user.ts';
import type { Attributes } from '../authz/authorizer.ts';

/** One request, after its answer was made; for a stream when it has begun. */
export interface AuditEntry {
  /** RFC 3339 with microseconds: when the request came. */
  readonly time: string;
  /** Who the request came from; empty when nobody said. */
  readonly user: string;
  readonly groups: readonly string[];
  /** Who the user acted as. */
  readonly impersonated?: string;
  readonly source?: string;
  readonly userAgent?: string;
  readonly verb: string;
  readonly path: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly code: number;
  readonly latencyMs: number;
  /** `none` when the request was not decided on: a probe, wrong credentials, too many requests. */
  readonly decision: 'allow' | 'forbid' | 'none';
  readonly reason?: string;
  /** Notes of admission webhooks. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Takes entries; must not block. */
export type AuditSink = (entry: AuditEntry) => void;

/** What becomes known of a request while it is answered. */
export interface RequestRecord {
  user?: User;
  impersonated?: User;
  attributes?: Attributes;
  decision?: { readonly allowed: boolean; readonly reason: string };
  /** The name that a new object was given. */
  name?: string;
  readonly annotations: Record<string, string>;
}

const agentMaxLength = 200;

/** Answers how to write the entry of a request once it has an answer; a sink that fails is reported, and the request goes on. */
export function createAudit(clock: Clock, log: Log, sink: AuditSink): (request: HttpRequest, record: RequestRecord, startMs: number, answer: HttpResponse) => void {
  return (request, record, startMs, answer) => {
    try {
      sink(entryOf(request, record, { startMs, latencyMs: clock.now() - startMs, code: answer.status }));
    } catch (error) {
      log.error('the audit log takes no entries', { error: describeError(error) });
    }
  };
}

function entryOf(request: HttpRequest, record: RequestRecord, { startMs, latencyMs, code }: { startMs: number; latencyMs: number; code: number }): AuditEntry {
  const { user, impersonated, attributes, decision, annotations } = record;
  const [path = '', query = ''] = request.url.split('?', 2);
  const name = record.name ?? (attributes && 'name' in attributes ? attributes.name : undefined);
  return {
    time: rfc3339Micro(startMs),
    user: user?.name ?? '',
    groups: user?.groups ?? [],
    ...(impersonated && { impersonated: impersonated.name }),
    ...(request.peer && { source: request.peer.address }),
    ...(request.headers['user-agent'] !== undefined && { userAgent: request.headers['user-agent'].slice(0, agentMaxLength) }),
    verb: attributes?.verb ?? request.method.toLowerCase(),
    path,
    ...(attributes && 'resource' in attributes && {
      group: attributes.group, resource: attributes.resource,
      ...(attributes.subresource !== undefined && { subresource: attributes.subresource }),
      ...(attributes.namespace !== undefined && { namespace: attributes.namespace }),
    }),
    ...(name !== undefined && { name }),
    ...(new URLSearchParams(query).has('dryRun') && { dryRun: true }),
    code,
    latencyMs,
    decision: decision === undefined ? 'none' : decision.allowed ? 'allow' : 'forbid',
    ...(decision?.reason && { reason: decision.reason }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}
