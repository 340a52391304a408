/**
 * HTTP as values. A server is a handler, a client is a transport, and both are the same type,
 * so a client can be given a handler directly: no socket, no TLS, in virtual time.
 */
export type Headers = Readonly<Record<string, string>>;
export type Bytes = Uint8Array<ArrayBufferLike>;

export interface HttpRequest {
  readonly method: string;
  /** For a transport an absolute URL, for a handler the path with its query. Handlers use `requestUrl`. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Headers;
  /** Absent, whole, or streamed. */
  readonly body?: Bytes | AsyncIterable<Bytes>;
  /** Aborts when the client is gone or has lost interest. */
  readonly signal?: AbortSignal;
  /** Who is on the other side of the connection; set by listeners, ignored by transports. */
  readonly peer?: Peer;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Absent, whole, or streamed. A consumer that stops early must call `return` on the iterator (for-await does). */
  readonly body?: Bytes | AsyncIterable<Bytes>;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;
/** The client's half; throws `TransportError` when no answer came. */
export type HttpTransport = HttpHandler;

export interface Peer {
  readonly address: string;
  /** The client certificate in PEM, present only when it was verified against the listener's client CA. */
  readonly certificate?: string;
}

/** No answer came: refused, reset, timed out, or not trusted. `code` is Node's (ECONNREFUSED, ETIMEDOUT, …). */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: string;
  constructor(message: string, code: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/** The request's URL with a base where it has only a path. */
export function requestUrl(request: HttpRequest): URL {
  return new URL(request.url, 'http://localhost');
}

/** The whole body; throws BodyTooLargeError above `limitBytes`. */
export async function readBody(body: HttpRequest['body'], limitBytes = 16 * 1024 * 1024): Promise<Bytes> {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) {
    if (body.length > limitBytes) throw new BodyTooLargeError(`body of ${body.length} bytes exceeds ${limitBytes}`);
    return body;
  }
  const chunks: Bytes[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limitBytes) throw new BodyTooLargeError(`body exceeds ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

/** The whole body as UTF-8 text. */
export async function readText(body: HttpRequest['body'], limitBytes?: number): Promise<string> {
  return new TextDecoder().decode(await readBody(body, limitBytes));
}

/** A response with a JSON body. */
export function jsonResponse(status: number, value: unknown, headers: Headers = {}): HttpResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: encodeText(JSON.stringify(value)) };
}

/** A response with a text body. */
export function textResponse(status: number, text: string, headers: Headers = {}): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: encodeText(text) };
}

const encoder = new TextEncoder();
export function encodeText(text: string): Bytes {
  return encoder.encode(text);
}
