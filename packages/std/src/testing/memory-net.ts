import type { Clock } from '../clock.ts';
import { GrpcError, grpcStatus, type GrpcServerOptions } from '../grpc.ts';
import { TransportError, type Bytes, type HttpHandler, type HttpRequest, type HttpResponse, type Peer } from '../http.ts';
import type { Address, Listener, Net, TlsClientOptions, TlsServerOptions } from '../net.ts';
import { checkCertificate, parseCertificate } from '../x509/index.ts';

interface Endpoint {
  readonly tls?: TlsServerOptions;
  readonly http?: HttpHandler;
  readonly grpc?: GrpcServerOptions;
  readonly closed: AbortController;
}

/** A network in memory: a listener is a row in a table. Trust is checked as TLS would, without the bytes. */
export interface MemoryNet extends Net {
  /** Addresses that listen. */
  listening(): readonly string[];
}

export function memoryNet(clock: Clock): MemoryNet {
  const endpoints = new Map<string, Endpoint>();
  let nextPort = 20_000;

  const listen = (address: Address, endpoint: Omit<Endpoint, 'closed'>): Listener => {
    const port = address.port === 0 ? nextPort++ : address.port;
    const name = `${address.host}:${port}`;
    if (endpoints.has(name)) throw new Error(`listening on ${name}`, { cause: Object.assign(new Error('address in use'), { code: 'EADDRINUSE' }) });
    const closed = new AbortController();
    endpoints.set(name, { ...endpoint, closed });
    const close = async () => {
      if (closed.signal.aborted) return;
      closed.abort(new TransportError(`${name} closed`, 'ECONNRESET'));
      endpoints.delete(name);
    };
    return { address: { host: address.host, port }, close, [Symbol.asyncDispose]: close };
  };

  /** Who the listener sees, after both sides have checked each other. */
  const shakeHands = (name: string, endpoint: Endpoint, tls: TlsClientOptions | undefined): Peer => {
    const server = endpoint.tls;
    if (!server) return { address: '127.0.0.1' };
    const refuse = (why: string, code: string) => new TransportError(`${name}: ${why}`, code);
    if (!tls?.insecureSkipVerify) {
      const why = tls?.ca ? checkCertificate(server.cert, tls.ca, clock.now()) : 'certificate signed by unknown authority';
      if (why) throw refuse(why, why.includes('expired') ? 'CERT_HAS_EXPIRED' : 'SELF_SIGNED_CERT_IN_CHAIN');
      const { dnsNames, ipAddresses } = parseCertificate(server.cert);
      const wanted = tls?.serverName ?? name.slice(0, name.lastIndexOf(':'));
      if (![...dnsNames, ...ipAddresses].includes(wanted)) throw refuse(`certificate is not valid for ${wanted}`, 'ERR_TLS_CERT_ALTNAME_INVALID');
    }
    if (tls?.insecureSkipVerify || tls?.pinnedSha256) tls.onServerCertificate?.(parseCertificate(server.cert).sha256Fingerprint);
    if (tls?.pinnedSha256 && parseCertificate(server.cert).sha256Fingerprint !== tls.pinnedSha256) throw refuse('another certificate than the one that was pinned', 'ERR_TLS_CERT_PINNED');
    if (!server.clientCa) return { address: '127.0.0.1' };
    const verified = tls?.cert && checkCertificate(tls.cert, server.clientCa, clock.now()) === undefined ? tls.cert : undefined;
    if (!verified && server.requireClientCert) throw refuse('the server requires a client certificate', 'ECONNRESET');
    return verified ? { address: '127.0.0.1', certificate: verified } : { address: '127.0.0.1' };
  };

  const find = (name: string): Endpoint => {
    const endpoint = endpoints.get(name);
    if (!endpoint) throw new TransportError(`connect ECONNREFUSED ${name}`, 'ECONNREFUSED');
    return endpoint;
  };

  return {
    listening: () => [...endpoints.keys()],
    listenHttp: async (address, { handler, tls }) => listen(address, { http: handler, ...(tls ? { tls } : {}) }),
    listenGrpc: async (address, { tls, ...grpc }) => listen(address, { grpc, tls }),
    async request(request, options = {}) {
      const url = new URL(request.url);
      const name = `${url.hostname.replace(/^\[|\]$/g, '')}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;
      const endpoint = find(name);
      if (!endpoint.http) throw new TransportError(`${name} does not speak HTTP`, 'EPROTO');
      if ((url.protocol === 'https:') !== (endpoint.tls !== undefined)) throw new TransportError(`${name}: wrong protocol`, 'EPROTO');
      const peer = shakeHands(name, endpoint, options.tls);
      const gone = new AbortController();
      const signals = [gone.signal, ...(request.signal ? [request.signal] : [])];
      const inner: HttpRequest = { ...request, url: url.pathname + url.search, signal: AbortSignal.any(signals), peer };
      const response = await race(endpoint.http(inner), [endpoint.closed.signal, request.signal], clock, options.timeoutMs, name);
      return { ...response, ...(response.body && !(response.body instanceof Uint8Array) ? { body: stream(response.body, [endpoint.closed.signal, request.signal], gone) } : {}) };
    },
    grpc(address, tls) {
      const name = `${address.host}:${address.port}`;
      let closed = false;
      return {
        async *call(method, messages, options = {}) {
          if (closed) throw new GrpcError(grpcStatus.cancelled, 'the channel is closed');
          let endpoint: Endpoint;
          let peer: Peer;
          try {
            endpoint = find(name);
            if (!endpoint.grpc) throw new TransportError(`${name} does not speak gRPC`, 'EPROTO');
            peer = shakeHands(name, endpoint, tls);
          } catch (error) {
            throw new GrpcError(grpcStatus.unavailable, (error as Error).message, { cause: error });
          }
          if (!endpoint.grpc.methods.some((known) => known.path === method.path)) throw new GrpcError(grpcStatus.unimplemented, `unknown method ${method.path}`);
          const gone = new AbortController();
          const deadline = options.timeoutMs === undefined ? undefined : clock.after(options.timeoutMs, () => gone.abort(new GrpcError(grpcStatus.deadlineExceeded, 'Deadline exceeded')));
          const signals = [endpoint.closed.signal, options.signal, gone.signal];
          const answers = endpoint.grpc.handler({ path: method.path, metadata: options.metadata ?? {}, messages: iterate(messages), signal: AbortSignal.any(signals.filter((s) => s !== undefined)), peer });
          try {
            yield* stream(answers, signals, gone);
          } catch (error) {
            if (error instanceof GrpcError) throw error;
            throw new GrpcError(error instanceof TransportError ? grpcStatus.unavailable : grpcStatus.cancelled, (error as Error).message, { cause: error });
          } finally {
            deadline?.cancel();
          }
        },
        close: () => void (closed = true),
      };
    },
  };
}

async function* iterate(messages: Iterable<Bytes> | AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  yield* messages;
}

/** The answer, or the reason of the first signal, or ETIMEDOUT. */
function race(answer: Promise<HttpResponse>, signals: readonly (AbortSignal | undefined)[], clock: Clock, timeoutMs: number | undefined, name: string): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const cleanups: (() => void)[] = [];
    const finish = (run: () => void) => {
      for (const cleanup of cleanups) cleanup();
      run();
    };
    for (const signal of signals) {
      if (!signal) continue;
      const onAbort = () => finish(() => reject(signal.reason instanceof TransportError ? signal.reason : new TransportError(`${name}: aborted`, 'ABORT_ERR', { cause: signal.reason })));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      cleanups.push(() => signal.removeEventListener('abort', onAbort));
    }
    if (timeoutMs !== undefined) {
      const timer = clock.after(timeoutMs, () => finish(() => reject(new TransportError(`${name}: no answer within ${timeoutMs} ms`, 'ETIMEDOUT'))));
      cleanups.push(() => timer.cancel());
    }
    answer.then((value) => finish(() => resolve(value)), (error: unknown) => finish(() => reject(error instanceof TransportError ? error : new TransportError(`${name}: ${String(error)}`, 'ECONNRESET', { cause: error }))));
  });
}

/** The items of a body until a signal aborts; the producer is returned either way. */
async function* stream(body: AsyncIterable<Bytes>, signals: readonly (AbortSignal | undefined)[], gone: AbortController): AsyncGenerator<Bytes> {
  const iterator = body[Symbol.asyncIterator]();
  let stop: (reason: unknown) => void = () => {};
  const stopped = new Promise<never>((_resolve, reject) => (stop = reject));
  stopped.catch(() => {});
  const listeners = signals.filter((s) => s !== undefined).map((signal) => {
    const onAbort = () => stop(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  });
  try {
    while (true) {
      const next = await Promise.race([iterator.next(), stopped]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    for (const remove of listeners) remove();
    gone.abort(new Error('the client is gone'));
    void iterator.return?.(undefined)?.catch(() => {});
  }
}
