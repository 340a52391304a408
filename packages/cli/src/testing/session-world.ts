/** An API server on a real loopback listener, filled from testdata, and a command line that talks to it in this process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindByName } from '@keelson/api';
import { testApiServer, type TestApiServer } from '@keelson/apiserver/testing';
import { keyOf, parseApiVersion, type KubeObject, type OwnerReference } from '@keelson/kube';
import { parseDocuments } from '@keelson/kube/yaml';
import type { Env, Listener } from '@keelson/std';
import { nodeEnv } from '@keelson/std/node';
import type { CommandContext } from '../arguments.ts';
import { runProgram } from '../program.ts';

/** One o'clock on the day of testdata. */
const nowMs = Date.UTC(2026, 0, 1, 1, 0, 0);

/** The machine's network and files, with a clock that stands still, so that ages are the same every time. */
export function standingWorld(): Env {
  const env = nodeEnv();
  return { ...env, clock: { ...env.clock, now: () => nowMs, sleep: env.clock.sleep } };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export type ContextChanges = Partial<Omit<CommandContext, 'args' | 'out' | 'err'>>;

/** Runs one command line in this process. */
export async function runLine(argv: readonly string[], changes: ContextChanges = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runProgram(argv, {
    env: {}, cwd: '/', width: undefined, isTerminal: false, isErrTerminal: false, signal: new AbortController().signal, world: standingWorld(), ...changes,
    out: (text) => (out += text), err: (text) => (err += text),
  });
  return { code, out, err };
}

export interface SessionWorld extends AsyncDisposable {
  readonly dir: string;
  readonly server: TestApiServer;
  run(argv: readonly string[], changes?: ContextChanges): Promise<Ran>;
}

/** `.keelson/kubeconfig` of a server without TLS. */
export function kubeconfigText(server: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'k', contexts: [{ name: 'k', context: { cluster: 'k', user: 'k' } }], clusters: [{ name: 'k', cluster: { server } }], users: [{ name: 'k', user: {} }] });
}

const readObjects = (name: string) => parseDocuments(readFileSync(new URL(`../../testdata/${name}`, import.meta.url), 'utf8'), { file: name }).map(({ object }) => object as unknown as KubeObject); // testdata holds objects

/** The datacenter of testdata behind a listener, a workload cluster behind another, and a data directory that names the first. */
export async function startSessionWorld(): Promise<SessionWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'keelson-cli-'));
  const { net } = nodeEnv();
  const listeners: Listener[] = [];
  const serve = async (file: string) => {
    const server = await testApiServer();
    await fill(server, readObjects(file));
    const listener = await net.listenHttp({ host: '127.0.0.1', port: 0 }, { handler: server.handler });
    listeners.push(listener);
    return { server, url: `http://127.0.0.1:${listener.address.port}` };
  };
  const edge = await serve('edge.yaml');
  const { server, url } = await serve('datacenter.yaml');
  const secret = kindByName('Secret')!;
  const publish = (name: string, key: string, text: string) => server.client.create(secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'datacenter' }, data: { [key]: Buffer.from(text).toString('base64') } });
  await publish('edge-kubeconfig', 'value', `${kubeconfigText(edge.url)}\n`);
  await publish('edge-talosconfig', 'talosconfig', 'context: edge\n');
  mkdirSync(join(dir, '.keelson'));
  writeFileSync(join(dir, '.keelson', 'kubeconfig'), kubeconfigText(url));
  return {
    dir, server,
    run: (argv, changes = {}) => runLine(argv, { cwd: dir, ...changes }),
    async [Symbol.asyncDispose]() {
      for (const listener of listeners) await listener.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Creates objects with their status; uids in the files are names that owner references use. */
async function fill({ client }: TestApiServer, objects: readonly KubeObject[]): Promise<void> {
  const uids = new Map<string, string>();
  const namespace = kindByName('Namespace')!;
  for (const name of new Set(objects.map(({ metadata }) => metadata.namespace))) {
    if (name && !(await client.get(namespace, { name }))) await client.create(namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  for (const { status, ...object } of objects) {
    const { group } = parseApiVersion(object.apiVersion);
    const kind = kindByName(group ? `${object.kind}.${group}` : object.kind);
    if (!kind) throw new Error(`testdata has ${object.kind} ${keyOf(object)}, which is no kind of the API`);
    const { uid, ownerReferences, ...metadata } = object.metadata;
    if (kind.kind === 'Namespace' && (await client.get(kind, metadata))) continue;
    const owners = ownerReferences?.map((owner): OwnerReference => ({ ...owner, uid: uids.get(owner.uid) ?? owner.uid }));
    const stored = await client.create(kind, { ...object, metadata: { ...metadata, ...(owners ? { ownerReferences: owners } : {}) } });
    if (uid) uids.set(uid, stored.metadata.uid!);
    if (status) await client.patch(kind, metadata, 'merge', { status }, { subresource: 'status' });
  }
}
