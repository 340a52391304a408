/**
 * HTTP towards a Redfish service (DSP0266) with the rules that real BMCs ask for: one request at a time, a session where
 * the service has them and Basic where not, one new login when a session has gone, If-Match on PATCH, tasks, redirects.
 */
import { describeError, encodeText, readText, TransportError, type Env, type HttpResponse } from '@keelson/std';
import { BmcError, type BmcTarget } from '../driver.ts';
import { headerNames, messageKeys, odataVersion, serviceRootPath, sessionsPath, vendorMessageKeys, type ServiceRoot } from '../wire/index.ts';
import { answerError, asRecord, hasMessage, isNotReady, retryAfterMs, type RedfishAnswer } from './answer-error.ts';

/** Limits of one conversation with a BMC. */
export const clientLimits = {
  getTimeoutMs: 30_000,
  writeTimeoutMs: 60_000,
  bodyBytes: 4 * 1024 * 1024,
  /** Tries of a request that may be repeated. */
  tries: 3,
  retryDelayMs: 2_000,
  redirects: 3,
} as const;

type Authentication = { readonly kind: 'none' } | { readonly kind: 'basic' } | { readonly kind: 'session'; readonly token: string; readonly path: string | undefined };

const certificateCodes = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

export interface RequestBody {
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A conversation with one BMC; `close` ends its session. */
export class RedfishClient {
  readonly env: Env;
  readonly target: BmcTarget;
  readonly signal: AbortSignal | undefined;
  #authentication: Authentication = { kind: 'none' };
  #sessionsPath: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** A refused password is not offered a second time. */
  #refused: BmcError | undefined;

  constructor(env: Env, target: BmcTarget, signal?: AbortSignal) {
    this.env = env;
    this.target = target;
    this.signal = signal;
  }

  /** How requests are authenticated. */
  get authentication(): Authentication['kind'] {
    return this.#authentication.kind;
  }

  /** Reads the service root and logs in. */
  async open(): Promise<ServiceRoot> {
    const answer = await this.#exchange('GET', serviceRootPath, {}, { kind: 'none' });
    // A few services hide even the root; the login then goes to the usual place.
    if (answer.status !== 401 && answer.status !== 200) throw answerError(answer, `reading ${serviceRootPath}`);
    const early = answer.status === 200 ? serviceRoot(answer) : undefined;
    if (this.target.credentials) {
      this.#sessionsPath = early?.Links?.Sessions?.['@odata.id'] ?? (early === undefined || early.SessionService ? sessionsPath : undefined);
      await this.#login();
    }
    if (early) return early;
    return serviceRoot(await this.request('GET', serviceRootPath));
  }

  /** GET of a resource. Throws BmcError when it is not there. */
  async get<T extends object>(path: string): Promise<T> {
    const answer = await this.request('GET', path);
    return resourceOf<T>(answer, path);
  }

  /** GET of a resource; undefined when there is none. */
  async find<T extends object>(path: string): Promise<T | undefined> {
    const answer = await this.#authenticated('GET', path, {});
    if (answer.status === 404 || answer.status === 410) return undefined;
    if (!isSuccess(answer)) throw answerError(answer, `reading ${path}`);
    return resourceOf<T>(answer, path);
  }

  /** A request whose answer must be a success. */
  async request(method: string, path: string, body: RequestBody = {}): Promise<RedfishAnswer> {
    const answer = await this.#authenticated(method, path, body);
    if (!isSuccess(answer)) throw answerError(answer, `${doing(method)} ${path}`);
    return answer;
  }

  /** A request whose answer is judged by the caller. */
  attempt(method: string, path: string, body: RequestBody = {}): Promise<RedfishAnswer> {
    return this.#authenticated(method, path, body);
  }

  /**
   * PATCH with the rules for If-Match: the target's own ETag; on 412 the same as a strong one, then none; `*` where the
   * service demands the header and has no ETag.
   */
  async patch(path: string, json: unknown, ifMatch: 'etag' | 'never' = 'etag'): Promise<RedfishAnswer> {
    const etag = ifMatch === 'never' ? undefined : await this.#etagOf(path);
    const tries = etag === undefined ? [undefined] : [etag, ...(etag.startsWith('W/') ? [etag.slice(2)] : []), undefined];
    let answer: RedfishAnswer | undefined;
    for (const value of tries) {
      answer = await this.#authenticated('PATCH', path, { json, headers: value === undefined ? {} : { [headerNames.ifMatch]: value } });
      if (answer.status !== 412) break;
    }
    if (answer && (answer.status === 428 || hasMessage(answer, vendorMessageKeys.amiPrecondition, messageKeys.preconditionRequired))) {
      answer = await this.#authenticated('PATCH', path, { json, headers: { [headerNames.ifMatch]: '*' } });
    }
    return answer!;
  }

  /** Ends the session on the BMC. Never throws: the session would also end by its own timeout. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const session = this.#authentication;
    if (session.kind !== 'session' || session.path === undefined) return;
    try {
      await this.#serial(() => this.#exchange('DELETE', session.path!, {}, session));
    } catch (error) {
      this.env.log.debug('bmc session was not ended', { bmc: this.target.origin, error: describeError(error) });
    }
  }

  async #etagOf(path: string): Promise<string | undefined> {
    const answer = await this.#authenticated('GET', path, {});
    if (!isSuccess(answer)) return undefined;
    const inBody = asRecord(answer.body)?.['@odata.etag'];
    const raw = typeof inBody === 'string' && inBody !== '' ? inBody : answer.headers[headerNames.etag];
    if (raw === undefined || raw === '') return undefined;
    // Some services quote the quoted value once more.
    const etag = raw.replace(/^(W\/)?"+/, '$1"').replace(/"+$/, '"');
    return /^(W\/)?".*"$/.test(etag) ? etag : `"${etag.replace(/"/g, '')}"`;
  }

  /** Logs in by a session where the service has them, else by Basic. One try: a wrong password counts towards a lock-out. */
  async #login(): Promise<void> {
    const credentials = this.target.credentials!;
    if (this.#sessionsPath === undefined) {
      this.#authentication = { kind: 'basic' };
      return;
    }
    const json = { UserName: credentials.username, Password: credentials.password };
    const answer = await this.#exchange('POST', this.#sessionsPath, { json }, { kind: 'none' });
    if (answer.status === 401) throw this.#refuse(answer);
    const token = answer.headers[headerNames.authToken];
    if (isSuccess(answer) && token) {
      const id = asRecord(answer.body)?.['@odata.id'];
      this.#authentication = { kind: 'session', token, path: this.#ownPath(answer.headers[headerNames.location] ?? (typeof id === 'string' ? id : undefined)) };
      return;
    }
    // No sessions here, none left, or not for this account: Basic may still do.
    this.#authentication = { kind: 'basic' };
  }

  #refuse(answer: RedfishAnswer): BmcError {
    this.#refused = new BmcError('unauthorized', `logging in as ${JSON.stringify(this.target.credentials?.username ?? '')} at ${this.target.origin}: ${answerError(answer, 'the BMC refused').message}`, { status: answer.status });
    return this.#refused;
  }

  /** The path of a Location of this BMC; undefined for another origin: a token is never sent there. */
  #ownPath(location: string | undefined): string | undefined {
    if (location === undefined || location === '') return undefined;
    const url = URL.parse(location, this.target.origin);
    if (!url) return undefined;
    return location.startsWith('/') || url.host === new URL(this.target.origin).host ? url.pathname + url.search : undefined;
  }

  /** The path of a Location header; throws on one that leads elsewhere. */
  locationOf(answer: RedfishAnswer): string | undefined {
    const location = answer.headers[headerNames.location];
    if (location === undefined || location === '') return undefined;
    const path = this.#ownPath(location);
    if (path === undefined) throw new BmcError('protocol', `${this.target.origin} points to another server: ${location}`);
    return path;
  }

  #authenticated(method: string, path: string, body: RequestBody): Promise<RedfishAnswer> {
    return this.#serial(async () => {
      if (this.#refused) throw this.#refused;
      if (this.#closed) throw new BmcError('protocol', `the connection to ${this.target.origin} is closed`);
      let answer = await this.#patient(method, path, body);
      const expired = answer.status === 401 || (answer.status === 403 && hasMessage(answer, messageKeys.noValidSession));
      if (expired && this.#authentication.kind === 'session') {
        await this.#login();
        answer = await this.#patient(method, path, body);
      }
      if (answer.status === 401) throw this.#refuse(answer);
      return answer;
    });
  }

  /** Repeats what may be repeated: reads on server errors, writes only when the BMC says that it was not ready. */
  async #patient(method: string, path: string, body: RequestBody): Promise<RedfishAnswer> {
    let answer: RedfishAnswer | undefined;
    for (let attempt = 1; attempt <= clientLimits.tries; attempt++) {
      answer = await this.#exchange(method, path, body, this.#authentication);
      const again = method === 'GET' ? answer.status >= 500 : answer.status >= 500 && isNotReady(answer);
      if (!again || attempt === clientLimits.tries) break;
      await this.env.clock.sleep(Math.min(retryAfterMs(answer) ?? clientLimits.retryDelayMs, 10_000), this.signal);
    }
    if (answer!.status === 404 && method === 'GET' && !path.endsWith('/') && !path.includes('?')) {
      const slashed = await this.#exchange(method, `${path}/`, body, this.#authentication);
      if (isSuccess(slashed)) return slashed;
    }
    return answer!;
  }

  async #exchange(method: string, path: string, body: RequestBody, authentication: Authentication): Promise<RedfishAnswer> {
    let next = path;
    for (let hop = 0; ; hop++) {
      const answer = await this.#send(method, next, body, authentication);
      if (![301, 302, 307, 308].includes(answer.status)) return answer;
      const location = this.locationOf(answer);
      if (location === undefined || hop >= clientLimits.redirects) throw new BmcError('protocol', `${method} ${path}: too many redirects`);
      next = location;
    }
  }

  async #send(method: string, path: string, body: RequestBody, authentication: Authentication): Promise<RedfishAnswer> {
    const headers: Record<string, string> = { accept: 'application/json', 'accept-encoding': 'identity', connection: 'close', [headerNames.odataVersion]: odataVersion, ...body.headers };
    const { credentials } = this.target;
    if (authentication.kind === 'session') headers[headerNames.authToken] = authentication.token;
    if (authentication.kind === 'basic' && credentials) {
      headers[headerNames.authorization] = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
    }
    if (body.json !== undefined) headers['content-type'] = 'application/json';
    const tls = { ...(this.target.ca ? { ca: this.target.ca } : {}), ...(this.target.insecureSkipVerify ? { insecureSkipVerify: true } : {}) };
    const timeoutMs = method === 'GET' ? clientLimits.getTimeoutMs : clientLimits.writeTimeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.env.net.request(
          { method, url: this.target.origin + path, headers, ...(body.json === undefined ? {} : { body: encodeText(JSON.stringify(body.json)) }), ...(this.signal && !this.#closed ? { signal: this.signal } : {}) },
          { tls, timeoutMs },
        );
        return await this.#read(response, method, path);
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        // A write that may have arrived is not sent again: its caller looks at what became of it.
        const mayRepeat = method === 'GET' || error.code === 'ECONNREFUSED';
        if (certificateCodes.test(error.code)) throw new BmcError('certificate', `${this.target.origin}: ${error.message}`, { cause: error });
        if (this.signal?.aborted || !mayRepeat || attempt >= clientLimits.tries) throw new BmcError('unreachable', `${doing(method)} ${path} at ${this.target.origin}: ${error.message}`, { cause: error });
        await this.env.clock.sleep(clientLimits.retryDelayMs, this.signal);
      }
    }
  }

  async #read(response: HttpResponse, method: string, path: string): Promise<RedfishAnswer> {
    let text: string;
    try {
      text = await readText(response.body, clientLimits.bodyBytes);
    } catch (error) {
      if (error instanceof TransportError) throw error;
      throw new BmcError('protocol', `${doing(method)} ${path}: ${describeError(error)}`, { cause: error });
    }
    return { status: response.status, headers: response.headers, body: parseJson(text) };
  }

  /** One request at a time: weak BMCs answer the second of two with an error. */
  #serial<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isSuccess(answer: RedfishAnswer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

function doing(method: string): string {
  return method === 'GET' ? 'reading' : `${method} of`;
}

function resourceOf<T extends object>(answer: RedfishAnswer, path: string): T {
  if (!asRecord(answer.body)) throw new BmcError('protocol', `reading ${path}: the answer is not a JSON object`, { status: answer.status });
  // The wire shapes have only optional properties; readers check each value they use.
  return answer.body as T;
}

function serviceRoot(answer: RedfishAnswer): ServiceRoot {
  return resourceOf<ServiceRoot>(answer, serviceRootPath);
}
