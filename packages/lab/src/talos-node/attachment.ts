/** What a node brings to its Kubernetes cluster, out of its machine configuration. */
import type { NodeAttachment, NodeTaint } from '../cluster/cluster-host.ts';
import { capacityBytes } from '../bmc/resources.ts';
import { imageTag, type NodeConfig } from './config.ts';
import { opensslKey } from './identity.ts';
import type { TalosNode } from './node.ts';

const kubernetesDefault = 'v1.36.0';

export function attachmentOf(node: TalosNode, config: NodeConfig): NodeAttachment {
  const { machine } = node;
  const { spec } = machine;
  const url = new URL(config.endpoint);
  const { key } = config.kubernetesCa;
  const providerId = config.kubelet.extraArgs['provider-id'];
  return {
    clusterId: config.clusterId,
    clusterName: config.clusterName,
    machineId: machine.name,
    nodeName: node.hostname,
    address: machine.nodeAddress,
    role: config.type === 'controlplane' ? 'controlplane' : 'worker',
    ...(providerId ? { providerId } : {}),
    labels: config.nodeLabels,
    annotations: config.nodeAnnotations,
    taints: Object.entries(config.nodeTaints).map(([name, value]) => taint(name, value)),
    endpoint: { host: url.hostname, port: Number(url.port || 443) },
    ca: { certificatePem: config.kubernetesCa.cert, ...(key ? { privateKeyPem: key } : {}) },
    ...(config.serviceAccountKey ? { serviceAccountKeyPem: opensslKey(config.serviceAccountKey) } : {}),
    certSans: config.apiServer.certSans,
    kubernetesVersion: kubernetesVersion(config),
    talosVersion: node.state?.image.version ?? '',
    ...(config.podSubnet ? { podSubnet: config.podSubnet } : {}),
    ...(config.serviceSubnet ? { serviceSubnet: config.serviceSubnet } : {}),
    cni: config.cni,
    kubeProxy: config.kubeProxy,
    coreDns: config.coreDns,
    hardware: {
      cpuCores: spec.cpu.threads * spec.cpu.sockets,
      memoryBytes: spec.memoryGiB * 1024 ** 3,
      diskBytes: Math.max(...spec.disks.map(capacityBytes)),
      architecture: node.state?.image.arch === 'arm64' ? 'arm64' : 'amd64',
      systemUuid: spec.uuid,
    },
    bootId: machine.state.bootId,
  };
}

export function kubernetesVersion(config: NodeConfig): string {
  const tag = imageTag(config.kubelet.image);
  return /^v\d/.test(tag) ? tag : kubernetesDefault;
}

/** `key: value:Effect` as a machine configuration writes taints. */
function taint(key: string, text: string): NodeTaint {
  const colon = text.lastIndexOf(':');
  const effect = text.slice(colon + 1);
  const value = colon > 0 ? text.slice(0, colon) : '';
  return { key, ...(value ? { value } : {}), effect: effect === 'NoExecute' || effect === 'PreferNoSchedule' ? effect : 'NoSchedule' };
}
