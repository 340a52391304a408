// RBAC: kubernetes/plugin/pkg/auth/authorizer/rbac, over the roles and bindings in the store.
import type { KubeObject } from '@keelson/kube';
import type { User } from '../authn/user.ts';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, listAt, textAt, textsAt } from '../kinds/fields.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Store } from '../store/store.ts';
import type { Attributes, Authorizer, Decision, Rules } from './authorizer.ts';
import { bootstrapBindings, bootstrapRoles } from './bootstrap-roles.ts';

const group = 'rbac.authorization.k8s.io';
const prefixes = { roles: `${group}/roles/`, bindings: `${group}/rolebindings/`, clusterRoles: `${group}/clusterroles/`, clusterBindings: `${group}/clusterrolebindings/` } as const;

/** Allows what the roles allow that are bound to the user, in the store and built in (cluster-admin, admin, edit, view, discovery). */
export function createRbacAuthorizer(store: Store): Authorizer {
  const rulesFor = function* (user: User, namespace: string | undefined): Generator<{ rule: Fields; binding: string }> {
    for (const binding of [...bootstrapBindings, ...objects(store, prefixes.clusterBindings)]) {
      if (!listAt(binding, 'subjects').some((subject) => isSubject(subject, user, undefined))) continue;
      for (const rule of roleRules(store, fieldsAt(binding, 'roleRef'), undefined)) yield { rule, binding: `ClusterRoleBinding "${binding.metadata.name}"` };
    }
    if (namespace === undefined) return;
    for (const binding of objects(store, `${prefixes.bindings}${namespace}/`)) {
      if (!listAt(binding, 'subjects').some((subject) => isSubject(subject, user, namespace))) continue;
      for (const rule of roleRules(store, fieldsAt(binding, 'roleRef'), namespace)) yield { rule, binding: `RoleBinding "${binding.metadata.name}/${namespace}"` };
    }
  };
  return {
    authorize(user, attributes): Decision {
      const namespace = 'path' in attributes ? undefined : attributes.namespace;
      for (const { rule, binding } of rulesFor(user, namespace)) {
        if (allows(rule, attributes)) return { allowed: true, reason: `RBAC: allowed by ${binding}` };
      }
      return { allowed: false, reason: '' };
    },
    rules(user, namespace): Rules {
      const all = [...rulesFor(user, namespace || undefined)].map(({ rule }) => rule);
      return {
        resourceRules: all.filter((rule) => textsAt(rule, 'resources').length > 0),
        nonResourceRules: all.filter((rule) => textsAt(rule, 'nonResourceURLs').length > 0),
      };
    },
  };
}

function objects(store: Store, prefix: string): KubeObject[] {
  return store.list({ prefix }).entries.map((entry) => decodeObject(entry.value));
}

function isSubject(subject: Fields, user: User, namespace: string | undefined): boolean {
  const name = textAt(subject, 'name') ?? '';
  switch (subject['kind']) {
    case 'User':
      return name === user.name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount': {
      const home = textAt(subject, 'namespace') || namespace;
      return home !== undefined && user.name === `system:serviceaccount:${home}:${name}`;
    }
    default:
      return false;
  }
}

function roleRules(store: Store, ref: Fields | undefined, namespace: string | undefined): Fields[] {
  const name = textAt(ref, 'name') ?? '';
  if (ref?.['kind'] === 'Role') {
    const stored = namespace === undefined ? undefined : store.get(`${prefixes.roles}${namespace}/${name}`);
    return stored ? listAt(decodeObject(stored.value), 'rules') : [];
  }
  const stored = store.get(`${prefixes.clusterRoles}${name}`);
  if (stored) return listAt(decodeObject(stored.value), 'rules');
  return listAt(bootstrapRoles.find((role) => role.metadata.name === name), 'rules');
}

function allows(rule: Fields, attributes: Attributes): boolean {
  const has = (field: string, value: string) => textsAt(rule, field).some((one) => one === '*' || one === value);
  if (!has('verbs', attributes.verb)) return false;
  if ('path' in attributes) {
    return textsAt(rule, 'nonResourceURLs').some((url) => url === '*' || url === attributes.path || (url.endsWith('*') && attributes.path.startsWith(url.slice(0, -1))));
  }
  const names = textsAt(rule, 'resourceNames');
  return has('apiGroups', attributes.group) && allowsResource(rule, attributes) && (names.length === 0 || (attributes.name !== undefined && names.includes(attributes.name)));
}

function allowsResource(rule: Fields, { resource, subresource }: { resource: string; subresource?: string }): boolean {
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return textsAt(rule, 'resources').some((one) => one === '*' || one === full || (subresource !== undefined && one === `*/${subresource}`));
}
