/**
 * A machine configuration as the lab node reads it: both the single v1alpha1 document (contracts up to 1.13) and the
 * document per subject (1.14). Read with the yaml package and nothing of ours that renders such files.
 */
import { createHash } from 'node:crypto';
import { parseAllDocuments } from 'yaml';
import { match, type DiskFacts } from './disk-match.ts';

export interface CertificateAndKey {
  readonly cert: string;
  /** Absent on workers. */
  readonly key: string | undefined;
}

export interface NodeConfig {
  readonly text: string;
  readonly documents: readonly ConfigDocument[];
  /** The document with machine and cluster; configurations without it leave the node in maintenance. */
  readonly root: Tree | undefined;
  readonly type: 'controlplane' | 'worker' | undefined;
  readonly token: string;
  readonly ca: CertificateAndKey;
  /** machine.ca and acceptedCAs, PEM joined. */
  readonly trusted: string;
  readonly certSans: readonly string[];
  readonly clusterId: string;
  readonly clusterSecret: string;
  readonly clusterName: string;
  /** https URL of the Kubernetes API. */
  readonly endpoint: string;
  readonly kubernetesCa: CertificateAndKey;
  readonly etcdCa: CertificateAndKey;
  readonly serviceAccountKey: string | undefined;
  readonly hostname: string | undefined;
  readonly install: InstallRequest | undefined;
  readonly kubelet: { readonly image: string; readonly extraArgs: Readonly<Record<string, string>> };
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly nodeAnnotations: Readonly<Record<string, string>>;
  readonly nodeTaints: Readonly<Record<string, string>>;
  readonly podSubnet: string | undefined;
  readonly serviceSubnet: string | undefined;
  readonly apiServer: { readonly image: string; readonly certSans: readonly string[] };
  readonly cni: 'flannel' | 'none';
  readonly kubeProxy: boolean;
  readonly coreDns: boolean;
  readonly allowSchedulingOnControlPlanes: boolean;
}

export interface InstallRequest {
  readonly image: string;
  readonly wipe: boolean;
  /** Words for messages. */
  readonly wants: string;
  readonly accepts: (disk: DiskFacts) => boolean;
}

export type Tree = Readonly<Record<string, unknown>>;

export interface ConfigDocument {
  readonly kind: string;
  readonly name: string;
  readonly body: Tree;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Splits a configuration into documents. Throws ConfigError where it is not YAML, or a document is no mapping. */
export function readDocuments(text: string): readonly ConfigDocument[] {
  const documents: ConfigDocument[] = [];
  const parsed = parseAllDocuments(text, { prettyErrors: true });
  for (const document of 'empty' in parsed ? [] : parsed) {
    const [error] = document.errors;
    if (error) throw new ConfigError(`failed to parse configuration: ${error.message.split('\n')[0]}`);
    const body: unknown = document.toJS();
    if (body === null || body === undefined) continue;
    if (typeof body !== 'object' || Array.isArray(body)) throw new ConfigError('failed to parse configuration: a document is not a mapping');
    const tree = body as Tree; // a mapping read from YAML
    documents.push({ kind: typeof tree['kind'] === 'string' ? tree['kind'] : 'v1alpha1', name: typeof tree['name'] === 'string' ? tree['name'] : '', body: tree });
  }
  if (documents.length === 0) throw new ConfigError('the configuration is empty');
  return documents;
}

/** Reads a configuration; what is missing reads as empty, see config-check.ts for what a node refuses. */
export function readConfig(text: string): NodeConfig {
  const documents = readDocuments(text);
  const root = documents.find((one) => one.kind === 'v1alpha1')?.body;
  const doc = (kind: string): Tree | undefined => documents.find((one) => one.kind === kind)?.body;
  const at = (path: string): unknown => pick(root, path);
  const ca = base64Pair(at('machine.ca'));
  const accepted = list(at('machine.acceptedCAs')).map((one) => base64(pick(one as Tree, 'crt'))); // items are mappings; a wrong one reads as empty
  const type = at('machine.type');
  return {
    text, documents, root,
    type: type === 'controlplane' || type === 'worker' ? type : undefined,
    token: str(at('machine.token')),
    ca,
    trusted: [ca.cert, ...accepted].filter((pem) => pem !== '').map((pem) => pem.trim()).join('\n'),
    certSans: strings(at('machine.certSANs')),
    clusterId: str(at('cluster.id')) || str(doc('DiscoveryIdentityConfig')?.['clusterID']),
    clusterSecret: str(at('cluster.secret')) || str(doc('DiscoveryIdentityConfig')?.['clusterSecret']),
    clusterName: str(at('cluster.clusterName')) || str(doc('KubeClusterConfig')?.['clusterName']),
    endpoint: str(at('cluster.controlPlane.endpoint')) || str(doc('KubeClusterConfig')?.['endpoint']),
    kubernetesCa: kubernetesCa(at('cluster.ca'), doc('KubeAPIServerCAConfig')),
    etcdCa: base64Pair(at('cluster.etcd.ca')),
    serviceAccountKey: base64(at('cluster.serviceAccount.key')) || str(pick(doc('KubeServiceAccountConfig'), 'issuer.privateKey')) || undefined,
    hostname: str(at('machine.network.hostname')) || str(doc('HostnameConfig')?.['hostname']) || undefined,
    install: installOf(at('machine.install'), doc('UnattendedInstallConfig')),
    kubelet: kubeletOf(at('machine.kubelet'), doc('KubeletConfig')),
    nodeLabels: texts(at('machine.nodeLabels') ?? doc('KubeNodeConfig')?.['labels']),
    nodeAnnotations: texts(at('machine.nodeAnnotations') ?? doc('KubeNodeConfig')?.['annotations']),
    nodeTaints: taintsOf(type, root, documents),
    podSubnet: strings(at('cluster.network.podSubnets') ?? doc('KubeNetworkConfig')?.['podSubnets'])[0],
    serviceSubnet: strings(at('cluster.network.serviceSubnets') ?? doc('KubeNetworkConfig')?.['serviceSubnets'])[0],
    apiServer: {
      image: str(at('cluster.apiServer.image')) || str(doc('KubeAPIServerConfig')?.['image']),
      certSans: [...strings(at('cluster.apiServer.certSANs')), ...strings(doc('KubeAPIServerConfig')?.['certExtraSANs'])],
    },
    cni: cniOf(root, documents),
    kubeProxy: at('cluster.proxy.disabled') !== true && doc('KubeProxyConfig')?.['enabled'] !== false,
    coreDns: at('cluster.coreDNS.disabled') !== true && doc('KubeCoreDNSConfig')?.['enabled'] !== false,
    allowSchedulingOnControlPlanes: at('cluster.allowSchedulingOnControlPlanes') === true,
  };
}

/** Follows a dotted path through mappings. */
export function pick(tree: Tree | undefined, path: string): unknown {
  let value: unknown = tree;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = (value as Tree)[name]; // checked to be a mapping
  }
  return value ?? undefined;
}

const str = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const strings = (value: unknown): readonly string[] => list(value).filter((item) => typeof item === 'string');
const base64 = (value: unknown): string => Buffer.from(str(value), 'base64').toString('utf8');

function texts(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, typeof item === 'string' ? item : String(item ?? '')]));
}

/** extraArgs values are a text, or a list of texts. */
function args(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, Array.isArray(item) ? item.join(',') : String(item ?? '')]));
}

function base64Pair(value: unknown): CertificateAndKey {
  const pair = typeof value === 'object' && value !== null ? (value as Tree) : {}; // a mapping
  return { cert: base64(pair['crt']), key: base64(pair['key']) || undefined };
}

/** 1.14 documents hold PEM as it is, v1alpha1 holds it in base64. */
function kubernetesCa(legacy: unknown, document: Tree | undefined): CertificateAndKey {
  if (legacy !== undefined || !document) return base64Pair(legacy);
  const cert = str(pick(document, 'issuingCA.cert'));
  return { cert: cert || str(list(document['acceptedCAs'])[0]), key: str(pick(document, 'issuingCA.key')) || undefined };
}

function kubeletOf(legacy: unknown, document: Tree | undefined): NodeConfig['kubelet'] {
  const from = typeof legacy === 'object' && legacy !== null ? (legacy as Tree) : document; // a mapping
  return { image: str(from?.['image']), extraArgs: args(from?.['extraArgs']) };
}

function installOf(legacy: unknown, document: Tree | undefined): InstallRequest | undefined {
  if (typeof legacy === 'object' && legacy !== null) {
    const install = legacy as Tree; // a mapping
    const disk = str(install['disk']);
    const selector = install['diskSelector'];
    if (!disk && typeof selector !== 'object') return undefined;
    const accepts = disk ? (one: DiskFacts) => one.dev_path === disk || one.symlinks.includes(disk) : selectorAccepts(texts(selector));
    return { image: str(install['image']), wipe: install['wipe'] === true, wants: disk || JSON.stringify(selector), accepts };
  }
  const expression = str(pick(document, 'provisioning.diskSelector.match'));
  if (!document || !expression) return undefined;
  return { image: str(pick(document, 'installer.image')), wipe: pick(document, 'provisioning.wipe') === true, wants: expression, accepts: match(expression) };
}

function selectorAccepts(wanted: Readonly<Record<string, string>>): (disk: DiskFacts) => boolean {
  return (disk) => Object.entries(wanted).every(([name, value]) => {
    const glob = new RegExp(`^${value.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`);
    switch (name) {
      case 'model':
        return glob.test(disk.model);
      case 'serial':
        return glob.test(disk.serial);
      case 'type':
        return disk.transport === value.toLowerCase() || (value === 'hdd' ? disk.rotational : value === 'ssd' && !disk.rotational);
      default:
        return false;
    }
  });
}

function taintsOf(type: unknown, root: Tree | undefined, documents: readonly ConfigDocument[]): Readonly<Record<string, string>> {
  const document = documents.find((one) => one.kind === 'KubeNodeConfig');
  if (document) return texts(document.body['taints']);
  const own = texts(pick(root, 'machine.nodeTaints'));
  if (type !== 'controlplane' || pick(root, 'cluster.allowSchedulingOnControlPlanes') === true) return own;
  return { 'node-role.kubernetes.io/control-plane': ':NoSchedule', ...own };
}

/** With documents the network plugin is there when its document is; in v1alpha1 flannel is the default. */
function cniOf(root: Tree | undefined, documents: readonly ConfigDocument[]): 'flannel' | 'none' {
  if (documents.some((one) => one.kind === 'KubeClusterConfig')) {
    if (pick(root, 'machine.type') === 'worker') return 'flannel'; // the control plane's document decides, workers do not carry it
    return documents.some((one) => one.kind === 'KubeFlannelCNIConfig') ? 'flannel' : 'none';
  }
  const name = pick(root, 'cluster.network.cni.name');
  return name === undefined || name === 'flannel' ? 'flannel' : 'none';
}

/** The hostname of a node that was not given one: stable per machine, in the form Talos gives (talos-xxx-xxx). */
export function stableHostname(machineUuid: string): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const hash = createHash('sha256').update(machineUuid).digest();
  const pickText = (from: number) => [0, 1, 2].map((i) => alphabet[hash[from + i]! % alphabet.length]).join('');
  return `talos-${pickText(0)}-${pickText(3)}`;
}

/** The version after the last colon of an image reference, without a digest. */
export function imageTag(image: string): string {
  return /:([^:/@]+)(?:@.*)?$/.exec(image)?.[1] ?? '';
}
