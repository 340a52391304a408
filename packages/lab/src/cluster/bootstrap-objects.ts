/** What Talos installs into a new cluster: DNS, proxy, network, and the objects that name the API itself. */
import { ClusterRole, ClusterRoleBinding, ConfigMap, DaemonSet, Deployment, Endpoints, EndpointSlice, Service, ServiceAccount } from '@keelson/api';
import { apiVersionOf, type KindRef, type KubeObject } from '@keelson/kube';
import type { NodeAttachment } from './cluster-host.ts';
import { addressAt } from './pod-network.ts';
import { defaultPodSubnet, defaultServiceSubnet } from './serving-certificate.ts';

export interface BootstrapObject {
  readonly kind: KindRef;
  readonly object: KubeObject;
}

const system = 'kube-system';
const anyTaint = [{ operator: 'Exists' }];

/** The bootstrap manifests for the cluster as its newest control-plane node wants it. */
export function bootstrapObjects(attachment: NodeAttachment): BootstrapObject[] {
  const { serviceSubnet = defaultServiceSubnet, podSubnet = defaultPodSubnet, kubernetesVersion } = attachment;
  return [
    named(Service, 'kubernetes', 'default', {
      metadata: { labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: { clusterIP: addressAt(serviceSubnet, 1), type: 'ClusterIP', ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: attachment.endpoint.port }] },
    }),
    ...access(),
    ...(attachment.coreDns === false ? [] : coreDns(serviceSubnet)),
    ...(attachment.kubeProxy === false ? [] : kubeProxy(kubernetesVersion)),
    ...(attachment.cni === 'none' ? [] : flannel(podSubnet)),
  ];
}

/** Where the API is served: the addresses of the control-plane nodes, for pods and for tools that look there. */
export function apiEndpoints(addresses: readonly string[], port: number): BootstrapObject[] {
  const labels = { 'kubernetes.io/service-name': 'kubernetes' };
  const slice = {
    metadata: { labels },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  const subsets = [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  return [named(EndpointSlice, 'kubernetes', 'default', slice), named(Endpoints, 'kubernetes', 'default', { subsets })];
}

function access(): BootstrapObject[] {
  const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { nonResourceURLs: ['*'], verbs: ['*'] }];
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:masters' }];
  return [
    named(ClusterRole, 'cluster-admin', undefined, { rules }),
    named(ClusterRoleBinding, 'cluster-admin', undefined, { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects }),
  ];
}

function coreDns(serviceSubnet: string): BootstrapObject[] {
  const labels = { 'k8s-app': 'kube-dns' };
  const corefile = '.:53 {\n    errors\n    health { lameduck 5s }\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n}\n';
  const container = {
    name: 'coredns',
    image: 'registry.k8s.io/coredns/coredns:v1.14.2',
    args: ['-conf', '/etc/coredns/Corefile'],
    resources: { requests: { cpu: '100m', memory: '70Mi' }, limits: { memory: '170Mi' } },
    ports: [
      { containerPort: 53, name: 'dns', protocol: 'UDP' },
      { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' },
    ],
    volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
  };
  const spec = {
    serviceAccountName: 'coredns',
    priorityClassName: 'system-cluster-critical',
    tolerations: [
      { key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' },
      { key: 'node.cloudprovider.kubernetes.io/uninitialized', operator: 'Exists', effect: 'NoSchedule' },
    ],
    containers: [container],
    volumes: [{ name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } }],
  };
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
    { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
  ];
  return [
    named(ServiceAccount, 'coredns', system, {}),
    named(ConfigMap, 'coredns', system, { data: { Corefile: corefile } }),
    named(Deployment, 'coredns', system, {
      metadata: { labels },
      spec: { replicas: 2, selector: { matchLabels: labels }, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } }, template: { metadata: { labels }, spec } },
    }),
    named(Service, 'kube-dns', system, { metadata: { labels }, spec: { clusterIP: addressAt(serviceSubnet, 10), selector: labels, ports } }),
  ];
}

function kubeProxy(version: string): BootstrapObject[] {
  const labels = { 'k8s-app': 'kube-proxy' };
  const spec = { hostNetwork: true, priorityClassName: 'system-node-critical', serviceAccountName: 'kube-proxy', tolerations: anyTaint, containers: [{ name: 'kube-proxy', image: `registry.k8s.io/kube-proxy:${version}`, command: ['/usr/local/bin/kube-proxy'] }] };
  return [named(ServiceAccount, 'kube-proxy', system, {}), daemonSet('kube-proxy', labels, spec)];
}

function flannel(podSubnet: string): BootstrapObject[] {
  const labels = { 'k8s-app': 'flannel', tier: 'node' };
  const config = JSON.stringify({ Network: podSubnet, Backend: { Type: 'vxlan', Port: 4789 } });
  const spec = {
    hostNetwork: true,
    priorityClassName: 'system-node-critical',
    serviceAccountName: 'flannel',
    tolerations: anyTaint,
    containers: [{ name: 'kube-flannel', image: 'ghcr.io/siderolabs/flannel:v0.28.1', command: ['/opt/bin/flanneld'], resources: { requests: { cpu: '100m', memory: '50Mi' } } }],
    volumes: [{ name: 'flannel-cfg', configMap: { name: 'kube-flannel-cfg' } }],
  };
  return [named(ServiceAccount, 'flannel', system, {}), named(ConfigMap, 'kube-flannel-cfg', system, { data: { 'net-conf.json': config } }), daemonSet('kube-flannel', labels, spec)];
}

function daemonSet(name: string, labels: Record<string, string>, spec: object): BootstrapObject {
  return named(DaemonSet, name, system, { metadata: { labels }, spec: { selector: { matchLabels: labels }, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } }, template: { metadata: { labels }, spec } } });
}

function named(kind: KindRef, name: string, namespace: string | undefined, fields: { readonly metadata?: object; readonly [field: string]: unknown }): BootstrapObject {
  const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...fields, metadata: { name, ...(namespace ? { namespace } : {}), ...fields.metadata } };
  return { kind, object };
}
