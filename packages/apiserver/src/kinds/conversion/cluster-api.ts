// The fields of Cluster API's and Metal3's kinds that v1beta1 and v1beta2 have in different places or forms:
// cluster-api api/core/v1beta1/conversion.go, cluster-api-provider-metal3 api/v1beta1/conversion.go.
import { contractReference, entries, namedEntries, namedValues, nodeReference, seconds, versionedReference, type MovedField } from './moved-fields.ts';

const conditions: readonly MovedField[] = [
  ['status.conditions', 'status.deprecated.v1beta1.conditions'],
  ['status.v1beta2.conditions', 'status.conditions'],
];
const failure: readonly MovedField[] = [
  ['status.failureReason', 'status.deprecated.v1beta1.failureReason'],
  ['status.failureMessage', 'status.deprecated.v1beta1.failureMessage'],
];
const provisioned: MovedField = ['status.ready', 'status.initialization.provisioned'];

const machineSpec = (at: string): readonly MovedField[] => [
  [`${at}.bootstrap.configRef`, `${at}.bootstrap.configRef`, contractReference],
  [`${at}.infrastructureRef`, `${at}.infrastructureRef`, contractReference],
  [`${at}.nodeDrainTimeout`, `${at}.deletion.nodeDrainTimeoutSeconds`, seconds],
  [`${at}.nodeVolumeDetachTimeout`, `${at}.deletion.nodeVolumeDetachTimeoutSeconds`, seconds],
  [`${at}.nodeDeletionTimeout`, `${at}.deletion.nodeDeletionTimeoutSeconds`, seconds],
];

/** Replica counts of the older contract go to `deprecated`, those of the newer one come to where they were. */
const replicas = (...deprecated: readonly string[]): readonly MovedField[] => [
  ...['readyReplicas', 'availableReplicas', ...deprecated].map((name): MovedField => [`status.${name}`, `status.deprecated.v1beta1.${name}`]),
  ...['readyReplicas', 'availableReplicas', 'upToDateReplicas'].map((name): MovedField => [`status.v1beta2.${name}`, `status.${name}`]),
];

const machineSets: readonly MovedField[] = [
  ...conditions, ...machineSpec('spec.template.spec'),
  ['spec.minReadySeconds', 'spec.template.spec.minReadySeconds'],
  ['spec.machineNamingStrategy.template', 'spec.machineNaming.template'],
];
const conditionTimeouts = entries(['timeout', 'timeoutSeconds', seconds]);
const metal3Image = (at: string): MovedField => [`${at}.image.format`, `${at}.image.diskFormat`];
const pools = ['ipAddresses', 'prefixes', 'gateways', 'dnsServers'];

const coreKinds: Readonly<Record<string, readonly MovedField[]>> = {
  Cluster: [
    ...conditions, ...failure,
    ['spec.controlPlaneRef', 'spec.controlPlaneRef', contractReference],
    ['spec.infrastructureRef', 'spec.infrastructureRef', contractReference],
    ['spec.topology.class', 'spec.topology.classRef.name'],
    ['spec.topology.classNamespace', 'spec.topology.classRef.namespace'],
    ['status.infrastructureReady', 'status.initialization.infrastructureProvisioned'],
    ['status.controlPlaneReady', 'status.initialization.controlPlaneInitialized'],
    ['status.failureDomains', 'status.failureDomains', namedEntries],
    ['status.v1beta2.controlPlane', 'status.controlPlane'],
    ['status.v1beta2.workers', 'status.workers'],
  ],
  Machine: [
    ...conditions, ...failure, ...machineSpec('spec'),
    ['status.bootstrapReady', 'status.initialization.bootstrapDataSecretCreated'],
    ['status.infrastructureReady', 'status.initialization.infrastructureProvisioned'],
    ['status.nodeRef', 'status.nodeRef', nodeReference],
  ],
  MachineSet: [...machineSets, ...failure, ...replicas('fullyLabeledReplicas'), ['spec.deletePolicy', 'spec.deletion.order']],
  MachineDeployment: [
    ...machineSets, ...replicas('updatedReplicas', 'unavailableReplicas'),
    ['spec.rolloutAfter', 'spec.rollout.after'],
    ['spec.strategy.type', 'spec.rollout.strategy.type'],
    ['spec.strategy.rollingUpdate.maxSurge', 'spec.rollout.strategy.rollingUpdate.maxSurge'],
    ['spec.strategy.rollingUpdate.maxUnavailable', 'spec.rollout.strategy.rollingUpdate.maxUnavailable'],
    ['spec.strategy.rollingUpdate.deletePolicy', 'spec.deletion.order'],
    ['spec.strategy.remediation.maxInFlight', 'spec.remediation.maxInFlight'],
  ],
  MachineHealthCheck: [
    ...conditions,
    ['spec.nodeStartupTimeout', 'spec.checks.nodeStartupTimeoutSeconds', seconds],
    ['spec.unhealthyConditions', 'spec.checks.unhealthyNodeConditions', conditionTimeouts],
    ['spec.unhealthyMachineConditions', 'spec.checks.unhealthyMachineConditions', conditionTimeouts],
    ['spec.maxUnhealthy', 'spec.remediation.triggerIf.unhealthyLessThanOrEqualTo'],
    ['spec.unhealthyRange', 'spec.remediation.triggerIf.unhealthyInRange'],
    ['spec.remediationTemplate', 'spec.remediation.templateRef', versionedReference],
  ],
};

const metal3Kinds: Readonly<Record<string, readonly MovedField[]>> = {
  Metal3Cluster: [...conditions, ...failure, provisioned, ['spec.failureDomains', 'spec.failureDomains', namedEntries], ['status.failureDomains', 'status.failureDomains', namedEntries]],
  Metal3ClusterTemplate: [['spec.template.spec.failureDomains', 'spec.template.spec.failureDomains', namedEntries]],
  Metal3Machine: [...conditions, ...failure, provisioned, metal3Image('spec')],
  Metal3MachineTemplate: [metal3Image('spec.template.spec')],
  Metal3Data: [],
  Metal3DataClaim: [],
  Metal3DataTemplate: [
    ...pools.map((name): MovedField => [`spec.metaData.${name}FromIPPool`, `spec.metaData.${name}FromPool`]),
    ['spec.networkData.links.bonds', 'spec.networkData.links.bonds', entries(['parameters', 'parameters', namedValues('value')])],
    ['status.indexes', 'status.indexes', namedValues('index')],
  ],
  Metal3Remediation: [['spec.strategy.timeout', 'spec.strategy.timeoutSeconds', seconds]],
  Metal3RemediationTemplate: [['spec.template.spec.strategy.timeout', 'spec.template.spec.strategy.timeoutSeconds', seconds]],
};

/** The fields of a kind that move between v1beta1 and v1beta2; undefined when the kind is none of those. */
export function movedFieldsOf(group: string, kind: string): readonly MovedField[] | undefined {
  const kinds = group === 'cluster.x-k8s.io' ? coreKinds : group === 'infrastructure.cluster.x-k8s.io' ? metal3Kinds : {};
  return Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}
