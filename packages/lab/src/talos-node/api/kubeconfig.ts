/** Credentials a control plane hands out: the cluster's admin kubeconfig and new talosconfigs. */
import { gzipSync } from 'node:zlib';
import { durationToMs, talosMethods } from '@keelson/talos/wire';
import { encodeText } from '@keelson/std';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import { stringify } from 'yaml';
import { opensslKey } from '../identity.ts';
import { fail, requireControlPlane, streamRoute, unaryRoute, type ApiCall, type Route } from './route.ts';

const service = talosMethods['machine.MachineService'];
const yearMs = 365 * 24 * 3_600_000;
const blockSize = 512;

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The admin kubeconfig: user and context admin@<cluster>, certificate CN admin, O system:masters, one year. */
function adminKubeconfig(call: ApiCall): string {
  const config = requireControlPlane(call, 'kubeconfig');
  const { cert, key: caKey } = config.kubernetesCa;
  if (!cert || !caKey) throw fail.precondition('no Kubernetes CA is configured');
  const nowMs = call.node.machine.env.clock.now();
  const key = generateKey('p256');
  const admin = issueCertificate({
    subject: { commonName: 'admin', organizations: ['system:masters'] }, publicKeyPem: key.publicKeyPem,
    issuer: { certificatePem: cert, privateKeyPem: opensslKey(caKey) }, notBeforeMs: nowMs - 10_000, notAfterMs: nowMs + yearMs, usages: ['client'],
  });
  const name = config.clusterName;
  const user = `admin@${name}`;
  return stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': user,
    clusters: [{ name, cluster: { server: config.endpoint, 'certificate-authority-data': base64(cert) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(admin), 'client-key-data': base64(key.privateKeyPem) } }],
    contexts: [{ name: user, context: { cluster: name, namespace: 'default', user } }],
  });
}

/** One file as a tar entry. Talos leaves the end-of-archive blocks out, and so do we. */
export function tarEntry(name: string, content: Uint8Array, mtimeMs: number): Uint8Array {
  const header = Buffer.alloc(blockSize);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(name, 0, 100);
  header.write(octal(0o600, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(Math.floor(mtimeMs / 1000), 12), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize);
  return Buffer.concat([header, content, padding]);
}

function talosconfig(call: ApiCall, roles: readonly string[], lifetimeMs: number): { ca: string; crt: string; key: string; text: string } {
  const config = requireControlPlane(call, 'generate client configuration');
  const known = new Set(['os:admin', 'os:operator', 'os:reader', 'os:etcd:backup', 'os:meta:writer', 'os:image:verifier']);
  const wrong = roles.find((role) => !known.has(role));
  if (wrong !== undefined || roles.length === 0) throw fail.invalid(wrong === undefined ? 'at least one role is required' : `unknown role ${wrong}`);
  if (lifetimeMs <= 0) throw fail.invalid('crt_ttl should be positive');
  const nowMs = call.node.machine.env.clock.now();
  const key = generateKey('ed25519');
  const crt = issueCertificate({
    subject: { organizations: roles }, publicKeyPem: key.publicKeyPem, issuer: { certificatePem: config.ca.cert, privateKeyPem: opensslKey(config.ca.key ?? '') },
    notBeforeMs: nowMs - 10_000, notAfterMs: nowMs + lifetimeMs, usages: ['client'],
  });
  const keyPem = key.privateKeyPem.replace(/-----(BEGIN|END) PRIVATE KEY-----/g, '-----$1 ED25519 PRIVATE KEY-----');
  const name = config.clusterName;
  const text = stringify({
    context: name,
    contexts: { [name]: { endpoints: [call.node.machine.nodeAddress], ca: base64(config.ca.cert), crt: base64(crt), key: base64(keyPem) } },
  });
  return { ca: config.ca.cert, crt, key: keyPem, text };
}

export const kubeconfigRoutes: readonly Route[] = [
  streamRoute(service.Kubeconfig, 'A', async function* (_request, call) {
    const text = adminKubeconfig(call);
    yield { bytes: gzipSync(tarEntry('kubeconfig', encodeText(text), call.node.machine.env.clock.now())) };
  }),
  unaryRoute(service.GenerateClientConfiguration, 'A', (request, call) => {
    const made = talosconfig(call, request.roles, durationToMs(request.crtTtl) ?? 0);
    return { messages: [{ ca: encodeText(made.ca), crt: encodeText(made.crt), key: encodeText(made.key), talosconfig: encodeText(made.text) }] };
  }),
];
