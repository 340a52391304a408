// RBAC: kubernetes/plugin/pkg/auth/authorizer/rbac, over the roles and bindings in the store.
import type { KubeObject } from '@keelson/kube';
import type { User } from '../authn/user.ts';
import type { Fields } from '../kinds/fields.ts';
import { fieldsAt, listAt, textAt, textsAt } from '../kinds/fields.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Store } from '../store/store.ts';
import type { Attributes, Authorizer, Decision, Rules } from './authorizer.ts';
import { mastersOnly } from './authorizer.ts';

const group = 'rbac.authorization.k8s.io';
const prefixes = { roles: `${group}/roles/`, bindings: `${group}/rolebindings/`, clusterRoles: `${group}/clusterroles/`, clusterBindings: `${group}/clusterrolebindings/` } as const;

/** Allows what the roles in the store allow that are bound to the user; everything to system:masters, whatever the store says. */
export function createRbacAuthorizer(store: Store): Authorizer {
  const objects = objectReader(store);
  const rulesFor = function* (user: User, namespace: string | undefined): Generator<{ rule: Fields; binding: string }> {
    for (const binding of objects(prefixes.clusterBindings)) {
      if (!listAt(binding, 'subjects').some((subject) => isSubject(subject, user, undefined))) continue;
      for (const rule of listAt(roleByRef(store, fieldsAt(binding, 'roleRef'), undefined), 'rules')) yield { rule, binding: `ClusterRoleBinding "${binding.metadata.name}"` };
    }
    if (namespace === undefined) return;
    for (const binding of objects(`${prefixes.bindings}${namespace}/`)) {
      if (!listAt(binding, 'subjects').some((subject) => isSubject(subject, user, namespace))) continue;
      for (const rule of listAt(roleByRef(store, fieldsAt(binding, 'roleRef'), namespace), 'rules')) yield { rule, binding: `RoleBinding "${binding.metadata.name}/${namespace}"` };
    }
  };
  return {
    authorize(user, attributes): Decision {
      if (mastersOnly.authorize(user, attributes).allowed) return { allowed: true, reason: 'RBAC: allowed by ClusterRoleBinding "cluster-admin" of ClusterRole "cluster-admin" to Group "system:masters"' };
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

const decodedLimit = 5_000;

/** Lists objects of a store; what was decoded is kept while its revision stays, because every request asks for the same bindings. */
function objectReader(store: Store): (prefix: string) => KubeObject[] {
  const decoded = new Map<string, { revision: number; object: KubeObject }>();
  return (prefix) =>
    store.list({ prefix }).entries.map((entry) => {
      const known = decoded.get(entry.key);
      if (known?.revision === entry.revision) return known.object;
      if (decoded.size >= decodedLimit) decoded.clear();
      const object = decodeObject(entry.value);
      decoded.set(entry.key, { revision: entry.revision, object });
      return object;
    });
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

/** The role that a binding refers to; undefined when there is none. A Role is one of the binding's namespace. */
export function roleByRef(store: Store, ref: Fields | undefined, namespace: string | undefined): KubeObject | undefined {
  const name = textAt(ref, 'name') ?? '';
  const isRole = ref?.['kind'] === 'Role';
  if (isRole && namespace === undefined) return undefined;
  const stored = store.get(isRole ? `${prefixes.roles}${namespace}/${name}` : `${prefixes.clusterRoles}${name}`);
  return stored && decodeObject(stored.value);
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
