/**
 * gRPC as values: a server is a table of methods, a client is a channel; both carry encoded messages.
 * Listeners and channels over real sockets are in `std/node`, in memory in `std/testing`.
 */
import type { Bytes, Peer } from './http.ts';

export interface GrpcCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly messages: AsyncIterable<Bytes>;
  readonly signal: AbortSignal;
  readonly peer?: Peer;
}

/** Answers one call with its messages in order; a unary method yields one. Throws GrpcError for another status than OK. */
export type GrpcHandler = (call: GrpcCall) => AsyncIterable<Bytes>;

export interface GrpcMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

export interface GrpcServerOptions {
  readonly methods: readonly GrpcMethod[];
  readonly handler: GrpcHandler;
}

export interface GrpcCallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface GrpcChannel {
  call(method: GrpcMethod, messages: Iterable<Bytes> | AsyncIterable<Bytes>, options?: GrpcCallOptions): AsyncIterable<Bytes>;
  close(): void;
}

/** Status codes of gRPC, by number. */
export const grpcStatus = {
  ok: 0, cancelled: 1, unknown: 2, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, alreadyExists: 6,
  permissionDenied: 7, resourceExhausted: 8, failedPrecondition: 9, aborted: 10, outOfRange: 11, unimplemented: 12,
  internal: 13, unavailable: 14, dataLoss: 15, unauthenticated: 16,
} as const;

export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;
  constructor(code: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The single answer of a unary call. */
export async function unary(channel: GrpcChannel, method: GrpcMethod, message: Bytes, options?: GrpcCallOptions): Promise<Bytes> {
  for await (const answer of channel.call(method, [message], options)) return answer;
  throw new GrpcError(grpcStatus.internal, `${method.path} ended without an answer`);
}
