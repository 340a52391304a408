// Defaults of the remaining built-in kinds: kubernetes/pkg/apis/<group>/<version>/defaults.go.
import type { Draft } from './strategy.ts';
import type { Fields } from './fields.ts';
import { ensureFields, fieldsAt, isFields, listAt, preset, presetText, textAt, textMapAt } from './fields.ts';

export const metadataNameLabel = 'kubernetes.io/metadata.name';

export function defaultNamespace(object: Draft): void {
  object.metadata.labels = { ...object.metadata.labels, ...(object.metadata.name && { [metadataNameLabel]: object.metadata.name }) };
}

export function defaultSecret(object: Draft): void {
  presetText(object, { type: 'Opaque' });
  // What is written as text is kept encoded, and the plain form is never stored.
  const plain = textMapAt(object, 'stringData');
  const names = Object.keys(plain);
  if (names.length > 0) {
    const data = ensureFields(object, 'data');
    for (const name of names) data[name] = Buffer.from(plain[name]!, 'utf8').toString('base64');
  }
  delete object['stringData'];
}

export function defaultService(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  presetText(spec, { sessionAffinity: 'None', type: 'ClusterIP' });
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  if (spec['sessionAffinity'] === 'ClientIP') preset(ensureFields(ensureFields(spec, 'sessionAffinityConfig'), 'clientIP'), { timeoutSeconds: 10800 });
  for (const port of listAt(spec, 'ports')) {
    presetText(port, { protocol: 'TCP' });
    if (port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '') port['targetPort'] = port['port'];
  }
  const type = textAt(spec, 'type');
  const isExposed = type === 'NodePort' || type === 'LoadBalancer';
  if (isExposed) presetText(spec, { externalTrafficPolicy: 'Cluster' });
  if (isExposed || type === 'ClusterIP') presetText(spec, { internalTrafficPolicy: 'Cluster' });
  if (type === 'LoadBalancer') preset(spec, { allocateLoadBalancerNodePorts: true });
}

export function defaultEndpoints(object: Draft): void {
  for (const subset of listAt(object, 'subsets')) for (const port of listAt(subset, 'ports')) presetText(port, { protocol: 'TCP' });
}

export function defaultEndpointSlice(object: Draft): void {
  for (const port of listAt(object, 'ports')) {
    preset(port, { name: '' });
    presetText(port, { protocol: 'TCP' });
  }
}

export function defaultVolumeClaim(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  presetText(spec, { volumeMode: 'Filesystem' });
  presetText(ensureFields(object, 'status'), { phase: 'Pending' });
}

export function defaultVolume(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  presetText(spec, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
  preset(fieldsAt(spec, 'hostPath'), { type: '' });
  presetText(ensureFields(object, 'status'), { phase: 'Pending' });
}

export function defaultNode(object: Draft): void {
  const status = fieldsAt(object, 'status');
  const capacity = fieldsAt(status, 'capacity');
  if (status && capacity) preset(ensureFields(status, 'allocatable'), { ...capacity });
}

export function defaultStorageClass(object: Draft): void {
  presetText(object, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
}

export function defaultCsiDriver(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  preset(spec, { attachRequired: true, podInfoOnMount: false, storageCapacity: false, requiresRepublish: false, seLinuxMount: false, volumeLifecycleModes: ['Persistent'] });
  presetText(spec, { fsGroupPolicy: 'ReadWriteOnceWithFSType' });
}

export function defaultNetworkPolicy(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  if (!Array.isArray(spec['policyTypes']) || spec['policyTypes'].length === 0) {
    spec['policyTypes'] = Array.isArray(spec['egress']) && spec['egress'].length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  }
  for (const rule of [...listAt(spec, 'ingress'), ...listAt(spec, 'egress')]) for (const port of listAt(rule, 'ports')) presetText(port, { protocol: 'TCP' });
}

export function defaultAutoscaler(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  preset(spec, { minReplicas: 1 });
  if (object.apiVersion === 'autoscaling/v2' && listAt(spec, 'metrics').length === 0) {
    spec['metrics'] = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
  }
}

const rbacGroup = 'rbac.authorization.k8s.io';

export function defaultBinding(object: Draft): void {
  presetText(fieldsAt(object, 'roleRef'), { apiGroup: rbacGroup });
  for (const subject of listAt(object, 'subjects')) {
    if (subject['kind'] === 'User' || subject['kind'] === 'Group') presetText(subject, { apiGroup: rbacGroup });
  }
}

export function defaultPriorityClass(object: Draft): void {
  presetText(object, { preemptionPolicy: 'PreemptLowerPriority' });
}

export function defaultWebhooks(object: Draft): void {
  for (const webhook of listAt(object, 'webhooks')) {
    presetText(webhook, { failurePolicy: 'Fail', matchPolicy: 'Equivalent' });
    if (object.kind === 'MutatingWebhookConfiguration') presetText(webhook, { reinvocationPolicy: 'Never' });
    preset(webhook, { namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10 });
    preset(fieldsAt(webhook, 'clientConfig', 'service'), { port: 443 });
    for (const rule of listAt(webhook, 'rules')) presetText(rule, { scope: '*' });
  }
}

export function defaultAdmissionPolicy(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  presetText(spec, { failurePolicy: 'Fail' });
  const constraints = fieldsAt(spec, 'matchConstraints');
  if (!constraints) return;
  presetText(constraints, { matchPolicy: 'Equivalent' });
  preset(constraints, { namespaceSelector: {}, objectSelector: {} });
  for (const rule of listAt(constraints, 'resourceRules')) presetText(rule, { scope: '*' });
}

export function defaultResourceDefinition(object: Draft): void {
  const spec = ensureFields(object, 'spec');
  const names = ensureFields(spec, 'names');
  const kind = textAt(names, 'kind') ?? '';
  presetText(names, { singular: kind.toLowerCase(), listKind: `${kind}List` });
  presetText(ensureFields(spec, 'conversion'), { strategy: 'None' });
  preset(fieldsAt(spec, 'conversion', 'webhook', 'clientConfig', 'service'), { port: 443 });
  for (const version of listAt(spec, 'versions')) {
    for (const column of listAt(version, 'additionalPrinterColumns')) if (column['priority'] === 0) delete column['priority'];
  }
}

/** Limits give default limits, and those default requests. */
export function defaultLimitRange(object: Draft): void {
  for (const item of listAt(fieldsAt(object, 'spec'), 'limits')) {
    if (item['type'] !== 'Container') continue;
    const copy = (from: string, to: string) => {
      const source: Fields = isFields(item[from]) ? item[from] : {};
      if (Object.keys(source).length > 0) preset(ensureFields(item, to), { ...source });
    };
    copy('max', 'default');
    copy('default', 'defaultRequest');
    copy('min', 'defaultRequest');
  }
}
