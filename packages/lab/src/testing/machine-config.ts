/** Machine configurations for tests of the lab, written from the documented shapes and not by our renderer. */
import { stringify } from 'yaml';
import { generateKey, issueCertificate, type KeyAlgorithm } from '@keelson/std/x509';

export interface TestCluster {
  readonly name: string;
  readonly id: string;
  readonly endpoint: string;
  readonly osCa: Pair;
  /** A client of the Talos API with these roles. */
  client(...roles: readonly string[]): { readonly ca: string; readonly cert: string; readonly key: string };
  /** The single v1alpha1 document of contracts up to 1.13. */
  legacyConfig(type: 'controlplane' | 'worker', changes?: ConfigChanges): string;
  /** The documents of contract 1.14. */
  config(type: 'controlplane' | 'worker', changes?: ConfigChanges): string;
}

export interface ConfigChanges {
  readonly hostname?: string;
  readonly disk?: string;
  readonly image?: string;
  readonly providerId?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const talosLabel = (pem: string) => pem.replace(/-----(BEGIN|END) PRIVATE KEY-----/g, '-----$1 ED25519 PRIVATE KEY-----');

function authority(nowMs: number, algorithm: KeyAlgorithm, organizations: readonly string[]): Pair {
  const key = generateKey(algorithm);
  const cert = issueCertificate({
    subject: { organizations }, publicKeyPem: key.publicKeyPem, selfKeyPem: key.privateKeyPem, notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + 3650 * dayMs, ca: true,
  });
  return { cert, key: key.privateKeyPem };
}

/** Secrets of a cluster and its configurations. `nowMs` is the lab's time. */
export function testCluster(options: { readonly nowMs: number; readonly name?: string; readonly endpoint?: string }): TestCluster {
  const { nowMs, name = 'edge', endpoint = 'https://127.77.3.1:6443' } = options;
  const osCa = authority(nowMs, 'ed25519', ['talos']);
  const etcdCa = authority(nowMs, 'p256', ['etcd']);
  const k8sCa = authority(nowMs, 'p256', ['kubernetes']);
  const serviceAccountKey = generateKey('p256').privateKeyPem;
  const id = base64(`id-of-${name}-${nowMs}`);
  const token = 'abcdef.0123456789abcdef';
  const machine = (type: 'controlplane' | 'worker') => ({
    type, token, ca: { crt: base64(osCa.cert), key: type === 'controlplane' ? base64(talosLabel(osCa.key)) : '' }, certSANs: [],
  });
  const etcd = { ca: { crt: base64(etcdCa.cert), key: base64(etcdCa.key) } };
  const defaults = { disk: '/dev/nvme0n1', image: 'factory.talos.dev/metal-installer/376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba:v1.14.1' };
  return {
    name, id, endpoint, osCa,
    client(...roles) {
      const key = generateKey('ed25519');
      const cert = issueCertificate({
        subject: { organizations: roles }, publicKeyPem: key.publicKeyPem, issuer: { certificatePem: osCa.cert, privateKeyPem: osCa.key },
        notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + 365 * dayMs, usages: ['client'],
      });
      return { ca: osCa.cert, cert, key: key.privateKeyPem };
    },
    legacyConfig(type, { hostname, disk = defaults.disk, image = defaults.image, providerId, labels } = {}) {
      return stringify({
        version: 'v1alpha1', debug: false, persist: true,
        machine: {
          ...machine(type),
          kubelet: { image: 'ghcr.io/siderolabs/kubelet:v1.36.1', ...(providerId ? { extraArgs: { 'provider-id': providerId } } : {}) },
          install: { disk, image, wipe: false }, features: { diskQuotaSupport: true },
          ...(labels ? { nodeLabels: labels } : {}), ...(hostname ? { network: { hostname } } : {}),
        },
        cluster: {
          id, secret: base64('secret'), controlPlane: { endpoint }, clusterName: name, token: '123456.0123456789abcdef',
          network: { dnsDomain: 'cluster.local', podSubnets: ['10.244.0.0/16'], serviceSubnets: ['10.96.0.0/12'] },
          ca: { crt: base64(k8sCa.cert), ...(type === 'controlplane' ? { key: base64(k8sCa.key) } : { key: '' }) },
          ...(type === 'controlplane' ? { etcd, serviceAccount: { key: base64(serviceAccountKey) }, apiServer: { image: 'registry.k8s.io/kube-apiserver:v1.36.1' } } : {}),
        },
      });
    },
    config(type, { hostname, disk = defaults.disk, image = defaults.image, providerId, labels } = {}) {
      const isControlPlane = type === 'controlplane';
      const doc = (kind: string, body: object) => ({ apiVersion: 'v1alpha1', kind, ...body });
      const documents = [
        { version: 'v1alpha1', machine: { ...machine(type), features: { diskQuotaSupport: true } }, cluster: { token: '123456.0123456789abcdef', ...(isControlPlane ? { etcd } : {}) } },
        doc('DiscoveryServiceConfig', { name: 'default', endpoint: 'https://discovery.talos.dev/' }),
        doc('DiscoveryIdentityConfig', { clusterID: id, clusterSecret: base64('secret') }),
        doc('UnattendedInstallConfig', { installer: { image }, provisioning: { diskSelector: { match: `disk.dev_path == "${disk}"` }, wipe: false } }),
        doc('HostnameConfig', hostname ? { hostname, auto: 'off' } : { auto: 'stable' }),
        doc('KubeClusterConfig', { clusterName: name, endpoint }),
        doc('KubeNodeConfig', { labels: labels ?? {}, ...(isControlPlane ? { taints: { 'node-role.kubernetes.io/control-plane': ':NoSchedule' } } : {}) }),
        doc('KubeletConfig', { image: 'ghcr.io/siderolabs/kubelet:v1.36.1', ...(providerId ? { extraArgs: { 'provider-id': providerId } } : {}) }),
        doc('KubeNetworkConfig', { dnsDomain: 'cluster.local', podSubnets: ['10.244.0.0/16'], serviceSubnets: ['10.96.0.0/12'] }),
        doc('KubeAPIServerCAConfig', isControlPlane ? { issuingCA: k8sCa } : { acceptedCAs: [k8sCa.cert] }),
        ...(isControlPlane
          ? [doc('KubeServiceAccountConfig', { issuer: { privateKey: serviceAccountKey, issuerURL: endpoint } }), doc('KubeAPIServerConfig', { image: 'registry.k8s.io/kube-apiserver:v1.36.1' }), doc('KubeFlannelCNIConfig', { backendType: 'vxlan' })]
          : []),
      ];
      return documents.map((one) => stringify(one)).join('---\n');
    },
  };
}
