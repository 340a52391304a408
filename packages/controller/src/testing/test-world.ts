import { keyOf, type KindRef, type KubeObject, type ObjectKey } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import type { VirtualEnv } from '@keelson/std/testing';
import type { Controller } from '../controller.ts';
import { runControllers, type Running } from '../run.ts';

export interface TestWorld {
  readonly running: Running;
  /** Advances virtual time until the stored object satisfies the predicate; answers it. The error says how it stands instead. */
  until<T extends KubeObject>(kind: KindRef, key: ObjectKey, predicate: (object: T) => boolean, options?: { limitMs?: number }): Promise<T>;
  /** Advances until the object is gone. */
  untilGone(kind: KindRef, key: ObjectKey, options?: { limitMs?: number }): Promise<void>;
  /** Advances until no controller has anything to do now, for `quietMs` of virtual time. */
  untilIdle(quietMs?: number): Promise<void>;
  /** Stops the controllers, as an orderly shutdown does. */
  stop(): Promise<void>;
}

/** Runs controllers over an API in virtual time. Start it anew on the same client to see a restart. */
export async function createTestWorld(options: { env: VirtualEnv; client: KubeClient; controllers: readonly Controller[] }): Promise<TestWorld> {
  const { env, client, controllers } = options;
  const stop = new AbortController();
  const running = runControllers({ controllers, client, env, signal: stop.signal });
  let synced = false;
  void running.synced.then(() => (synced = true));
  await env.clock.runUntil(() => synced, { limitMs: 60_000, what: 'the first list of every kind' });
  const settleIdle = async () => {
    do await env.clock.settle();
    while (!running.idle);
  };
  return {
    running,
    async until<T extends KubeObject>(kind: KindRef, key: ObjectKey, predicate: (object: T) => boolean, { limitMs = 600_000 } = {}) {
      let last: T | undefined;
      const what = () => `${kind.kind} ${keyOf(key)} is ${last ? JSON.stringify({ ...last, metadata: { ...last.metadata, managedFields: undefined } }) : 'not there'}; waiting: ${JSON.stringify(running.states())}; the condition`;
      await env.clock.runUntil(async () => (last = await client.get<T>(kind, key)) !== undefined && predicate(last), { limitMs, what });
      return last!;
    },
    untilGone: async (kind, key, { limitMs = 600_000 } = {}) => void (await env.clock.runUntil(async () => (await client.get(kind, key)) === undefined, { limitMs, what: () => `absence of ${kind.kind} ${keyOf(key)} (${JSON.stringify(running.states())})` })),
    async untilIdle(quietMs = 0) {
      await settleIdle();
      if (quietMs === 0) return;
      await env.clock.advance(quietMs);
      await settleIdle();
    },
    async stop() {
      stop.abort(new Error('the test stops the controllers'));
      let stopped = false;
      void running.stopped.then(() => (stopped = true));
      await env.clock.runUntil(() => stopped, { limitMs: 60_000, what: 'the end of every reconcile' });
    },
  };
}
