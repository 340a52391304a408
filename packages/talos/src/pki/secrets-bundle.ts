/**
 * The secrets bundle of a Talos cluster in the structure of upstream's secrets.yaml (`talosctl gen secrets`).
 * Certificates and keys are base64 of PEM; tokens are the bootstrap tokens of Kubernetes' form.
 */
import { ProblemError, problem, type Random } from '@keelson/std';
import { isIssuedBy, parseCertificate, publicKeyOf, type KeyPair } from '@keelson/std/x509';
import { parse, stringify } from 'yaml';
import { talosProblems } from '../problems.ts';
import { isAtLeast, type VersionContract } from '../version-contract.ts';
import { issueAuthority, type Authority } from './certificate.ts';
import { synchronousKeys, type KeySource } from './key-source.ts';
import { fromBase64, toBase64, toNodeKey, toTalosKey } from './pem.ts';

/** Base64 of PEM. */
export interface CertificateAndKey {
  readonly crt: string;
  readonly key: string;
}

export interface SecretsBundle {
  readonly cluster: { readonly id: string; readonly secret: string };
  readonly secrets: {
    readonly bootstraptoken: string;
    /** Exactly one of the two encryption secrets is there. */
    readonly secretboxencryptionsecret?: string;
    readonly aescbcencryptionsecret?: string;
  };
  readonly trustdinfo: { readonly token: string };
  readonly certs: {
    readonly etcd: CertificateAndKey;
    readonly k8s: CertificateAndKey;
    readonly k8saggregator: CertificateAndKey;
    readonly k8sserviceaccount: { readonly key: string };
    readonly os: CertificateAndKey;
  };
}

export interface GenerateSecretsOptions {
  readonly contract: VersionContract;
  readonly nowMs: number;
  /** For ids, tokens and serial numbers. In production the system's generator. */
  readonly random: Random;
  /** Default: on the caller's thread. Use `offThreadKeys` in a process that serves others. */
  readonly keys?: KeySource;
  /** Upstream's default is RSA-4096, since some cloud providers accept no ECDSA tokens. P-256 is made in a millisecond. */
  readonly serviceAccountKey?: 'rsa4096' | 'p256';
}

/** Generates all secrets of a new cluster. */
export async function generateSecretsBundle(options: GenerateSecretsOptions): Promise<SecretsBundle> {
  const { contract, nowMs, random, keys = synchronousKeys } = options;
  const authority = async (algorithm: 'p256' | 'ed25519', organization?: string): Promise<CertificateAndKey> => {
    const key = await keys.generate(algorithm);
    return { crt: toBase64(issueAuthority({ key, nowMs, random, ...(organization ? { organization } : {}) })), key: encodeKey(key) };
  };
  const accountAlgorithm = options.serviceAccountKey ?? (isAtLeast(contract, 1, 7) ? 'rsa4096' : 'p256');
  const encryption = base64Bytes(random, 32);
  return {
    cluster: { id: base64Bytes(random, 32), secret: base64Bytes(random, 32) },
    secrets: { bootstraptoken: bootstrapToken(random), ...(isAtLeast(contract, 1, 3) ? { secretboxencryptionsecret: encryption } : { aescbcencryptionsecret: encryption }) },
    trustdinfo: { token: bootstrapToken(random) },
    certs: {
      etcd: await authority('p256', 'etcd'),
      k8s: await authority('p256', 'kubernetes'),
      k8saggregator: await authority('p256'),
      k8sserviceaccount: { key: encodeKey(await keys.generate(accountAlgorithm)) },
      os: await authority('ed25519', 'talos'),
    },
  };
}

function encodeKey(key: KeyPair): string {
  return toBase64(toTalosKey(key.privateKeyPem));
}

function base64Bytes(random: Random, count: number): string {
  return Buffer.from(random.bytes(count)).toString('base64');
}

const tokenAlphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `[0-9a-z]{6}.[0-9a-z]{16}`; bytes beyond the largest multiple of 36 are thrown away, so every character is equally likely. */
function bootstrapToken(random: Random): string {
  const fair = 256 - (256 % tokenAlphabet.length);
  let out = '';
  while (out.length < 22) {
    for (const byte of random.bytes(32)) if (byte < fair && out.length < 22) out += tokenAlphabet[byte % tokenAlphabet.length];
  }
  return `${out.slice(0, 6)}.${out.slice(6)}`;
}

/** A cluster's authority out of its bundle, with the key as Node reads it. */
export function authorityOf(bundle: SecretsBundle, name: 'os' | 'k8s' | 'etcd' | 'k8saggregator'): Authority {
  const pair = bundle.certs[name];
  return { certificatePem: fromBase64(pair.crt), privateKeyPem: toNodeKey(fromBase64(pair.key)) };
}

/** What is wrong with a bundle, one line each; empty when it can be used. */
export function checkSecretsBundle(bundle: SecretsBundle): readonly string[] {
  const wrong: string[] = [];
  const need = (path: string, value: string | undefined) => {
    if (!value) wrong.push(`${path} is missing`);
    return Boolean(value);
  };
  need('cluster.id', bundle.cluster?.id);
  need('cluster.secret', bundle.cluster?.secret);
  for (const [path, token] of [['secrets.bootstraptoken', bundle.secrets?.bootstraptoken], ['trustdinfo.token', bundle.trustdinfo?.token]] as const) {
    if (need(path, token) && !/^[0-9a-z]{6}\.[0-9a-z]{16}$/.test(token!)) wrong.push(`${path} is not of the form [0-9a-z]{6}.[0-9a-z]{16}`);
  }
  const encryption = [bundle.secrets?.secretboxencryptionsecret, bundle.secrets?.aescbcencryptionsecret].filter(Boolean);
  if (encryption.length !== 1) wrong.push('exactly one of secrets.secretboxencryptionsecret and secrets.aescbcencryptionsecret must be set');
  for (const name of ['os', 'k8s', 'etcd', 'k8saggregator'] as const) {
    if (need(`certs.${name}.crt`, bundle.certs?.[name]?.crt) && need(`certs.${name}.key`, bundle.certs[name].key)) wrong.push(...checkAuthority(name, bundle));
  }
  if (need('certs.k8sserviceaccount.key', bundle.certs?.k8sserviceaccount?.key) && !readable(() => publicKeyOf(toNodeKey(fromBase64(bundle.certs.k8sserviceaccount.key))))) {
    wrong.push('certs.k8sserviceaccount.key is not a private key');
  }
  return wrong;
}

function checkAuthority(name: 'os' | 'k8s' | 'etcd' | 'k8saggregator', bundle: SecretsBundle): string[] {
  try {
    const { certificatePem, privateKeyPem } = authorityOf(bundle, name);
    const info = parseCertificate(certificatePem);
    if (!info.isCa) return [`certs.${name}.crt is not a certificate authority`];
    if (publicKeyOf(privateKeyPem) !== info.publicKeyPem) return [`certs.${name}.key is not the key of certs.${name}.crt`];
    return isIssuedBy(certificatePem, certificatePem) ? [] : [`certs.${name}.crt is not signed by its own key`];
  } catch {
    return [`certs.${name} is not base64 of a PEM certificate and key`];
  }
}

function readable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** Reads a secrets.yaml. Throws ProblemError (TALOS.BAD_SECRETS) when it is not a complete bundle. `where` names it for the user. */
export function parseSecretsBundle(text: string, where = 'secrets.yaml'): SecretsBundle {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    // The parser's message may quote a secret.
    throw new ProblemError(problem(talosProblems.badSecrets, {}, { why: 'it is not YAML', where }), { cause: cause instanceof Error ? new Error(cause.name) : undefined });
  }
  if (typeof value !== 'object' || value === null) throw new ProblemError(problem(talosProblems.badSecrets, {}, { why: 'it is not a mapping', where }));
  // checkSecretsBundle reads every field it needs as if it could be absent.
  const bundle = value as SecretsBundle;
  const wrong = checkSecretsBundle(bundle);
  if (wrong.length > 0) throw new ProblemError(problem(talosProblems.badSecrets, {}, { why: wrong.join('; '), where }));
  return bundle;
}

/** A secrets.yaml. */
export function serializeSecretsBundle(bundle: SecretsBundle): string {
  return stringify(bundle, { indent: 4, lineWidth: 0 });
}
