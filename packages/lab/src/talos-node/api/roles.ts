/** Roles of a caller: the O values of its client certificate (facts: client auth). */
import { X509Certificate } from 'node:crypto';
import { parseCertificate } from '@keelson/std/x509';
import type { RoleLetter } from './route.ts';

const letters: Readonly<Record<string, RoleLetter>> = {
  'os:admin': 'A', 'os:operator': 'O', 'os:reader': 'R', 'os:etcd:backup': 'E', 'os:meta:writer': 'M', 'os:image:verifier': 'V',
};

/** Roles in maintenance: whoever reaches the port is a reader. */
export const maintenanceRoles: ReadonlySet<RoleLetter> = new Set(['R']);

export function rolesOf(certificatePem: string): ReadonlySet<RoleLetter> {
  const found = parseCertificate(certificatePem).organizations.flatMap((name) => letters[name] ?? []);
  return new Set(found);
}

const clientAuth = '1.3.6.1.5.5.7.3.2';
const verdicts = new Map<string, boolean>();
const verdictLimit = 256;

/** Talos takes only certificates whose extended key usage is client authentication and nothing else. */
export function isClientCertificate(certificatePem: string): boolean {
  const known = verdicts.get(certificatePem);
  if (known !== undefined) return known;
  const usages = new X509Certificate(certificatePem).keyUsage as readonly string[] | undefined; // undefined when there is no such extension
  const verdict = usages?.length === 1 && usages[0] === clientAuth;
  if (verdicts.size >= verdictLimit) verdicts.clear();
  verdicts.set(certificatePem, verdict);
  return verdict;
}

/** `admin@os:admin` for the journal. */
export function callerName(certificatePem: string | undefined, address: string): string {
  if (certificatePem === undefined) return `anonymous at ${address} by Talos maintenance`;
  const { commonName, organizations } = parseCertificate(certificatePem);
  return `${commonName || organizations.join('+') || 'client'} (${organizations.join(', ')}) by Talos API`;
}
