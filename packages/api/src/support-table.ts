import type { KindSupport } from './support.ts';

const objectRef = ['apiVersion', 'kind', 'name', 'namespace'];
const below = (path: string, names: readonly string[]) => names.map((name) => `${path}.${name}`);
const machineTemplate = (path: string) => [
  `${path}.metadata`,
  ...below(`${path}.spec`, ['clusterName', 'version', 'bootstrap', 'infrastructureRef', 'failureDomain', 'deletion', 'minReadySeconds']),
];
const metalMachine = (path: string) => below(path, ['image.url', 'image.diskFormat', 'hostSelector', 'failureDomain', 'automatedCleaningMode', 'providerID']);
const talosConfig = (path: string) => below(path, ['generateType', 'talosVersion', 'data', 'configPatches', 'strategicPatches', 'hostname']);

/**
 * Acting fields by `group/Kind`. The rule when a controller learns a field: add it here in the same commit.
 * support.test.ts holds every path to the kind's schema.
 */
export const supportTable: Readonly<Record<string, KindSupport>> = {
  'metal3.io/BareMetalHost': {
    acts: [
      ...below('spec', ['online', 'bmc', 'bootMACAddress', 'bootMode', 'automatedCleaningMode', 'consumerRef', 'description']),
      ...below('spec', ['externallyProvisioned', 'inspectionMode', 'rootDeviceHints']),
      ...below('spec.image', ['url', 'format']),
      ...below('spec.userData', ['name', 'namespace']),
    ],
    guards: [
      { path: 'spec.disablePowerOff', because: 'the machine must not lose power' },
      // For a live ISO the hints go into the node's machine configuration; no other image is written to a disk yet.
      { path: 'spec.rootDeviceHints', because: 'the hints choose the disk that an image overwrites', when: { path: 'spec.image.format', not: 'live-iso' } },
    ],
    neutral: { 'spec.raid.softwareRAIDVolumes.rootVolume': false, 'spec.disablePowerOff': false },
  },
  'infrastructure.cluster.x-k8s.io/Metal3Cluster': { acts: ['spec.controlPlaneEndpoint', 'spec.failureDomains'], neutral: { 'spec.cloudProviderEnabled': false } },
  'infrastructure.cluster.x-k8s.io/Metal3Machine': { acts: metalMachine('spec') },
  'infrastructure.cluster.x-k8s.io/Metal3MachineTemplate': {
    acts: ['spec.template.metadata', ...metalMachine('spec.template.spec')],
    guards: [{ path: 'spec.nodeReuse', because: 'the data on the disks of a reused host is to be kept' }],
    neutral: { 'spec.nodeReuse': false },
  },
  'source.toolkit.fluxcd.io/GitRepository': {
    acts: below('spec', ['url', 'interval', 'timeout', 'suspend', 'ref', 'secretRef', 'ignore']),
    guards: [{ path: 'spec.verify', because: 'commits without the demanded signature would be applied' }],
    neutral: { 'spec.verify.mode': 'HEAD' },
  },
  'kustomize.toolkit.fluxcd.io/Kustomization': {
    acts: [
      ...below('spec', ['interval', 'retryInterval', 'timeout', 'path', 'prune', 'wait', 'suspend', 'targetNamespace', 'force', 'deletionPolicy']),
      ...below('spec', ['images', 'patches', 'commonMetadata', 'namePrefix', 'nameSuffix', 'healthChecks', 'components', 'ignoreMissingComponents']),
      ...below('spec.sourceRef', objectRef),
      ...below('spec.dependsOn', ['name', 'namespace']),
      'spec.kubeConfig.secretRef',
    ],
    guards: [
      { path: 'spec.ignore', because: 'fields that others own would be overwritten' },
      { path: 'spec.decryption', because: 'encrypted values would be applied as they are' },
      { path: 'spec.serviceAccountName', because: 'objects would be applied with more rights than that account has' },
      { path: 'spec.postBuild', because: 'variables would be applied as they stand in the files' },
      { path: 'spec.healthCheckExprs', because: 'objects would count as healthy by other rules than yours' },
      { path: 'spec.kubeConfig.configMapRef', because: 'objects would be applied to another cluster than the one meant' },
      { path: 'spec.dependsOn.readyExpr', because: 'it would go on before your condition holds' },
    ],
    neutral: { 'spec.postBuild.substituteFrom.optional': false },
  },
  'notification.toolkit.fluxcd.io/Receiver': {
    acts: [...below('spec', ['type', 'events', 'secretRef', 'suspend', 'interval']), ...below('spec.resources', [...objectRef, 'matchLabels'])],
    guards: [
      { path: 'spec.resourceFilter', because: 'more would be reconciled than you allow' },
      { path: 'spec.resources.filter', because: 'more would be reconciled than you allow' },
    ],
  },
  'cluster.x-k8s.io/Cluster': {
    acts: below('spec', ['paused', 'clusterNetwork.pods', 'clusterNetwork.services', 'clusterNetwork.serviceDomain', 'controlPlaneEndpoint', 'controlPlaneRef', 'infrastructureRef']),
  },
  'cluster.x-k8s.io/Machine': { acts: below('spec', ['clusterName', 'version', 'bootstrap', 'infrastructureRef', 'providerID', 'failureDomain', 'deletion', 'minReadySeconds']) },
  'cluster.x-k8s.io/MachineSet': { acts: [...below('spec', ['clusterName', 'replicas', 'selector', 'deletion']), ...machineTemplate('spec.template')] },
  'cluster.x-k8s.io/MachineDeployment': {
    acts: [...below('spec', ['clusterName', 'replicas', 'selector', 'paused', 'deletion', 'rollout']), ...machineTemplate('spec.template')],
  },
  'controlplane.cluster.x-k8s.io/TalosControlPlane': {
    acts: [
      ...below('spec', ['replicas', 'version', 'rolloutStrategy']),
      ...below('spec.infrastructureTemplate', objectRef),
      ...talosConfig('spec.controlPlaneConfig.controlplane'),
    ],
  },
  'bootstrap.cluster.x-k8s.io/TalosConfig': { acts: talosConfig('spec') },
  'bootstrap.cluster.x-k8s.io/TalosConfigTemplate': { acts: talosConfig('spec.template.spec') },
};
