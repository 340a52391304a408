// One line per built-in kind on where it differs: kubernetes/pkg/registry/<group>/<kind>/strategy.go.
import type { KubeObject } from '@keelson/kube';
import { checkDnsLabel, checkDnsSubdomain, checkPathSegment } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { rfc3339 } from '@keelson/std';
import * as other from './other-defaults.ts';
import * as rules from './validation.ts';
import * as workload from './workload-defaults.ts';
import { checkServiceName, validateService, validateServiceUpdate } from './service.ts';
import { validateWebhooks } from '../admission/webhook-rules.ts';
import type { Fields } from './fields.ts';
import { ensureFields, fieldsAt, listAt, numberAt, textAt } from './fields.ts';
import { defaultPod, defaultPodSpec } from './pod-defaults.ts';
import type { Draft, Strategy } from './strategy.ts';
import { customStrategy } from './strategy.ts';
import { prepareResourceDefinition, validateResourceDefinition, validateResourceDefinitionUpdate, prepareResourceDefinitionUpdate } from '../crd/definition-rules.ts';

const base: Strategy = { ...customStrategy, updatesUnconditionally: true, hasGeneration: false };

const selectorIsFixed = (object: KubeObject, old: KubeObject): FieldError[] => rules.unchanged(object, old, 'spec.selector');
const workloadRules: Partial<Strategy> = { hasGeneration: true, validate: rules.validateWorkload, validateUpdate: selectorIsFixed };
const bindingRules: Partial<Strategy> = {
  createsOnUpdate: true,
  checkName: checkPathSegment,
  defaults: other.defaultBinding,
  validate: rules.validateBinding,
  validateUpdate: rules.validateBindingUpdate,
};
const roleRules: Partial<Strategy> = { createsOnUpdate: true, checkName: checkPathSegment, validate: rules.validateRole };
const webhookRules: Partial<Strategy> = { hasGeneration: true, updatesUnconditionally: false, defaults: other.defaultWebhooks, validate: validateWebhooks };
const generation: Partial<Strategy> = { hasGeneration: true };
const withVersionOnly: Partial<Strategy> = { updatesUnconditionally: false };

const kinds: Readonly<Record<string, Partial<Strategy>>> = {
  '/ConfigMap': { validate: rules.validateData, validateUpdate: rules.validateDataUpdate },
  '/Secret': { defaults: other.defaultSecret, validate: rules.validateSecret, validateUpdate: rules.validateDataUpdate },
  '/Endpoints': { createsOnUpdate: true, defaults: other.defaultEndpoints },
  '/Event': { createsOnUpdate: true },
  'events.k8s.io/Event': { createsOnUpdate: true },
  '/LimitRange': { createsOnUpdate: true, defaults: other.defaultLimitRange },
  '/Namespace': {
    checkName: checkDnsLabel,
    statusTakesMetadata: true,
    answersDeleted: true,
    defaults: other.defaultNamespace,
    prepareCreate: prepareNamespace,
    prepareUpdate: (object, old) => void (object['spec'] = structuredClone(old['spec'])),
    subresources: { finalize: finalizeNamespace },
    onDeletion: (object) => void (ensureFields(object, 'status')['phase'] = 'Terminating'),
  },
  '/Node': { statusTakesMetadata: true, keepsStatusOnCreate: true, defaults: other.defaultNode, validate: rules.validateTaints },
  '/PersistentVolume': { answersDeleted: true, defaults: other.defaultVolume },
  '/PersistentVolumeClaim': { answersDeleted: true, defaults: other.defaultVolumeClaim, validateUpdate: rules.validateVolumeClaimUpdate },
  '/Pod': {
    hasGeneration: true,
    statusTakesMetadata: true,
    answersDeleted: true,
    defaults: (object) => defaultPod(fieldsAt(object, 'spec')),
    prepareCreate: preparePod,
    validate: (object) => rules.validatePodSpec(fieldsAt(object, 'spec'), 'spec'),
    validateUpdate: rules.validatePodUpdate,
    subresources: { resize: resizePod, ephemeralcontainers: debugPod },
    graceSeconds: podGrace,
  },
  '/PodTemplate': { answersDeleted: true, hasGeneration: true, defaults: (object) => defaultPodSpec(fieldsAt(object, 'template', 'spec')) },
  '/ReplicationController': { ...workloadRules, validateUpdate: undefined, defaults: workload.defaultReplicationController },
  '/ResourceQuota': { answersDeleted: true },
  '/Service': {
    createsOnUpdate: true,
    answersDeleted: true,
    checkName: checkServiceName,
    defaults: other.defaultService,
    prepareCreate: (object) => void (object['status'] = { loadBalancer: {} }),
    validate: validateService,
    validateUpdate: validateServiceUpdate,
  },
  '/ServiceAccount': { answersDeleted: true },
  'apps/DaemonSet': { ...workloadRules, defaults: workload.defaultDaemonSet },
  'apps/Deployment': { ...workloadRules, defaults: workload.defaultDeployment },
  'apps/ReplicaSet': { ...workloadRules, defaults: workload.defaultReplicaSet },
  'apps/StatefulSet': { ...workloadRules, defaults: workload.defaultStatefulSet, validateUpdate: validateStatefulSetUpdate },
  'apps/ControllerRevision': { validateUpdate: (object, old) => rules.unchanged(object, old, 'data') },
  'batch/Job': {
    hasGeneration: true,
    statusTakesMetadata: true,
    defaults: workload.defaultJob,
    prepareCreate: workload.selectJobPods,
    validate: rules.validateJob,
    validateUpdate: validateJobUpdate,
  },
  'batch/CronJob': { hasGeneration: true, defaults: workload.defaultCronJob, validate: rules.validateCronJob },
  'autoscaling/HorizontalPodAutoscaler': { hasGeneration: true, defaults: other.defaultAutoscaler },
  'apiextensions.k8s.io/CustomResourceDefinition': {
    hasGeneration: true,
    updatesUnconditionally: false,
    defaults: other.defaultResourceDefinition,
    prepareCreate: prepareResourceDefinition,
    prepareUpdate: prepareResourceDefinitionUpdate,
    validate: validateResourceDefinition,
    validateUpdate: validateResourceDefinitionUpdate,
  },
  'coordination.k8s.io/Lease': { createsOnUpdate: true, updatesUnconditionally: false, validate: rules.validateLease },
  'discovery.k8s.io/EndpointSlice': { hasGeneration: true, defaults: other.defaultEndpointSlice },
  'networking.k8s.io/Ingress': { hasGeneration: true, validate: rules.validateIngress },
  'networking.k8s.io/IngressClass': generation,
  'networking.k8s.io/NetworkPolicy': { hasGeneration: true, defaults: other.defaultNetworkPolicy },
  'node.k8s.io/RuntimeClass': { createsOnUpdate: true, updatesUnconditionally: false },
  'policy/PodDisruptionBudget': { hasGeneration: true, updatesUnconditionally: false },
  'rbac.authorization.k8s.io/ClusterRole': roleRules,
  'rbac.authorization.k8s.io/Role': roleRules,
  'rbac.authorization.k8s.io/ClusterRoleBinding': bindingRules,
  'rbac.authorization.k8s.io/RoleBinding': bindingRules,
  'scheduling.k8s.io/PriorityClass': { hasGeneration: true, defaults: other.defaultPriorityClass, validateUpdate: (object, old) => rules.unchanged(object, old, 'value') },
  'storage.k8s.io/StorageClass': { defaults: other.defaultStorageClass, validateUpdate: validateStorageClassUpdate },
  'storage.k8s.io/CSIDriver': { ...withVersionOnly, defaults: other.defaultCsiDriver },
  'storage.k8s.io/CSINode': withVersionOnly,
  'storage.k8s.io/VolumeAttachment': withVersionOnly,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhookRules,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhookRules,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': { hasGeneration: true, updatesUnconditionally: false, defaults: other.defaultAdmissionPolicy },
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': { hasGeneration: true, updatesUnconditionally: false },
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': { hasGeneration: true, updatesUnconditionally: false, defaults: other.defaultAdmissionPolicy },
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': { hasGeneration: true, updatesUnconditionally: false },
};

/** The strategy of a built-in kind. */
export function builtInStrategy(group: string, kind: string): Strategy {
  return { ...base, checkName: checkDnsSubdomain, ...kinds[`${group}/${kind}`] };
}

function prepareNamespace(object: Draft): void {
  object['spec'] = { finalizers: ['kubernetes'] };
  object['status'] = { phase: 'Active' };
}

/** The finalize endpoint changes the finalizers in a namespace's spec and nothing else. */
function finalizeNamespace(object: Draft, old: KubeObject): Draft {
  const next = structuredClone(old);
  ensureFields(next, 'spec')['finalizers'] = fieldsAt(object, 'spec')?.['finalizers'] ?? [];
  return next;
}

function preparePod(object: Draft): void {
  object['status'] = { phase: 'Pending', qosClass: qosClass(fieldsAt(object, 'spec')) };
}

/** Guaranteed when every container limits cpu and memory to what it requests, BestEffort when none asks for anything. */
export function qosClass(spec: Fields | undefined): string {
  const containers = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')];
  const asks = containers.map((container) => ({ requests: fieldsAt(container, 'resources', 'requests') ?? {}, limits: fieldsAt(container, 'resources', 'limits') ?? {} }));
  const names = ['cpu', 'memory'];
  if (asks.every(({ requests, limits }) => names.every((name) => requests[name] === undefined && limits[name] === undefined))) return 'BestEffort';
  const isGuaranteed = asks.every(({ requests, limits }) => names.every((name) => limits[name] !== undefined && String(requests[name] ?? limits[name]) === String(limits[name])));
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

/** Resizing changes the containers' resources. */
function resizePod(object: Draft, old: KubeObject): Draft {
  const next = structuredClone(old);
  const wanted = listAt(fieldsAt(object, 'spec'), 'containers');
  for (const container of listAt(fieldsAt(next, 'spec'), 'containers')) {
    const change = wanted.find((one) => one['name'] === container['name']);
    if (change) Object.assign(container, { resources: change['resources'] ?? {}, ...(change['resizePolicy'] !== undefined && { resizePolicy: change['resizePolicy'] }) });
  }
  return next;
}

/** Debug containers are added beside the pod's own. */
function debugPod(object: Draft, old: KubeObject): Draft {
  const next = structuredClone(old);
  ensureFields(next, 'spec')['ephemeralContainers'] = fieldsAt(object, 'spec')?.['ephemeralContainers'];
  return next;
}

/** A pod that no kubelet has seen, or that has ended, goes at once; others get the time they ask for. */
function podGrace(object: KubeObject, asked: number | undefined): number {
  const spec = fieldsAt(object, 'spec');
  const phase = textAt(fieldsAt(object, 'status'), 'phase');
  if (!textAt(spec, 'nodeName') || phase === 'Succeeded' || phase === 'Failed') return 0;
  const wanted = asked ?? numberAt(spec, 'terminationGracePeriodSeconds') ?? 30;
  const grace = wanted < 0 ? 1 : wanted;
  const running = object.metadata.deletionTimestamp === undefined ? undefined : object.metadata.deletionGracePeriodSeconds;
  return running === undefined ? grace : Math.min(running, grace);
}

function validateStatefulSetUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const open = new Set(['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds']);
  const fixed = (of: KubeObject) => Object.fromEntries(Object.entries(fieldsAt(of, 'spec') ?? {}).filter(([name]) => !open.has(name)));
  const message =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  const errors = rules.unchanged({ ...object, spec: fixed(object) }, { ...old, spec: fixed(old) }, 'spec', message);
  return errors.length > 0 ? [{ reason: 'FieldValueForbidden', field: 'spec', body: `Forbidden: ${message}` }] : [];
}

function validateJobUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors = [...rules.unchanged(object, old, 'spec.selector'), ...rules.unchanged(object, old, 'spec.completionMode')];
  const wasSuspended = fieldsAt(old, 'spec')?.['suspend'] === true && fieldsAt(old, 'status')?.['startTime'] === undefined;
  return wasSuspended ? errors : [...errors, ...rules.unchanged(object, old, 'spec.template')];
}

function validateStorageClassUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  return ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'].flatMap((name) => rules.unchanged(object, old, name, `updates to ${name} are forbidden.`));
}

/** A pod's condition that it was given a node. */
export function scheduledCondition(nowMs: number): Fields {
  return { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: rfc3339(nowMs) };
}
