import { type Problem, describeError, problem } from '@keelson/std';
import { keyOf } from '@keelson/kube';
import { type Kustomization, Secret } from '@keelson/api';
import type { KubeClient } from '@keelson/kube/client';
import type { ReconcileContext } from '@keelson/controller';
import { gitopsProblems } from '../problems.ts';
import { secretText } from '../source/git-credentials.ts';

/** Where a Kustomization is applied. */
export interface Target {
  readonly client: KubeClient;
  /** Undefined for the cluster the Kustomization lives in. */
  readonly remote?: {
    /** `namespace/name` of the kubeconfig Secret. */
    readonly secret: string;
    /** Changes when the Secret does. */
    readonly version: string;
  };
}

/** Makes a client of a kubeconfig's text. Throws what is wrong with it. */
export type Connect = (kubeconfig: string) => KubeClient | Promise<KubeClient>;

const clientLimit = 200;

/** Finds the target of a Kustomization; clients of remote clusters are kept for as long as their Secret stays the same. */
export function targetFinder(connect: Connect): (kustomization: Kustomization, context: ReconcileContext) => Promise<Target | Problem> {
  const clients = new Map<string, { version: string; client: KubeClient }>();
  return async (kustomization, context) => {
    const reference = kustomization.spec?.kubeConfig?.secretRef;
    if (!reference) return { client: context.client };
    const key = { namespace: kustomization.metadata.namespace, name: reference.name };
    const secret = context.cache.get(Secret, key);
    const waits = (why: string) => problem(gitopsProblems.clusterWaits, { key: keyOf(kustomization), secret: keyOf(key) }, { why, where: `Secret ${keyOf(key)}` });
    if (!secret) return waits('the Secret is not there yet');
    const text = reference.key ? secretText(secret, reference.key) : (secretText(secret, 'value') ?? secretText(secret, 'value.yaml'));
    if (!text) return waits(`the Secret has no key ${reference.key ?? 'value'} yet`);
    const version = `${secret.metadata.uid}/${secret.metadata.resourceVersion}`;
    const id = `${keyOf(key)}/${reference.key ?? ''}`;
    const known = clients.get(id);
    if (known?.version === version) return { client: known.client, remote: { secret: keyOf(key), version } };
    try {
      const client = await connect(text);
      if (clients.size >= clientLimit && !clients.has(id)) clients.delete(clients.keys().next().value!);
      clients.set(id, { version, client });
      return { client, remote: { secret: keyOf(key), version } };
    } catch (error) {
      return waits(`its kubeconfig cannot be used: ${describeError(error)}`);
    }
  };
}
