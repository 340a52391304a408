/** What every namespace has: the ServiceAccount `default` and the root certificate of the API (serviceaccount and root-ca publisher controllers). */
import { ConfigMap, Namespace, ServiceAccount } from '@keelson/api';
import type { Controller, ReconcileContext } from '@keelson/controller';
import type { KindRef, KubeObject, ObjectKey } from '@keelson/kube';
import { ApiError, isAlreadyExists, isNotFound } from '@keelson/kube/client';
import { controllerManager } from '../managers.ts';

const accountName = 'default';
const rootCaName = 'kube-root-ca.crt';

/** Keeps both; `rootCaPem` is the authority of the API server's certificate. */
export function namespaceDefaultsController(rootCaPem: string): Controller {
  const namespaceOf = (object: KubeObject): ObjectKey[] => (object.metadata.namespace && [accountName, rootCaName].includes(object.metadata.name) ? [{ name: object.metadata.namespace }] : []);
  return {
    name: 'namespace-defaults-controller',
    kind: Namespace,
    reads: [ServiceAccount, ConfigMap],
    writes: [
      { kind: ServiceAccount, part: 'object', scope: 'default accounts' },
      { kind: ConfigMap, part: 'object', scope: 'root certificates' },
    ],
    watches: [
      { kind: ServiceAccount, toKeys: namespaceOf },
      { kind: ConfigMap, toKeys: namespaceOf },
    ],
    reconcile: async (key, context) => {
      const namespace = context.cache.get<Namespace>(Namespace, key);
      if (!namespace || namespace.metadata.deletionTimestamp !== undefined) return;
      const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: accountName, namespace: key.name } };
      if (!context.cache.get(ServiceAccount, account.metadata)) await create(ServiceAccount, account, context);
      await publishRootCa(key.name, rootCaPem, context);
    },
  };
}

async function publishRootCa(namespace: string, rootCaPem: string, context: ReconcileContext): Promise<void> {
  const known = context.cache.get<ConfigMap>(ConfigMap, { name: rootCaName, namespace });
  if (!known) {
    const annotations = { 'kubernetes.io/description': 'The certificate with which the Kubernetes API of this cluster can be verified.' };
    const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: rootCaName, namespace, annotations }, data: { 'ca.crt': rootCaPem } };
    return create(ConfigMap, map, context);
  }
  if (known.data?.['ca.crt'] === rootCaPem && Object.keys(known.data).length === 1) return;
  const removed = Object.fromEntries(Object.keys(known.data ?? {}).map((name) => [name, null]));
  await context.client.patch(ConfigMap, { name: rootCaName, namespace }, 'merge', { data: { ...removed, 'ca.crt': rootCaPem } }, { fieldManager: controllerManager });
}

async function create(kind: KindRef, object: KubeObject, context: ReconcileContext): Promise<void> {
  try {
    await context.client.create(kind, object, { fieldManager: controllerManager });
  } catch (error) {
    const ending = error instanceof ApiError && error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
    if (!isAlreadyExists(error) && !isNotFound(error) && !ending) throw error;
  }
}
