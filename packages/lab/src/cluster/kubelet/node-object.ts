/** The Node object that a Talos machine's kubelet registers and keeps (kubernetes/pkg/kubelet/kubelet_node_status.go). */
import type { Lease, Node, NodeCondition, NodeStatus } from '@keelson/api';
import { rfc3339, rfc3339Micro } from '@keelson/std';
import type { NodeAttachment } from '../cluster-host.ts';

/** Upstream's lease duration, and the fourth of it at which kubelets renew. */
export const leaseDurationSeconds = 40;
export const leaseRenewMs = 10_000;
export const nodeLeaseNamespace = 'kube-node-lease';
const podLimit = 110;
/** What the operating system keeps for itself. */
const reservedMemoryBytes = 768 * 1024 ** 2;

/** The Node as it is created. */
export function newNode(attachment: NodeAttachment, podCidr: string | undefined): Node {
  const { nodeName, providerId } = attachment;
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: nodeLabels(attachment), annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true', ...attachment.annotations } },
    spec: {
      ...(providerId ? { providerID: providerId } : {}),
      ...(podCidr ? { podCIDR: podCidr, podCIDRs: [podCidr] } : {}),
      taints: [...(attachment.taints ?? []), notReady],
    },
  };
}

export function nodeLabels({ nodeName, role, labels, hardware }: NodeAttachment): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': hardware.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': hardware.architecture,
    'kubernetes.io/hostname': nodeName,
    'kubernetes.io/os': 'linux',
    ...(role === 'controlplane' ? { 'node-role.kubernetes.io/control-plane': '', 'node.kubernetes.io/exclude-from-external-load-balancers': '' } : {}),
    ...labels,
  };
}

/** The status a kubelet reports. Transition times of `previous` are kept where nothing changed. */
export function nodeStatus(attachment: NodeAttachment, previous: NodeStatus | undefined, networkReady: boolean, nowMs: number): NodeStatus {
  const { hardware, address, nodeName, kubernetesVersion, talosVersion, bootId } = attachment;
  const capacity = {
    cpu: String(hardware.cpuCores),
    memory: `${Math.floor(hardware.memoryBytes / 1024)}Ki`,
    'ephemeral-storage': `${Math.floor(hardware.diskBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    pods: String(podLimit),
  };
  const allocatable = {
    ...capacity,
    cpu: `${hardware.cpuCores * 1000 - 50}m`,
    memory: `${Math.floor(Math.max(0, hardware.memoryBytes - reservedMemoryBytes) / 1024)}Ki`,
    'ephemeral-storage': String(Math.floor(hardware.diskBytes * 0.9)),
  };
  return {
    capacity,
    allocatable,
    conditions: nodeConditions(previous?.conditions ?? [], networkReady, nowMs),
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: nodeName },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      architecture: hardware.architecture,
      bootID: bootId,
      containerRuntimeVersion: 'containerd://2.2.1',
      kernelVersion: '6.18.9-talos',
      kubeProxyVersion: '',
      kubeletVersion: kubernetesVersion,
      machineID: hardware.systemUuid.replaceAll('-', ''),
      operatingSystem: 'linux',
      osImage: `Talos (${talosVersion})`,
      systemUUID: hardware.systemUuid,
    },
  };
}

/** Conditions from elsewhere (a fault, another controller) stay; the kubelet's own four are set. */
export function nodeConditions(known: readonly NodeCondition[], networkReady: boolean, nowMs: number): NodeCondition[] {
  const now = rfc3339(nowMs);
  const fine = (type: string, reason: string, message: string) => ({ type, status: 'False', reason, message });
  const wanted = [
    fine('MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    fine('DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    fine('PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    networkReady
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : {
          type: 'Ready',
          status: 'False',
          reason: 'KubeletNotReady',
          message: 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
        },
  ];
  const own = wanted.map((condition) => {
    const before = known.find((one) => one.type === condition.type);
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: before?.status === condition.status ? (before.lastTransitionTime ?? now) : now };
  });
  return [...known.filter((condition) => !wanted.some((one) => one.type === condition.type)), ...own];
}

export function nodeLease(node: Node, nowMs: number): Lease {
  const { name, uid } = node.metadata;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: nodeLeaseNamespace, ...(uid ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] } : {}) },
    spec: { holderIdentity: name, leaseDurationSeconds, renewTime: rfc3339Micro(nowMs) },
  };
}
