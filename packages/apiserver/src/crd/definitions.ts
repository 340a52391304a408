// Custom resource definitions as they take effect: apiextensions-apiserver pkg/controller/{status,establish,finalizer}.
// Names are accepted and kinds served within the write of the definition; nothing has to be waited for.
import type { Condition, KubeObject } from '@keelson/kube';
import { setCondition } from '@keelson/kube';
import { describeError, rfc3339 } from '@keelson/std';
import { ensureFields, fieldsAt, isSame, textAt, textsAt } from '../kinds/fields.ts';
import type { Draft } from '../kinds/strategy.ts';
import { deleteObject } from '../registry/delete.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Machine, WriteRequest } from '../registry/request-context.ts';
import type { Resource } from '../registry/resource.ts';
import { keyParts } from '../registry/resource.ts';
import { createObject, updateObject } from '../registry/write.ts';
import type { StoredValue, StoreEvent, StoreWatch } from '../store/store.ts';
import { ignoreNotFound, internalRequest } from '../lifecycle/internal-request.ts';
import { cleanupFinalizer } from './definition-rules.ts';
import { definitionOfResource, resourceOfDefinition } from './from-definition.ts';

export const definitionPrefix = 'apiextensions.k8s.io/customresourcedefinitions/';
/** On definitions that come from this program's own tables; its value is the generation that still is as the table says. */
const tableAnnotation = 'api.keelson.dev/built-in';

export interface Definitions {
  /** Sets status and finalizer of a definition that is being written. */
  admit(object: Draft, operation: 'CREATE' | 'UPDATE'): void;
  /** Makes the definitions of the kinds that this program brings visible as objects; once. */
  showTables(): Promise<void>;
  /** Resolves when no definition is being cleaned up any more. */
  settled(): Promise<void>;
  close(): void;
}

/** Serves the definitions in the store and those to come. `tables` are the custom kinds that the program brings. */
export function startDefinitions(machine: Machine, tables: readonly Resource[]): Definitions {
  const { store, registry } = machine;
  const fromTables = new Map<string, Resource>(tables.map((resource) => [`${resource.plural}.${resource.group}`, resource]));
  const cleaning = new Map<string, Promise<void>>();
  let shown: Promise<void> | undefined;

  const install = (stored: StoredValue, isNew: boolean) => {
    const definition = decodeObject(stored.value);
    const { name } = definition.metadata;
    const spec = fieldsAt(definition, 'spec');
    const group = textAt(spec, 'group') ?? '';
    const plural = textAt(fieldsAt(spec, 'names'), 'plural') ?? '';
    const accepted = conditionIs(definition, 'NamesAccepted') || conditionIs(definition, 'Established');
    const known = registry.resource(group, plural);
    if (!accepted) return registry.remove(group, plural);
    const isDying = definition.metadata.deletionTimestamp !== undefined;
    const table = isFromTable(definition) ? fromTables.get(name) : undefined;
    // What only repeats the table is not compiled again.
    if (table && !isDying) {
      if (!known) registry.install(table);
    } else registry.install(resourceOfDefinition(definition, schemaRevisionOf(known, definition, stored, isNew)));
    if (isDying && (definition.metadata.finalizers ?? []).includes(cleanupFinalizer) && !cleaning.has(name)) {
      cleaning.set(name, cleanUp(machine, definition).catch((error: unknown) => {
        machine.env.log.error('cannot clean up after a definition', { definition: name, error: describeError(error) });
      }).finally(() => cleaning.delete(name)));
    }
  };
  const onEvents = (events: readonly StoreEvent[]) => {
    for (const event of events) {
      if (event.value) install({ revision: event.revision, value: event.value }, true);
      else if (event.previous) {
        const spec = fieldsAt(decodeObject(event.previous.value), 'spec');
        registry.remove(textAt(spec, 'group') ?? '', textAt(fieldsAt(spec, 'names'), 'plural') ?? '');
      }
    }
  };

  for (const entry of store.list({ prefix: definitionPrefix }).entries) install(entry, false);
  const watch: StoreWatch = store.watch({ prefix: definitionPrefix, onEvents });
  return {
    admit: (object, operation) => admitDefinition(machine, object, operation),
    showTables: () => (shown ??= showAll(machine, fromTables)),
    settled: async () => void (await Promise.all(cleaning.values())),
    close: () => watch.close(),
  };
}

/** A definition of ours that nobody has changed. */
function isFromTable(definition: KubeObject): boolean {
  return definition.metadata.annotations?.[tableAnnotation] === String(definition.metadata.generation);
}

/** Objects from before a change of the definition are read by the new schema, not passed on. */
function schemaRevisionOf(known: Resource | undefined, definition: KubeObject, stored: StoredValue, isNew: boolean): number {
  if (!isNew || !known) return isNew ? 0 : stored.revision;
  const before = definitionOfResource(known)['spec'];
  const after = definitionOfResource(resourceOfDefinition(definition, 0))['spec'];
  return isSame(before, after) ? known.schemaRevision : stored.revision;
}

function conditionIs(object: KubeObject, type: string): boolean {
  const conditions = fieldsAt(object, 'status')?.['conditions'];
  return Array.isArray(conditions) && conditions.some((condition: Condition) => condition.type === type && condition.status === 'True');
}

function admitDefinition(machine: Machine, object: Draft, operation: 'CREATE' | 'UPDATE'): void {
  const spec = fieldsAt(object, 'spec');
  const names = fieldsAt(spec, 'names') ?? {};
  const group = textAt(spec, 'group') ?? '';
  const now = rfc3339(machine.env.clock.now());
  const status = ensureFields(object, 'status');
  const conflict = nameConflict(machine, group, names);
  const conditions = Array.isArray(status['conditions']) ? (status['conditions'] as Condition[]) : [];
  const observedGeneration = object.metadata.generation;
  const accepted = conflict === undefined;
  let next = setCondition(
    conditions,
    { type: 'NamesAccepted', status: accepted ? 'True' : 'False', reason: conflict?.reason ?? 'NoConflicts', message: conflict?.message ?? 'no conflicts found', observedGeneration },
    now,
  );
  const wasEstablished = conditions.some((condition) => condition.type === 'Established' && condition.status === 'True');
  next = setCondition(
    next,
    accepted || wasEstablished
      ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted', observedGeneration }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted', observedGeneration },
    now,
  );
  status['conditions'] = next;
  if (accepted) status['acceptedNames'] = structuredClone(names);
  else if (status['acceptedNames'] === undefined) status['acceptedNames'] = { plural: '', kind: '' };
  if (status['observedGeneration'] !== undefined || observedGeneration !== undefined) status['observedGeneration'] = observedGeneration;
  if (operation === 'CREATE') object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), cleanupFinalizer])];
}

/** A name that another kind of the group has already. */
function nameConflict(machine: Machine, group: string, names: Readonly<Record<string, unknown>>): { reason: string; message: string } | undefined {
  const plural = String(names['plural'] ?? '');
  const others = machine.registry.all().filter((resource) => resource.group === group && resource.plural !== plural);
  const taken = new Set(others.flatMap((resource) => [resource.plural, resource.singular, ...resource.shortNames]));
  const kinds = new Set(others.flatMap((resource) => [resource.kind, resource.listKind]));
  const checks: readonly (readonly [string, string, ReadonlySet<string>])[] = [
    ['PluralConflict', plural, taken],
    ['SingularConflict', String(names['singular'] ?? ''), taken],
    ...textsAt({ ...names }, 'shortNames').map((name) => ['ShortNamesConflict', name, taken] as const),
    ['KindConflict', String(names['kind'] ?? ''), kinds],
    ['ListKindConflict', String(names['listKind'] ?? ''), kinds],
  ];
  const found = checks.find(([, name, known]) => name !== '' && known.has(name));
  return found && { reason: found[0], message: `"${found[1]}" is already in use` };
}

const fieldManager = 'keelson-apiserver';

function definitionRequest({ registry }: Machine): WriteRequest {
  const resource = registry.resource('apiextensions.k8s.io', 'customresourcedefinitions');
  if (!resource) throw new Error('definitions are not served');
  return internalRequest(resource, undefined, fieldManager);
}

/** A definition that is deleted takes its objects with it; those with finalizers are waited for. */
async function cleanUp(machine: Machine, definition: KubeObject): Promise<void> {
  const resource = resourceOfDefinition(definition, 0);
  // The cleaning begins after the event that started it has been seen by everybody.
  await Promise.resolve();
  const gone = waitUntilEmpty(machine, resource.prefix);
  for (const entry of machine.store.list({ prefix: resource.prefix }).entries) {
    const { namespace, name } = keyParts(resource, entry.key);
    await deleteObject(machine, internalRequest(resource, namespace, fieldManager), name, {}).catch(ignoreNotFound);
  }
  await gone;
  const request = definitionRequest(machine);
  await updateObject(machine, request, definition.metadata.name, (live) => {
    live.metadata.finalizers = (live.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
    return live;
  }).catch(ignoreNotFound);
}

function waitUntilEmpty({ store }: Machine, prefix: string): Promise<void> {
  return new Promise((resolve) => {
    // The store is read after the event, when it shows what the event did.
    const watch = store.watch({ prefix, onEvents: () => void Promise.resolve().then(check) });
    function check(): void {
      if (store.count(prefix) > 0) return;
      watch.close();
      resolve();
    }
    check();
  });
}

async function showAll(machine: Machine, resources: ReadonlyMap<string, Resource>): Promise<void> {
  const request = definitionRequest(machine);
  for (const [name, resource] of resources) {
    const wanted = definitionOfResource(resource);
    wanted.metadata.annotations = { [tableAnnotation]: '1', ...protectedGroup(resource.group) };
    const stored = machine.store.get(`${definitionPrefix}${name}`);
    try {
      if (!stored) await createObject(machine, request, wanted, true);
      else await refresh(machine, request, decodeObject(stored.value), wanted);
    } catch (error) {
      machine.env.log.warn('cannot show a built-in definition', { definition: name, error: describeError(error) });
    }
  }
}

/** The definition of an earlier release of this program gives way to this one's, unless somebody has changed it. */
async function refresh(machine: Machine, request: WriteRequest, known: KubeObject, wanted: KubeObject): Promise<void> {
  if (!isFromTable(known) || isSame(strip(known), strip(wanted))) return;
  const change = (live: KubeObject): KubeObject => {
    const generation = String((live.metadata.generation ?? 0) + 1);
    return { ...live, metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, [tableAnnotation]: generation } }, spec: wanted['spec'] };
  };
  await updateObject(machine, request, wanted.metadata.name, change, { ownershipDone: true });
}

function strip(definition: KubeObject): unknown {
  return fieldsAt(definition, 'spec', 'versions') ?? fieldsAt(definition, 'spec')?.['versions'];
}

function protectedGroup(group: string): Record<string, string> {
  return /(^|\.)(k8s\.io|kubernetes\.io)$/.test(group) ? { 'api-approved.kubernetes.io': 'https://github.com/kubernetes/enhancements/pull/1111' } : {};
}
