/** The first objects: a repository, the Kustomization that everything hangs on, and the Receiver that a forge posts to. */
import { GitRepository, Kustomization, Namespace, Receiver, Secret } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';

export interface FirstRepository {
  readonly name: string;
  readonly url: string;
  readonly branch: string;
  /** Folder of the root Kustomization. */
  readonly path: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Shared with the forge that posts on a push. */
  readonly webhookSecret: string;
}

export const systemNamespace = 'flux-system';
const fieldManager = 'keelson-bootstrap';

/** Declares a repository, as `flux bootstrap` leaves it. Applying it again changes nothing. */
export async function declareRepository(client: KubeClient, repository: FirstRepository): Promise<void> {
  const { name, credentials } = repository;
  const metadata = (objectName: string) => ({ name: objectName, namespace: systemNamespace });
  const apply = (kind: Parameters<KubeClient['apply']>[0], object: KubeObject) => client.apply(kind, object, { fieldManager, force: true });
  await apply(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } });
  if (credentials) await apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: metadata(`${name}-git`), type: 'Opaque', stringData: { username: credentials.username, password: credentials.password } });
  await apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: metadata(`${name}-webhook`), type: 'Opaque', stringData: { token: repository.webhookSecret } });
  await apply(GitRepository, {
    apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', metadata: metadata(name),
    spec: { interval: '1m', url: repository.url, ref: { branch: repository.branch }, timeout: '60s', ...(credentials ? { secretRef: { name: `${name}-git` } } : {}) },
  });
  await apply(Kustomization, {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', metadata: metadata(name),
    spec: { interval: '10m', retryInterval: '30s', path: repository.path, prune: true, sourceRef: { kind: 'GitRepository', name } },
  });
  await apply(Receiver, {
    apiVersion: 'notification.toolkit.fluxcd.io/v1', kind: 'Receiver', metadata: metadata(name),
    spec: { type: 'generic-hmac', secretRef: { name: `${name}-webhook` }, resources: [{ kind: 'GitRepository', name }] },
  });
}
