import type { KubeObject } from '@keelson/kube';
import type { Status } from '@keelson/kube/client';
import type { Bytes } from '@keelson/std';
import { encodeText } from '@keelson/std';
import type { AnswerForm } from '../http/negotiate.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Selection } from '../http/selection.ts';
import { includeObjectOf, partialMetadata, tableOf } from '../http/table.ts';
import { withResourceVersion } from '../registry/encode.ts';
import { readBytes, readObject } from '../registry/read.ts';
import { groupVersion, keyParts } from '../registry/resource.ts';
import type { StoredEntry, StoredValue, StoreEvent } from '../store/store.ts';

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Turns store events into the lines of one watch. */
export interface WatchEncoder {
  /** The ADDED line of an object that is there when the watch starts; none when it is not selected. */
  initial(entry: StoredEntry): Bytes[];
  event(event: StoreEvent): Bytes | undefined;
  bookmark(revision: number, endsInitialEvents: boolean): Bytes;
}

/** An encoder for what one request selects, in the form it asks for. */
export function createWatchEncoder(request: ApiRequest, form: AnswerForm, selection: Selection): WatchEncoder {
  const { served, machine, url } = request;
  const include = includeObjectOf(url.searchParams);
  const apiVersion = groupVersion(served);
  let tableSent = false;
  const line = (type: EventType, key: string, stored: StoredValue): Bytes => {
    if (form.kind === 'object') return plainLine(type, apiVersion, stored, () => readBytes(served, stored));
    const object = readObject(served, stored);
    if (form.kind === 'metadata') return jsonLine(type, partialMetadata(object, `meta.k8s.io/${form.version}`));
    const meta = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(served, [object], { version: form.version, include, nowMs: machine.env.clock.now(), meta, withColumns: !tableSent });
    tableSent = true;
    return jsonLine(type, table);
  };
  const selected = (key: string, stored: StoredValue | undefined): boolean => {
    if (!stored) return false;
    if (selection.all) return true;
    const { name, namespace } = keyParts(served.resource, key);
    if (selection.name !== undefined && name !== selection.name) return false;
    if (selection.namespace !== undefined && namespace !== selection.namespace) return false;
    return selection.byKeyOnly || selection.matches(readObject(served, stored));
  };
  return {
    initial: (entry) => (selected(entry.key, entry) ? [line('ADDED', entry.key, entry)] : []),
    event(event) {
      const now: StoredValue | undefined = event.value && { revision: event.revision, value: event.value };
      const is = selected(event.key, now);
      const was = selected(event.key, event.previous);
      if (is && now) return line(was ? 'MODIFIED' : 'ADDED', event.key, now);
      if (!was || !event.previous) return undefined;
      return line('DELETED', event.key, lastState(event, event.previous));
    },
    bookmark(revision, endsInitialEvents) {
      const annotations = endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
      const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
      const object = { kind: served.resource.kind, apiVersion, metadata };
      if (form.kind === 'table') return jsonLine('BOOKMARK', bookmarkTable(form.version, object));
      if (form.kind === 'metadata') return jsonLine('BOOKMARK', { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${form.version}`, metadata });
      return jsonLine('BOOKMARK', object);
    },
  };
}

function bookmarkTable(version: string, object: { metadata: { resourceVersion: string } }): object {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { resourceVersion: object.metadata.resourceVersion },
    columnDefinitions: [],
    rows: [{ cells: [], object }],
  };
}

/** What was stored last, at the revision of the event that ended it (for this selection). Made once per event. */
function lastState(event: StoreEvent, previous: StoredValue): StoredValue {
  const known = lastStates.get(event);
  if (known) return known;
  const state = { revision: event.revision, value: withResourceVersion(previous.value, String(event.revision)) };
  lastStates.set(event, state);
  return state;
}

const lastStates = new WeakMap<StoreEvent, StoredValue>();

/** Lines of plain objects are the same for every watcher of a version, so each is made once. */
const plainLines = new WeakMap<Bytes, Map<string, Bytes>>();

function plainLine(type: EventType, apiVersion: string, stored: StoredValue, body: () => Bytes): Bytes {
  let lines = plainLines.get(stored.value);
  if (!lines) plainLines.set(stored.value, (lines = new Map()));
  const key = `${type} ${apiVersion}`;
  const known = lines.get(key);
  if (known) return known;
  const made = Buffer.concat([encodeText(`{"type":"${type}","object":`), body(), lineEnd]);
  lines.set(key, made);
  return made;
}

const lineEnd = encodeText('}\n');

function jsonLine(type: EventType | 'BOOKMARK' | 'ERROR', object: unknown): Bytes {
  return encodeText(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);
}

/** The ERROR event with which a watch ends. */
export function errorLine(status: Status): Bytes {
  return jsonLine('ERROR', status);
}

/** For tests and tools: the object in a line. */
export function objectOfLine(line: Bytes): { type: string; object: KubeObject } {
  // Lines are written here.
  return JSON.parse(new TextDecoder().decode(line)) as { type: string; object: KubeObject };
}
