/** A Machine's Node in the workload cluster: found by providerID, marked as upstream marks it. */
import type { Cluster, Machine } from '@keelson/api';
import { Node } from '@keelson/api';
import { controllerOf, findCondition } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { annotations } from '../names.ts';

/** The Node with a providerID. */
export function findNode(nodes: readonly Node[], providerId: string | undefined): Node | undefined {
  return providerId ? nodes.find((node) => node.spec?.providerID === providerId) : undefined;
}

/** Label domains that a Machine hands on to its Node. */
export function nodeLabelsOf(machine: Machine): Record<string, string> {
  const entries = Object.entries(machine.metadata.labels ?? {}).filter(([key]) => {
    const domain = key.split('/')[0] ?? '';
    return key.startsWith('node-role.kubernetes.io/') || domain === 'node-restriction.kubernetes.io' || domain.endsWith('.node-restriction.kubernetes.io') || domain === 'node.cluster.x-k8s.io' || domain.endsWith('.node.cluster.x-k8s.io');
  });
  return Object.fromEntries(entries);
}

/** Annotations and labels a Node should have of its Machine and has not; undefined when it has all. */
export function nodePatch(node: Node, machine: Machine, cluster: Cluster): Record<string, unknown> | undefined {
  const owner = controllerOf(machine);
  const wanted: Record<string, string> = {
    [annotations.nodeCluster]: cluster.metadata.name,
    [annotations.nodeClusterNamespace]: cluster.metadata.namespace ?? '',
    [annotations.nodeMachine]: machine.metadata.name,
    ...(owner ? { [annotations.nodeOwnerKind]: owner.kind, [annotations.nodeOwnerName]: owner.name } : {}),
  };
  const missing = (have: Readonly<Record<string, string>> | undefined, want: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(want).filter(([key, value]) => have?.[key] !== value));
  const newAnnotations = missing(node.metadata.annotations, wanted);
  const newLabels = missing(node.metadata.labels, nodeLabelsOf(machine));
  if (Object.keys(newAnnotations).length === 0 && Object.keys(newLabels).length === 0) return undefined;
  return { metadata: { annotations: newAnnotations, labels: newLabels } };
}

export async function markNode(client: KubeClient, node: Node, machine: Machine, cluster: Cluster): Promise<void> {
  const patch = nodePatch(node, machine, cluster);
  if (patch) await client.patch(Node, { name: node.metadata.name }, 'merge', patch, { fieldManager: 'machine' });
}

export interface NodeHealth {
  readonly ready: boolean;
  readonly healthy: boolean;
  readonly message: string;
}

/** Whether a Node is ready, and whether none of its pressure conditions holds. */
export function nodeHealth(node: Node): NodeHealth {
  const ready = findCondition(node, 'Ready');
  const pressures = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].filter((type) => findCondition(node, type)?.status === 'True');
  const isReady = ready?.status === 'True';
  const texts = [...(isReady ? [] : [`Node ${node.metadata.name} is not ready${ready?.message ? `: ${ready.message}` : ''}`]), ...pressures.map((type) => `Node ${node.metadata.name} has ${type}`)];
  return { ready: isReady, healthy: isReady && pressures.length === 0, message: texts.join('; ') };
}

