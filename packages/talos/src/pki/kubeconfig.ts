/** The admin kubeconfig of a Talos cluster, issued from the cluster's own Kubernetes authority, as the Kubeconfig method answers it. */
import type { Random } from '@keelson/std';
import { stringify } from 'yaml';
import { issueKubernetesClient } from './certificate.ts';
import { synchronousKeys, type KeySource } from './key-source.ts';
import { fromBase64, toBase64, toTalosKey } from './pem.ts';
import { authorityOf, type SecretsBundle } from './secrets-bundle.ts';

export interface AdminKubeconfigOptions {
  readonly clusterName: string;
  /** URL of the Kubernetes API: `https://host:6443`. */
  readonly endpoint: string;
  readonly bundle: SecretsBundle;
  readonly nowMs: number;
  readonly random: Random;
  readonly keys?: KeySource;
  /** One year when absent (`cluster.adminKubeconfig.certLifetime`). */
  readonly lifetimeMs?: number;
  readonly commonName?: string;
  readonly organizations?: readonly string[];
}

/** A kubeconfig in YAML: cluster by its name, user and context `admin@<cluster>`, namespace default, a new P-256 client key. */
export async function generateAdminKubeconfig(options: AdminKubeconfigOptions): Promise<string> {
  const { clusterName, endpoint, bundle, commonName = 'admin' } = options;
  const key = await (options.keys ?? synchronousKeys).generate('p256');
  const certificate = issueKubernetesClient({
    authority: authorityOf(bundle, 'k8s'),
    key,
    nowMs: options.nowMs,
    random: options.random,
    commonName,
    ...(options.organizations ? { organizations: options.organizations } : {}),
    ...(options.lifetimeMs === undefined ? {} : { lifetimeMs: options.lifetimeMs }),
  });
  const user = `${commonName}@${clusterName}`;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: clusterName, cluster: { server: endpoint, 'certificate-authority-data': toBase64(fromBase64(bundle.certs.k8s.crt)) } }],
      users: [{ name: user, user: { 'client-certificate-data': toBase64(certificate), 'client-key-data': toBase64(toTalosKey(key.privateKeyPem)) } }],
      contexts: [{ name: user, context: { cluster: clusterName, namespace: 'default', user } }],
      'current-context': user,
    },
    { lineWidth: 0 },
  );
}
