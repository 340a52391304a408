// Namespace life cycle for creates: apiserver pkg/admission/plugin/namespace/lifecycle.
import { forbidden, notFound } from '../http/api-status.ts';
import { decodeObject } from '../registry/encode.ts';
import type { Resource } from '../registry/resource.ts';
import type { Store, StoreWrite } from '../store/store.ts';

export const namespaceKeyPrefix = 'core/namespaces/';

export interface NamespaceGate {
  /**
   * Refuses a create in a namespace that is not there or that is being deleted. Answers a precondition for the commit:
   * the namespace must still be what it was when it was looked at.
   */
  admitCreate(resource: Resource, namespace: string, name: string): StoreWrite;
}

/** A gate over the namespaces in a store; what it reads of a namespace is kept while that does not change. */
export function createNamespaceGate(store: Store): NamespaceGate {
  const terminating = new Map<string, { revision: number; terminating: boolean }>();
  return {
    admitCreate(resource, namespace, name) {
      const key = `${namespaceKeyPrefix}${namespace}`;
      const stored = store.get(key);
      if (!stored) {
        terminating.delete(namespace);
        throw notFound({ group: '', name: 'namespaces' }, namespace);
      }
      let known = terminating.get(namespace);
      if (known?.revision !== stored.revision) {
        known = { revision: stored.revision, terminating: decodeObject(stored.value).metadata.deletionTimestamp !== undefined };
        terminating.set(namespace, known);
      }
      if (known.terminating) {
        const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
        throw forbidden({ group: resource.group, name: resource.plural }, name, message, [
          { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
        ]);
      }
      return { type: 'check', key, expect: stored.revision };
    },
  };
}
