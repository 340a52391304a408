/** One method of the Talos API as this node serves it: who may call it, and what it does. */
import type { Encodable, RequestOf, ResponseOf, TalosMethod } from '@keelson/talos/wire';
import { GrpcError, grpcStatus } from '@keelson/std';
import type { NodeConfig } from '../config.ts';
import type { TalosNode } from '../node.ts';

/** A(dmin), O(perator), R(eader), E(tcd backup), M(eta writer), V(erifier of images). */
export type RoleLetter = 'A' | 'O' | 'R' | 'E' | 'M' | 'V';

export interface ApiCall {
  readonly node: TalosNode;
  readonly roles: ReadonlySet<RoleLetter>;
  /** Who calls, for the journal. */
  readonly by: string;
  /** The node has no configuration: only readers' methods and ApplyConfiguration pass. */
  readonly maintenance: boolean;
  readonly signal: AbortSignal;
}

export interface Route {
  readonly method: TalosMethod;
  /** Letters of the roles that may call it. */
  readonly roles: string;
  /** Decoded request to messages for encoding; both are checked by the two functions below. */
  readonly run: (request: unknown, call: ApiCall) => AsyncIterable<unknown>;
}

/** A method with one answer. */
export function unaryRoute<M extends TalosMethod>(
  method: M, roles: string, run: (request: RequestOf<M>, call: ApiCall) => Encodable<ResponseOf<M>> | Promise<Encodable<ResponseOf<M>>>,
): Route {
  return {
    method, roles,
    async *run(request, call) {
      yield await run(request as RequestOf<M>, call); // decoded by this method's request name
    },
  };
}

/** A method whose replies carry one message of this node. */
export function streamRoute<M extends TalosMethod>(
  method: M, roles: string, run: (request: RequestOf<M>, call: ApiCall) => AsyncIterable<Encodable<ResponseOf<M>>>,
): Route {
  return { method, roles, run: (request, call) => run(request as RequestOf<M>, call) }; // decoded by this method's request name
}

export const fail = {
  invalid: (text: string) => new GrpcError(grpcStatus.invalidArgument, text),
  precondition: (text: string) => new GrpcError(grpcStatus.failedPrecondition, text),
  exists: (text: string) => new GrpcError(grpcStatus.alreadyExists, text),
  notFound: (text: string) => new GrpcError(grpcStatus.notFound, text),
  denied: (text: string) => new GrpcError(grpcStatus.permissionDenied, text),
  unimplemented: (text: string) => new GrpcError(grpcStatus.unimplemented, text),
  unavailable: (text: string) => new GrpcError(grpcStatus.unavailable, text),
};

/** The configuration of a control plane; the errors of methods that only a control plane has. */
export function requireControlPlane(call: ApiCall, api: string): NodeConfig {
  const { config } = call.node;
  if (!config) throw fail.unimplemented(`machine type is not set, cannot use ${api} API`);
  if (config.type !== 'controlplane') throw fail.unimplemented(`${api} is only available on control plane nodes`);
  return config;
}
