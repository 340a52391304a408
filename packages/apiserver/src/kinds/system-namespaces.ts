import { serverUser } from '../authn/user.ts';
import { StatusError } from '../http/api-status.ts';
import type { Machine } from '../registry/request-context.ts';
import { createWarnings } from '../registry/request-context.ts';
import { createObject } from '../registry/write.ts';
import { namespaceKeyPrefix } from '../admission/namespace-gate.ts';

/** Namespaces that every cluster has; they cannot be deleted. */
export const systemNamespaceNames = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

/** Makes the system namespaces that are not there. */
export async function systemNamespaces(machine: Machine): Promise<void> {
  const served = machine.registry.find('', 'v1', 'namespaces');
  if (!served) return;
  for (const name of systemNamespaceNames) {
    if (machine.store.get(`${namespaceKeyPrefix}${name}`)) continue;
    const request = { served, namespace: undefined, user: serverUser, dryRun: false, fieldManager: 'keelson-apiserver', fieldValidation: 'Ignore' as const, warnings: createWarnings() };
    try {
      await createObject(machine, request, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    } catch (error) {
      if (!(error instanceof StatusError) || error.status.reason !== 'AlreadyExists') throw error;
    }
  }
}
