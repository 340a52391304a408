// WATCH: apiserver pkg/endpoints/handlers/watch.go and pkg/storage/cacher.
import type { FieldError } from '@keelson/kube/schema';
import { forbidden as forbiddenField, invalid } from '@keelson/kube/schema';
import type { Bytes, Clock, HttpResponse } from '@keelson/std';
import { asyncQueue, QueueFullError, randomInt } from '@keelson/std';
import { failure, invalidOptions } from '../http/api-status.ts';
import { formOf, parseRevision } from '../http/get.ts';
import { queryFlag, queryInteger, queryText } from '../http/query.ts';
import type { ApiRequest } from '../http/request.ts';
import { selectionOf } from '../http/selection.ts';
import { collectionPrefix } from '../registry/resource.ts';
import type { StoreEvent } from '../store/store.ts';
import { CompactedError, FutureRevisionError } from '../store/store.ts';
import type { WatchEncoder } from './event-encoder.ts';
import { createWatchEncoder, errorLine } from './event-encoder.ts';

/** Lines a watcher may be behind before its stream is ended; it then starts over from its last version. */
export const watchQueueLimit = 2_000;
const bookmarkEveryMs = 60_000;
/** Without timeoutSeconds a watch ends after 30 to 60 minutes, so that clients spread again over servers that come and go. */
const minWatchMs = 1_800_000;

/** Starts a watch. The answer's body is a line of JSON per event and ends with the watch. */
export function watchVerb(request: ApiRequest): HttpResponse {
  const form = formOf(request);
  const { url, served, machine } = request;
  const query = url.searchParams;
  const start = startOf(query);
  const selection = selectionOf(served, query, request.path.name);
  const encoder = createWatchEncoder(request, form, selection);
  const seconds = queryInteger(query, 'timeoutSeconds');
  const lifetimeMs = seconds !== undefined && seconds > 0 ? seconds * 1000 : minWatchMs + randomInt(machine.env.random, minWatchMs);
  const stream = openStream(request, encoder, { ...start, bookmarks: queryFlag(query, 'allowWatchBookmarks'), lifetimeMs });
  return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }, body: stream };
}

interface Start {
  /** Events after this revision; undefined: the state as it is now, and what comes then. */
  readonly after?: number;
  readonly initialBookmark: boolean;
  /** The state may not be older than this. */
  readonly notOlderThan?: number;
}

function startOf(query: URLSearchParams): Start {
  const revision = parseRevision(query.get('resourceVersion'));
  const match = queryText(query, 'resourceVersionMatch');
  const initial = query.has('sendInitialEvents');
  const errors: FieldError[] = [];
  if (initial && match === undefined) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match !== undefined && !initial) errors.push(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
  if (match !== undefined && initial && match !== 'NotOlderThan') {
    errors.push({ reason: 'FieldValueNotSupported', field: 'resourceVersionMatch', body: `Unsupported value: ${JSON.stringify(match)}: supported values: "NotOlderThan"` });
  }
  if (query.get('continue')) errors.push(forbiddenField('continue', 'continue is forbidden for watch'));
  if (query.get('limit') && (queryInteger(query, 'limit') ?? 0) < 0) errors.push(invalid('limit', query.get('limit'), 'must be greater than or equal to 0'));
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
  if (initial && queryFlag(query, 'sendInitialEvents')) return { initialBookmark: true, notOlderThan: revision };
  if (initial) return { after: revision === undefined || revision === 0 ? Infinity : revision, initialBookmark: false };
  return { after: revision === 0 ? undefined : revision, initialBookmark: false };
}

interface StreamOptions extends Start {
  readonly bookmarks: boolean;
  readonly lifetimeMs: number;
}

/** The lines of a watch, from now until its time is up, its client is gone or it falls too far behind. */
function openStream(request: ApiRequest, encoder: WatchEncoder, options: StreamOptions): AsyncIterable<Bytes> {
  const { machine, http } = request;
  const stream = createLineStream(http.signal);
  if (stream.ended) return stream.lines;
  const sendBookmark = () => stream.push(encoder.bookmark(machine.store.revision, false));
  if (options.bookmarks) stream.onEnd(repeat(machine.env.clock, bookmarkEveryMs, sendBookmark));
  const lifetime = machine.env.clock.after(options.lifetimeMs, () => {
    if (options.bookmarks) sendBookmark();
    stream.end();
  });
  stream.onEnd(() => lifetime.cancel());
  try {
    follow(request, encoder, options, stream);
  } catch (error) {
    stream.push(errorLine(refusalOf(error)));
    stream.end();
  }
  return stream.lines;
}

/** Sends the state where that is asked for, and then every change. Throws when the store cannot start where the client wants to. */
function follow(request: ApiRequest, encoder: WatchEncoder, options: StreamOptions, stream: LineStream): void {
  const { store } = request.machine;
  const prefix = collectionPrefix(request.served.resource, request.path.namespace);
  if (options.notOlderThan !== undefined && options.notOlderThan > store.revision) throw new FutureRevisionError(options.notOlderThan, store.revision);
  let after = options.after === undefined || options.after === Infinity ? store.revision : options.after;
  if (options.after === undefined) {
    const page = store.list({ prefix });
    const lines = page.entries.flatMap((entry) => encoder.initial(entry));
    after = page.revision;
    // The state may be larger than the limit for those who lag behind, so it is one item of the queue.
    if (lines.length > 0) stream.push(Buffer.concat(lines));
    if (options.initialBookmark) stream.push(encoder.bookmark(page.revision, true));
  }
  const onEvents = (events: readonly StoreEvent[]) => {
    for (const event of events) {
      if (stream.ended) return;
      const line = encoder.event(event);
      if (line) stream.push(line);
    }
  };
  const watch = store.watch({ prefix, afterRevision: after, onEvents, onEnd: () => stream.end() });
  stream.onEnd(() => watch.close());
}

interface LineStream {
  readonly lines: AsyncIterable<Bytes>;
  readonly ended: boolean;
  /** A line too many ends the stream: its client comes back with the last version it has seen. */
  push(line: Bytes): void;
  end(): void;
  /** Runs when the stream ends, whoever ends it; at once when it has. */
  onEnd(run: () => void): void;
}

function createLineStream(signal: AbortSignal | undefined): LineStream {
  const cleanups: (() => void)[] = [];
  let ended = false;
  const cleanUp = () => {
    if (ended) return;
    ended = true;
    signal?.removeEventListener('abort', end);
    for (const run of cleanups) run();
  };
  const queue = asyncQueue<Bytes>(watchQueueLimit, cleanUp);
  function end(): void {
    cleanUp();
    queue.end();
  }
  if (signal?.aborted) end();
  else signal?.addEventListener('abort', end, { once: true });
  return {
    lines: queue,
    get ended() {
      return ended;
    },
    push(line) {
      try {
        queue.push(line);
      } catch (error) {
        if (!(error instanceof QueueFullError)) throw error;
        end();
      }
    },
    end,
    onEnd(run) {
      if (ended) run();
      else cleanups.push(run);
    },
  };
}

/** Calls `run` again and again; answers how to stop that. */
function repeat(clock: Clock, everyMs: number, run: () => void): () => void {
  let timer = clock.after(everyMs, tick);
  function tick(): void {
    timer = clock.after(everyMs, tick);
    run();
  }
  return () => timer.cancel();
}

/** A watch that cannot start is answered with 200 and an ERROR event. */
function refusalOf(error: unknown) {
  if (error instanceof CompactedError) return failure(410, 'Expired', error.message);
  if (error instanceof FutureRevisionError) {
    return failure(504, 'Timeout', `Timeout: Too large resource version: ${error.revision}, current: ${error.current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  throw error;
}
