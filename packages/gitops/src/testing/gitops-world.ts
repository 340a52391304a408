// Our controllers over an API server in memory and a git remote in memory, in virtual time.
import { testApiServer } from '@keelson/apiserver/testing';
import { createTestWorld, type TestWorld } from '@keelson/controller/testing';
import { ConfigMap, Deployment, Event, GitRepository, Kustomization, Namespace, Secret, Service } from '@keelson/api';
import { memoryGit, type MemoryGit, type MemoryRepository } from '@keelson/git/testing';
import { type KubeObject, findCondition } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { type VirtualEnv, virtualEnv } from '@keelson/std/testing';
import { gitopsControllers } from '../controllers.ts';
import { type ArtifactStore, createArtifactStore } from '../source/artifact-store.ts';

export const fleetUrl = 'http://git.example.com/fleet.git';
export const namespace = 'flux-system';

export interface GitopsWorld {
  readonly env: VirtualEnv;
  readonly client: KubeClient;
  readonly git: MemoryGit;
  readonly fleet: MemoryRepository;
  readonly artifacts: ArtifactStore;
  /** Clusters by the text of their kubeconfig. */
  readonly clusters: Map<string, KubeClient>;
  world: TestWorld;
  restart(): Promise<void>;
  applyUser(object: KubeObject): Promise<KubeObject>;
  ready(name: string, revision?: string): Promise<Kustomization>;
  untilKustomization(name: string, predicate: (object: Kustomization) => boolean, limitMs?: number): Promise<Kustomization>;
  events(name: string): Promise<string[]>;
}

export async function gitopsWorld(): Promise<GitopsWorld> {
  const env = virtualEnv({ seed: 7 });
  const { client } = await testApiServer(env);
  const git = memoryGit();
  const fleet = git.repository(fleetUrl);
  const artifacts = createArtifactStore({ files: env.files, folder: '/data/artifacts', baseUrl: 'http://127.0.0.1:9090' });
  const clusters = new Map<string, KubeClient>();
  const connect = (text: string) => {
    const found = clusters.get(text);
    if (!found) throw new Error('no current context');
    return found;
  };
  const start = () => createTestWorld({ env, client, controllers: gitopsControllers({ git, artifacts, connect, watchKinds: [ConfigMap, Deployment, Service, Namespace] }) });
  const applyUser = async (object: KubeObject) => {
    const kind = await client.resolve(object.apiVersion, object.kind);
    if (!kind) throw new Error(`no kind ${object.kind}`);
    return client.apply(kind, object, { fieldManager: 'user', force: true });
  };
  await applyUser({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const key = (name: string) => ({ namespace, name });
  const it: GitopsWorld = {
    env, client, git, fleet, artifacts, clusters, applyUser,
    world: await start(),
    async restart() {
      await it.world.stop();
      it.world = await start();
    },
    untilKustomization: (name, predicate, limitMs) => it.world.until<Kustomization>(Kustomization, key(name), predicate, { limitMs }),
    ready: (name, revision) =>
      it.untilKustomization(name, (object) => findCondition(object, 'Ready')?.status === 'True' && object.status?.observedGeneration === object.metadata.generation && (revision === undefined || (object.status?.lastAppliedRevision ?? '').endsWith(revision))),
    async events(name) {
      await env.clock.settle();
      return (await client.list(Event, { namespace })).items
        .filter((event) => (event['involvedObject'] as { name?: string }).name === name)
        .map((event) => `${event['type'] as string} ${event['reason'] as string} ${event['message'] as string}`);
    },
  };
  return it;
}

export function gitRepository(spec: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: { name: 'fleet', namespace }, spec: { url: fleetUrl, interval: '1m', ref: { branch: 'main' }, ...spec } };
}

export function kustomization(name: string, spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: { name, namespace },
    spec: { interval: '10m', retryInterval: '1m', prune: true, path: `./${name}`, sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec },
  };
}

export function secret(name: string, values: Record<string, string>): KubeObject {
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data };
}

export function configMap(name: string, data: Record<string, string>, inNamespace = 'default'): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: "${value}"`);
  return ['apiVersion: v1', 'kind: ConfigMap', 'metadata:', `  name: ${name}`, `  namespace: ${inNamespace}`, 'data:', ...lines, ''].join('\n');
}

export { ConfigMap, Deployment, GitRepository, Kustomization, Namespace, Secret, Service };
