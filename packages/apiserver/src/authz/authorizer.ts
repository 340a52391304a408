import type { StatusError } from '../http/api-status.ts';
import { forbidden, forbiddenPath } from '../http/api-status.ts';
import type { User } from '../authn/user.ts';
import { mastersGroup } from '../authn/user.ts';

/** What a request wants to do: to a resource, or to a path when there is no resource. */
export type Attributes =
  | { readonly verb: string; readonly path: string }
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    };

export interface Decision {
  readonly allowed: boolean;
  /** Why, for the message and for reviews; may be empty. */
  readonly reason: string;
}

export interface Authorizer {
  authorize(user: User, attributes: Attributes): Decision;
  /** Everything a user may do in a namespace, for `kubectl auth can-i --list`. */
  rules?(user: User, namespace: string): Rules;
}

/** Rules as a SelfSubjectRulesReview shows them. */
export interface Rules {
  readonly resourceRules: readonly object[];
  readonly nonResourceRules: readonly object[];
}

/** Everything for system:masters, nothing for anybody else. */
export const mastersOnly: Authorizer = {
  authorize: (user) => ({ allowed: user.groups.includes(mastersGroup), reason: '' }),
  rules: (user) =>
    user.groups.includes(mastersGroup)
      ? { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }
      : { resourceRules: [], nonResourceRules: [] },
};

/** The first that allows. */
export function anyOf(...authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(user, attributes) {
      const reasons: string[] = [];
      for (const one of authorizers) {
        const decision = one.authorize(user, attributes);
        if (decision.allowed) return decision;
        if (decision.reason !== '') reasons.push(decision.reason);
      }
      return { allowed: false, reason: reasons.join(', ') };
    },
    rules(user, namespace) {
      const all = authorizers.flatMap((one) => one.rules?.(user, namespace) ?? []);
      return { resourceRules: all.flatMap((one) => one.resourceRules), nonResourceRules: all.flatMap((one) => one.nonResourceRules) };
    },
  };
}

/** The 403 that answers a request that is not allowed. */
export function refusal(user: User, attributes: Attributes, reason: string): StatusError {
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  const tail = reason === '' ? '' : `: ${reason}`;
  if ('path' in attributes) return forbiddenPath(`${who} path ${JSON.stringify(attributes.path)}${tail}`);
  const { group, resource, subresource, namespace, name } = attributes;
  const full = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  return forbidden({ group, name: resource }, name ?? '', `${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${where}${tail}`);
}
