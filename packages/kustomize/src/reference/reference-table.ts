// Fields that hold the name of another object: kustomize's name reference table.
import type { FieldSpec } from '../load/kustomization-file.ts';

export interface ReferenceRule {
  /** What is referred to; an empty part means any. */
  readonly target: { readonly group?: string; readonly version?: string; readonly kind: string };
  readonly referrers: readonly FieldSpec[];
}

const at = (path: string, kind?: string, group?: string, version?: string): FieldSpec => ({ path, kind, group, version });

/** Where pod specs are. The second list is what upstream names for references that were added kind by kind. */
const podSpecs: readonly (readonly [kind: string, prefix: string])[] = [
  ['Pod', 'spec'], ['PodTemplate', 'template/spec'], ['Deployment', 'spec/template/spec'], ['ReplicaSet', 'spec/template/spec'], ['DaemonSet', 'spec/template/spec'],
  ['StatefulSet', 'spec/template/spec'], ['Job', 'spec/template/spec'], ['CronJob', 'spec/jobTemplate/spec/template/spec'],
];
const sevenKinds: readonly (readonly [kind: string, prefix: string])[] = [
  ['Pod', 'spec'], ['StatefulSet', 'spec/template/spec'], ['Deployment', 'spec/template/spec'], ['ReplicationController', 'spec/template/spec'],
  ['CronJob', 'spec/jobTemplate/spec/template/spec'], ['Job', 'spec/template/spec'], ['DaemonSet', 'spec/template/spec'],
];

function inPods(leaves: readonly string[], kinds = podSpecs): FieldSpec[] {
  return kinds.flatMap(([kind, prefix]) => leaves.map((leaf) => at(`${prefix}/${leaf}`, kind)));
}

const inContainers = (leaf: string) => [`containers/${leaf}`, `initContainers/${leaf}`];
const resourceNames = [at('rules/resourceNames', 'Role'), at('rules/resourceNames', 'ClusterRole')];
const ingressAnnotation = (key: string) => at(`metadata/annotations/${key.replaceAll('/', '\\/')}`, 'Ingress');
const scaleTarget = [at('spec/scaleTargetRef/name', 'HorizontalPodAutoscaler')];

export const referenceRules: readonly ReferenceRule[] = [
  ...['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'].map((kind) => ({ target: { kind }, referrers: scaleTarget })),
  {
    target: { version: 'v1', kind: 'ConfigMap' },
    referrers: [
      ...inPods([
        'volumes/configMap/name', 'volumes/projected/sources/configMap/name', ...inContainers('env/valueFrom/configMapKeyRef/name'), ...inContainers('envFrom/configMapRef/name'),
      ]),
      at('spec/configSource/configMap', 'Node'), ...resourceNames, ingressAnnotation('nginx.ingress.kubernetes.io/fastcgi-params-configmap'),
    ],
  },
  {
    target: { version: 'v1', kind: 'Secret' },
    referrers: [
      ...inPods([
        'volumes/secret/secretName', 'volumes/projected/sources/secret/name', ...inContainers('env/valueFrom/secretKeyRef/name'), ...inContainers('envFrom/secretRef/name'), 'imagePullSecrets/name',
      ]),
      at('imagePullSecrets/name', 'ServiceAccount'), at('spec/tls/secretName', 'Ingress'),
      ...['ingress.kubernetes.io/auth-secret', 'nginx.ingress.kubernetes.io/auth-secret', 'nginx.ingress.kubernetes.io/auth-tls-secret'].map(ingressAnnotation),
      ...['secretName', 'adminSecretName', 'userSecretName', 'secretRef'].map((key) => at(`parameters/${key}`, 'StorageClass')),
      ...resourceNames,
      at('spec/template/spec/containers/env/valueFrom/secretKeyRef/name', 'Service', 'serving.knative.dev', 'v1'), at('spec/azureFile/secretName', 'PersistentVolume'),
    ],
  },
  {
    target: { version: 'v1', kind: 'Service' },
    referrers: [
      at('spec/serviceName', 'StatefulSet', 'apps'), at('spec/rules/http/paths/backend/serviceName', 'Ingress'), at('spec/backend/serviceName', 'Ingress'),
      at('spec/rules/http/paths/backend/service/name', 'Ingress'), at('spec/defaultBackend/service/name', 'Ingress'), at('spec/service/name', 'APIService', 'apiregistration.k8s.io'),
      at('webhooks/clientConfig/service', 'ValidatingWebhookConfiguration', 'admissionregistration.k8s.io'),
      at('webhooks/clientConfig/service', 'MutatingWebhookConfiguration', 'admissionregistration.k8s.io'),
    ],
  },
  { target: { group: 'rbac.authorization.k8s.io', kind: 'Role' }, referrers: [at('roleRef/name', 'RoleBinding', 'rbac.authorization.k8s.io')] },
  {
    target: { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole' },
    referrers: [at('roleRef/name', 'RoleBinding', 'rbac.authorization.k8s.io'), at('roleRef/name', 'ClusterRoleBinding', 'rbac.authorization.k8s.io')],
  },
  {
    target: { version: 'v1', kind: 'ServiceAccount' },
    referrers: [
      at('subjects', 'RoleBinding', 'rbac.authorization.k8s.io'), at('subjects', 'ClusterRoleBinding', 'rbac.authorization.k8s.io'), ...inPods(['serviceAccountName'], sevenKinds),
    ],
  },
  { target: { version: 'v1', kind: 'PersistentVolumeClaim' }, referrers: inPods(['volumes/persistentVolumeClaim/claimName'], sevenKinds) },
  { target: { version: 'v1', kind: 'PersistentVolume' }, referrers: [at('spec/volumeName', 'PersistentVolumeClaim'), at('rules/resourceNames', 'ClusterRole')] },
  {
    target: { group: 'storage.k8s.io', version: 'v1', kind: 'StorageClass' },
    referrers: [
      at('spec/storageClassName', 'PersistentVolume'), at('spec/storageClassName', 'PersistentVolumeClaim'), at('spec/volumeClaimTemplates/spec/storageClassName', 'StatefulSet'),
    ],
  },
  { target: { group: 'scheduling.k8s.io', version: 'v1', kind: 'PriorityClass' }, referrers: inPods(['priorityClassName'], sevenKinds) },
  { target: { group: 'admissionregistration.k8s.io', kind: 'ValidatingAdmissionPolicy' }, referrers: [at('spec/policyName', 'ValidatingAdmissionPolicyBinding')] },
];
