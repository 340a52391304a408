/** The composition root: one process with the API and every controller. */
import { join } from 'node:path';
import { describeError, textResponse, type Address, type Env, type HttpHandler, type Listener } from '@keelson/std';
import { createApiServer, certificateAuthenticator, firstOf, mastersGroup, tokenAuthenticator, type ApiServer } from '@keelson/apiserver';
import { boundHistory, type Store } from '@keelson/apiserver/store';
import { Receiver, Secret } from '@keelson/api';
import { createKubeClient, formatKubeconfig, type KubeClient } from '@keelson/kube/client';
import { runControllers, type Running } from '@keelson/controller';
import type { GitClient } from '@keelson/git';
import type { Snapshot } from '@keelson/trace';
import { namespaceDefaultsController } from '@keelson/workload';
import { openAuditLog } from './audit-log.ts';
import { declareRepository, systemNamespace, type FirstRepository } from './first-repository.ts';
import { listenOn, listenOnFree, readPorts, writePorts } from './listen.ts';
import { openPki, type ServerPki } from './pki.ts';
import { missingForReady, snapshotOfCache } from './progress.ts';
import { wireCluster, type ClusterOptions } from './wiring/cluster.ts';
import { wireGitops } from './wiring/gitops.ts';
import { wireMetal } from './wiring/metal.ts';

export interface KeelsonOptions {
  readonly env: Env;
  /** Opened by the caller, so that a second process is refused before anything else happens. */
  readonly store: Store;
  readonly dataDir: string;
  readonly git: GitClient;
  /** Address of the API; chosen and remembered when absent. */
  readonly listen?: Address | undefined;
  readonly keys?: ClusterOptions['keys'];
}

export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

export interface Keelson {
  readonly client: KubeClient;
  readonly apiUrl: string;
  readonly kubeconfigPath: string;
  /** Declares a repository and hands its webhook to `onWebhook` once the Receiver has its path. */
  declare(repository: Omit<FirstRepository, 'webhookSecret'> & { readonly onWebhook?: (hook: Webhook) => void | Promise<void> }): Promise<void>;
  /** The objects the controllers hold now. */
  snapshot(): Snapshot;
  /** What is missing for everything to be ready; empty when it is. */
  missing(): readonly string[];
  readonly running: Running;
  close(): Promise<void>;
}

const defaultApiPort = 7443;
const defaultHttpPort = 7480;

/** Starts the API server, its listeners and all controllers on an open store. */
export async function startKeelson(options: KeelsonOptions): Promise<Keelson> {
  const { env, store, dataDir } = options;
  const host = options.listen?.host ?? '127.0.0.1';
  const pki = await openPki(env, dataDir, [host]);
  const audit = openAuditLog(env, dataDir);
  const api = await createApiServer({
    env, store,
    authenticator: firstOf(certificateAuthenticator, tokenAuthenticator(new Map([[pki.token, { name: 'keelson-admin', groups: [mastersGroup] }]]))),
    audit: audit.sink,
    serviceAccountTokens: { privateKeyPem: pki.serviceAccountKeyPem },
  });
  // Controllers are in the process: their requests are calls, not connections.
  const client = createKubeClient({ transport: api.localHandler, baseUrl: 'http://keelson' });
  const remembered = await readPorts(env, dataDir);

  const stop = new AbortController();
  const listeners: Listener[] = [];
  void boundHistory(store, env.clock, stop.signal, (error) => env.log.warn('history could not be compacted; it is tried again', { error: describeError(error) }));
  try {
    const tls = { cert: pki.serving.certificatePem, key: pki.serving.privateKeyPem, clientCa: pki.caPem };
    const apiListener = options.listen
      ? await listenOn(env, options.listen, { handler: api.handler, tls })
      : await listenOnFree(env, host, [remembered.api, defaultApiPort], { handler: api.handler, tls });
    listeners.push(apiListener);
    // The handler needs to know its own address, so it comes second.
    let http: HttpHandler = async () => textResponse(503, 'starting\n');
    const httpListener = await listenOnFree(env, host, [remembered.http, defaultHttpPort], { handler: (request) => http(request) });
    listeners.push(httpListener);
    await writePorts(env, dataDir, { api: apiListener.address.port, http: httpListener.address.port });
    const httpUrl = `http://${hostText(host)}:${httpListener.address.port}`;
    const apiUrl = `https://${hostText(host)}:${apiListener.address.port}`;
    const kubeconfigPath = join(dataDir, 'kubeconfig');
    await env.files.write(kubeconfigPath, kubeconfigFor(apiUrl, pki), { mode: 0o600 });

    const gitops = wireGitops({ env, dataDir, git: options.git, client, httpUrl });
    http = gitops.handler;
    const controllers = [...gitops.controllers, ...wireMetal(), ...wireCluster(options.keys ? { keys: options.keys } : {}), namespaceDefaultsController(pki.caPem)];
    const running = runControllers({ controllers, client, env, signal: stop.signal });
    await running.synced;
    return {
      client, apiUrl, kubeconfigPath, running,
      declare: (repository) => declare(env, client, repository, httpUrl),
      snapshot: () => snapshotOfCache(running.cache, env.clock.now()),
      missing: () => missingForReady(snapshotOfCache(running.cache, env.clock.now())),
      close: async () => {
        await close(stop, running, listeners, api);
        await audit.flushed();
      },
    };
  } catch (error) {
    stop.abort(error);
    await Promise.all(listeners.map((listener) => listener.close()));
    await api.close();
    throw error;
  }
}

async function close(stop: AbortController, running: Running, listeners: readonly Listener[], api: ApiServer): Promise<void> {
  stop.abort(new Error('Keelson stops'));
  await running.stopped;
  await Promise.all(listeners.map((listener) => listener.close()));
  await api.close();
}

function kubeconfigFor(apiUrl: string, pki: ServerPki): string {
  return formatKubeconfig({
    server: apiUrl, clusterName: 'keelson', userName: 'keelson-admin', contextName: 'keelson', caPem: pki.caPem,
    clientCertificatePem: pki.admin.certificatePem, clientKeyPem: pki.admin.privateKeyPem,
  });
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const webhookPollMs = 50;
const webhookTries = 600;

async function declare(env: Env, client: KubeClient, repository: Parameters<Keelson['declare']>[0], httpUrl: string): Promise<void> {
  const { onWebhook, ...declared } = repository;
  const known = await client.get(Secret, { namespace: systemNamespace, name: `${declared.name}-webhook` });
  const knownToken = (known?.['data'] as Record<string, string> | undefined)?.['token'];
  const webhookSecret = knownToken ? Buffer.from(knownToken, 'base64').toString('utf8') : Buffer.from(env.random.bytes(24)).toString('hex');
  await declareRepository(client, { ...declared, webhookSecret });
  if (!onWebhook) return;
  for (let tries = 0; tries < webhookTries; tries++) {
    const receiver = await client.get(Receiver, { namespace: systemNamespace, name: declared.name });
    const path = (receiver?.['status'] as { webhookPath?: string } | undefined)?.webhookPath;
    if (path) return onWebhook({ url: `${httpUrl}${path}`, secret: webhookSecret });
    await env.clock.sleep(webhookPollMs);
  }
  env.log.warn('the Receiver has no webhook path; pushes are seen at the source\'s interval', { receiver: declared.name });
}
