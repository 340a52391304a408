/** The runtime: informers, queues and workers for a set of controllers over one API. */
import { backoffDelay, describeError, ProblemError, type Env } from '@keelson/std';
import { keyOf, parseKey, type KindRef, type KubeObject } from '@keelson/kube';
import { isConflict, type KubeClient } from '@keelson/kube/client';
import type { Cache } from './cache.ts';
import type { Controller } from './controller.ts';
import { createEventRecorder } from './event-recorder.ts';
import { runInformer } from './informer.ts';
import { createObjectCache, kindKey } from './object-cache.ts';
import { observingClient } from './observing-client.ts';
import { checkWriters, kindsRead } from './ownership.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

export interface RunOptions {
  readonly controllers: readonly Controller[];
  readonly client: KubeClient;
  readonly env: Env;
  /** Aborts to stop everything. */
  readonly signal: AbortSignal;
}

/** What a key waits for, and what failed last. */
export interface KeyState {
  readonly controller: string;
  readonly key: string;
  readonly waitsFor?: string;
  readonly error?: string;
  readonly failures: number;
}

export interface Running {
  /** Resolves when every informer has its first list. */
  readonly synced: Promise<void>;
  readonly cache: Cache;
  /** Keys that wait or fail, as of their last reconcile. */
  states(): readonly KeyState[];
  /** No key is handled or ready to be handled now (delayed keys do not count). */
  readonly idle: boolean;
  /** Resolves when all has stopped after the signal. */
  readonly stopped: Promise<void>;
}

const retry = { firstMs: 200, maxMs: 60_000, factor: 2, jitter: 0.2 };
const conflictRetry = { firstMs: 5, maxMs: 2_000, factor: 2, jitter: 0.5 };

interface Lane {
  readonly controller: Controller;
  readonly queue: WorkQueue;
  readonly states: Map<string, KeyState>;
}

/** Starts the controllers. Throws WriterCollisionError when two of them would write the same field. */
export function runControllers(options: RunOptions): Running {
  const { controllers, env, signal } = options;
  checkWriters(controllers);
  const cache = createObjectCache();
  const kinds = new Map(controllers.flatMap(kindsRead).map((kind) => [kindKey(kind), kind]));
  const lanes = controllers.map((controller): Lane => ({ controller, queue: createWorkQueue(env.clock), states: new Map() }));
  const client = observingClient(options.client, cache, (kind) => kinds.has(kindKey(kind)));

  const wake = (kind: KindRef, object: KubeObject, previous: KubeObject | undefined) => {
    for (const { controller, queue } of lanes) {
      if (kindKey(controller.kind) === kindKey(kind)) queue.add(keyOf(object));
      for (const watch of controller.watches ?? []) {
        if (kindKey(watch.kind) !== kindKey(kind)) continue;
        for (const key of watch.toKeys(object, cache, previous)) queue.add(keyOf(key));
      }
    }
  };
  cache.onObserve(wake);

  const syncs = new Map<string, Promise<void>>();
  const informers = [...kinds.values()].map((kind) => {
    let onSynced: () => void = () => {};
    syncs.set(kindKey(kind), new Promise<void>((resolve) => (onSynced = resolve)));
    return runInformer(kind, client, cache, { onChange: (object, previous) => wake(kind, object, previous), onSynced }, env, signal);
  });
  for (const lane of lanes) {
    const needed = kindsRead(lane.controller).map((kind) => syncs.get(kindKey(kind))!);
    void Promise.all(needed).then(() => startLane(lane, { ...options, client }, cache));
  }
  const stopped = new Promise<void>((resolve) => {
    const stop = () => void Promise.all([...informers, ...lanes.map(({ queue }) => queue.stop())]).then(() => resolve());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return {
    synced: Promise.all(syncs.values()).then(() => {}),
    cache,
    stopped,
    states: () => lanes.flatMap(({ states }) => [...states.values()]),
    get idle() {
      return lanes.every(({ queue }) => queue.length === 0 && queue.running === 0);
    },
  };
}

function startLane(lane: Lane, options: RunOptions, cache: Cache): void {
  const { controller, queue, states } = lane;
  const { env, client, signal } = options;
  if (signal.aborted) return;
  const log = env.log.with({ controller: controller.name });
  const context = { env: { ...env, log }, client, cache, events: createEventRecorder(client, env, controller.name), signal };
  queue.start(async (key) => {
    const failures = states.get(key)?.failures ?? 0;
    try {
      const result = (await controller.reconcile(parseKey(key), context)) ?? {};
      if (result.waitsFor !== undefined) states.set(key, { controller: controller.name, key, waitsFor: result.waitsFor, failures: 0 });
      else states.delete(key);
      if (result.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      const conflict = isConflict(error);
      const text = describeError(error);
      if (conflict) log.debug('conflict; reconciled again', { key, error: text });
      else log.warn('reconcile failed; it is tried again', { key, error: text, failures, code: error instanceof ProblemError ? error.problem.code : undefined });
      states.set(key, { controller: controller.name, key, error: text, failures: failures + 1 });
      queue.addAfter(key, backoffDelay(conflict ? conflictRetry : retry, failures, env.random));
    }
  }, controller.concurrency ?? 4);
}
