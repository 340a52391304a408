import type { HttpHandler, HttpResponse } from '@keelson/std';
import { encodeText, readText } from '@keelson/std';

export interface RawAnswer {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  /** Parsed JSON, or the text when it is none. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** One request to a handler as a client would send it, for tests of what a typed client hides. */
export async function rawRequest(
  handler: HttpHandler,
  method: string,
  url: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {},
): Promise<RawAnswer> {
  const { body } = options;
  const encoded = body === undefined ? undefined : body instanceof Uint8Array ? body : encodeText(typeof body === 'string' ? body : JSON.stringify(body));
  const headers = { 'user-agent': 'test/1', ...(encoded && { 'content-type': 'application/json' }), ...options.headers };
  const answer = await handler({ method, url, headers, body: encoded, signal: options.signal });
  const text = await readText(answer.body);
  return { status: answer.status, headers: answer.headers, body: parsed(text), text };
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}
