/** The mirror pods of a control-plane node: what Talos runs there as static pods. */
import { createHash } from 'node:crypto';
import { Pod, type Node } from '@keelson/api';
import type { KubeClient } from '@keelson/kube/client';
import type { NodeAttachment } from '../cluster-host.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;

/** The pods that belong on the node; none on a worker. */
export function staticPods(attachment: NodeAttachment, node: Node): Pod[] {
  return attachment.role === 'controlplane' ? components.map((component) => staticPod(component, attachment, node)) : [];
}

export function isStaticPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[mirrorAnnotation] !== undefined;
}

/** True when the pod in the API is of another configuration than the one on the node. */
export function isOutdated(pod: Pod, wanted: Pod): boolean {
  return pod.metadata.annotations?.[mirrorAnnotation] !== wanted.metadata.annotations?.[mirrorAnnotation];
}

function staticPod(component: (typeof components)[number], attachment: NodeAttachment, node: Node): Pod {
  const image = `registry.k8s.io/${component}:${attachment.kubernetesVersion}`;
  const hash = createHash('sha256').update(`${component} ${image}`).digest('hex').slice(0, 32);
  const labels = { component, tier: 'control-plane', 'k8s-app': component };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${component}-${attachment.nodeName}`,
      namespace: 'kube-system',
      labels,
      annotations: { [mirrorAnnotation]: hash, 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.source': 'file' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name, uid: node.metadata.uid ?? '', controller: true }],
    },
    spec: {
      nodeName: attachment.nodeName,
      hostNetwork: true,
      priorityClassName: 'system-cluster-critical',
      tolerations: [{ effect: 'NoExecute', operator: 'Exists' }],
      containers: [{ name: component, image, resources: { requests: { cpu: component === 'kube-apiserver' ? '200m' : '50m', memory: component === 'kube-apiserver' ? '512Mi' : '64Mi' } } }],
    },
  };
}

/** Creates the node's static pods where they are missing, and replaces those of another configuration. */
export async function ensureStaticPods(client: KubeClient, attachment: NodeAttachment, node: Node): Promise<void> {
  for (const pod of staticPods(attachment, node)) {
    const { name, namespace = '' } = pod.metadata;
    const existing = await client.get<Pod>(Pod, { name, namespace });
    if (existing && !isOutdated(existing, pod)) continue;
    if (existing) await client.delete(Pod, { name, namespace }, { gracePeriodSeconds: 0 });
    await client.create(Pod, pod, { fieldManager: 'kubelet' });
  }
}
