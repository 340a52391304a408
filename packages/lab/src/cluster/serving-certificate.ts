import type { TlsServerOptions } from '@keelson/std';
import { generateKey, issueCertificate } from '@keelson/std/x509';
import type { NodeAttachment } from './cluster-host.ts';
import { addressAt } from './pod-network.ts';

const validMs = 365 * 24 * 3600 * 1000;
const skewMs = 3600 * 1000;

/** The API server's certificate on one control-plane node, from the cluster's CA; clients with a certificate of that CA are known. */
export function servingTls(attachment: NodeAttachment, nowMs: number): TlsServerOptions {
  const { ca, endpoint, address, certSans = [], nodeName } = attachment;
  if (ca.privateKeyPem === undefined) throw new Error(`${nodeName} has no key of the Kubernetes CA, so it cannot serve the API`);
  const service = addressAt(attachment.serviceSubnet ?? defaultServiceSubnet, 1);
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', 'localhost', nodeName, endpoint.host, address, '127.0.0.1', ...(service ? [service] : []), ...certSans];
  const isAddress = (name: string) => /^[\d.]+$/.test(name) || name.includes(':');
  const key = generateKey('p256');
  const cert = issueCertificate({
    subject: { commonName: 'kube-apiserver', organizations: ['kube-master'] },
    publicKeyPem: key.publicKeyPem,
    issuer: { certificatePem: ca.certificatePem, privateKeyPem: ca.privateKeyPem },
    notBeforeMs: nowMs - skewMs,
    notAfterMs: nowMs + validMs,
    dnsNames: [...new Set(names.filter((name) => !isAddress(name)))],
    ipAddresses: [...new Set(names.filter(isAddress))],
    usages: ['server'],
  });
  return { cert, key: key.privateKeyPem, clientCa: ca.certificatePem };
}

export const defaultServiceSubnet = '10.96.0.0/12';
export const defaultPodSubnet = '10.244.0.0/16';
