/**
 * Fields of the v1alpha1 root and the documents that took their place. Where upstream's validation of 1.14 refuses the two
 * together, `isExclusive` is set; the table was read off the verdicts of `talosctl validate` of 1.14.1.
 */
export interface LegacyField {
  /** Path in the v1alpha1 root. */
  readonly path: string;
  /** Kinds that say the same. */
  readonly kinds: readonly string[];
  readonly isExclusive: boolean;
}

const exclusive = (path: string, ...kinds: readonly string[]): LegacyField => ({ path, kinds, isExclusive: true });
const replaced = (path: string, ...kinds: readonly string[]): LegacyField => ({ path, kinds, isExclusive: false });

export const legacyFieldTable: readonly LegacyField[] = [
  exclusive('machine.network.hostname', 'HostnameConfig'),
  exclusive('machine.network.nameservers', 'ResolverConfig'),
  exclusive('machine.network.searchDomains', 'ResolverConfig'),
  exclusive('machine.network.disableSearchDomain', 'ResolverConfig'),
  exclusive('machine.features.hostDNS', 'ResolverConfig'),
  exclusive('machine.time', 'TimeSyncConfig'),
  exclusive('machine.network.kubespan', 'KubeSpanConfig'),
  exclusive('cluster.discovery', 'DiscoveryServiceConfig'),
  exclusive('cluster.id', 'DiscoveryIdentityConfig'),
  exclusive('cluster.secret', 'DiscoveryIdentityConfig'),
  exclusive('machine.install', 'UnattendedInstallConfig'),
  exclusive('machine.kubelet', 'KubeletConfig', 'KubeCredentialProviderConfig'),
  exclusive('machine.kubelet.nodeIP', 'KubeNodeConfig'),
  exclusive('cluster.apiServer', 'KubeAPIServerConfig'),
  exclusive('cluster.apiServer.admissionControl', 'KubeAdmissionControlConfig'),
  exclusive('cluster.apiServer.auditPolicy', 'KubeAuditPolicyConfig'),
  exclusive('cluster.controllerManager', 'KubeControllerManagerConfig'),
  exclusive('machine.controlPlane.controllerManager', 'KubeControllerManagerConfig'),
  exclusive('cluster.scheduler', 'KubeSchedulerConfig'),
  exclusive('cluster.proxy', 'KubeProxyConfig'),
  exclusive('cluster.coreDNS', 'KubeCoreDNSConfig'),
  exclusive('cluster.network', 'KubeNetworkConfig'),
  exclusive('cluster.ca', 'KubeAPIServerCAConfig'),
  exclusive('cluster.serviceAccount', 'KubeServiceAccountConfig'),
  exclusive('cluster.aggregatorCA', 'KubeAggregatorCAConfig'),
  exclusive('cluster.secretboxEncryptionSecret', 'KubeEtcdEncryptionConfig'),
  exclusive('cluster.aescbcEncryptionSecret', 'KubeEtcdEncryptionConfig'),
  exclusive('machine.nodeLabels', 'KubeNodeConfig'),
  exclusive('machine.nodeAnnotations', 'KubeNodeConfig'),
  exclusive('machine.nodeTaints', 'KubeNodeConfig'),
  exclusive('cluster.allowSchedulingOnControlPlanes', 'KubeNodeConfig'),
  exclusive('machine.features.kubePrism', 'KubePrismConfig'),
  exclusive('machine.features.kubernetesTalosAPIAccess', 'KubeTalosAPIAccessConfig'),
  exclusive('machine.features.imageCache', 'ImageCacheConfig'),
  exclusive('cluster.controlPlane.endpoint', 'KubeClusterConfig'),
  exclusive('cluster.clusterName', 'KubeClusterConfig'),
  exclusive('machine.baseRuntimeSpecOverrides', 'CRIBaseRuntimeSpecConfig'),
  replaced('machine.registries', 'RegistryMirrorConfig', 'RegistryAuthConfig', 'RegistryTLSConfig'),
  replaced('machine.sysctls', 'SysctlConfig'),
  replaced('machine.sysfs', 'SysfsConfig'),
  replaced('machine.systemDiskEncryption', 'VolumeConfig'),
  replaced('machine.disks', 'UserVolumeConfig'),
  replaced('machine.udev', 'UdevRulesConfig'),
  replaced('machine.env', 'EnvironmentConfig'),
  replaced('machine.kernel', 'KernelModuleConfig'),
  replaced('machine.pods', 'KubeStaticPodConfig'),
  replaced('machine.files', 'EtcFileConfig'),
  replaced('machine.network.interfaces', 'LinkConfig', 'DHCPv4Config', 'BondConfig', 'BridgeConfig', 'VLANConfig'),
  replaced('machine.network.extraHostEntries', 'StaticHostConfig'),
  replaced('cluster.inlineManifests', 'KubeInlineManifestConfig'),
  replaced('cluster.extraManifests', 'KubeExternalManifestConfig'),
  replaced('cluster.acceptedCAs', 'KubeAPIServerCAConfig'),
];

/** Documents for control planes only. */
export const controlPlaneKinds: readonly string[] = [
  'KubeAdmissionControlConfig', 'KubeAggregatorCAConfig', 'KubeAPIServerConfig', 'KubeAuditPolicyConfig', 'KubeAuthenticationConfig', 'KubeAuthorizerConfig',
  'KubeControllerManagerConfig', 'KubeCoreDNSConfig', 'KubeEtcdEncryptionConfig', 'KubeFlannelCNIConfig', 'KubeProxyConfig', 'KubeSchedulerConfig',
  'KubeServiceAccountConfig', 'KubeTalosAPIAccessConfig',
];

/** Documents that a worker takes and cannot act on: virtual addresses follow etcd's election. */
export const controlPlaneOnlyInEffect: readonly string[] = ['Layer2VIPConfig', 'HCloudVIPConfig'];

/** Flags that Talos sets itself, by component. Denied ones fail on the node only, after the configuration was taken. */
export const deniedFlags: Readonly<Record<string, readonly string[]>> = {
  apiServer: [
    'etcd-servers', 'etcd-cafile', 'etcd-certfile', 'etcd-keyfile', 'client-ca-file', 'requestheader-client-ca-file', 'proxy-client-cert-file',
    'proxy-client-key-file', 'encryption-provider-config', 'kubelet-client-certificate', 'kubelet-client-key', 'service-account-key-file',
    'service-account-signing-key-file', 'tls-cert-file', 'tls-min-version', 'tls-private-key-file', 'authorization-config', 'authentication-config',
  ],
  controllerManager: [
    'kubeconfig', 'cluster-signing-cert-file', 'cluster-signing-key-file', 'authentication-kubeconfig', 'authorization-kubeconfig', 'root-ca-file',
    'service-account-private-key-file',
  ],
  scheduler: ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig', 'config'],
  proxy: ['config', 'kubeconfig'],
  kubelet: ['bootstrap-kubeconfig', 'kubeconfig', 'container-runtime', 'container-runtime-endpoint', 'config', 'cert-dir', 'image-credential-provider-bin-dir', 'image-credential-provider-config'],
};
