import type { HttpHandler } from '@keelson/std';
import type { Env } from '@keelson/std';
import type { Authenticator } from './authn/authenticator.ts';
import { serverUser } from './authn/user.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { mastersOnly } from './authz/authorizer.ts';
import { createNamespaceGate } from './admission/namespace-gate.ts';
import { createDiscovery } from './discovery/discovery.ts';
import type { HandlerParts } from './http/handler.ts';
import { createHandler } from './http/handler.ts';
import { systemNamespaces } from './kinds/system-namespaces.ts';
import { tableResources } from './registry/from-table.ts';
import type { Machine } from './registry/request-context.ts';
import type { Registry } from './registry/registry.ts';
import { createRegistry } from './registry/registry.ts';
import type { Store } from './store/store.ts';

export interface ApiServerOptions {
  readonly env: Env;
  readonly store: Store;
  /** Who a request comes from; without one every request that comes through `handler` is refused but for probes and /version. */
  readonly authenticator?: Authenticator;
  /** Who may do what; members of system:masters only when absent. */
  readonly authorizer?: Authorizer;
}

export interface ApiServer {
  /** The API for the outside: authenticates and authorizes. */
  readonly handler: HttpHandler;
  /** The API for the process itself, as a member of system:masters: give it to createKubeClient as transport. Never put it behind a listener. */
  readonly localHandler: HttpHandler;
  readonly store: Store;
  readonly registry: Registry;
  /** Stops background work and ends watches; the store stays open (who opened it closes it). */
  close(): Promise<void>;
}

/** The release whose API this is; clients compare it with their own. */
export const kubernetesVersion = { major: '1', minor: '36', gitVersion: 'v1.36.0+keelson' } as const;

const versionInfo = {
  ...kubernetesVersion,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `${process.platform}/${process.arch}`,
};

/** Starts an API server over a store: kinds installed, system namespaces there. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { env, store } = options;
  const registry = createRegistry();
  for (const resource of tableResources()) registry.install(resource);
  const machine: Machine = { env, store, registry, namespaces: createNamespaceGate(store), admit: () => {} };
  const parts: Omit<HandlerParts, 'authenticator' | 'authorizer'> = {
    machine,
    discovery: createDiscovery(registry),
    openApi: { answer: () => undefined },
    reviews: { answer: async () => undefined },
    version: versionInfo,
    log: env.log.with({ part: 'apiserver' }),
    prepare: async () => {},
  };
  await systemNamespaces(machine);
  return {
    handler: createHandler({ ...parts, authenticator: options.authenticator ?? (() => undefined), authorizer: options.authorizer ?? mastersOnly }),
    localHandler: createHandler({ ...parts, authenticator: () => serverUser, authorizer: mastersOnly }),
    store,
    registry,
    close: async () => {},
  };
}
