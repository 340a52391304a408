// Roles and bindings every cluster has: kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy, without those of components that are not here.
import type { KubeObject } from '@keelson/kube';
import { listAt } from '../kinds/fields.ts';
import { StatusError } from '../http/api-status.ts';
import { internalRequest } from '../lifecycle/internal-request.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Machine } from '../registry/request-context.ts';
import { objectKey } from '../registry/resource.ts';
import { createObject, updateObject } from '../registry/write.ts';
import { aggregatedRules } from './aggregation.ts';
import { uncovered } from './rule-cover.ts';

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const aggregate = (to: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' });

const metadata = (name: string, labels: Readonly<Record<string, string>> = {}) => ({ name, labels: { ...bootstrapping, ...labels }, annotations: { [autoUpdate]: 'true' } });
const role = (name: string, rules: readonly Rule[], labels?: Readonly<Record<string, string>>): KubeObject => ({ apiVersion, kind: 'ClusterRole', metadata: metadata(name, labels), rules });
const sumOf = (name: string, labels?: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion, kind: 'ClusterRole', metadata: metadata(name, labels), aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregate(name) }] }, rules: [],
});
const binding = (name: string, groups: readonly string[]): KubeObject => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: metadata(name),
  roleRef: { apiGroup: group, kind: 'ClusterRole', name },
  subjects: groups.map((one) => ({ apiGroup: group, kind: 'Group', name: one })),
});

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const withParts = (resource: string, ...parts: readonly string[]): string[] => [resource, ...parts.map((part) => `${resource}/${part}`)];

const appsWritten = ['daemonsets', ...withParts('deployments', 'rollback', 'scale'), ...withParts('replicasets', 'scale'), ...withParts('statefulsets', 'scale')];
const viewed: readonly Rule[] = [
  {
    verbs: read, apiGroups: [''],
    resources: ['configmaps', 'endpoints', ...withParts('persistentvolumeclaims', 'status'), 'pods', ...withParts('replicationcontrollers', 'scale'), 'serviceaccounts', ...withParts('services', 'status')],
  },
  { verbs: read, apiGroups: [''], resources: ['bindings', 'events', 'limitranges', 'namespaces/status', 'pods/log', 'pods/status', 'replicationcontrollers/status', ...withParts('resourcequotas', 'status')] },
  { verbs: read, apiGroups: [''], resources: ['namespaces'] },
  { verbs: read, apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  {
    verbs: read, apiGroups: ['apps'],
    resources: ['controllerrevisions', ...withParts('daemonsets', 'status'), ...withParts('deployments', 'scale', 'status'), ...withParts('replicasets', 'scale', 'status'), ...withParts('statefulsets', 'scale', 'status')],
  },
  { verbs: read, apiGroups: ['autoscaling'], resources: withParts('horizontalpodautoscalers', 'status') },
  { verbs: read, apiGroups: ['batch'], resources: [...withParts('cronjobs', 'status'), ...withParts('jobs', 'status')] },
  { verbs: read, apiGroups: ['policy'], resources: withParts('poddisruptionbudgets', 'status') },
  { verbs: read, apiGroups: ['networking.k8s.io'], resources: [...withParts('ingresses', 'status'), 'networkpolicies'] },
];
const edited: readonly Rule[] = [
  { verbs: read, apiGroups: [''], resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'] },
  { verbs: ['impersonate'], apiGroups: [''], resources: ['serviceaccounts'] },
  { verbs: write, apiGroups: [''], resources: withParts('pods', 'attach', 'exec', 'portforward', 'proxy') },
  { verbs: ['create'], apiGroups: [''], resources: ['pods/eviction'] },
  {
    verbs: write, apiGroups: [''],
    resources: ['configmaps', 'events', 'persistentvolumeclaims', ...withParts('replicationcontrollers', 'scale'), 'secrets', 'serviceaccounts', ...withParts('services', 'proxy')],
  },
  { verbs: ['create'], apiGroups: [''], resources: ['serviceaccounts/token'] },
  { verbs: write, apiGroups: ['apps'], resources: appsWritten },
  { verbs: write, apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] },
  { verbs: write, apiGroups: ['batch'], resources: ['cronjobs', 'jobs'] },
  { verbs: write, apiGroups: ['policy'], resources: ['poddisruptionbudgets'] },
  { verbs: write, apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'] },
  { verbs: [...read, ...write], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
];
const administered: readonly Rule[] = [
  { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'] },
  { verbs: [...read, ...write], apiGroups: [group], resources: ['rolebindings', 'roles'] },
];

const publicPaths = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

const declared: readonly KubeObject[] = [
  role('cluster-admin', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }]),
  sumOf('admin'),
  sumOf('edit', aggregate('admin')),
  sumOf('view', aggregate('edit')),
  role('system:aggregate-to-admin', administered, aggregate('admin')),
  role('system:aggregate-to-edit', edited, aggregate('edit')),
  role('system:aggregate-to-view', viewed, aggregate('view')),
  role('system:discovery', [{ verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'] }]),
  role('system:basic-user', [
    { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] },
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  ]),
  role('system:public-info-viewer', [{ verbs: ['get'], nonResourceURLs: publicPaths }]),
  role('system:monitoring', [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/metrics/slis', '/readyz', '/readyz/*'] }]),
  role('system:service-account-issuer-discovery', [{ verbs: ['get'], nonResourceURLs: ['/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'] }]),
  role('system:auth-delegator', [
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
    { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'] },
  ]),
];

/** Parts before sums, so that a sum of sums is complete. */
function withSums(roles: readonly KubeObject[]): KubeObject[] {
  let all = [...roles];
  for (const name of ['view', 'edit', 'admin']) all = all.map((one) => (one.metadata.name === name ? { ...one, rules: aggregatedRules(one, all) } : one));
  return all;
}

const bindings: readonly KubeObject[] = [
  binding('cluster-admin', ['system:masters']),
  binding('system:discovery', ['system:authenticated']),
  binding('system:basic-user', ['system:authenticated']),
  binding('system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
  binding('system:monitoring', ['system:monitoring']),
  binding('system:service-account-issuer-discovery', ['system:serviceaccounts']),
];

const fieldManager = 'keelson-apiserver';

/** Stores the roles and bindings that are not there, and gives those that are the rights they lack, unless their annotation says not to. */
export async function bootstrapRoles(machine: Machine): Promise<void> {
  await Promise.all([...withSums(declared).map((one) => ensure(machine, 'clusterroles', one)), ...bindings.map((one) => ensure(machine, 'clusterrolebindings', one))]);
}

async function ensure(machine: Machine, plural: string, wanted: KubeObject): Promise<void> {
  const resource = machine.registry.resource(group, plural);
  if (!resource) return;
  const { name } = wanted.metadata;
  const request = internalRequest(resource, undefined, fieldManager);
  const stored = machine.store.get(objectKey(resource, undefined, name));
  if (!stored) {
    await createObject(machine, request, wanted).catch((error: unknown) => {
      if (!(error instanceof StatusError) || error.status.reason !== 'AlreadyExists') throw error;
    });
    return;
  }
  const live = decodeObject(stored.value);
  const mayChange = live.metadata.annotations?.[autoUpdate] === 'true' && !live['aggregationRule'] && plural === 'clusterroles';
  if (!mayChange || uncovered(listAt(live, 'rules'), listAt(wanted, 'rules')).length === 0) return;
  await updateObject(machine, request, name, (now) => ({ ...now, rules: [...listAt(now, 'rules'), ...uncovered(listAt(now, 'rules'), listAt(wanted, 'rules'))] }));
}
