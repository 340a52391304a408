/** The secrets bundle of a running cluster out of a control plane's configuration, in either dialect: for clusters that someone else built. */
import { ProblemError, problem } from '@keelson/std';
import { toBase64 } from '../pki/pem.ts';
import { checkSecretsBundle, type CertificateAndKey, type SecretsBundle } from '../pki/secrets-bundle.ts';
import { talosProblems } from '../problems.ts';
import { findDocument, isRecord, type MachineConfig } from './machine-config.ts';
import { readPath } from './path.ts';

/** Reads the bundle; the same as the one that the cluster was made with. Throws ProblemError (TALOS.BAD_SECRETS) when the configuration does not hold all of it, as a worker's. */
export function secretsFromControlPlane(config: MachineConfig, where = 'machine configuration'): SecretsBundle {
  const root = findDocument(config, 'v1alpha1');
  const text = (path: string): string | undefined => asText(readPath(root, path));
  const pair = (path: string): CertificateAndKey => ({ crt: text(`${path}.crt`) ?? '', key: text(`${path}.key`) ?? '' });
  /** The document's PEM text, or the root's base64. */
  const authority = (kind: string, path: string): CertificateAndKey => {
    const issuing = readPath(findDocument(config, kind), 'issuingCA');
    return isRecord(issuing) ? { crt: toBase64(asText(issuing['cert']) ?? ''), key: toBase64(asText(issuing['key']) ?? '') } : pair(path);
  };
  const identity = findDocument(config, 'DiscoveryIdentityConfig');
  const accountKey = asText(readPath(findDocument(config, 'KubeServiceAccountConfig'), 'issuer.privateKey'));
  const secretbox = text('cluster.secretboxEncryptionSecret') ?? encryptionSecret(config, 'secretbox');
  const aescbc = text('cluster.aescbcEncryptionSecret') ?? encryptionSecret(config, 'aescbc');
  const bundle: SecretsBundle = {
    cluster: { id: asText(identity?.['clusterID']) ?? text('cluster.id') ?? '', secret: asText(identity?.['clusterSecret']) ?? text('cluster.secret') ?? '' },
    secrets: {
      bootstraptoken: text('cluster.token') ?? '',
      ...(secretbox === undefined ? {} : { secretboxencryptionsecret: secretbox }),
      ...(aescbc === undefined ? {} : { aescbcencryptionsecret: aescbc }),
    },
    trustdinfo: { token: text('machine.token') ?? '' },
    certs: {
      etcd: pair('cluster.etcd.ca'),
      k8s: authority('KubeAPIServerCAConfig', 'cluster.ca'),
      k8saggregator: authority('KubeAggregatorCAConfig', 'cluster.aggregatorCA'),
      k8sserviceaccount: { key: accountKey === undefined ? (text('cluster.serviceAccount.key') ?? '') : toBase64(accountKey) },
      os: pair('machine.ca'),
    },
  };
  const wrong = checkSecretsBundle(bundle);
  if (wrong.length > 0) throw new ProblemError(problem(talosProblems.badSecrets, {}, { why: wrong.join('; '), where }));
  return bundle;
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The first key of a provider in the etcd encryption document. */
function encryptionSecret(config: MachineConfig, provider: 'secretbox' | 'aescbc'): string | undefined {
  const resources = readPath(findDocument(config, 'KubeEtcdEncryptionConfig'), 'config.resources');
  for (const resource of Array.isArray(resources) ? resources : []) {
    const providers = readPath(resource, 'providers');
    for (const entry of Array.isArray(providers) ? providers : []) {
      const keys = readPath(entry, `${provider}.keys`);
      const secret = Array.isArray(keys) ? asText(readPath(keys[0], 'secret')) : undefined;
      if (secret !== undefined) return secret;
    }
  }
  return undefined;
}
