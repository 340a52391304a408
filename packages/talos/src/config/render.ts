/**
 * Renders machine configurations in the multi-document dialect of Talos 1.14, document by document in upstream's order
 * (`talosctl gen config`), with upstream's defaults. The tests hold the result to recorded output of talosctl.
 */
import { ProblemError, problem } from '@keelson/std';
import { fromBase64 } from '../pki/pem.ts';
import { checkSecretsBundle, type CertificateAndKey } from '../pki/secrets-bundle.ts';
import { talosProblems } from '../problems.ts';
import { currentContract, isAtLeast } from '../version-contract.ts';
import { plainCopy, type ConfigDocument, type MachineConfig, type MachineConfigInput } from './machine-config.ts';

/** Upstream's defaults. */
export const configDefaults = {
  podSubnets: ['10.244.0.0/16'],
  serviceSubnets: ['10.96.0.0/12'],
  dnsDomain: 'cluster.local',
  discoveryEndpoint: 'https://discovery.talos.dev/',
  kubePrismPort: 7445,
  flannelPort: 4789,
  trimInterval: '168h0m0s',
} as const;

type Value = Record<string, unknown>;

/** Renders the configuration of one machine. Throws ProblemError (TALOS.BAD_CONFIG) when the input cannot become a configuration. */
export function renderMachineConfig(input: MachineConfigInput): MachineConfig {
  const wrong = checkInput(input);
  if (wrong.length > 0) throw new ProblemError(problem(talosProblems.badConfig, {}, { why: wrong.join('; '), where: `cluster ${input.clusterName}` }));
  const documents = [rootDocument(input), ...machineDocuments(input), ...kubernetesDocuments(input)];
  return input.role === 'controlplane' ? [...documents, ...controlPlaneDocuments(input)].map(plainCopy) : documents.map(plainCopy);
}

function checkInput(input: MachineConfigInput): string[] {
  const wrong: string[] = [];
  const contract = input.contract ?? currentContract;
  if (!isAtLeast(contract, 1, 14)) wrong.push(`configurations for Talos ${contract.major}.${contract.minor} cannot be rendered, the oldest is 1.14`);
  if (input.clusterName === '') wrong.push('the cluster has no name');
  if (!isHttpsUrl(input.endpoint)) wrong.push(`endpoint ${JSON.stringify(input.endpoint)} is not an https URL`);
  if (!/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(input.kubernetesVersion)) wrong.push(`kubernetesVersion ${JSON.stringify(input.kubernetesVersion)} is not a version like v1.37.0`);
  const { install } = input;
  if (install && (install.disk === undefined) === (install.diskSelector === undefined)) wrong.push('install needs either disk or diskSelector');
  if (install && !/^[^\s:]+(:\d+\/[^\s:]+)?(:[\w][\w.-]*)?(@sha256:[0-9a-f]{64})?$/.test(install.image)) wrong.push(`install.image ${JSON.stringify(install.image)} is not an image reference`);
  if (input.hostname !== undefined && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(input.hostname)) wrong.push(`hostname ${JSON.stringify(input.hostname)} is not a DNS name`);
  if (input.kubeSpan && input.clusterDiscovery === false) wrong.push('kubeSpan needs clusterDiscovery');
  wrong.push(...checkSecretsBundle(input.bundle).map((line) => `secrets bundle: ${line}`));
  return wrong;
}

function isHttpsUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}

function rootDocument({ role, bundle, certSans = [], machineCertSans = certSans }: MachineConfigInput): ConfigDocument {
  const isControlPlane = role === 'controlplane';
  return {
    version: 'v1alpha1',
    debug: false,
    persist: true,
    machine: {
      type: role,
      token: bundle.trustdinfo.token,
      ca: isControlPlane ? { crt: bundle.certs.os.crt, key: bundle.certs.os.key } : { crt: bundle.certs.os.crt, key: '' },
      certSANs: machineCertSans,
      features: { diskQuotaSupport: true },
    },
    cluster: {
      token: bundle.secrets.bootstraptoken,
      etcd: isControlPlane ? { ca: { crt: bundle.certs.etcd.crt, key: bundle.certs.etcd.key } } : undefined,
    },
  };
}

function machineDocuments(input: MachineConfigInput): ConfigDocument[] {
  const { bundle, install, sysctls = {}, registryMirrors = {} } = input;
  const documents: ConfigDocument[] = [];
  const add = (kind: string, fields: Value) => documents.push({ apiVersion: 'v1alpha1', kind, ...fields });
  if (input.clusterDiscovery !== false) add('DiscoveryServiceConfig', { name: 'default', endpoint: configDefaults.discoveryEndpoint });
  add('DiscoveryIdentityConfig', { clusterID: bundle.cluster.id, clusterSecret: bundle.cluster.secret });
  if (install) {
    add('UnattendedInstallConfig', {
      reboot: install.reboot,
      installer: { image: install.image },
      provisioning: { diskSelector: { match: install.diskSelector ?? `disk.dev_path == ${JSON.stringify(install.disk)}` }, wipe: install.wipe ?? false },
    });
  }
  add('ResolverConfig', { hostDNS: { enabled: true, forwardKubeDNSToHost: true } });
  if (Object.keys(sysctls).length > 0) add('SysctlConfig', { params: sysctls });
  add('VolumeConfig', { name: 'EPHEMERAL', mount: { secure: true } });
  add('FilesystemTrimConfig', { interval: configDefaults.trimInterval });
  add('SecurityProfileConfig', { workloadIsolation: true });
  for (const [name, urls] of Object.entries(registryMirrors)) add('RegistryMirrorConfig', { name, endpoints: urls.map((url) => ({ url })) });
  add('HostnameConfig', input.hostname === undefined ? { auto: 'stable' } : { auto: 'off', hostname: input.hostname });
  if (input.kubeSpan) add('KubeSpanConfig', { enabled: true });
  return documents;
}

/** Documents of Kubernetes that every machine has. */
function kubernetesDocuments(input: MachineConfigInput): ConfigDocument[] {
  const { role, bundle } = input;
  const isControlPlane = role === 'controlplane';
  const ca = pemPair(bundle.certs.k8s);
  const mayHold = (map: Readonly<Record<string, string>>) => (Object.keys(map).length > 0 ? map : undefined);
  const labels = { ...(isControlPlane ? controlPlaneLabels : {}), ...input.nodeLabels };
  const taints = { ...(isControlPlane && !input.allowSchedulingOnControlPlanes ? { 'node-role.kubernetes.io/control-plane': 'NoSchedule' } : {}), ...input.nodeTaints };
  return [
    { ...head('KubeClusterConfig'), clusterName: input.clusterName, endpoint: input.endpoint },
    { ...head('KubeNodeConfig'), nodeIP: {}, labels: mayHold(labels), annotations: mayHold(input.nodeAnnotations ?? {}), taints: mayHold(taints) },
    {
      ...head('KubeletConfig'),
      image: image('ghcr.io/siderolabs/kubelet', input),
      config: input.kubeletExtraConfig ?? {},
      extraArgs: input.kubeletExtraArgs,
      defaultRuntimeSeccompProfileEnabled: true,
    },
    {
      ...head('KubeNetworkConfig'),
      dnsDomain: input.dnsDomain ?? configDefaults.dnsDomain,
      podSubnets: input.podSubnets ?? configDefaults.podSubnets,
      serviceSubnets: input.serviceSubnets ?? configDefaults.serviceSubnets,
    },
    isControlPlane ? { ...head('KubeAPIServerCAConfig'), issuingCA: ca } : { ...head('KubeAPIServerCAConfig'), acceptedCAs: [ca.cert] },
    { ...head('KubePrismConfig'), port: configDefaults.kubePrismPort },
  ];
}

const controlPlaneLabels = { 'node-role.kubernetes.io/control-plane': '', 'node.kubernetes.io/exclude-from-external-load-balancers': '' } as const;

function controlPlaneDocuments(input: MachineConfigInput): ConfigDocument[] {
  const { bundle, certSans = [] } = input;
  return [
    { ...head('KubeAggregatorCAConfig'), issuingCA: pemPair(bundle.certs.k8saggregator) },
    { ...head('KubeAdmissionControlConfig'), name: 'PodSecurity', configuration: podSecurity },
    { ...head('KubeAuditPolicyConfig'), configuration: { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] } },
    {
      ...head('KubeAuthenticationConfig'),
      configuration: { anonymous: { enabled: true, conditions: ['/livez', '/readyz', '/healthz'].map((path) => ({ path })) }, jwt: [] },
    },
    { ...head('KubeAuthorizerConfig'), name: 'node', type: 'Node' },
    { ...head('KubeAuthorizerConfig'), name: 'rbac', type: 'RBAC' },
    { ...head('KubeEtcdEncryptionConfig'), config: { resources: [{ resources: ['secrets'], providers: [encryptionProvider(bundle.secrets)] }] } },
    { ...head('KubeServiceAccountConfig'), issuer: { privateKey: fromBase64(bundle.certs.k8sserviceaccount.key), issuerURL: input.endpoint } },
    {
      ...head('KubeAPIServerConfig'),
      image: image('registry.k8s.io/kube-apiserver', input),
      extraArgs: input.apiServerExtraArgs,
      certExtraSANs: certSans.length > 0 ? certSans : undefined,
    },
    { ...head('KubeControllerManagerConfig'), image: image('registry.k8s.io/kube-controller-manager', input) },
    { ...head('KubeSchedulerConfig'), image: image('registry.k8s.io/kube-scheduler', input), config: {} },
    { ...head('KubeProxyConfig'), enabled: input.kubeProxy === false ? false : undefined, image: image('registry.k8s.io/kube-proxy', input), config: {} },
    ...(input.cni === 'none' ? [] : [{ ...head('KubeFlannelCNIConfig'), backendType: 'vxlan', backendPort: configDefaults.flannelPort }]),
    { ...head('KubeCoreDNSConfig'), enabled: input.coreDns !== false },
  ];
}

/** The key's name is part of what is stored in etcd: secretbox has key2, aescbc key1. */
function encryptionProvider(secrets: MachineConfigInput['bundle']['secrets']): Value {
  return secrets.secretboxencryptionsecret
    ? { secretbox: { keys: [{ name: 'key2', secret: secrets.secretboxencryptionsecret }] } }
    : { aescbc: { keys: [{ name: 'key1', secret: secrets.aescbcencryptionsecret }] } };
}

const podSecurity = {
  apiVersion: 'pod-security.admission.config.k8s.io/v1alpha1',
  kind: 'PodSecurityConfiguration',
  defaults: { audit: 'restricted', 'audit-version': 'latest', enforce: 'baseline', 'enforce-version': 'latest', warn: 'restricted', 'warn-version': 'latest' },
  exemptions: { namespaces: ['kube-system'], runtimeClasses: [], usernames: [] },
} as const;

function head(kind: string): { apiVersion: string; kind: string } {
  return { apiVersion: 'v1alpha1', kind };
}

function image(repository: string, { kubernetesVersion }: MachineConfigInput): string {
  return `${repository}:v${kubernetesVersion.replace(/^v/, '')}`;
}

/** Documents carry PEM as text, the root carries base64 of it. */
function pemPair({ crt, key }: CertificateAndKey): { cert: string; key: string } {
  return { cert: fromBase64(crt), key: fromBase64(key) };
}
