// A crash after every single write: only the store and the artifacts survive, and the next process must come to the same end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApiServer } from '@keelson/apiserver/testing';
import { createTestWorld } from '@keelson/controller/testing';
import { memoryGit } from '@keelson/git/testing';
import { keyOf } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { gitopsControllers } from '../controllers.ts';
import { createArtifactStore } from '../source/artifact-store.ts';
import { ConfigMap, Kustomization, configMap, fleetUrl, gitRepository, kustomization, namespace } from '../testing/gitops-world.ts';

/** Lets `writes` writes through; from then on every call fails, as for a process that is gone. */
function crashing(client: KubeClient, writes: number): { client: KubeClient; crashed: () => boolean } {
  let left = writes;
  let gone = false;
  const alive = () => {
    if (gone) throw new Error('the process is gone');
  };
  const writing = async <T>(run: () => Promise<T>, counts = true): Promise<T> => {
    alive();
    if (counts && left-- <= 0) gone = true;
    alive();
    return run();
  };
  return {
    crashed: () => gone,
    client: {
      ...client,
      get: async (kind, key) => (alive(), client.get(kind, key)),
      list: async (kind, options) => (alive(), client.list(kind, options)),
      resolve: async (apiVersion, kind) => (alive(), client.resolve(apiVersion, kind)),
      // Events are told on the side; they are no boundary of the work.
      create: (kind, object, options) => writing(() => client.create(kind, object, options), kind.kind !== 'Event'),
      patch: (kind, key, type, patch, options) => writing(() => client.patch(kind, key, type, patch, options), kind.kind !== 'Event'),
      apply: (kind, object, options) => writing(() => client.apply(kind, object, options), !options.dryRun),
      delete: (kind, key, options) => writing(() => client.delete(kind, key, options), !options?.dryRun),
    },
  };
}

async function crashAfter(writes: number): Promise<boolean> {
  const env = virtualEnv({ seed: writes + 1 });
  const { client } = await testApiServer(env);
  const git = memoryGit();
  const fleet = git.repository(fleetUrl);
  const artifacts = createArtifactStore({ files: env.files, folder: '/data', baseUrl: 'http://127.0.0.1:9090' });
  const controllers = () => gitopsControllers({ git, artifacts, connect: () => client, watchKinds: [ConfigMap] });
  const apply = async (object: ReturnType<typeof gitRepository>) => client.apply((await client.resolve(object.apiVersion, object.kind))!, object, { fieldManager: 'user' });
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const rounds: readonly Readonly<Record<string, string>>[] = [
    { 'apps/a.yaml': configMap('a', { k: '1' }), 'apps/b.yaml': configMap('b', {}), 'apps/c.yaml': configMap('c', {}) },
    { 'apps/a.yaml': configMap('a', { k: '2' }), 'apps/d.yaml': configMap('d', {}) },
  ];
  let crashed = false;
  for (const [round, files] of rounds.entries()) {
    const head = fleet.commit(files);
    if (round === 0) {
      await apply(gitRepository({ interval: '1m' }));
      await apply(kustomization('apps', { interval: '1m', retryInterval: '10s' }));
    }
    const doomed = crashing(client, writes);
    let world = await createTestWorld({ env, client: doomed.client, controllers: controllers() });
    const isDone = async () => (await client.get<Kustomization>(Kustomization, { namespace, name: 'apps' }))?.status?.lastAppliedRevision?.endsWith(head) === true;
    await env.clock.runUntil(async () => doomed.crashed() || (await isDone()), { limitMs: 300_000 });
    crashed ||= doomed.crashed();
    await world.stop();
    world = await createTestWorld({ env, client, controllers: controllers() });
    const done = await world.until<Kustomization>(Kustomization, { namespace, name: 'apps' }, (object) => object.status?.lastAppliedRevision?.endsWith(head) === true && object.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true, { limitMs: 300_000 });
    await world.stop();
    const there = (await client.list(ConfigMap, { namespace: 'default' })).items.filter(({ metadata }) => metadata.labels).map(keyOf).sort();
    const wanted = Object.keys(files).map((path) => `default/${path.slice('apps/'.length, -'.yaml'.length)}`);
    assert.deepEqual(there, wanted, `after a crash at write ${writes} of round ${round}`);
    assert.deepEqual(done.status?.inventory?.entries.map(({ id }) => id), wanted.map((key) => `${key.replace('/', '_')}__ConfigMap`));
  }
  return crashed;
}

test('a crash at any write loses nothing, leaves nothing behind and converges', async () => {
  let boundaries = 0;
  while (await crashAfter(boundaries)) boundaries++;
  assert.ok(boundaries > 10, `${boundaries} boundaries were tried`);
});
