import type { HttpTransport, Net, TlsClientOptions } from '@keelson/std';
import { parse, stringify } from 'yaml';
import type { KubeClient } from './client.ts';
import { createKubeClient } from './create-client.ts';

/** How to reach one cluster as one user, taken from a kubeconfig's context. */
export interface Kubeconfig {
  /** `https://host:port`, perhaps with a path. */
  readonly server: string;
  readonly clusterName: string;
  readonly userName: string;
  readonly contextName: string;
  /** Namespace of the context. */
  readonly namespace?: string;
  /** PEM. */
  readonly caPem?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly tlsServerName?: string;
  readonly clientCertificatePem?: string;
  readonly clientKeyPem?: string;
  readonly token?: string;
}

/** A kubeconfig that cannot be used; the message says what is missing or wrong. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

/**
 * Reads a kubeconfig (clientcmd v1) at its current context or at `context`. Only inline data is taken: files, exec plugins and
 * auth providers would touch the world, so files are taken from `files` (by the name in the kubeconfig) and the others refused.
 */
export function parseKubeconfig(text: string, options: { readonly context?: string; readonly files?: Readonly<Record<string, string>> } = {}): Kubeconfig {
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw new KubeconfigError('the kubeconfig is not YAML', { cause });
  }
  const root = record(document, 'the kubeconfig');
  const contextName = options.context ?? optionalText(root['current-context']);
  if (!contextName) throw new KubeconfigError('the kubeconfig has no current-context');
  const context = named(root, 'contexts', 'context', contextName);
  const clusterName = requiredText(context['cluster'], `context ${contextName} names no cluster`);
  const userName = optionalText(context['user']) ?? '';
  const cluster = named(root, 'clusters', 'cluster', clusterName);
  const user = userName === '' ? {} : named(root, 'users', 'user', userName);
  for (const field of ['exec', 'auth-provider']) {
    if (user[field] !== undefined) throw new KubeconfigError(`user ${userName} uses ${field}, which is not supported`);
  }
  const pem = (holder: Record<string, unknown>, field: string) => pemOf(holder, field, options.files ?? {});
  return {
    server: requiredText(cluster['server'], `cluster ${clusterName} has no server`),
    clusterName,
    userName,
    contextName,
    namespace: optionalText(context['namespace']),
    caPem: pem(cluster, 'certificate-authority'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true || undefined,
    tlsServerName: optionalText(cluster['tls-server-name']),
    clientCertificatePem: pem(user, 'client-certificate'),
    clientKeyPem: pem(user, 'client-key'),
    token: optionalText(user['token']) ?? fileText(user, 'tokenFile', options.files ?? {})?.trim(),
  };
}

/** Files a kubeconfig refers to, for a caller that reads them and gives them to parseKubeconfig as `files`. */
export function filesOfKubeconfig(text: string): string[] {
  const root = record(parse(text), 'the kubeconfig');
  const fields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];
  const entries = [...list(root['clusters']), ...list(root['users'])].flatMap((entry) => [entry['cluster'], entry['user']]);
  const names = entries.flatMap((entry) => (isRecord(entry) ? fields.map((field) => optionalText(entry[field])) : []));
  return [...new Set(names.filter((name): name is string => name !== undefined))];
}

/** The kubeconfig as YAML, with everything inline. */
export function formatKubeconfig(config: Kubeconfig): string {
  const { clusterName, userName, contextName } = config;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: clusterName,
        cluster: defined({
          server: config.server,
          'certificate-authority-data': base64(config.caPem),
          'insecure-skip-tls-verify': config.insecureSkipTlsVerify,
          'tls-server-name': config.tlsServerName,
        }),
      },
    ],
    users: [
      {
        name: userName,
        user: defined({ 'client-certificate-data': base64(config.clientCertificatePem), 'client-key-data': base64(config.clientKeyPem), token: config.token }),
      },
    ],
    contexts: [{ name: contextName, context: defined({ cluster: clusterName, user: userName, namespace: config.namespace }) }],
    'current-context': contextName,
    preferences: {},
  });
}

/** The TLS side of a kubeconfig. */
export function tlsOf(config: Kubeconfig): TlsClientOptions {
  return {
    ca: config.caPem,
    cert: config.clientCertificatePem,
    key: config.clientKeyPem,
    insecureSkipVerify: config.insecureSkipTlsVerify,
    serverName: config.tlsServerName,
  };
}

export interface NetKubeClientOptions {
  /** To the first byte of an answer; 30 s when absent. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client over the network for what a kubeconfig names. */
export function createNetKubeClient(net: Net, config: Kubeconfig, options: NetKubeClientOptions = {}): KubeClient {
  const tls = config.server.startsWith('https:') ? tlsOf(config) : undefined;
  const transport: HttpTransport = (request) => net.request(request, { tls, timeoutMs: options.timeoutMs ?? 30_000 });
  const headers = { ...(config.token && { authorization: `Bearer ${config.token}` }), ...options.headers };
  return createKubeClient({ transport, baseUrl: config.server, headers });
}

function named(root: Record<string, unknown>, listField: string, field: string, name: string): Record<string, unknown> {
  const entry = list(root[listField]).find((one) => one['name'] === name);
  if (!entry) throw new KubeconfigError(`the kubeconfig has no ${field} ${JSON.stringify(name)}`);
  return record(entry[field] ?? {}, `${field} ${name}`);
}

function pemOf(holder: Record<string, unknown>, field: string, files: Readonly<Record<string, string>>): string | undefined {
  const data = optionalText(holder[`${field}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  return fileText(holder, field, files);
}

function fileText(holder: Record<string, unknown>, field: string, files: Readonly<Record<string, string>>): string | undefined {
  const file = optionalText(holder[field]);
  if (file === undefined) return undefined;
  const text = files[file];
  if (text === undefined) throw new KubeconfigError(`${field} names the file ${file}, which was not given`);
  return text;
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (!isRecord(value)) throw new KubeconfigError(`${what} is not a map`);
  return value;
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function requiredText(value: unknown, otherwise: string): string {
  const found = optionalText(value);
  if (found === undefined) throw new KubeconfigError(otherwise);
  return found;
}

function base64(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString('base64');
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
