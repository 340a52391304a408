import type { KindRef, KubeObject, ObjectKey } from '../object.ts';

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
}

export interface KubeList<T extends KubeObject> {
  readonly items: T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  readonly allowBookmarks?: boolean;
  readonly timeoutSeconds?: number;
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly status: Status };

/** metav1.Status */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: { readonly name?: string; readonly group?: string; readonly kind?: string; readonly uid?: string; readonly retryAfterSeconds?: number; readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[] };
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly subresource?: string;
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Take fields that another manager owns. */
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
  readonly gracePeriodSeconds?: number;
}

export type PatchType = 'json' | 'merge' | 'strategic';

/**
 * A Kubernetes API client. Every method throws ApiError for an answer that is a Status failure (with `reason` and `code`)
 * and std's TransportError when no answer came. Absence is a state: `get` answers undefined.
 */
export interface KubeClient {
  get<T extends KubeObject = KubeObject>(kind: KindRef, key: ObjectKey): Promise<T | undefined>;
  list<T extends KubeObject = KubeObject>(kind: KindRef, options?: ListOptions): Promise<KubeList<T>>;
  /** Ends when the server ends it or the signal aborts; an expired version is an ERROR event with code 410. */
  watch<T extends KubeObject = KubeObject>(kind: KindRef, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject = KubeObject>(kind: KindRef, object: KubeObject, options?: WriteOptions): Promise<T>;
  update<T extends KubeObject = KubeObject>(kind: KindRef, object: KubeObject, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject = KubeObject>(kind: KindRef, key: ObjectKey, type: PatchType, patch: unknown, options?: WriteOptions): Promise<T>;
  /** Server-side apply. */
  apply<T extends KubeObject = KubeObject>(kind: KindRef, object: KubeObject, options: ApplyOptions): Promise<T>;
  /** True when there was something to delete. */
  delete(kind: KindRef, key: ObjectKey, options?: DeleteOptions): Promise<boolean>;
  /** The kind behind an apiVersion and kind, through discovery (cached, looked up once more when unknown); undefined when the server has none. */
  resolve(apiVersion: string, kind: string): Promise<KindRef | undefined>;
  /** A raw request against the API server, for what has no method of its own; `path` starts with a slash. */
  raw(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<{ status: number; body: unknown }>;
}

/** The server's refusal. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly status: Status;
  constructor(status: Status, doing: string) {
    super(`${doing}: ${status.message ?? status.reason ?? `HTTP ${status.code}`}`);
    this.status = status;
    this.code = status.code ?? 500;
    this.reason = status.reason ?? '';
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.reason === 'Conflict';
export const isAlreadyExists = (error: unknown): boolean => error instanceof ApiError && error.reason === 'AlreadyExists';
