// Reviews: questions about who somebody is and what they may do (kubernetes/pkg/registry/{authentication,authorization}).
import type { KubeObject } from '@keelson/kube';
import type { HttpRequest, HttpResponse } from '@keelson/std';
import type { Env } from '@keelson/std';
import { rfc3339 } from '@keelson/std';
import type { Authenticator } from '../authn/authenticator.ts';
import type { ServiceAccountTokens } from '../authn/service-accounts.ts';
import { userInfo } from '../authn/service-accounts.ts';
import type { User } from '../authn/user.ts';
import { jsonAnswer } from '../http/answer.ts';
import { badRequest, methodNotAllowed, noSuchResource, notAcceptable } from '../http/api-status.ts';
import { asKubeObject, decodeBody } from '../http/body.ts';
import { chooseForm } from '../http/negotiate.ts';
import type { ResourcePath } from '../http/path.ts';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, textAt, textsAt } from '../kinds/fields.ts';
import type { Attributes, Authorizer, Rules } from './authorizer.ts';
import { reviewResources } from './review-kinds.ts';

/** Kinds that are questions about who may do what: they are answered and not stored. */
export interface Reviews {
  /** Undefined when the path names no review. */
  answer(request: HttpRequest, path: ResourcePath, user: User): Promise<HttpResponse | undefined>;
}

/** Reviews over the server's own authentication and authorization. */
export function createReviews(env: Env, authenticator: Authenticator, authorizer: Authorizer, tokens: ServiceAccountTokens | undefined): Reviews {
  const kinds = new Map(reviewResources().map(({ resource }) => [`${resource.group}/${resource.plural}`, resource.kind]));
  const statusOf = (kind: string, review: KubeObject, user: User): Fields => {
    const spec = fieldsAt(review, 'spec');
    switch (kind) {
      case 'SelfSubjectReview':
        return { userInfo: userInfo(user) };
      case 'TokenReview':
        return tokenStatus(authenticator, tokens, spec);
      case 'SelfSubjectRulesReview':
        return { ...rulesOf(authorizer, user, textAt(spec, 'namespace') ?? ''), incomplete: false };
      case 'SelfSubjectAccessReview':
        return accessStatus(authorizer, user, spec);
      default:
        return accessStatus(authorizer, subjectOf(spec), spec);
    }
  };
  return {
    async answer(request, path, user) {
      const kind = kinds.get(`${path.group}/${path.resource ?? ''}`);
      if (kind === undefined) return undefined;
      if (path.version !== 'v1' || path.name !== undefined) throw noSuchResource();
      if (request.method !== 'POST') throw methodNotAllowed(`${request.method} is not supported on resources of kind "${path.resource}"`);
      // These have no table and no metadata to show.
      if (!chooseForm(request.headers['accept'], { table: false, metadata: false })) throw notAcceptable(['application/json']);
      const review = asKubeObject((await decodeBody(request, { protobuf: true })).value);
      const apiVersion = `${path.group}/${path.version}`;
      if ((review.kind && review.kind !== kind) || (review.apiVersion && review.apiVersion !== apiVersion)) throw badRequest(`the object in the data is no ${kind} of ${apiVersion}`);
      const metadata = { ...review.metadata, creationTimestamp: kind === 'SelfSubjectReview' ? rfc3339(env.clock.now()) : null };
      return jsonAnswer(201, { ...review, apiVersion, kind, metadata, status: statusOf(kind, review, user) });
    },
  };
}

const invalidToken: Fields = { user: {}, error: '[invalid bearer token]' };

/** Tokens of service accounts are reviewed for the audiences asked for; any other token is for this server only. */
function tokenStatus(authenticator: Authenticator, tokens: ServiceAccountTokens | undefined, spec: Fields | undefined): Fields {
  const token = textAt(spec, 'token') ?? '';
  const asked = textsAt(spec, 'audiences');
  const own = tokens?.audiences ?? [];
  const wanted = asked.length > 0 ? asked : own;
  const account = tokens?.review(token, wanted);
  if (account) return { authenticated: true, user: userInfo(account.user), audiences: account.audiences };
  const user = token === '' ? 'refused' : authenticator({ method: 'GET', url: '/', headers: { authorization: `Bearer ${token}` } });
  if (user === 'refused' || user === undefined) return invalidToken;
  const granted = wanted.filter((audience) => own.includes(audience));
  if (asked.length > 0 && granted.length === 0) return invalidToken;
  return { authenticated: true, user: userInfo(user), ...(granted.length > 0 && { audiences: granted }) };
}

function subjectOf(spec: Fields | undefined): User {
  const name = textAt(spec, 'user') ?? '';
  const groups = textsAt(spec, 'groups');
  if (name === '' && groups.length === 0) throw badRequest('spec.user: Invalid value: "": at least one of user or group must be specified');
  return { name, uid: textAt(spec, 'uid'), groups };
}

function accessStatus(authorizer: Authorizer, user: User, spec: Fields | undefined): Fields {
  const resource = fieldsAt(spec, 'resourceAttributes');
  const path = fieldsAt(spec, 'nonResourceAttributes');
  if ((resource === undefined) === (path === undefined)) throw badRequest('spec: exactly one of nonResourceAttributes or resourceAttributes must be specified');
  const attributes: Attributes = path
    ? { verb: textAt(path, 'verb') ?? '', path: textAt(path, 'path') ?? '' }
    : {
        verb: textAt(resource, 'verb') ?? '',
        group: textAt(resource, 'group') ?? '',
        resource: textAt(resource, 'resource') ?? '',
        subresource: textAt(resource, 'subresource') || undefined,
        namespace: textAt(resource, 'namespace') || undefined,
        name: textAt(resource, 'name') || undefined,
      };
  const { allowed, reason } = authorizer.authorize(user, attributes);
  return { allowed, ...(reason !== '' && { reason }) };
}

function rulesOf(authorizer: Authorizer, user: User, namespace: string): Rules {
  return authorizer.rules?.(user, namespace) ?? { resourceRules: [], nonResourceRules: [] };
}
