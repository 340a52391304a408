/**
 * Whether a machine configuration is one that a node takes: the structure of its documents, and the rules across them
 * (upstream's `talosctl validate`, with the traps of 1.14 that upstream only shows on the running node).
 */
import { readPath } from './path.ts';
import { controlPlaneKinds, controlPlaneOnlyInEffect, deniedFlags, legacyFieldTable } from './legacy.ts';
import { documentId, findDocument, isRecord, type ConfigFinding, type MachineConfig } from './machine-config.ts';
import { checkDocument } from './schema-check.ts';

export interface ValidateOptions {
  /** Metal machines that are not installed yet need to be told where to install. Default metal. */
  readonly mode?: 'metal' | 'cloud' | 'container';
  /** The machine is installed already: no installation target is needed. */
  readonly isInstalled?: boolean;
}

export interface Validation {
  /** A node refuses the configuration, or cannot run with it. */
  readonly errors: readonly ConfigFinding[];
  /** It works, but not as it should or not for long. */
  readonly warnings: readonly ConfigFinding[];
}

interface Report {
  readonly error: (document: string, path: string, message: string) => void;
  readonly warn: (document: string, path: string, message: string) => void;
}

/** Checks a whole configuration. Messages name fields and never quote secrets. */
export function validateMachineConfig(config: MachineConfig, options: ValidateOptions = {}): Validation {
  const errors: ConfigFinding[] = config.flatMap((document) => checkDocument(document));
  const warnings: ConfigFinding[] = [];
  const report: Report = {
    error: (document, path, message) => errors.push({ document, path, message }),
    warn: (document, path, message) => warnings.push({ document, path, message }),
  };
  checkDuplicates(config, report);
  checkRoot(config, report);
  checkLegacy(config, report);
  checkRoleDocuments(config, report);
  checkInstall(config, options, report);
  checkApiServer(config, report);
  checkFlags(config, report);
  checkLinks(config, report);
  checkNetworkDefault(config, report);
  checkHostname(config, report);
  return { errors, warnings };
}

/** One line for a person: where and what. */
export function formatFinding({ document, path, message }: ConfigFinding): string {
  return path === '' ? `${document}: ${message}` : `${document} ${path}: ${message}`;
}

function checkDuplicates(config: MachineConfig, report: Report): void {
  const seen = new Set<string>();
  for (const document of config) {
    const id = documentId(document);
    if (seen.has(id)) report.error(id, '', 'is there twice');
    seen.add(id);
  }
}

/** The role in the root; undefined where there is no (whole) root: documents alone are a partial configuration. */
export function roleOf(config: MachineConfig): 'controlplane' | 'worker' | undefined {
  const role = readPath(findDocument(config, 'v1alpha1'), 'machine.type');
  return role === 'controlplane' || role === 'worker' ? role : undefined;
}

function checkRoot(config: MachineConfig, report: Report): void {
  const root = findDocument(config, 'v1alpha1');
  if (!root) return;
  const need = (path: string, what = 'is required') => {
    const value = readPath(root, path);
    if (value === undefined || value === null || value === '') report.error('v1alpha1', path, what);
  };
  const mustNot = (path: string, why: string) => {
    const value = readPath(root, path);
    if (value !== undefined && value !== null && value !== '') report.error('v1alpha1', path, why);
  };
  need('machine.type');
  need('machine.token');
  need('cluster.token');
  need('machine.ca.crt');
  if (root['persist'] === false) report.error('v1alpha1', 'persist', 'must be true');
  if (!findDocument(config, 'KubeClusterConfig')) need('cluster.controlPlane.endpoint', 'is required where there is no KubeClusterConfig');
  const caDocument = findDocument(config, 'KubeAPIServerCAConfig');
  if (roleOf(config) === 'controlplane') {
    need('machine.ca.key', 'is required on a control plane');
    need('cluster.etcd.ca.crt', 'is required on a control plane');
    need('cluster.etcd.ca.key', 'is required on a control plane');
    if (!caDocument) need('cluster.ca.key', 'is required on a control plane where there is no KubeAPIServerCAConfig');
    else if (!readPath(caDocument, 'issuingCA.key')) report.error('KubeAPIServerCAConfig', 'issuingCA.key', 'is required on a control plane');
  } else {
    mustNot('machine.ca.key', 'a worker must not hold the key of the Talos API');
    mustNot('cluster.ca.key', 'a worker must not hold the key of the Kubernetes API');
    mustNot('cluster.etcd', 'a worker has no etcd');
    if (caDocument && readPath(caDocument, 'issuingCA') !== undefined) report.error('KubeAPIServerCAConfig', 'issuingCA', 'a worker must not hold the key of the Kubernetes API');
  }
  checkDiscovery(config, root, report);
}

function checkDiscovery(config: MachineConfig, root: Readonly<Record<string, unknown>>, report: Report): void {
  const isOn = readPath(root, 'cluster.discovery.enabled') === true || findDocument(config, 'DiscoveryServiceConfig') !== undefined;
  if (!isOn) {
    if (findDocument(config, 'KubeSpanConfig')?.['enabled'] === true) report.error('KubeSpanConfig', 'enabled', 'needs discovery: add a DiscoveryServiceConfig');
    return;
  }
  const identity = findDocument(config, 'DiscoveryIdentityConfig');
  for (const [path, field] of [['cluster.id', 'clusterID'], ['cluster.secret', 'clusterSecret']] as const) {
    if (!identity?.[field] && !readPath(root, path)) report.error('DiscoveryIdentityConfig', field, 'is required while discovery is on');
  }
}

function checkLegacy(config: MachineConfig, report: Report): void {
  const root = findDocument(config, 'v1alpha1');
  if (!root) return;
  for (const { path, kinds, isExclusive } of legacyFieldTable) {
    if (isAbsent(readPath(root, path))) continue;
    const present = kinds.filter((kind) => config.some((document) => document['kind'] === kind));
    if (isExclusive && present.length > 0) report.error('v1alpha1', path, `is set while ${present.join(' and ')} says the same: keep one of them`);
    else if (!isExclusive) report.warn('v1alpha1', path, `is deprecated: use ${kinds.join(', ')}`);
  }
}

/** Upstream takes an empty list or mapping for an unset one. */
function isAbsent(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.values(value).every(isAbsent);
}

function checkRoleDocuments(config: MachineConfig, report: Report): void {
  if (roleOf(config) !== 'worker') return;
  for (const document of config) {
    if (controlPlaneKinds.includes(String(document['kind']))) report.error(documentId(document), '', 'is for control planes only');
    else if (controlPlaneOnlyInEffect.includes(String(document['kind']))) report.warn(documentId(document), '', 'has no effect on a worker: the address follows the election of etcd');
  }
}

function checkInstall(config: MachineConfig, { mode = 'metal', isInstalled = false }: ValidateOptions, report: Report): void {
  const unattended = findDocument(config, 'UnattendedInstallConfig');
  const install = readPath(findDocument(config, 'v1alpha1'), 'machine.install');
  if (isRecord(install) && install['grubUseUKICmdline'] === true && !isAbsent(install['extraKernelArgs'])) {
    report.error('v1alpha1', 'machine.install.extraKernelArgs', 'cannot be used with grubUseUKICmdline: kernel arguments come from the image');
  }
  if (unattended && typeof readPath(unattended, 'provisioning.diskSelector.match') !== 'string') report.error('UnattendedInstallConfig', 'provisioning.diskSelector.match', 'is required');
  if (mode !== 'metal' || isInstalled || roleOf(config) === undefined || unattended) return;
  if (isRecord(install) && (install['disk'] || isRecord(install['diskSelector']))) return;
  report.warn('v1alpha1', 'machine.install', 'no disk is named to install to: the machine runs from its boot medium until it is told');
}

/** From 1.14 on the API server always reads an authentication configuration, and authorizers are no longer implied. */
function checkApiServer(config: MachineConfig, report: Report): void {
  if (!findDocument(config, 'KubeAPIServerConfig')) return;
  if (!findDocument(config, 'KubeAuthenticationConfig')) report.error('KubeAPIServerConfig', '', 'needs a KubeAuthenticationConfig: the API server does not start without');
  const types = config.filter((document) => document['kind'] === 'KubeAuthorizerConfig').map((document) => document['type']);
  const missing = ['Node', 'RBAC'].filter((type) => !types.includes(type));
  if (missing.length > 0) report.error('KubeAPIServerConfig', '', `needs a KubeAuthorizerConfig of type ${missing.join(' and ')}: nodes and their pods are refused without`);
}

/** Component, its document, and its place in the v1alpha1 root. */
const flaggedPlaces = [
  ['apiServer', 'KubeAPIServerConfig', 'cluster.apiServer'],
  ['controllerManager', 'KubeControllerManagerConfig', 'cluster.controllerManager'],
  ['scheduler', 'KubeSchedulerConfig', 'cluster.scheduler'],
  ['proxy', 'KubeProxyConfig', 'cluster.proxy'],
  ['kubelet', 'KubeletConfig', 'machine.kubelet'],
] as const;

function checkFlags(config: MachineConfig, report: Report): void {
  const root = findDocument(config, 'v1alpha1');
  for (const [component, kind, legacyPath] of flaggedPlaces) {
    const places = [[kind, 'extraArgs', findDocument(config, kind)?.['extraArgs']], ['v1alpha1', `${legacyPath}.extraArgs`, readPath(root, `${legacyPath}.extraArgs`)]] as const;
    for (const [document, path, args] of places) {
      for (const flag of isRecord(args) ? Object.keys(args) : []) {
        if (deniedFlags[component]?.includes(flag)) report.error(document, `${path}.${flag}`, 'is set by Talos itself and cannot be given');
      }
    }
  }
}

/** A link can be the member of one bond, bridge or VRF only. */
function checkLinks(config: MachineConfig, report: Report): void {
  const owners = new Map<string, string>();
  for (const document of config) {
    if (!['BondConfig', 'BridgeConfig', 'VRFConfig'].includes(String(document['kind']))) continue;
    const links = Array.isArray(document['links']) ? document['links'] : [];
    for (const link of links.map(String)) {
      const owner = owners.get(link);
      if (owner) report.warn(documentId(document), 'links', `${link} is a member of ${owner} already`);
      else owners.set(link, documentId(document));
    }
  }
}

const linkKinds = ['LinkConfig', 'BondConfig', 'BridgeConfig', 'VLANConfig', 'DummyLinkConfig', 'WireguardConfig', 'VRFConfig', 'VethConfig'];

function checkNetworkDefault(config: MachineConfig, report: Report): void {
  const link = config.find((document) => document['kind'] === 'LinkConfig');
  if (!link) return;
  const configured = new Set(config.filter((document) => linkKinds.includes(String(document['kind'])) && !isAbsent(document['addresses'])).map((document) => document['name']));
  if (configured.size > 0 || config.some((document) => document['kind'] === 'DHCPv4Config' || document['kind'] === 'DHCPv6Config')) return;
  report.warn(documentId(link), '', 'turns off DHCP on all links, and no document gives an address: add a DHCPv4Config');
}

function checkHostname(config: MachineConfig, report: Report): void {
  const document = findDocument(config, 'HostnameConfig');
  if (!document) return;
  const hasName = typeof document['hostname'] === 'string' && document['hostname'] !== '';
  if (hasName && document['auto'] === 'stable') report.error('HostnameConfig', 'auto', 'stable excludes hostname: set auto to off');
}
