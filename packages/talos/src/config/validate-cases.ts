/** Configurations whose verdict is compared with recorded ones of `talosctl validate`; shared by the tests and by the recorder. Not exported. */
import type { MachineRole } from './machine-config.ts';

export interface ValidateCase {
  readonly name: string;
  readonly role: MachineRole;
  /** Strategic merge patch onto the plain configuration. */
  readonly patch?: string;
  /** Kinds taken out of it. */
  readonly without?: readonly string[];
}

const more = [
  'kind: TimeSyncConfig\nenabled: true', 'kind: KubeSpanConfig\nenabled: true', 'kind: KubeTalosAPIAccessConfig\nallowedRoles: [os:reader]\nallowedKubernetesNamespaces: [a]',
  'kind: ImageCacheConfig\nlocal: {enabled: false}', 'kind: CRIBaseRuntimeSpecConfig\noverrides: {a: b}', 'kind: KubeCredentialProviderConfig\nconfiguration: {a: b}',
  'kind: KubeInlineManifestConfig\nname: a\nmanifest: "a: b"', 'kind: StaticHostConfig\nname: 1.1.1.2\nhostnames: [a]',
].map((text) => `apiVersion: v1alpha1\n${text}\n`);
/** One document of each kind that the plain configuration has not. */
const withMore = more.join('---\n');
const both = (root: string) => `${withMore}---\n${root}\n`;

const beside = (path: string, root: string): ValidateCase => ({ name: `${path} beside its document`, role: 'controlplane', patch: both(root) });
const workerWith = (text: string): ValidateCase => ({ name: `a worker with ${/kind: (\w+)/.exec(text)![1]}`, role: 'worker', patch: `apiVersion: v1alpha1\n${text}\n` });
const without = (kind: string): ValidateCase => ({ name: `no ${kind}`, role: 'controlplane', without: [kind] });
const patched = (name: string, role: MachineRole, patch: string): ValidateCase => ({ name, role, patch });

export const validateCases: readonly ValidateCase[] = [
  patched('more documents', 'controlplane', withMore),
  beside('hostname', 'machine: {network: {hostname: a}}'),
  beside('nameservers', 'machine: {network: {nameservers: [1.1.1.1]}}'),
  beside('disableSearchDomain', 'machine: {network: {disableSearchDomain: true}}'),
  beside('hostDNS', 'machine: {features: {hostDNS: {enabled: true}}}'),
  beside('time', 'machine: {time: {servers: [a]}}'),
  beside('kubespan', 'machine: {network: {kubespan: {enabled: true}}}'),
  beside('discovery', 'cluster: {discovery: {enabled: true}}'),
  beside('cluster id', 'cluster: {id: a}'),
  beside('install', 'machine: {install: {disk: /dev/sda}}'),
  beside('kubelet', 'machine: {kubelet: {extraMounts: [{destination: /a, source: /a, type: bind}]}}'),
  beside('apiServer', 'cluster: {apiServer: {certSANs: [a]}}'),
  beside('admissionControl', 'cluster: {apiServer: {admissionControl: [{name: X}]}}'),
  beside('controllerManager', 'cluster: {controllerManager: {image: "a:v1.37.0"}}'),
  beside('scheduler', 'cluster: {scheduler: {image: "a:v1.37.0"}}'),
  beside('proxy', 'cluster: {proxy: {disabled: true}}'),
  beside('coreDNS', 'cluster: {coreDNS: {disabled: true}}'),
  beside('network', 'cluster: {network: {cni: {name: none}}}'),
  beside('ca', 'cluster: {ca: {crt: Q1JU, key: Q1JU}}'),
  beside('acceptedCAs', 'cluster: {acceptedCAs: [{crt: Q1JU}]}'),
  beside('aggregatorCA', 'cluster: {aggregatorCA: {crt: Q1JU}}'),
  beside('secretbox', 'cluster: {secretboxEncryptionSecret: a}'),
  beside('nodeLabels', 'machine: {nodeLabels: {a: b}}'),
  beside('nodeTaints', 'machine: {nodeTaints: {a: "b:NoSchedule"}}'),
  beside('kubePrism', 'machine: {features: {kubePrism: {enabled: true, port: 7445}}}'),
  beside('Talos API access', 'machine: {features: {kubernetesTalosAPIAccess: {enabled: true, allowedRoles: [os:reader], allowedKubernetesNamespaces: [a]}}}'),
  beside('imageCache', 'machine: {features: {imageCache: {localEnabled: true}}}'),
  beside('endpoint', 'cluster: {controlPlane: {endpoint: "https://a:6443"}}'),
  beside('clusterName', 'cluster: {clusterName: a}'),
  beside('allowSchedulingOnControlPlanes', 'cluster: {allowSchedulingOnControlPlanes: true}'),
  beside('baseRuntimeSpecOverrides', 'machine: {baseRuntimeSpecOverrides: {a: b}}'),
  beside('sysctls', 'machine: {sysctls: {a: b}}'),
  beside('inlineManifests', 'cluster: {inlineManifests: [{name: a, contents: "a: b"}]}'),
  beside('extraHostEntries', 'machine: {network: {extraHostEntries: [{ip: 1.1.1.1, aliases: [a]}]}}'),
  ...['UnattendedInstallConfig', 'KubeClusterConfig', 'KubeNetworkConfig', 'HostnameConfig', 'KubeletConfig', 'DiscoveryIdentityConfig', 'KubeFlannelCNIConfig', 'KubePrismConfig'].map(without),
  workerWith('kind: KubeAuditPolicyConfig\nconfiguration: {kind: Policy}'),
  workerWith('kind: KubeAuthorizerConfig\nname: node\ntype: Node'),
  workerWith('kind: KubeCoreDNSConfig\nenabled: true'),
  workerWith('kind: KubeFlannelCNIConfig\nbackendType: vxlan'),
  workerWith('kind: KubeControllerManagerConfig\nimage: "registry.k8s.io/kube-controller-manager:v1.37.0"'),
  workerWith('kind: Layer2VIPConfig\nname: 10.0.0.5\nlink: eth0'),
  workerWith('kind: KubeStaticPodConfig\nname: a\npod: {apiVersion: v1, kind: Pod, metadata: {name: a}}'),
  patched('a worker with the key of the Talos API', 'worker', 'machine: {ca: {key: Q1JU}}\n'),
  patched('persist off', 'worker', 'persist: false\n'),
  patched('hostname beside auto: stable', 'worker', 'apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: a\n'),
  patched('hostname with auto: off', 'worker', 'apiVersion: v1alpha1\nkind: HostnameConfig\nauto: "off"\nhostname: a\n'),
  patched('auto: off alone', 'worker', 'apiVersion: v1alpha1\nkind: HostnameConfig\nauto: "off"\n'),
  patched('labels that are numbers', 'worker', 'apiVersion: v1alpha1\nkind: KubeNodeConfig\nlabels: {a: 1}\n'),
  patched('a volume with encryption', 'worker', 'apiVersion: v1alpha1\nkind: VolumeConfig\nname: STATE\nencryption: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}\n'),
  patched('a link with an address', 'worker', 'apiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\naddresses: [{address: 10.0.0.4/24}]\n'),
];
