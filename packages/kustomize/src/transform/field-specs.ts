// Where kustomize's built-in transformers write (its documented default field specs).
import type { FieldSpec } from '../load/kustomization-file.ts';

const workloads: readonly Omit<FieldSpec, 'path'>[] = [
  { version: 'v1', kind: 'ReplicationController' },
  { kind: 'Deployment' },
  { kind: 'ReplicaSet' },
  { kind: 'DaemonSet' },
  { group: 'apps', kind: 'StatefulSet' },
  { group: 'batch', kind: 'Job' },
];

/** `labels` or `annotations` of pod templates. */
function templateSpecs(field: 'labels' | 'annotations'): FieldSpec[] {
  return [
    ...workloads.map((of) => ({ ...of, path: `spec/template/metadata/${field}`, create: true })),
    { group: 'batch', kind: 'CronJob', path: `spec/jobTemplate/metadata/${field}`, create: true },
    { group: 'batch', kind: 'CronJob', path: `spec/jobTemplate/spec/template/metadata/${field}`, create: true },
  ];
}

export const metadataLabelSpec: FieldSpec = { path: 'metadata/labels', create: true };
export const templateLabelSpecs: readonly FieldSpec[] = templateSpecs('labels');
export const volumeClaimTemplateLabelSpecs: readonly FieldSpec[] = [{ group: 'apps', kind: 'StatefulSet', path: 'spec/volumeClaimTemplates[]/metadata/labels', create: true }];
export const annotationSpecs: readonly FieldSpec[] = [{ path: 'metadata/annotations', create: true }, ...templateSpecs('annotations')];

const affinityPaths = ['podAffinity', 'podAntiAffinity'].flatMap((kind) => [
  `spec/template/spec/affinity/${kind}/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels`,
  `spec/template/spec/affinity/${kind}/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels`,
]);

export const selectorSpecs: readonly FieldSpec[] = [
  { version: 'v1', kind: 'Service', path: 'spec/selector', create: true },
  { version: 'v1', kind: 'ReplicationController', path: 'spec/selector', create: true },
  { kind: 'Deployment', path: 'spec/selector/matchLabels', create: true },
  { kind: 'ReplicaSet', path: 'spec/selector/matchLabels', create: true },
  { kind: 'DaemonSet', path: 'spec/selector/matchLabels', create: true },
  { group: 'apps', kind: 'StatefulSet', path: 'spec/selector/matchLabels', create: true },
  ...['Deployment', 'StatefulSet'].flatMap((kind) =>
    [...affinityPaths, 'spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels'].map((path) => ({ group: 'apps', kind, path, create: false })),
  ),
  { group: 'batch', kind: 'Job', path: 'spec/selector/matchLabels', create: false },
  { group: 'batch', kind: 'CronJob', path: 'spec/jobTemplate/spec/selector/matchLabels', create: false },
  { group: 'policy', kind: 'PodDisruptionBudget', path: 'spec/selector/matchLabels', create: false },
  ...['spec/podSelector/matchLabels', 'spec/ingress/from/podSelector/matchLabels', 'spec/egress/to/podSelector/matchLabels'].map((path) => ({
    group: 'networking.k8s.io', kind: 'NetworkPolicy', path, create: false,
  })),
];

/** commonLabels, and labels with includeSelectors. */
export const commonLabelSpecs: readonly FieldSpec[] = [metadataLabelSpec, ...templateLabelSpecs, ...volumeClaimTemplateLabelSpecs, ...selectorSpecs];

/** Fields that take the namespace besides metadata.namespace. */
export const namespaceSpecs: readonly FieldSpec[] = [
  { version: 'v1', kind: 'Namespace', path: 'metadata/name', create: true },
  { group: 'apiregistration.k8s.io', kind: 'APIService', path: 'spec/service/namespace', create: true },
  { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition', path: 'spec/conversion/webhook/clientConfig/service/namespace', create: false },
];

export const imageSpecs: readonly FieldSpec[] = [
  'spec/containers[]/image', 'spec/initContainers[]/image', 'spec/template/spec/containers[]/image', 'spec/template/spec/initContainers[]/image',
  'spec/volumes[]/image/reference', 'spec/template/spec/volumes[]/image/reference',
].map((path) => ({ path }));

export const replicaKinds: readonly string[] = ['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'];

/** Kinds whose names keep prefix and suffix off. */
export const unaffixedKinds: readonly { readonly group?: string; readonly kind: string }[] = [
  { kind: 'CustomResourceDefinition' },
  { group: 'apiregistration.k8s.io', kind: 'APIService' },
  { kind: 'Namespace' },
];
