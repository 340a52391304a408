import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import tls from 'node:tls';
import type * as Grpc from '@grpc/grpc-js';
import { asyncQueue } from '../async.ts';
import { GrpcError, grpcStatus, type GrpcCallOptions, type GrpcChannel, type GrpcMethod } from '../grpc.ts';
import type { Bytes } from '../http.ts';
import type { Address, TlsClientOptions } from '../net.ts';
import { pemOf } from '../x509/index.ts';

const require = createRequire(import.meta.url);
/** grpc-js is loaded when the first channel or listener asks for it: it costs every start some tens of milliseconds otherwise. */
export function loadGrpc(): typeof Grpc {
  return require('@grpc/grpc-js') as typeof Grpc;
}

const identity = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const answerLimit = 4096;

/** A channel over a TLS socket. The connection is made at the first call and kept. */
export function openGrpcChannel(address: Address, options: TlsClientOptions): GrpcChannel {
  const grpc = loadGrpc();
  let client: Promise<Grpc.Client> | undefined;
  let closed = false;
  const connect = async (): Promise<Grpc.Client> => {
    const credentials = await channelCredentials(grpc, address, options);
    return new grpc.Client(`${formatHost(address.host)}:${address.port}`, credentials, {
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
      // An address is no name for the handshake (RFC 6066), and Node warns of it; what is verified is decided in channelCredentials.
      'grpc.ssl_target_name_override': options.serverName ?? (isIP(address.host) ? 'localhost' : address.host),
    });
  };
  return {
    async *call(method, messages, callOptions = {}) {
      if (closed) throw new GrpcError(grpcStatus.cancelled, 'the channel is closed');
      client ??= connect();
      let connected: Grpc.Client;
      try {
        connected = await client;
      } catch (error) {
        client = undefined;
        throw new GrpcError(grpcStatus.unavailable, `cannot connect to ${address.host}:${address.port}: ${(error as Error).message}`, { cause: error });
      }
      yield* oneCall(grpc, connected, method, messages, callOptions);
    },
    close() {
      closed = true;
      client?.then((connected) => connected.close(), () => {});
    },
  };
}

async function* oneCall(grpc: typeof Grpc, client: Grpc.Client, method: GrpcMethod, messages: Iterable<Bytes> | AsyncIterable<Bytes>, options: GrpcCallOptions): AsyncGenerator<Bytes> {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  const callOptions: Grpc.CallOptions = options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
  const call = client.makeBidiStreamRequest(method.path, identity, (bytes: Buffer) => bytes, metadata, callOptions);
  const answers = asyncQueue<Bytes>(answerLimit, () => call.cancel());
  const onAbort = () => call.cancel();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) call.cancel();
  call.on('data', (bytes: Buffer) => {
    try {
      answers.push(bytes);
    } catch (error) {
      answers.fail(error);
      call.cancel();
    }
  });
  call.on('end', () => answers.end());
  call.on('error', (error: Grpc.ServiceError) => answers.fail(new GrpcError(error.code ?? grpcStatus.unknown, error.details || error.message, { cause: error })));
  void (async () => {
    for await (const message of messages) call.write(message);
    call.end();
  })().catch((error: Error) => call.destroy(error));
  try {
    yield* answers;
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Credentials for ours. grpc-js verifies against an authority only, so a server that is to be taken as it is
 * (Talos in maintenance) is looked at first, and its own certificate becomes the authority of this channel.
 */
async function channelCredentials(grpc: typeof Grpc, address: Address, options: TlsClientOptions): Promise<Grpc.ChannelCredentials> {
  const bytes = (text: string | undefined) => (text === undefined ? null : Buffer.from(text));
  if (!options.insecureSkipVerify && !options.pinnedSha256) {
    const name = options.serverName ?? address.host;
    return grpc.credentials.createSsl(bytes(options.ca), bytes(options.key), bytes(options.cert), { checkServerIdentity: (_sent, certificate) => tls.checkServerIdentity(name, certificate) });
  }
  const seen = await presentedCertificate(address, options);
  const sha256 = createHash('sha256').update(seen).digest('hex');
  options.onServerCertificate?.(sha256);
  if (options.pinnedSha256 && sha256 !== options.pinnedSha256) {
    throw new Error('the server presents another certificate than the one that was pinned');
  }
  return grpc.credentials.createSsl(Buffer.from(pemOf('CERTIFICATE', seen)), bytes(options.key), bytes(options.cert), {
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
  });
}

function presentedCertificate(address: Address, options: TlsClientOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: address.host, port: address.port, rejectUnauthorized: false, ALPNProtocols: ['h2'], cert: options.cert, key: options.key }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate) resolve(certificate.raw);
      else reject(new Error('the server presents no certificate'));
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error('no TLS handshake within 10 s')));
    socket.on('error', reject);
  });
}

function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
