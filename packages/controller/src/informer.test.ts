import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindRef, KubeObject } from '@keelson/kube';
import { ApiError, type KubeClient, type WatchEvent } from '@keelson/kube/client';
import { virtualEnv } from '@keelson/std/testing';
import { runInformer } from './informer.ts';
import { createObjectCache } from './object-cache.ts';

const kind: KindRef = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };
const object = (name: string, resourceVersion: string): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'a', resourceVersion } });
const status = (code: number) => ({ kind: 'Status' as const, apiVersion: 'v1' as const, status: 'Failure' as const, message: `answered ${code}`, code });

interface Server {
  objects: KubeObject[];
  version: string;
  /** What a watch from a version is answered with; it goes on for ever when this is undefined. */
  refuse: (from: string) => 'status' | 'event' | undefined;
  code: number;
  events: WatchEvent<KubeObject>[];
}

function started(server: Server) {
  const env = virtualEnv();
  const cache = createObjectCache();
  const stop = new AbortController();
  const changes: string[] = [];
  let drop = () => {};
  const client = {
    list: async () => ({ items: server.objects, resourceVersion: server.version }),
    async *watch(_kind: KindRef, { resourceVersion = '' }: { resourceVersion?: string }, signal: AbortSignal): AsyncGenerator<WatchEvent<KubeObject>> {
      const refusal = server.refuse(resourceVersion);
      if (refusal === 'status') throw new ApiError(status(server.code), 'watching');
      if (refusal === 'event') yield { type: 'ERROR', status: status(server.code) };
      yield* server.events.splice(0);
      await new Promise<void>((resolve) => {
        drop = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  } as unknown as KubeClient; // the informer lists and watches, and does nothing else
  void runInformer(kind, client, cache, { onChange: (changed, _previous, gone) => void changes.push(`${gone ? '-' : '+'}${changed.metadata.name}`), onSynced: () => {} }, env, stop.signal);
  const held = () => cache.list(kind).map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  return { env, changes, held, stop, dropWatch: () => drop() };
}

for (const how of ['status', 'event'] as const) {
  for (const code of [410, 504]) {
    test(`a watch that is refused with ${code} as ${how} is followed by a new list`, async () => {
      const server: Server = { objects: [object('a', '5')], version: '10', refuse: () => undefined, code, events: [] };
      const informer = started(server);
      await informer.env.clock.advance(1_000);
      server.objects = [object('b', '20')];
      server.version = '30';
      server.refuse = (from) => (from === '10' ? how : undefined);
      informer.dropWatch();
      await informer.env.clock.advance(60_000);
      assert.deepEqual(informer.held(), ['b@20']);
      informer.stop.abort();
    });
  }
}

test('a server whose store was restored from a backup is believed, also where its versions are older', async () => {
  const server: Server = { objects: [object('kept', '5'), object('changed', '6')], version: '10', refuse: () => undefined, code: 504, events: [] };
  server.events = [{ type: 'MODIFIED', object: object('changed', '40') }, { type: 'ADDED', object: object('later', '41') }, { type: 'DELETED', object: object('kept', '42') }];
  const informer = started(server);
  await informer.env.clock.advance(1_000);
  assert.deepEqual(informer.held(), ['changed@40', 'later@41']);
  server.version = '20';
  server.refuse = (from) => (Number(from) > 20 ? 'event' : undefined);
  informer.dropWatch();
  await informer.env.clock.advance(60_000);
  assert.deepEqual(informer.held(), ['changed@6', 'kept@5']);
  assert.ok(informer.changes.includes('-later'));
  informer.stop.abort();
});
