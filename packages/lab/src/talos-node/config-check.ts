/** What a node refuses in a machine configuration, with the wording of Talos where clients look at it (facts: validation rules). */
import { clusterFields, controlPlaneKinds, documentFields, exclusiveFields, isNamedKind, machineFields, rootFields } from './config-kinds.ts';
import { ConfigError, pick, type NodeConfig, type Tree } from './config.ts';

/** Why a configuration is refused; empty when it is good. `installed` is whether Talos is on a disk already. */
export function checkConfig(config: NodeConfig, options: { readonly installed: boolean }): readonly string[] {
  return [...checkKinds(config), ...checkExclusive(config), ...(config.root ? checkRoot(config, config.root, options.installed) : [])];
}

/** Throws ConfigError with all complaints. */
export function requireValid(config: NodeConfig, options: { readonly installed: boolean }): void {
  const complaints = checkConfig(config, options);
  if (complaints.length === 0) return;
  const count = complaints.length === 1 ? '1 error' : `${complaints.length} errors`;
  throw new ConfigError(`configuration validation failed: ${count} occurred:\n${complaints.map((text) => `\t* ${text}\n`).join('')}`);
}

function unknownKeys(tree: unknown, known: readonly string[], path: string): readonly string[] {
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.keys(tree).filter((name) => !known.includes(name)).map((name) => `unknown keys found during decoding: ${path}${name}`);
}

function checkKinds(config: NodeConfig): readonly string[] {
  const complaints: string[] = [];
  const seen = new Set<string>();
  for (const { kind, name, body } of config.documents) {
    const identity = isNamedKind(kind) ? `${kind}/${name}` : kind;
    if (seen.has(identity)) complaints.push(`not allowed to have more than one document ${identity}`);
    seen.add(identity);
    if (kind === 'v1alpha1') continue;
    const fields = documentFields[kind];
    if (!fields) {
      complaints.push(`"${kind}" "${String(body['apiVersion'] ?? '')}": not registered`);
      continue;
    }
    if (body['apiVersion'] !== 'v1alpha1') complaints.push(`"${kind}" "${String(body['apiVersion'] ?? '')}": not registered`);
    complaints.push(...unknownKeys(body, ['apiVersion', 'kind', ...fields], `${kind}.`));
    if (config.type === 'worker' && controlPlaneKinds.has(kind)) complaints.push(`document ${kind} is only allowed on control plane machines`);
  }
  return complaints;
}

function checkExclusive(config: NodeConfig): readonly string[] {
  return exclusiveFields
    .filter(({ kind, path }) => config.documents.some((one) => one.kind === kind) && pick(config.root, path) !== undefined)
    .map(({ kind, path }) => `${kind}: ${path} is already set in v1alpha1 config`);
}

function checkRoot(config: NodeConfig, root: Tree, installed: boolean): readonly string[] {
  const complaints: string[] = [
    ...unknownKeys(root, rootFields, ''),
    ...unknownKeys(root['machine'], machineFields, 'machine.'),
    ...unknownKeys(root['cluster'], clusterFields, 'cluster.'),
  ];
  const need = (there: unknown, what: string) => {
    if (!there) complaints.push(what);
  };
  need(root['version'] === 'v1alpha1', 'version must be v1alpha1');
  need(root['persist'] !== false, 'persist must be true');
  need(root['machine'], 'machine instructions are required');
  need(root['cluster'], 'cluster instructions are required');
  need(config.type, `machine type is not known: ${String(pick(root, 'machine.type') ?? '')}`);
  need(config.token, 'machine.token is required');
  need(isCertificate(config.ca.cert), 'machine.ca.crt is required');
  need(config.kubernetesCa.cert === '' || isCertificate(config.kubernetesCa.cert), 'the Kubernetes CA is not a certificate');
  need(/^https:\/\/[^/\s]+/.test(config.endpoint), 'cluster.controlPlane.endpoint must be an https URL');
  need(config.clusterId && config.clusterSecret, 'cluster identity: id and secret are required for discovery');
  need(config.kubernetesCa.cert, 'the Kubernetes CA is required');
  if (!installed) need(config.install, 'install instructions are required: a disk or a disk selector');
  if (config.type === 'controlplane') {
    need(config.ca.key, 'machine.ca.key is required on control plane machines');
    need(config.kubernetesCa.key, 'the key of the Kubernetes CA is required on control plane machines');
    need(isCertificate(config.etcdCa.cert) && config.etcdCa.key, 'cluster.etcd.ca is required on control plane machines');
    need(config.serviceAccountKey, 'the service account key is required on control plane machines');
  }
  if (config.type === 'worker') {
    need(!config.ca.key, 'machine.ca.key is not allowed on worker machines');
    need(!config.etcdCa.cert, 'cluster.etcd is not allowed on worker machines');
  }
  return complaints;
}

function isCertificate(pem: string): boolean {
  return pem.includes('-----BEGIN CERTIFICATE-----');
}
