import http from 'node:http';
import https from 'node:https';
import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HttpHandler, HttpRequest, HttpResponse, Peer } from '../http.ts';
import type { Address, Listener, TlsServerOptions } from '../net.ts';
import { singleHeaders } from './http-client.ts';
import { pemOf } from '../x509/index.ts';

/** Listens on a socket and hands each request to the handler. Keep-alive connections idle out after 60 s. */
export async function listenHttpOnSocket(address: Address, options: { handler: HttpHandler; tls?: TlsServerOptions }): Promise<Listener> {
  const onRequest: http.RequestListener = (request, response) => void answer(options.handler, request, response);
  const server = options.tls
    ? https.createServer({
        cert: options.tls.cert, key: options.tls.key, ca: options.tls.clientCa,
        requestCert: options.tls.clientCa !== undefined, rejectUnauthorized: options.tls.requireClientCert ?? false,
        keepAliveTimeout: 60_000, headersTimeout: 20_000, requestTimeout: 0,
      }, onRequest)
    : http.createServer({ keepAliveTimeout: 60_000, headersTimeout: 20_000, requestTimeout: 0 }, onRequest);
  await listenOn(server, address);
  const bound = server.address() as { address: string; port: number };
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { address: { host: address.host, port: bound.port }, close, [Symbol.asyncDispose]: close };
}

function listenOn(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`listening on ${address.host}:${address.port}`, { cause: error })));
    server.listen(address.port, address.host, () => resolve());
  });
}

async function answer(handler: HttpHandler, incoming: http.IncomingMessage, outgoing: http.ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort(new Error('the client is gone')));
  outgoing.on('error', () => gone.abort(new Error('the connection broke')));
  try {
    const hasBody = incoming.headers['content-length'] !== undefined ? incoming.headers['content-length'] !== '0' : incoming.headers['transfer-encoding'] !== undefined;
    const request: HttpRequest = {
      method: incoming.method ?? 'GET',
      url: incoming.url ?? '/',
      headers: singleHeaders(incoming.headers),
      body: hasBody ? (incoming as AsyncIterable<Uint8Array>) : undefined,
      signal: gone.signal,
      peer: peerOf(incoming),
    };
    await send(await handler(request), incoming, outgoing, gone.signal);
  } catch (error) {
    if (!outgoing.headersSent && !gone.signal.aborted) {
      outgoing.writeHead(500, { 'content-type': 'text/plain' });
      outgoing.end(`internal error: ${(error as Error).message}\n`);
    } else outgoing.destroy();
  }
}

function peerOf(incoming: http.IncomingMessage): Peer {
  const socket = incoming.socket as TLSSocket;
  const address = socket.remoteAddress ?? '';
  const raw = socket.encrypted && socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined;
  return raw ? { address, certificate: pemOf('CERTIFICATE', raw) } : { address };
}

async function send(answered: HttpResponse, incoming: http.IncomingMessage, outgoing: http.ServerResponse, gone: AbortSignal): Promise<void> {
  const { body } = answered;
  if (body === undefined || body instanceof Uint8Array) {
    outgoing.writeHead(answered.status, { ...answered.headers, ...(body || answered.status !== 204 ? { 'content-length': String(body?.length ?? 0) } : {}) });
    outgoing.end(incoming.method === 'HEAD' ? undefined : body);
    return;
  }
  outgoing.writeHead(answered.status, answered.headers as http.OutgoingHttpHeaders);
  outgoing.flushHeaders();
  const iterator = body[Symbol.asyncIterator]();
  const onGone = () => void iterator.return?.(undefined);
  gone.addEventListener('abort', onGone, { once: true });
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    if (gone.aborted) break;
    if (!outgoing.write(next.value)) await drained(outgoing, gone);
  }
  outgoing.end();
}

function drained(outgoing: http.ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    outgoing.once('drain', done);
    gone.addEventListener('abort', done, { once: true });
  });
}
