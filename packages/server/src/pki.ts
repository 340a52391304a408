/** The management API's own authority and certificates, made once and kept in the data directory. */
import { join } from 'node:path';
import { rfc3339, type Env } from '@keelson/std';
import { checkCertificate, generateKey, issueCertificate, parseCertificate } from '@keelson/std/x509';

export interface ServerPki {
  readonly caPem: string;
  readonly serving: { readonly certificatePem: string; readonly privateKeyPem: string };
  /** Client certificate of system:masters, for the kubeconfig. */
  readonly admin: { readonly certificatePem: string; readonly privateKeyPem: string };
  /** The user's bearer token, the same rights as `admin`. */
  readonly token: string;
  /** Signs the tokens of service accounts. */
  readonly serviceAccountKeyPem: string;
}

const dayMs = 86_400_000;
const caLifeMs = 3650 * dayMs;
const leafLifeMs = 365 * dayMs;
/** A leaf with less life than this is issued anew at start. */
const renewBeforeMs = 30 * dayMs;

/** Reads the certificates, or makes those that are missing or about to expire. Files are 0600. */
export async function openPki(env: Env, dataDir: string, hosts: readonly string[]): Promise<ServerPki> {
  const folder = join(dataDir, 'pki');
  const text = async (name: string) => {
    const bytes = await env.files.read(join(folder, name));
    return bytes ? new TextDecoder().decode(bytes) : undefined;
  };
  const keep = (name: string, content: string) => env.files.write(join(folder, name), content, { mode: 0o600 });
  const now = env.clock.now();

  let caKey = await text('ca.key');
  let caPem = await text('ca.crt');
  if (!caKey || !caPem) {
    const key = generateKey('p256');
    caKey = key.privateKeyPem;
    caPem = issueCertificate({ subject: { commonName: 'keelson' }, publicKeyPem: key.publicKeyPem, selfKeyPem: caKey, notBeforeMs: now - dayMs, notAfterMs: now + caLifeMs, ca: true });
    // The key first: a certificate without its key could never be used again.
    await keep('ca.key', caKey);
    await keep('ca.crt', caPem);
  }
  const issuer = { certificatePem: caPem, privateKeyPem: caKey };
  const leaf = async (name: string, request: { commonName: string; organizations?: readonly string[]; ips?: readonly string[]; usage: 'server' | 'client' }) => {
    const certificatePem = await text(`${name}.crt`);
    const privateKeyPem = await text(`${name}.key`);
    if (certificatePem && privateKeyPem && isGood(certificatePem, issuer.certificatePem, now, request.ips ?? [])) return { certificatePem, privateKeyPem };
    const key = generateKey('p256');
    const fresh = issueCertificate({
      subject: { commonName: request.commonName, organizations: request.organizations ?? [] }, publicKeyPem: key.publicKeyPem, issuer,
      notBeforeMs: now - dayMs, notAfterMs: now + leafLifeMs, usages: [request.usage],
      dnsNames: request.usage === 'server' ? ['localhost', 'keelson', 'kubernetes.default.svc'] : [], ipAddresses: request.ips ?? [],
    });
    await keep(`${name}.key`, key.privateKeyPem);
    await keep(`${name}.crt`, fresh);
    env.log.info('certificate issued', { name, until: rfc3339(now + leafLifeMs) });
    return { certificatePem: fresh, privateKeyPem: key.privateKeyPem };
  };
  const serving = await leaf('serving', { commonName: 'keelson-apiserver', ips: [...new Set([...hosts, '127.0.0.1'])], usage: 'server' });
  const admin = await leaf('admin', { commonName: 'keelson-admin', organizations: ['system:masters'], usage: 'client' });
  let token = await text('admin.token');
  if (!token) await keep('admin.token', (token = Buffer.from(env.random.bytes(32)).toString('base64url')));
  let serviceAccountKeyPem = await text('service-account.key');
  if (!serviceAccountKeyPem) await keep('service-account.key', (serviceAccountKeyPem = generateKey('p256').privateKeyPem));
  return { caPem, serving, admin, token, serviceAccountKeyPem };
}

function isGood(certificatePem: string, caPem: string, nowMs: number, ips: readonly string[]): boolean {
  const info = parseCertificate(certificatePem);
  return checkCertificate(certificatePem, caPem, nowMs) === undefined && info.notAfterMs - nowMs > renewBeforeMs && ips.every((ip) => info.ipAddresses.includes(ip));
}
