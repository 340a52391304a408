// Acting as somebody else: apiserver pkg/endpoints/filters/impersonation.go.
import type { Headers } from '@keelson/std';
import type { Attributes, Authorizer } from '../authz/authorizer.ts';
import { refusal } from '../authz/authorizer.ts';
import { badRequest } from '../http/api-status.ts';
import { serviceAccountGroups } from './service-accounts.ts';
import type { User } from './user.ts';
import { anonymousUser, authenticatedGroup } from './user.ts';

const extraPrefix = 'impersonate-extra-';
const authenticationGroup = 'authentication.k8s.io';
const unauthenticatedGroup = 'system:unauthenticated';

/**
 * Who a request acts as; undefined when it acts as its own user. Throws 403 when that user may not `impersonate` each part, 400 when the
 * headers name no user. Values of a header that is sent twice arrive joined by commas, so a group or value with a comma in it counts as two.
 */
export function impersonated(headers: Headers, user: User, authorizer: Authorizer): User | undefined {
  const wanted = readHeaders(headers);
  if (!wanted) return undefined;
  for (const attributes of neededRights(wanted)) {
    const decision = authorizer.authorize(user, attributes);
    if (!decision.allowed) throw refusal(user, attributes, decision.reason);
  }
  return asUser(wanted);
}

interface Wanted {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

function readHeaders(headers: Headers): Wanted | undefined {
  const name = headers['impersonate-user'] ?? '';
  const uid = headers['impersonate-uid'] || undefined;
  const groups = valuesOf(headers['impersonate-group']);
  const extra: Record<string, readonly string[]> = {};
  for (const [header, value] of Object.entries(headers)) if (header.startsWith(extraPrefix)) extra[unescaped(header.slice(extraPrefix.length))] = valuesOf(value);
  if (name !== '') return { name, uid, groups, extra };
  if (uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0) throw badRequest('the request impersonates a group, an uid or extra values without impersonating a user');
  return undefined;
}

function valuesOf(header: string | undefined): string[] {
  return (header ?? '').split(',').map((value) => value.trim()).filter((value) => value !== '');
}

/** Keys of extra values may be percent-encoded, as header names cannot hold every character. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

const accountPattern = /^system:serviceaccount:([^:]+):([^:]+)$/;

function neededRights({ name, uid, groups, extra }: Wanted): Attributes[] {
  const account = accountPattern.exec(name);
  const who: Attributes = account
    ? { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace: account[1], name: account[2] }
    : { verb: 'impersonate', group: '', resource: 'users', name };
  return [
    who,
    ...groups.map((group) => ({ verb: 'impersonate', group: '', resource: 'groups', name: group })),
    ...(uid === undefined ? [] : [{ verb: 'impersonate', group: authenticationGroup, resource: 'uids', name: uid }]),
    ...Object.entries(extra).flatMap(([key, values]) => values.map((value) => ({ verb: 'impersonate', group: authenticationGroup, resource: 'userextras', subresource: key, name: value }))),
  ];
}

/** The groups asked for, those a service account has when none were, and the one that says whether there is a name. */
function asUser({ name, uid, groups, extra }: Wanted): User {
  const account = accountPattern.exec(name);
  const given = groups.length === 0 && account ? serviceAccountGroups(account[1]!) : groups;
  const anyone = name === anonymousUser.name ? unauthenticatedGroup : authenticatedGroup;
  const all = given.includes(authenticatedGroup) || given.includes(unauthenticatedGroup) ? given : [...given, anyone];
  return { name, groups: all, ...(uid !== undefined && { uid }), ...(Object.keys(extra).length > 0 && { extra }) };
}
