import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type tls from 'node:tls';
import { TransportError, type Bytes, type HttpRequest, type HttpResponse } from '../http.ts';
import type { RequestOptions, TlsClientOptions } from '../net.ts';

/** Keep-alive agents, one per trust: a connection made for one identity is never used by another. */
export interface HttpAgents {
  plain: http.Agent;
  tls(options: TlsClientOptions | undefined): https.Agent;
}

const agentLimit = 256;

export function httpAgents(): HttpAgents {
  const plain = new http.Agent({ keepAlive: true, keepAliveMsecs: 5000, timeout: 30_000 });
  const byTrust = new Map<string, https.Agent>();
  return {
    plain,
    tls(options = {}) {
      const trust = createHash('sha256').update(JSON.stringify([options.ca, options.cert, options.key, options.insecureSkipVerify, options.serverName, options.pinnedSha256])).digest('base64');
      let agent = byTrust.get(trust);
      if (!agent) {
        if (byTrust.size >= agentLimit) {
          const [oldest, oldAgent] = byTrust.entries().next().value!;
          oldAgent.destroy();
          byTrust.delete(oldest);
        }
        agent = new https.Agent({ keepAlive: true, keepAliveMsecs: 5000, timeout: 30_000, ...tlsConnectOptions(options) });
        byTrust.set(trust, agent);
      }
      return agent;
    },
  };
}

/** Node's TLS options for ours. */
export function tlsConnectOptions(options: TlsClientOptions): tls.ConnectionOptions {
  return {
    ca: options.ca,
    cert: options.cert,
    key: options.key,
    rejectUnauthorized: !options.insecureSkipVerify,
    ...(options.serverName ? { servername: options.serverName } : {}),
  };
}

/** One request over a socket. Retries nothing: what is safe to repeat, the caller knows. */
export function requestOverSockets(agents: HttpAgents, request: HttpRequest, options: RequestOptions = {}): Promise<HttpResponse> {
  const url = new URL(request.url);
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { code?: string }) =>
      reject(new TransportError(`${request.method} ${url.origin}: ${error.message}`, error.code ?? 'ECONNRESET', { cause: error }));
    const client = (secure ? https : http).request(url, {
      method: request.method,
      headers: request.headers as http.OutgoingHttpHeaders,
      agent: secure ? agents.tls(options.tls) : agents.plain,
      signal: request.signal,
    });
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => {
      client.destroy(Object.assign(new Error(`no answer within ${options.timeoutMs} ms`), { code: 'ETIMEDOUT' }));
    }, options.timeoutMs);
    if (options.tls?.pinnedSha256) client.on('socket', (socket) => checkPin(socket as tls.TLSSocket, options.tls!.pinnedSha256!));
    client.on('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    client.on('response', (response) => {
      clearTimeout(timer);
      resolve({ status: response.statusCode ?? 0, headers: singleHeaders(response.headers), body: bodyOf(response) });
    });
    void sendBody(client, request.body).catch((error: Error) => client.destroy(error));
  });
}

function checkPin(socket: tls.TLSSocket, pinned: string): void {
  const check = () => {
    const raw = socket.getPeerX509Certificate()?.raw;
    const seen = raw ? createHash('sha256').update(raw).digest('hex') : '';
    if (seen !== pinned) socket.destroy(Object.assign(new Error('the server presents another certificate than the one that was pinned'), { code: 'ERR_TLS_CERT_PINNED' }));
  };
  if (socket.connecting || !socket.getPeerX509Certificate?.()) socket.once('secureConnect', check);
  else check();
}

async function sendBody(client: http.ClientRequest, body: HttpRequest['body']): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    client.end(body);
    return;
  }
  for await (const chunk of body) {
    if (!client.write(chunk)) await new Promise<void>((resolve) => client.once('drain', resolve));
  }
  client.end();
}

async function* bodyOf(response: http.IncomingMessage): AsyncGenerator<Bytes> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'ECONNRESET';
    throw new TransportError(`the answer was cut: ${(error as Error).message}`, code, { cause: error });
  } finally {
    response.destroy();
  }
}

/** Headers with one value each, names in lower case. */
export function singleHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) out[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return out;
}
