import type { Net } from '../net.ts';
import { httpAgents, requestOverSockets } from './http-client.ts';
import { listenHttpOnSocket } from './http-listener.ts';
import { openGrpcChannel } from './grpc-channel.ts';
import { listenGrpcOnSocket } from './grpc-listener.ts';

/** The machine's network: node:http(s) for HTTP, grpc-js for gRPC. */
export function nodeNet(): Net {
  const agents = httpAgents();
  return {
    request: (request, options) => requestOverSockets(agents, request, options),
    grpc: openGrpcChannel,
    listenHttp: listenHttpOnSocket,
    listenGrpc: listenGrpcOnSocket,
  };
}
