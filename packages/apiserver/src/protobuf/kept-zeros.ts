/**
 * Scalar fields whose zero value means something: pointers in Go's types. On the wire a zero of any other field only says "not set", and
 * neither the .proto files nor OpenAPI tell the two apart, so the fields are listed here (kubernetes/api types.go). A bare name holds in
 * every message; `message.field` in one; `!message.field` takes one out.
 */
export const keptZeros: ReadonlySet<string> = new Set([
  // texts
  'storageClassName', 'volumeAttributesClassName', 'holderIdentity', 'preferredHolder', 'core.v1.GRPCAction.service', 'core.v1.HostPathVolumeSource.type', 'discovery.v1.EndpointPort.name',
  // switches
  'automountServiceAccountToken', 'enableServiceLinks', 'shareProcessNamespace', 'hostUsers', 'setHostnameAsFQDN', 'allowPrivilegeEscalation', 'privileged',
  'readOnlyRootFilesystem', 'runAsNonRoot', 'hostProcess', 'optional', 'controller', 'blockOwnerDeletion', 'immutable', 'suspend', 'manualSelector',
  'allocateLoadBalancerNodePorts', 'allowVolumeExpansion', 'attachRequired', 'podInfoOnMount', 'storageCapacity', 'requiresRepublish', 'seLinuxMount',
  'discovery.v1.EndpointConditions.ready', 'discovery.v1.EndpointConditions.serving', 'discovery.v1.EndpointConditions.terminating', 'core.v1.ContainerStatus.started',
  'orphanDependents', 'optionalOldSelf', 'core.v1.CSIVolumeSource.readOnly', 'core.v1.AzureDiskVolumeSource.readOnly', 'x-kubernetes-preserve-unknown-fields',
  // numbers
  'replicas', 'revisionHistoryLimit', 'progressDeadlineSeconds', 'terminationGracePeriodSeconds', 'activeDeadlineSeconds', 'backoffLimit', 'backoffLimitPerIndex', 'maxFailedIndexes',
  'ttlSecondsAfterFinished', 'completions', 'parallelism', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit', 'startingDeadlineSeconds', 'partition', 'minReplicas', 'minDomains',
  'leaseDurationSeconds', 'leaseTransitions', 'runAsUser', 'runAsGroup', 'fsGroup', 'defaultMode', 'mode', 'expirationSeconds', 'gracePeriodSeconds', 'deletionGracePeriodSeconds',
  'averageUtilization', 'stabilizationWindowSeconds', 'tolerationSeconds', 'targetCPUUtilizationPercentage', 'priority', '!apiextensions.v1.CustomResourceColumnDefinition.priority', '!core.v1.GRPCAction.mode',
  'discovery.v1.EndpointPort.port', 'networking.v1.NetworkPolicyPort.endPort', 'batch.v1.JobStatus.ready', 'core.v1.FCVolumeSource.lun', 'core.v1.ClientIPConfig.timeoutSeconds',
  'admissionregistration.v1.MutatingWebhook.timeoutSeconds', 'admissionregistration.v1.ValidatingWebhook.timeoutSeconds',
  'maximum', 'minimum', 'maxLength', 'minLength', 'maxItems', 'minItems', 'multipleOf', 'maxProperties', 'minProperties',
]);
