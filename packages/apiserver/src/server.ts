import type { Env, HttpHandler } from '@keelson/std';
import { createAdmission } from './admission/admission.ts';
import type { ServiceResolver } from './admission/webhook-call.ts';
import { createWebhooks } from './admission/webhooks.ts';
import { createNamespaceGate } from './admission/namespace-gate.ts';
import type { Authenticator } from './authn/authenticator.ts';
import { firstOf } from './authn/authenticator.ts';
import type { ServiceAccountTokenOptions } from './authn/service-accounts.ts';
import { createServiceAccountTokens } from './authn/service-accounts.ts';
import { serverUser } from './authn/user.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { anyOf, mastersOnly } from './authz/authorizer.ts';
import { startRoleAggregator } from './authz/aggregation.ts';
import { bootstrapRoles } from './authz/bootstrap-roles.ts';
import { createEscalationCheck } from './authz/escalation.ts';
import { createRbacAuthorizer } from './authz/rbac.ts';
import { createReviews } from './authz/reviews.ts';
import { startDefinitions } from './crd/definitions.ts';
import { createDiscovery } from './discovery/discovery.ts';
import type { AuditSink } from './http/audit.ts';
import type { RequestLimitOptions } from './http/request-limits.ts';
import { createRequestLimits } from './http/request-limits.ts';
import type { HandlerParts } from './http/handler.ts';
import { createHandler } from './http/handler.ts';
import type { NodeConnect } from './http/special-subresources.ts';
import { createServiceAllocator } from './kinds/service.ts';
import { systemNamespaces } from './kinds/system-namespaces.ts';
import { startGarbageCollector } from './lifecycle/garbage-collector.ts';
import { startNamespaceCleaner } from './lifecycle/namespace-cleaner.ts';
import { createOpenApi } from './openapi/open-api.ts';
import { tableResources } from './registry/from-table.ts';
import type { Machine } from './registry/request-context.ts';
import type { Registry } from './registry/registry.ts';
import { createRegistry } from './registry/registry.ts';
import type { Resource } from './registry/resource.ts';
import { withStrategy } from './registry/resource.ts';
import type { Store } from './store/store.ts';

export interface ApiServerOptions {
  readonly env: Env;
  /** Where the objects are; who opens it closes it, after the server. */
  readonly store: Store;
  /** Who a request comes from; without one every request that comes through `handler` is refused but for probes and /version. */
  readonly authenticator?: Authenticator;
  /** Who may do what; RBAC over the roles in the store when absent (system:masters may do everything). */
  readonly authorizer?: Authorizer;
  /** Signs and takes tokens of service accounts (TokenRequest, Bearer, TokenReview); without it there are none. */
  readonly serviceAccountTokens?: ServiceAccountTokenOptions;
  /** Where the Services are that admission webhooks name; without it only webhooks with a URL can be asked. */
  readonly resolveService?: ServiceResolver;
  /** How much one user may ask at once through `handler`; what the process itself asks is not counted. */
  readonly limits?: RequestLimitOptions;
  /** Told of every request through `handler`. */
  readonly audit?: AuditSink;
  /** Which kinds of the tables are installed; all when absent. A workload cluster leaves the management kinds out: `(resource) => resource.builtIn`. */
  readonly kinds?: (resource: Resource) => boolean;
  /** IPv4 range of the Services' addresses; 10.96.0.0/16 when absent. */
  readonly serviceCidr?: string;
  /** Answers logs, exec and port-forward of pods; without it they are refused. */
  readonly connect?: NodeConnect;
}

export interface ApiServer {
  /** The API for the outside: authenticates and authorizes. */
  readonly handler: HttpHandler;
  /** The API for the process itself, as a member of system:masters: give it to createKubeClient as transport. Never put it behind a listener. */
  readonly localHandler: HttpHandler;
  readonly store: Store;
  readonly registry: Registry;
  /** Resolves when deletions that follow from others (owners, namespaces, definitions) have been done as far as they can be now. */
  settled(): Promise<void>;
  /** Stops background work; the store stays open. */
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

const defaultServiceCidr = '10.96.0.0/16';

/** Starts an API server over a store: kinds installed, definitions in the store served, system namespaces there. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { env, store } = options;
  const registry = createRegistry();
  const services = createServiceAllocator(store, options.serviceCidr ?? defaultServiceCidr);
  const kinds = tableResources().filter(options.kinds ?? (() => true));
  for (const resource of kinds) {
    const isService = resource.group === '' && resource.kind === 'Service';
    registry.install(isService ? withStrategy(resource, { reserve: services.reserve, released: services.released }) : resource);
  }
  const authorizer = options.authorizer ?? createRbacAuthorizer(store);
  const admission = createAdmission(createEscalationCheck(store, authorizer));
  const tokens = options.serviceAccountTokens && createServiceAccountTokens(env, store, options.serviceAccountTokens);
  const machine: Machine = { env, store, registry, namespaces: createNamespaceGate(store), admit: admission.admit, check: admission.check, tokens, connect: options.connect };
  const definitions = startDefinitions(machine, kinds.filter((resource) => !resource.builtIn));
  admission.use(definitions.admit);
  const given = options.authenticator ?? (() => undefined);
  const authenticator = tokens ? firstOf(given, tokens.authenticate) : given;
  const parts: Omit<HandlerParts, 'authenticator' | 'authorizer'> = {
    machine,
    discovery: createDiscovery(registry),
    openApi: createOpenApi(registry, kubernetesVersion.gitVersion, () => env.clock.now()),
    reviews: createReviews(env, given, authorizer, tokens),
    version: versionInfo,
    log: env.log.with({ part: 'apiserver' }),
    prepare: (group, resource) => (group === 'apiextensions.k8s.io' && resource === 'customresourcedefinitions' ? definitions.showTables() : Promise.resolve()),
  };
  await systemNamespaces(machine);
  await bootstrapRoles(machine);
  admission.useWebhooks(createWebhooks({ env, store }, options.resolveService));
  const aggregator = startRoleAggregator(machine);
  const collector = startGarbageCollector(machine);
  const cleaner = startNamespaceCleaner(machine);
  return {
    handler: createHandler({ ...parts, authenticator, authorizer, limits: createRequestLimits(env.clock, options.limits), audit: options.audit }),
    localHandler: createHandler({ ...parts, authenticator: () => serverUser, authorizer: anyOf(mastersOnly, authorizer) }),
    store,
    registry,
    async settled() {
      // Each may make work for the others.
      for (let round = 0; round < 3; round++) {
        await aggregator.idle();
        await collector.idle();
        await cleaner.idle();
      }
    },
    async close() {
      aggregator.close();
      cleaner.close();
      collector.close();
      definitions.close();
    },
  };
}
