/** Certificates of a Talos cluster, with the subjects, usages and lifetimes that upstream's generator gives them. */
import type { Random } from '@keelson/std';
import { issueCertificate, type KeyPair } from '@keelson/std/x509';
import { toNodeKey } from './pem.ts';

const hourMs = 3_600_000;
/** Ten years of 365 days. */
export const authorityLifetimeMs = 87_600 * hourMs;
/** One year of 365 days: talosconfig and admin kubeconfig. */
export const clientLifetimeMs = 8760 * hourMs;
export const serverLifetimeMs = 24 * hourMs;
/** A kubeconfig's certificate is valid a little earlier, for clocks that are behind. */
const skewMs = 10_000;

export type TalosRole = 'os:admin' | 'os:operator' | 'os:reader' | 'os:etcd:backup' | 'os:meta:writer';

/** An authority's certificate and private key in PEM; the key may carry Talos' label. */
export interface Authority {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

interface Common {
  readonly key: KeyPair;
  readonly nowMs: number;
  readonly random: Random;
  readonly lifetimeMs?: number;
}

/** A self-signed authority. The aggregator's has no organization, hence an empty subject. */
export function issueAuthority({ key, nowMs, random, organization, lifetimeMs = authorityLifetimeMs }: Common & { readonly organization?: string }): string {
  return issueCertificate({
    subject: organization === undefined ? {} : { organizations: [organization] },
    publicKeyPem: key.publicKeyPem,
    selfKeyPem: key.privateKeyPem,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + lifetimeMs,
    ca: true,
    usages: ['server', 'client'],
    serial: random.bytes(16),
  });
}

/** A client certificate of the Talos API: its organizations are its roles. */
export function issueTalosClient({ authority, roles, key, nowMs, random, lifetimeMs = clientLifetimeMs }: Common & { readonly authority: Authority; readonly roles: readonly TalosRole[] }): string {
  return issueCertificate({
    subject: { organizations: roles },
    publicKeyPem: key.publicKeyPem,
    issuer: signer(authority),
    notBeforeMs: nowMs,
    notAfterMs: nowMs + lifetimeMs,
    usages: ['client'],
    serial: random.bytes(16),
  });
}

/** A client certificate of the Kubernetes API, as in an admin kubeconfig: user `admin` of `system:masters` unless told otherwise. */
export function issueKubernetesClient({
  authority, key, nowMs, random, lifetimeMs = clientLifetimeMs, commonName = 'admin', organizations = ['system:masters'],
}: Common & { readonly authority: Authority; readonly commonName?: string; readonly organizations?: readonly string[] }): string {
  return issueCertificate({
    subject: { commonName, organizations },
    publicKeyPem: key.publicKeyPem,
    issuer: signer(authority),
    notBeforeMs: nowMs - skewMs,
    notAfterMs: nowMs + lifetimeMs,
    usages: ['client'],
    serial: random.bytes(16),
  });
}

/** A server certificate as a control plane issues for its Talos API. */
export function issueTalosServer({
  authority, key, nowMs, random, lifetimeMs = serverLifetimeMs, commonName, dnsNames = [], ipAddresses = [],
}: Common & { readonly authority: Authority; readonly commonName: string; readonly dnsNames?: readonly string[]; readonly ipAddresses?: readonly string[] }): string {
  return issueCertificate({
    subject: { commonName },
    publicKeyPem: key.publicKeyPem,
    issuer: signer(authority),
    notBeforeMs: nowMs,
    notAfterMs: nowMs + lifetimeMs,
    dnsNames,
    ipAddresses,
    usages: ['server'],
    serial: random.bytes(16),
  });
}

function signer(authority: Authority): { certificatePem: string; privateKeyPem: string } {
  return { certificatePem: authority.certificatePem, privateKeyPem: toNodeKey(authority.privateKeyPem) };
}
