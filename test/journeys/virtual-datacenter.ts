/** The whole system in one process and in virtual time: a lab that outlives Keelson, and Keelson processes that can be killed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Env, Log } from '@keelson/std';
import { generateKey, type KeyPair } from '@keelson/std/x509';
import { virtualEnv, virtualProcess, type Effect, type VirtualEnv, type VirtualProcess } from '@keelson/std/testing';
import { createMemoryStore, type Store } from '@keelson/apiserver/store';
import { createKubeClient, type KubeClient } from '@keelson/kube/client';
import type { GitClient } from '@keelson/git';
import { createLabClusters, moveAddresses, readDatacenter, type Lab } from '@keelson/lab';
import { virtualLab } from '@keelson/lab/testing';
import { startKeelson, type Keelson } from '@keelson/server';

export const exampleFolder = new URL('../../examples/datacenter/', import.meta.url).pathname;

export interface RunningKeelson {
  readonly process: VirtualProcess;
  /** Undefined while it starts, and for good when it is killed before it has started. */
  readonly keelson: Keelson | undefined;
}

export interface VirtualDatacenter {
  readonly env: VirtualEnv;
  readonly lab: Lab;
  readonly store: Store;
  /** Starts a Keelson on the store, or on another one, as a process of its own. */
  start(onEffect?: (effect: Effect, process: VirtualProcess) => void, onStore?: Store): RunningKeelson;
  /** Advances until everything is ready as `keelson up` understands it. */
  untilReady(running: RunningKeelson, limitMs?: number): Promise<number>;
}

export interface DatacenterOptions {
  readonly seed?: number;
  readonly log?: Log;
  /** Changes the example's files before the lab starts: path to new text, undefined removes it. */
  readonly files?: (files: Map<string, string>) => void;
}

/** The example as it is on disk, path to text. */
export function exampleFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(exampleFolder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(exampleFolder.length), readFileSync(path, 'utf8'));
  }
  return files;
}

// RSA keys take seconds to find and only have to be keys here.
let rsa: KeyPair | undefined;
const quickKeys = { generate: (algorithm: Parameters<typeof generateKey>[0]) => (algorithm.startsWith('rsa') ? (rsa ??= generateKey('rsa2048')) : generateKey(algorithm)) };

export async function virtualDatacenter(options: DatacenterOptions = {}): Promise<VirtualDatacenter> {
  const env = virtualEnv({ seed: options.seed ?? 1, ...(options.log ? { log: options.log } : {}) });
  const files = exampleFiles();
  options.files?.(files);
  for (const [path, text] of files) await env.files.write(`/example/${path}`, text);
  const clusterStores = new Map<string, Store>();
  const lab = await virtualLab(env, {
    directory: '/example',
    datacenter: await readDatacenter(env.files, '/example'),
    clusters: async ({ env: labEnv, latency }) => createLabClusters({
      env: labEnv, latency,
      openStore: (id) => clusterStores.get(id) ?? clusterStores.set(id, createMemoryStore()).get(id)!,
      removeStore: async (id) => void clusterStores.delete(id),
    }),
  });
  const store = createMemoryStore();
  return {
    env, lab, store,
    start: (onEffect, onStore) => startProcess(env, lab, onStore ?? store, onEffect),
    async untilReady(running, limitMs = 3_600_000) {
      const what = () => (running.keelson ? `readiness (missing: ${running.keelson.missing().join('; ')}; states: ${JSON.stringify(running.keelson.running.states())})` : 'the start of Keelson');
      return env.clock.runUntil(() => running.keelson !== undefined && running.keelson.missing().length === 0, { limitMs, what });
    },
  };
}

function startProcess(world: Env, lab: Lab, store: Store, onEffect?: (effect: Effect, process: VirtualProcess) => void): RunningKeelson {
  const process = virtualProcess(world, onEffect);
  const running: { process: VirtualProcess; keelson: Keelson | undefined } = { process, keelson: undefined };
  const run = async () => {
    const keelson = await startKeelson({ env: process.env, store: storeOf(process, store), dataDir: '/keelson', git: gitOf(process, lab), keys: quickKeys });
    await keelson.declare({
      name: lab.datacenter.name, url: lab.git.url, branch: lab.git.branch, path: './clusters/management',
      credentials: { username: lab.git.username, password: lab.git.password }, onWebhook: (hook) => lab.setWebhook(hook),
    });
    running.keelson = keelson;
  };
  run().catch((error: unknown) => {
    if (!process.killed) throw error;
  });
  return running;
}

/** The store as one process sees it: its commits are effects, and its watches end with it. */
function storeOf(process: VirtualProcess, store: Store): Store {
  return {
    get revision() {
      return store.revision;
    },
    get oldestRevision() {
      return store.oldestRevision;
    },
    get: (key) => store.get(key),
    list: (range) => store.list(range),
    count: (prefix, after) => store.count(prefix, after),
    commit: (writes) => process.effect('store', writes.map((write) => `${write.type} ${write.key}`).join(', '), () => store.commit(writes)),
    watch: (range) => store.watch({ ...range, onEvents: (events) => { if (!process.killed) range.onEvents(events); } }),
    compact: (revision) => store.compact(revision),
    close: async () => {},
  };
}

/** The lab's repository as a GitClient: the bytes of git itself are tested with the git program. */
function gitOf(process: VirtualProcess, lab: Lab): GitClient {
  const repository = lab.git.repository!; // a virtual lab keeps its repository in memory
  return {
    resolve: (_remote, reference) => process.effect('request', 'git resolve', async () => ({ commit: repository.head().hash, ref: `refs/heads/${reference.branch ?? repository.branch}`, pinned: false })),
    fetch: (_remote, revision) => process.effect('request', 'git fetch', async () => {
      const commit = repository.find(revision.commit) ?? repository.head();
      const files = [...commit.files].map(([path, text]) => ({ path, mode: 'file' as const, bytes: new TextEncoder().encode(text) }));
      return { revision: { ...revision, commit: commit.hash }, subject: commit.message, author: commit.author, committedAt: Math.floor(commit.atMs / 1000), files };
    }),
  };
}

/** A client of the API on the store, without a Keelson process: what an outside observer sees. */
export async function observer(datacenter: Pick<VirtualDatacenter, 'env' | 'store'>): Promise<KubeClient> {
  const { createApiServer } = await import('@keelson/apiserver');
  const api = await createApiServer({ env: datacenter.env, store: datacenter.store });
  return createKubeClient({ transport: api.localHandler, baseUrl: 'http://observer' });
}

export { moveAddresses };
