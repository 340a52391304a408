/** Certificates of a node's API: self-signed in maintenance, else from the CA of the machine configuration, which workers ask trustd for. */
import { timingSafeEqual, createHash } from 'node:crypto';
import type { TlsServerOptions } from '@keelson/std';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import type { NodeConfig } from './config.ts';

const hourMs = 3_600_000;
/** Validity of an apid certificate, and when it is issued anew. */
export const apidCertificateMs = 24 * hourMs;
export const apidRenewMs = 12 * hourMs;

/** Talos writes PKCS#8 Ed25519 keys under a label of its own, which OpenSSL does not read. */
export function opensslKey(pem: string): string {
  return pem.replace(/-----(BEGIN|END) ED25519 PRIVATE KEY-----/g, '-----$1 PRIVATE KEY-----');
}

/** The server side in maintenance: no client certificate is asked for. */
export function maintenanceTls(address: string, nowMs: number): TlsServerOptions {
  const key = generateKey('ed25519');
  const cert = issueCertificate({
    subject: { commonName: 'maintenance-service.talos.dev' }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem,
    notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + apidCertificateMs, dnsNames: ['maintenance-service.talos.dev'], ipAddresses: [address, '127.0.0.1', '::1'], usages: ['server'],
  });
  return { cert, key: key.privateKeyPem };
}

export interface ServerNames {
  readonly hostname: string;
  readonly address: string;
  readonly certSans: readonly string[];
}

/** A server certificate of the machine CA, as a control plane issues it for itself and, by trustd, for workers. */
export function issueServerCertificate(config: NodeConfig, publicKeyPem: string, names: ServerNames, nowMs: number): string {
  const { cert, key } = config.ca;
  if (!key) throw new Error('only a control plane has the key of the machine CA');
  const extra = names.certSans;
  return issueCertificate({
    subject: { commonName: names.hostname }, publicKeyPem, issuer: { certificatePem: cert, privateKeyPem: opensslKey(key) },
    notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + apidCertificateMs, usages: ['server'],
    dnsNames: [names.hostname, 'localhost', ...extra.filter((name) => !isAddress(name))],
    ipAddresses: [names.address, '127.0.0.1', '::1', ...extra.filter(isAddress)],
  });
}

function isAddress(name: string): boolean {
  return name.includes(':') || /^\d+(\.\d+){3}$/.test(name);
}

/** trustd: signs for who knows the machine token. */
export function trustdSign(config: NodeConfig, request: { readonly token: string; readonly publicKeyPem: string; readonly names: ServerNames }, nowMs: number): string | 'missing token' | 'invalid token' {
  if (request.token === '') return 'missing token';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(request.token), digest(config.token))) return 'invalid token';
  return issueServerCertificate(config, request.publicKeyPem, request.names, nowMs);
}
