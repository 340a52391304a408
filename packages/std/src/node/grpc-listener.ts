import type * as Grpc from '@grpc/grpc-js';
import type { DetailedPeerCertificate } from 'node:tls';
import { GrpcError, grpcStatus, type GrpcMethod, type GrpcServerOptions } from '../grpc.ts';
import type { Bytes, Peer } from '../http.ts';
import type { Address, Listener, TlsServerOptions } from '../net.ts';
import { pemOf } from '../x509/index.ts';
import { loadGrpc } from './grpc-channel.ts';

/** Listens on a socket and hands each call to the handler. Every method is taken as a stream: the wire is the same. */
export async function listenGrpcOnSocket(address: Address, options: GrpcServerOptions & { tls: TlsServerOptions }): Promise<Listener> {
  const grpc = loadGrpc();
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 64 * 1024 * 1024 });
  for (const methods of byService(options.methods).values()) server.addService(definitionOf(methods), implementationOf(grpc, methods, options));
  const { cert, key, clientCa, requireClientCert } = options.tls;
  const credentials = grpc.ServerCredentials.createSsl(clientCa ? Buffer.from(clientCa) : null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }], requireClientCert ?? false);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`, credentials, (error, bound) =>
      error ? reject(new Error(`listening on ${address.host}:${address.port}`, { cause: error })) : resolve(bound)),
  );
  const close = async () => server.forceShutdown();
  return { address: { host: address.host, port }, close, [Symbol.asyncDispose]: close };
}

function byService(methods: readonly GrpcMethod[]): Map<string, GrpcMethod[]> {
  const out = new Map<string, GrpcMethod[]>();
  for (const method of methods) {
    const service = method.path.slice(1, method.path.lastIndexOf('/'));
    out.set(service, [...(out.get(service) ?? []), method]);
  }
  return out;
}

const identity = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function definitionOf(methods: readonly GrpcMethod[]): Grpc.ServiceDefinition {
  return Object.fromEntries(methods.map((method) => [method.path, {
    path: method.path, requestStream: true, responseStream: true,
    requestSerialize: identity, responseSerialize: identity,
    requestDeserialize: (bytes: Buffer) => bytes, responseDeserialize: (bytes: Buffer) => bytes,
  }]));
}

function implementationOf(grpc: typeof Grpc, methods: readonly GrpcMethod[], options: GrpcServerOptions): Grpc.UntypedServiceImplementation {
  return Object.fromEntries(methods.map((method) => [method.path, (call: Grpc.ServerDuplexStream<Buffer, Buffer>) => void serve(grpc, call, method, options)]));
}

async function serve(grpc: typeof Grpc, call: Grpc.ServerDuplexStream<Buffer, Buffer>, method: GrpcMethod, options: GrpcServerOptions): Promise<void> {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort(new Error('the client is gone')));
  call.on('error', () => gone.abort(new Error('the connection broke')));
  const metadata = Object.fromEntries(Object.entries(call.metadata.getMap()).map(([name, value]) => [name, value.toString()]));
  try {
    const answers = options.handler({ path: method.path, metadata, // The handler may stop reading early; that must not destroy the half it answers on.
      messages: call.iterator({ destroyOnReturn: false }), signal: gone.signal, peer: peerOf(call) });
    for await (const answer of answers) {
      if (gone.signal.aborted) return;
      if (!call.write(identity(answer))) await new Promise<void>((resolve) => {
        call.once('drain', resolve);
        gone.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    call.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    const failure = error instanceof GrpcError ? error : new GrpcError(grpcStatus.internal, (error as Error).message);
    call.emit('error', { code: failure.code, details: failure.message } satisfies Partial<Grpc.StatusObject>);
  }
}

function peerOf(call: Grpc.ServerDuplexStream<Buffer, Buffer>): Peer {
  const certificate = call.getAuthContext?.()?.sslPeerCertificate as DetailedPeerCertificate | undefined;
  const address = call.getPeer().replace(/:\d+$/, '');
  return certificate?.raw ? { address, certificate: pemOf('CERTIFICATE', certificate.raw) } : { address };
}
