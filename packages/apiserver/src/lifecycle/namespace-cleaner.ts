// Deletion of a namespace's content: kubernetes/pkg/controller/namespace/deletion.
import type { Condition, KubeObject } from '@keelson/kube';
import { setCondition } from '@keelson/kube';
import { rfc3339 } from '@keelson/std';
import { namespaceKeyPrefix } from '../admission/namespace-gate.ts';
import { ensureFields, fieldsAt } from '../kinds/fields.ts';
import { deleteObject } from '../registry/delete.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Machine } from '../registry/request-context.ts';
import { keyParts } from '../registry/resource.ts';
import { namespaceFinalizers, updateObject } from '../registry/write.ts';
import type { StoreEvent } from '../store/store.ts';
import { ignoreNotFound, internalRequest } from './internal-request.ts';
import { createKeyQueue } from './key-queue.ts';

export interface NamespaceCleaner {
  idle(): Promise<void>;
  close(): void;
}

const fieldManager = 'namespace-controller';
const ownFinalizer = 'kubernetes';
const deletionMarker = '"deletionTimestamp":"';

/** Empties namespaces that are being deleted and lets them go when nothing is left; says in their conditions what still is. */
export function startNamespaceCleaner(machine: Machine): NamespaceCleaner {
  const { store, registry } = machine;
  const dying = new Set<string>();
  const queue = createKeyQueue(machine.env, fieldManager, (name) => clean(name));

  const look = (key: string, value: Uint8Array | undefined) => {
    const name = key.slice(namespaceKeyPrefix.length);
    if (value && Buffer.from(value).includes(deletionMarker)) {
      const isNew = !dying.has(name);
      dying.add(name);
      if (isNew || mayFinish(decodeObject(value))) queue.add(name);
    } else dying.delete(name);
  };
  const onEvents = (events: readonly StoreEvent[]) => {
    for (const event of events) {
      if (event.key.startsWith(namespaceKeyPrefix)) look(event.key, event.value);
      else if (dying.size > 0 && !event.value) {
        const namespace = event.key.split('/')[2];
        if (namespace !== undefined && dying.has(namespace)) queue.add(namespace);
      }
    }
  };

  const clean = async (name: string): Promise<void> => {
    const stored = store.get(`${namespaceKeyPrefix}${name}`);
    const namespace = stored && decodeObject(stored.value);
    if (!namespace?.metadata.deletionTimestamp || !namespaceFinalizers(namespace).includes(ownFinalizer)) return;
    const left = await deleteContent(name);
    if (left.length > 0) await report(name, left);
    else await finalize(name);
  };

  const deleteContent = async (namespace: string): Promise<Left[]> => {
    const left: Left[] = [];
    for (const resource of registry.all()) {
      if (!resource.namespaced || !resource.verbs.includes('delete') || resource.group === 'events.k8s.io') continue;
      const prefix = `${resource.prefix}${namespace}/`;
      for (const entry of store.list({ prefix }).entries) {
        const { name } = keyParts(resource, entry.key);
        try {
          await deleteObject(machine, internalRequest(resource, namespace, fieldManager), name, { propagation: 'Background' });
        } catch (error) {
          ignoreNotFound(error);
        }
        const now = store.get(entry.key);
        if (now) left.push({ resource: resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`, finalizers: decodeObject(now.value).metadata.finalizers ?? [] });
      }
    }
    return left;
  };

  const report = async (name: string, left: readonly Left[]): Promise<void> => {
    const resource = registry.resource('', 'namespaces');
    if (!resource) return;
    const now = rfc3339(machine.env.clock.now());
    await updateObject(machine, internalRequest(resource, undefined, fieldManager, 'status'), name, (live) => {
      const status = ensureFields(live, 'status');
      status['phase'] = 'Terminating';
      const known = Array.isArray(status['conditions']) ? (status['conditions'] as Condition[]) : [];
      status['conditions'] = conditionsOf(left).reduce((conditions, condition) => setCondition(conditions, condition, now), known);
      return live;
    }).catch(ignoreNotFound);
  };

  const finalize = async (name: string): Promise<void> => {
    const resource = registry.resource('', 'namespaces');
    if (!resource) return;
    await updateObject(machine, internalRequest(resource, undefined, fieldManager, 'finalize'), name, (live) => {
      const spec = ensureFields(live, 'spec');
      spec['finalizers'] = namespaceFinalizers(live).filter((finalizer) => finalizer !== ownFinalizer);
      return live;
    }).catch(ignoreNotFound);
  };

  for (const entry of store.list({ prefix: namespaceKeyPrefix }).entries) look(entry.key, entry.value);
  const watch = store.watch({ prefix: '', onEvents });
  return {
    idle: () => queue.idle(),
    close() {
      watch.close();
      queue.close();
    },
  };
}

interface Left {
  readonly resource: string;
  readonly finalizers: readonly string[];
}

/** The namespace's own finalizer is there to be removed. */
function mayFinish(namespace: KubeObject): boolean {
  const conditions = fieldsAt(namespace, 'status')?.['conditions'];
  return namespaceFinalizers(namespace).includes(ownFinalizer) && conditions === undefined;
}

function conditionsOf(left: readonly Left[]): Omit<Condition, 'lastTransitionTime'>[] {
  const byResource = countBy(left.map((one) => one.resource));
  const byFinalizer = countBy(left.flatMap((one) => one.finalizers));
  const fine = (type: string, reason: string, message: string) => ({ type, status: 'False' as const, reason, message });
  return [
    fine('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'),
    fine('NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'),
    fine('NamespaceDeletionContentFailure', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'),
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${byResource.map(([name, count]) => `${name} has ${count} resource instances`).join(', ')}`,
    },
    byFinalizer.length > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${byFinalizer.map(([name, count]) => `${name} in ${count} resource instances`).join(', ')}`,
        }
      : fine('NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'),
  ];
}

function countBy(names: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
