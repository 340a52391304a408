// Nobody hands out rights that they do not have: kubernetes/pkg/registry/rbac/*/policybased/storage.go and escalation_check.go.
import type { KubeObject } from '@keelson/kube';
import type { User } from '../authn/user.ts';
import { mastersGroup } from '../authn/user.ts';
import { forbidden, notFound } from '../http/api-status.ts';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, isFields, isSame, listAt, textAt } from '../kinds/fields.ts';
import type { Change, WriteRequest } from '../registry/request-context.ts';
import type { Authorizer } from './authorizer.ts';
import { roleByRef } from './rbac.ts';
import { showRule, uncovered } from './rule-cover.ts';
import type { Store } from '../store/store.ts';

const group = 'rbac.authorization.k8s.io';
const everything: readonly Fields[] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }];

/** Refuses a role with more rights than its writer has, and a binding to one, unless the writer may `escalate` or `bind`. */
export function createEscalationCheck(store: Store, authorizer: Authorizer): (request: WriteRequest, change: Change) => void {
  const held = (user: User, namespace: string | undefined): readonly Fields[] => {
    const rules = authorizer.rules?.(user, namespace ?? '');
    return [...(rules?.resourceRules ?? []), ...(rules?.nonResourceRules ?? [])].filter(isFields);
  };
  const may = (request: WriteRequest, verb: 'bind' | 'escalate', resource: string, name: string): boolean =>
    authorizer.authorize(request.user, { verb, group, resource, namespace: request.namespace, name }).allowed;
  const refuseUncovered = (request: WriteRequest, change: Change, rules: readonly Fields[]): void => {
    const missing = uncovered(held(request.user, request.namespace), rules);
    if (missing.length === 0) return;
    const { name, groups } = request.user;
    const who = `user ${JSON.stringify(name)} (groups=[${groups.map((one) => JSON.stringify(one)).join(' ')}])`;
    throw forbidden({ group, name: request.served.resource.plural }, change.name, `${who} is attempting to grant RBAC permissions not currently held:\n${missing.map(showRule).join('\n')}`);
  };
  const checkRole = (request: WriteRequest, change: Change, role: KubeObject): void => {
    const { plural } = request.served.resource;
    if (isSame(change.old?.['rules'], role['rules']) && isSame(change.old?.['aggregationRule'], role['aggregationRule'])) return;
    if (may(request, 'escalate', plural, change.name)) return;
    // What an aggregation will bring in is not known yet.
    refuseUncovered(request, change, role['aggregationRule'] ? everything : listAt(role, 'rules'));
  };
  const checkBinding = (request: WriteRequest, change: Change, binding: KubeObject): void => {
    if (change.old && isSame(change.old['subjects'], binding['subjects']) && isSame(change.old['roleRef'], binding['roleRef'])) return;
    const ref = fieldsAt(binding, 'roleRef');
    const plural = textAt(ref, 'kind') === 'Role' ? 'roles' : 'clusterroles';
    const name = textAt(ref, 'name') ?? '';
    if (may(request, 'bind', plural, name)) return;
    const role = roleByRef(store, ref, request.namespace);
    if (!role) throw notFound({ group, name: plural }, name);
    refuseUncovered(request, change, listAt(role, 'rules'));
  };
  return (request, change) => {
    const { resource } = request.served;
    if (resource.group !== group || !change.object || change.operation === 'DELETE' || request.user.groups.includes(mastersGroup)) return;
    if (resource.kind === 'Role' || resource.kind === 'ClusterRole') checkRole(request, change, change.object);
    else if (resource.kind === 'RoleBinding' || resource.kind === 'ClusterRoleBinding') checkBinding(request, change, change.object);
  };
}
