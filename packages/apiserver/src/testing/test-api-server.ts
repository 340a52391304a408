import type { KubeClient } from '@keelson/kube/client';
import { createKubeClient } from '@keelson/kube/client';
import type { Env, HttpHandler } from '@keelson/std';
import { virtualEnv } from '@keelson/std/testing';
import type { ApiServer } from '../server.ts';
import { createApiServer } from '../server.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';

export interface TestApiServer {
  readonly client: KubeClient;
  /** Every request counts as one of system:masters. */
  readonly handler: HttpHandler;
  readonly store: Store;
  readonly server: ApiServer;
  readonly env: Env;
}

/** An API server with all kinds over a memory store, in this process and without sockets; in virtual time when no `env` is given. */
export async function testApiServer(env: Env = virtualEnv({ seed: 1 })): Promise<TestApiServer> {
  const store = createMemoryStore();
  const server = await createApiServer({ env, store });
  const client = createKubeClient({ transport: server.localHandler, baseUrl: 'http://apiserver' });
  return { client, handler: server.localHandler, store, server, env };
}
