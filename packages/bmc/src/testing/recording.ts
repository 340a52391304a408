/**
 * Exchanges with a foreign Redfish service as data: recorded by the reality check, replayed by a test. No credentials are
 * kept, neither sent nor answered; equal bodies are kept once.
 */
import { readText, TransportError, encodeText, type HttpRequest, type HttpResponse, type Net, type RequestOptions } from '@keelson/std';
import { headerNames } from '../wire/index.ts';

export interface Exchange {
  readonly request: string;
  /** JSON text of the request's body. */
  readonly body?: string;
  readonly auth: 'none' | 'basic' | 'session';
  readonly ifMatch?: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Index into `bodies`. */
  readonly answer?: number;
}

export interface Recording {
  readonly source: { readonly program: string; readonly release: string; readonly how: string };
  readonly origin: string;
  readonly imageUrl: string;
  readonly exchanges: readonly Exchange[];
  readonly bodies: readonly unknown[];
}

const keptHeaders = [headerNames.location, headerNames.etag, headerNames.retryAfter, headerNames.allow, headerNames.wwwAuthenticate, 'content-type'];

/** A Net that writes down every request and its answer. */
export function recordingNet(net: Net): { readonly net: Net; finish(about: Pick<Recording, 'source' | 'origin' | 'imageUrl'>): Recording } {
  const exchanges: Exchange[] = [];
  const bodies: unknown[] = [];
  const known = new Map<string, number>();
  return {
    net: {
      ...net,
      async request(request: HttpRequest, options?: RequestOptions): Promise<HttpResponse> {
        const sent = await readText(request.body);
        const response = await net.request({ ...request, ...(sent === '' ? {} : { body: encodeText(sent) }) }, options);
        const text = await readText(response.body);
        const url = new URL(request.url);
        exchanges.push({
          request: `${request.method} ${url.pathname}${url.search}`,
          ...(sent === '' ? {} : { body: redact(sent) }),
          auth: request.headers[headerNames.authToken] ? 'session' : request.headers[headerNames.authorization] ? 'basic' : 'none',
          ...(request.headers[headerNames.ifMatch] ? { ifMatch: request.headers[headerNames.ifMatch] } : {}),
          status: response.status,
          headers: Object.fromEntries(keptHeaders.filter((name) => response.headers[name] !== undefined).map((name) => [name, response.headers[name]!])),
          ...(text === '' ? {} : { answer: bodyIndex(text, bodies, known) }),
        });
        return { ...response, body: encodeText(text) };
      },
    },
    finish: (about) => ({ ...about, exchanges, bodies }),
  };
}

function redact(json: string): string {
  return json.replace(/"(Password|UserName)":"[^"]*"/g, '"$1":"…"');
}

function bodyIndex(text: string, bodies: unknown[], known: Map<string, number>): number {
  let value: unknown = text;
  try {
    value = withoutNotices(JSON.parse(text));
  } catch {
    // Not JSON: kept as text.
  }
  const key = JSON.stringify(value);
  const index = known.get(key) ?? bodies.push(value) - 1;
  known.set(key, index);
  return index;
}

/** Without the schema authors' notices that every template repeats. */
function withoutNotices(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNotices);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== '@Redfish.Copyright').map(([name, part]) => [name, withoutNotices(part)]));
}

/** A Net that answers as recorded, in the recorded order; another request than the recorded one is an error. */
export function replayingNet(net: Net, recording: Recording): { readonly net: Net; left(): number } {
  let next = 0;
  return {
    left: () => recording.exchanges.length - next,
    net: {
      ...net,
      async request(request: HttpRequest): Promise<HttpResponse> {
        const exchange = recording.exchanges[next];
        const url = new URL(request.url);
        const sent = await readText(request.body);
        const auth = request.headers[headerNames.authToken] ? 'session' : request.headers[headerNames.authorization] ? 'basic' : 'none';
        const seen = JSON.stringify([`${request.method} ${url.pathname}${url.search}`, sent === '' ? undefined : redact(sent), auth, request.headers[headerNames.ifMatch]]);
        const wanted = exchange && JSON.stringify([exchange.request, exchange.body, exchange.auth, exchange.ifMatch]);
        if (!exchange || seen !== wanted) throw new TransportError(`exchange ${next}: sent ${seen}, recorded was ${wanted ?? 'nothing more'}`, 'REPLAY');
        next++;
        const body = exchange.answer === undefined ? undefined : recording.bodies[exchange.answer];
        return { status: exchange.status, headers: exchange.headers, ...(body === undefined ? {} : { body: encodeText(typeof body === 'string' ? body : JSON.stringify(body)) }) };
      },
    },
  };
}

/** A recording's text, one exchange and one body per line, so that a new recording reads as a diff. */
export function recordingText({ source, origin, imageUrl, exchanges, bodies }: Recording): string {
  const lines = (items: readonly unknown[]) => items.map((item) => `  ${JSON.stringify(item)}`).join(',\n');
  return `{\n"source": ${JSON.stringify(source)},\n"origin": ${JSON.stringify(origin)},\n"imageUrl": ${JSON.stringify(imageUrl)},\n"exchanges": [\n${lines(exchanges)}\n],\n"bodies": [\n${lines(bodies)}\n]\n}\n`;
}
