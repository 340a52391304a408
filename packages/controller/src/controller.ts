import type { Env } from '@keelson/std';
import type { KindRef, KubeObject, ObjectKey } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import type { Cache } from './cache.ts';
import type { EventRecorder } from './events.ts';

/** What a controller is allowed to write. Two controllers that write the same part of one kind are refused at start. */
export interface Write {
  readonly kind: KindRef;
  /**
   * The part of the object. `object` is its whole life (create and delete), `spec` and `metadata` changes to existing ones.
   * Kinds that many domains create (Secret, ConfigMap) name a `scope` in words, and only equal scopes collide.
   */
  readonly part: 'object' | 'spec' | 'status' | 'metadata';
  readonly scope?: string;
}

/** A secondary kind whose changes wake keys of the primary kind. */
export interface Watch {
  readonly kind: KindRef;
  /** Keys to reconcile when `object` appears, changes or goes. `previous` is what the cache held. */
  readonly toKeys: (object: KubeObject, cache: Cache, previous?: KubeObject) => readonly ObjectKey[];
}

export interface ReconcileResult {
  /** Look again after this long. Nothing: look again when something watched changes. */
  readonly requeueAfterMs?: number;
  /** What the object waits for, in words; shown by trace. */
  readonly waitsFor?: string;
}

export interface ReconcileContext {
  readonly env: Env;
  readonly client: KubeClient;
  /** Informer cache over the primary kind, `reads` and `watches`. Objects in it are shared: never change them in place. */
  readonly cache: Cache;
  readonly events: EventRecorder;
  readonly signal: AbortSignal;
}

/**
 * A controller is a declaration. `reconcile` is level-triggered and idempotent, holds no state of its own and never sleeps.
 * A thrown error is retried with back-off; a conflict at once.
 */
export interface Controller {
  readonly name: string;
  /** The primary kind: its keys are reconciled. */
  readonly kind: KindRef;
  readonly reads: readonly KindRef[];
  readonly writes: readonly Write[];
  readonly watches?: readonly Watch[];
  /** Keys reconciled at the same time; 4 when absent. */
  readonly concurrency?: number;
  /** `key` may name an object that is gone: `cache.get` answers undefined then. */
  reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void>;
}
