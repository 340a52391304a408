// The order of the output: as read (fifo), or kustomize's legacy order by kind.
import type { SortOrder } from './load/kustomization-file.ts';
import { type Resource, gvkOf, nameOf, namespaceOf } from './resource.ts';

const legacyFirst = [
  'Namespace', 'ResourceQuota', 'StorageClass', 'CustomResourceDefinition', 'ServiceAccount', 'PodSecurityPolicy', 'Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding', 'ConfigMap',
  'Secret', 'Endpoints', 'Service', 'LimitRange', 'PriorityClass', 'PersistentVolume', 'PersistentVolumeClaim', 'Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget',
];
const legacyLast = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

/** The resources in the order asked for. */
export function orderResources(resources: readonly Resource[], sort: SortOrder): readonly Resource[] {
  if (sort.order === 'fifo') return resources;
  const first = sort.first ?? legacyFirst;
  const last = sort.last ?? legacyLast;
  const rank = (kind: string): number => {
    const early = first.indexOf(kind);
    if (early >= 0) return early - first.length;
    return 1 + last.indexOf(kind);
  };
  const keyed = resources.map((resource) => {
    const { group, version, kind } = gvkOf(resource.object);
    const gvk = [group || '~G', version || '~V', kind || '~K'].join('_');
    return { resource, rank: rank(kind), gvk, name: `${gvk}|${namespaceOf(resource) || '~X'}|${nameOf(resource) || '~N'}` };
  });
  keyed.sort((a, b) => a.rank - b.rank || compare(a.gvk, b.gvk) || compare(a.name, b.name));
  return keyed.map(({ resource }) => resource);
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
