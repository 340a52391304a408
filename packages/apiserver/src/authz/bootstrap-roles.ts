// Roles every cluster has (kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy), in short: kept in the program, not in the store.
// An object of the same name in the store takes their place.
import type { KubeObject } from '@keelson/kube';

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

const apiVersion = 'rbac.authorization.k8s.io/v1';
const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];

const role = (name: string, rules: readonly Rule[]): KubeObject => ({ apiVersion, kind: 'ClusterRole', metadata: { name }, rules });
const binding = (name: string, roleName: string, groups: readonly string[]): KubeObject => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects: groups.map((group) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group })),
});

const viewed: readonly Rule[] = [
  {
    verbs: read,
    apiGroups: [''],
    resources: [
      'bindings', 'configmaps', 'endpoints', 'events', 'limitranges', 'namespaces', 'namespaces/status', 'persistentvolumeclaims', 'persistentvolumeclaims/status', 'pods', 'pods/log', 'pods/status',
      'replicationcontrollers', 'replicationcontrollers/scale', 'replicationcontrollers/status', 'resourcequotas', 'resourcequotas/status', 'serviceaccounts', 'services', 'services/status',
    ],
  },
  { verbs: read, apiGroups: ['apps', 'autoscaling', 'batch', 'discovery.k8s.io', 'networking.k8s.io', 'policy'], resources: ['*'] },
];
const edited: readonly Rule[] = [
  ...viewed,
  { verbs: [...read, ...write], apiGroups: [''], resources: ['configmaps', 'endpoints', 'events', 'persistentvolumeclaims', 'pods', 'pods/attach', 'pods/eviction', 'pods/exec', 'pods/portforward', 'pods/proxy', 'replicationcontrollers', 'replicationcontrollers/scale', 'secrets', 'serviceaccounts', 'serviceaccounts/token', 'services', 'services/proxy'] },
  { verbs: [...read, ...write], apiGroups: ['apps', 'autoscaling', 'batch', 'networking.k8s.io', 'policy'], resources: ['*'] },
  { verbs: [...read, ...write], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
];

export const bootstrapRoles: readonly KubeObject[] = [
  role('cluster-admin', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }]),
  role('admin', [...edited, { verbs: [...read, ...write], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'] }, { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'] }]),
  role('edit', edited),
  role('view', viewed),
  role('system:discovery', [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'] }]),
  role('system:basic-user', [
    { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  ]),
  role('system:public-info-viewer', [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] }]),
];

export const bootstrapBindings: readonly KubeObject[] = [
  binding('cluster-admin', 'cluster-admin', ['system:masters']),
  binding('system:discovery', 'system:discovery', ['system:authenticated']),
  binding('system:basic-user', 'system:basic-user', ['system:authenticated']),
  binding('system:public-info-viewer', 'system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
];
