/** The COSI State API of a node: get, list and watch; writes are refused (facts: COSI State API). */
import { stringify } from 'yaml';
import { encode, isMessageName, talosMethods, timestampFromMs, type Encodable, type TalosMessageName, type TalosMessages } from '@keelson/talos/wire';
import { findType } from './cosi-definitions.ts';
import { cosiNamespaces, type CosiType } from './cosi-types.ts';
import { fail, streamRoute, unaryRoute, type ApiCall, type Route } from './route.ts';
import type { TalosNode } from '../node.ts';

const state = talosMethods['cosi.resource.State'];

type ResourceMessage = Encodable<TalosMessages['cosi.resource.Resource']>;
type EventMessage = Encodable<TalosMessages['cosi.resource.Event']>;

/** Versions of resources: they rise when the content changes. Kept per node while the process runs. */
interface Versioned {
  readonly resource: ResourceMessage;
  readonly text: string;
  readonly id: string;
}

interface VersionRecord {
  version: number;
  text: string;
  readonly createdMs: number;
  updatedMs: number;
}

const recordsByNode = new WeakMap<TalosNode, Map<string, VersionRecord>>();

function snapshot(type: CosiType, node: TalosNode): readonly Versioned[] {
  let records = recordsByNode.get(node);
  if (!records) recordsByNode.set(node, (records = new Map()));
  const nowMs = node.machine.env.clock.now();
  return type.items(node).map(({ id, proto, yaml, yamlText }) => {
    const text = yamlText ?? stringify(yaml);
    const key = `${type.type}/${id}`;
    let record = records.get(key);
    if (!record) records.set(key, (record = { version: 1, text, createdMs: nowMs, updatedMs: nowMs }));
    else if (record.text !== text) Object.assign(record, { version: record.version + 1, text, updatedMs: nowMs });
    const metadata = {
      namespace: type.namespace, type: type.type, id, version: String(record.version), owner: 'lab', phase: 'running',
      created: timestampFromMs(record.createdMs), updated: timestampFromMs(record.updatedMs), finalizers: [], annotations: {}, labels: {},
    };
    return { id, text: `${record.version}\n${text}`, resource: { metadata, spec: { protoSpec: encodeSpec(type.message, proto), yamlSpec: text } } };
  });
}

function encodeSpec(message: string, proto: Readonly<{ [name: string]: unknown }>): Uint8Array {
  if (!isMessageName(message)) throw new Error(`${message} is no message of the wire tables`);
  return encode(message, proto as Encodable<TalosMessages[TalosMessageName]>); // checked field by field while encoding
}

/** The type a request names, if this caller may read it. */
function access(call: ApiCall, namespace: string, typeName: string): CosiType {
  const type = findType(typeName);
  if (!type) throw fail.denied(`resource type "${typeName}" is not supported`);
  if (!cosiNamespaces.includes(namespace)) throw fail.denied(`namespace "${namespace}" is not supported`);
  if (type.sensitive && !call.roles.has('A')) throw fail.denied('not authorized');
  return type;
}

function read(call: ApiCall, type: CosiType, namespace: string): readonly Versioned[] {
  return namespace === type.namespace ? snapshot(type, call.node) : [];
}

type Options = TalosMessages['cosi.resource.ListRequest']['options'];

function matchesId(options: Options, id: string): boolean {
  const regexp = options?.idQuery?.regexp;
  return regexp === undefined || regexp === '' || new RegExp(regexp).test(id);
}

/** Our resources have no labels: a query for one that must exist finds nothing. */
function matchesLabels(options: Options): boolean {
  return (options?.labelQuery ?? []).every((query) => query.terms.every((term) => (term.op === 'NOT_EXISTS') !== term.invert || term.invert));
}

async function* list(request: TalosMessages['cosi.resource.ListRequest'], call: ApiCall): AsyncGenerator<{ resource: ResourceMessage }> {
  const type = access(call, request.namespace, request.type);
  if (!matchesLabels(request.options)) return;
  for (const { id, resource } of read(call, type, request.namespace)) if (matchesId(request.options, id)) yield { resource };
}

/** Waits for the next change of the node; `ended` is set when the reader or the node is gone. */
function changes(call: ApiCall): { wait(): Promise<boolean>; close(): void } {
  let dirty = false;
  let wake: (() => void) | undefined;
  const poke = () => {
    dirty = true;
    wake?.();
  };
  const stop = call.node.watch(poke);
  call.signal.addEventListener('abort', poke, { once: true });
  return {
    async wait() {
      if (!dirty) await new Promise<void>((resolve) => (wake = resolve));
      dirty = false;
      return !call.signal.aborted && call.node.state !== undefined;
    },
    close() {
      stop();
      call.signal.removeEventListener('abort', poke);
    },
  };
}

async function* watch(request: TalosMessages['cosi.resource.WatchRequest'], call: ApiCall): AsyncGenerator<{ event: readonly EventMessage[] }> {
  const type = access(call, request.namespace, request.type);
  if (request.options?.startFromBookmark !== undefined) throw fail.precondition('invalid bookmark');
  const { id, options } = request;
  const single = id !== undefined && id !== '';
  const wanted = (one: Versioned) => (single ? one.id === id : matchesId(options, one.id)) && matchesLabels(options);
  const next = changes(call);
  try {
    yield { event: [] };
    let known = new Map(read(call, type, request.namespace).filter(wanted).map((one) => [one.id, one]));
    for (const batch of batches(firstEvents(request, known, single), options?.aggregated ?? false)) yield { event: batch };
    while (await next.wait()) {
      const fresh = new Map(read(call, type, request.namespace).filter(wanted).map((one) => [one.id, one]));
      for (const batch of batches(difference(known, fresh), options?.aggregated ?? false)) yield { event: batch };
      known = fresh;
    }
  } finally {
    next.close();
  }
}

function firstEvents(request: TalosMessages['cosi.resource.WatchRequest'], known: ReadonlyMap<string, Versioned>, single: boolean): readonly EventMessage[] {
  const created = [...known.values()].map(({ resource }): EventMessage => ({ eventType: 'CREATED', resource }));
  if (single) {
    if (created.length > 0) return created;
    const metadata = { namespace: request.namespace, type: request.type, id: request.id ?? '', version: 'undefined', phase: 'running', finalizers: [], annotations: {}, labels: {} };
    return [{ eventType: 'DESTROYED', resource: { metadata, spec: { protoSpec: new Uint8Array(), yamlSpec: '{}\n' } } }];
  }
  if (!request.options?.bootstrapContents) return [];
  const end = { namespace: request.namespace, type: request.type, id: '', version: 'undefined', phase: 'running', finalizers: [], annotations: {}, labels: {} };
  return [...created, { eventType: 'BOOTSTRAPPED', resource: { metadata: end, spec: { protoSpec: new Uint8Array(), yamlSpec: '{}\n' } } }];
}

function difference(before: ReadonlyMap<string, Versioned>, after: ReadonlyMap<string, Versioned>): readonly EventMessage[] {
  const events: EventMessage[] = [];
  for (const [id, one] of after) {
    const old = before.get(id);
    if (!old) events.push({ eventType: 'CREATED', resource: one.resource });
    else if (old.text !== one.text) events.push({ eventType: 'UPDATED', resource: one.resource, old: old.resource });
  }
  for (const [id, old] of before) if (!after.has(id)) events.push({ eventType: 'DESTROYED', resource: old.resource });
  return events;
}

function batches(events: readonly EventMessage[], aggregated: boolean): readonly (readonly EventMessage[])[] {
  return aggregated ? (events.length > 0 ? [events] : []) : events.map((event) => [event]);
}

const refuseWrite = (): never => {
  throw fail.denied('write access is not allowed');
};

export const cosiRoutes: readonly Route[] = [
  unaryRoute(state.Get, 'AOR', (request, call) => {
    const type = access(call, request.namespace, request.type);
    const found = read(call, type, request.namespace).find((one) => one.id === request.id);
    if (!found) throw fail.notFound(`resource ${request.type}(${request.namespace}/${request.id}) doesn't exist`);
    return { resource: found.resource };
  }),
  streamRoute(state.List, 'AOR', list),
  streamRoute(state.Watch, 'AOR', watch),
  unaryRoute(state.Create, 'AOR', refuseWrite),
  unaryRoute(state.Update, 'AOR', refuseWrite),
  unaryRoute(state.Teardown, 'AOR', refuseWrite),
  unaryRoute(state.TeardownAndDestroy, 'AOR', refuseWrite),
  unaryRoute(state.Destroy, 'AOR', refuseWrite),
];
