// The order in which kustomize-controller applies kinds, so that what others need is there first; objects are deleted in the reverse order.
import { parseApiVersion, type KubeObject } from '@keelson/kube';

const first = [
  'CustomResourceDefinition', 'Namespace', 'ClusterRole', 'ClusterClass', 'RuntimeClass', 'PriorityClass', 'StorageClass', 'VolumeSnapshotClass', 'IngressClass', 'GatewayClass',
  'ClusterRoleBinding', 'ResourceQuota', 'ServiceAccount', 'Role', 'RoleBinding', 'ConfigMap', 'Secret', 'Service', 'LimitRange', 'Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget',
];
const last = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

export interface Ordered {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Compares by kind's rank, then group and kind, namespace, name. */
export function compareForApply(a: Ordered, b: Ordered): number {
  return rank(a.kind) - rank(b.kind) || compare(`${a.group}/${a.kind}`, `${b.group}/${b.kind}`) || compare(a.namespace, b.namespace) || compare(a.name, b.name);
}

function rank(kind: string): number {
  const early = first.indexOf(kind);
  return early >= 0 ? early : first.length + 1 + last.indexOf(kind);
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function orderedOf(object: KubeObject): Ordered {
  return { group: parseApiVersion(object.apiVersion).group, kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

/** True for kinds that others in the same set may need before the API takes those: definitions of kinds, and namespaces. */
export function isFoundation(object: KubeObject): boolean {
  return object.kind === 'CustomResourceDefinition' || (object.kind === 'Namespace' && object.apiVersion === 'v1') || object.kind === 'ClusterRole';
}
