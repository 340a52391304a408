/**
 * Emptying a node: cordon, then evict what is not a DaemonSet's or the kubelet's own.
 * Follows Cluster API v1.14 (labels cluster.x-k8s.io/drain) and the Eviction subresource of Kubernetes.
 */
import type { Pod } from '@keelson/api';
import { Node, Pod as PodKind } from '@keelson/api';
import type { KindRef, KubeObject } from '@keelson/kube';
import { keyOf } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { ApiError, isNotFound } from '@keelson/kube/client';
import { describeError } from '@keelson/std';

export type DrainSeen = 'unreachable' | 'done' | { readonly pods: readonly string[] };

const VolumeAttachment: KindRef = { group: 'storage.k8s.io', version: 'v1', kind: 'VolumeAttachment', plural: 'volumeattachments', namespaced: false };
interface VolumeAttachment extends KubeObject {
  spec?: { nodeName?: string; source?: { persistentVolumeName?: string } };
}

const drainLabel = 'cluster.x-k8s.io/drain';
const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** What a drain does with a pod. `wait` is left to finish by itself. */
export function drainDecision(pod: Pod): 'skip' | 'evict' | 'wait' {
  const { metadata, status } = pod;
  if (mirrorAnnotation in (metadata.annotations ?? {})) return 'skip';
  if (metadata.ownerReferences?.some((owner) => owner.controller === true && owner.kind === 'DaemonSet')) return 'skip';
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 'skip';
  const wish = metadata.labels?.[drainLabel]?.toLowerCase();
  if (wish === 'skip') return 'skip';
  return wish === 'wait-completed' ? 'wait' : 'evict';
}

/** Cordons the node and asks every pod that has to go to go. Answers who is still there; a pod whose disruption budget forbids it is asked again later. */
export async function drainNode(client: KubeClient, nodeName: string): Promise<DrainSeen> {
  try {
    const node = await client.get<Node>(Node, { name: nodeName });
    if (!node) return 'done';
    if (!node.spec?.unschedulable) await client.patch(Node, { name: nodeName }, 'merge', { spec: { unschedulable: true } });
    const pods = (await client.list<Pod>(PodKind, { fieldSelector: `spec.nodeName=${nodeName}` })).items.filter((pod) => drainDecision(pod) !== 'skip');
    const left: string[] = [];
    for (const pod of pods) {
      const why = pod.metadata.deletionTimestamp ? 'is stopping' : drainDecision(pod) === 'wait' ? 'is waited for' : await evict(client, pod);
      left.push(why === '' ? keyOf(pod) : `${keyOf(pod)} ${why}`);
    }
    return left.length === 0 ? 'done' : { pods: left };
  } catch (error) {
    if (error instanceof ApiError && error.code < 500 && error.code !== 401 && error.code !== 429) throw error;
    return 'unreachable';
  }
}

/** Asks one pod to go through its Eviction; empty when it was accepted, else why it stays. */
async function evict(client: KubeClient, pod: Pod): Promise<string> {
  const { name, namespace } = pod.metadata;
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const answer = await client.raw('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
  if (answer.status < 300) return '';
  if (answer.status === 429) return 'is kept by its disruption budget';
  if (answer.status === 404 || answer.status === 405) {
    // The pod has just gone, or this API server has no evictions: then a delete is all there is.
    try {
      await client.delete(PodKind, { namespace, name }, pod.metadata.uid ? { preconditions: { uid: pod.metadata.uid } } : {});
      return '';
    } catch (error) {
      if (isNotFound(error)) return '';
      return `cannot be deleted: ${describeError(error)}`;
    }
  }
  return `cannot be evicted (HTTP ${answer.status})`;
}

/** Volumes that are still attached to a node. */
export async function attachedVolumes(client: KubeClient, nodeName: string): Promise<'unreachable' | 'done' | { readonly volumes: readonly string[] }> {
  try {
    const attachments = (await client.list<VolumeAttachment>(VolumeAttachment)).items.filter((one) => one.spec?.nodeName === nodeName);
    return attachments.length === 0 ? 'done' : { volumes: attachments.map((one) => one.spec?.source?.persistentVolumeName ?? one.metadata.name) };
  } catch (error) {
    // A cluster without the storage API has nothing attached.
    if (isNotFound(error)) return 'done';
    return 'unreachable';
  }
}
