import type { GrpcMethod } from '@keelson/std';
import type { TalosMessages } from './types.gen.ts';

export type TalosMessageName = keyof TalosMessages;

/** One gRPC method with the full names of its messages. Usable as a `GrpcMethod` of std. */
export interface TalosMethod extends GrpcMethod {
  readonly request: TalosMessageName;
  readonly response: TalosMessageName;
}

export type RequestOf<M extends TalosMethod> = TalosMessages[M['request']];
export type ResponseOf<M extends TalosMethod> = TalosMessages[M['response']];
