/** Moves the pods of all running kubelets of a cluster: one informer for the whole cluster, since it is one process. */
import { ConfigMap, Node, Pod, Secret, type PodStatus } from '@keelson/api';
import { sameJson, type Cache, type Controller, type ReconcileContext, type ReconcileResult } from '@keelson/controller';
import { keyOf, type KindRef, type ObjectKey } from '@keelson/kube';
import { isNotFound } from '@keelson/kube/client';
import { nextPodAddress } from '../pod-network.ts';
import type { Kubelet, RememberedPod } from './kubelet.ts';
import { configErrors, refersTo, volumeError } from './pod-config.ts';
import { stepPod, type PodOutcome } from './pod-step.ts';
import { isStaticPod, staticPods } from './static-pods.ts';
import type { PodTiming } from './timing.ts';

/** Pods with one of these in `k8s-app` or `app` bring the network of their node. */
const networkPlugins = ['flannel', 'kube-flannel', 'cilium', 'calico-node', 'canal', 'kube-router', 'weave-net', 'kube-ovn-cni'];

export interface PodControllerOptions {
  /** By node name. */
  readonly kubelets: ReadonlyMap<string, Kubelet>;
  readonly timing: PodTiming;
}

export function kubeletPodController(options: PodControllerOptions): Controller {
  return {
    name: 'kubelet',
    kind: Pod,
    reads: [Node, Secret, ConfigMap],
    writes: [
      { kind: Pod, part: 'status', scope: 'containers' },
      { kind: Pod, part: 'object', scope: 'static pods, and the end of stopped ones' },
    ],
    watches: [
      // A node that has just come up, or whose network has, moves its pods on.
      { kind: Node, toKeys: (node, cache) => podsOn(node.metadata.name, cache) },
      { kind: Secret, toKeys: (secret, cache) => pendingUsers(Secret, secret.metadata, cache) },
      { kind: ConfigMap, toKeys: (map, cache) => pendingUsers(ConfigMap, map.metadata, cache) },
    ],
    concurrency: 8,
    reconcile: (key, context) => reconcile(key, context, options),
  };
}

function podsOn(node: string, cache: Cache): ObjectKey[] {
  return cache.list<Pod>(Pod).filter((pod) => pod.spec?.nodeName === node).map(podKey);
}

function pendingUsers(kind: KindRef, { name, namespace = '' }: ObjectKey, cache: Cache): ObjectKey[] {
  return cache.list<Pod>(Pod, { namespace }).filter((pod) => pod.status?.phase === 'Pending' && pod.spec?.nodeName && refersTo(pod, kind, name)).map(podKey);
}

function podKey({ metadata }: Pod): ObjectKey {
  return { name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) };
}

async function reconcile(key: ObjectKey, context: ReconcileContext, { kubelets, timing }: PodControllerOptions): Promise<ReconcileResult | void> {
  const pod = context.cache.get<Pod>(Pod, key);
  if (!pod) return forget(key, kubelets, context);
  const kubelet = pod.spec?.nodeName ? kubelets.get(pod.spec.nodeName) : undefined;
  // Without its kubelet nothing is known of a pod; the node life cycle says so.
  if (!kubelet?.registered) return;
  const remembered = kubelet.pods.get(keyOf(key));
  const known = remembered?.uid === pod.metadata.uid ? remembered : undefined;
  const address = known?.address ?? pod.status?.podIP ?? freeAddress(kubelet, context.cache);
  const outcome = stepPod({
    pod,
    memory: known?.memory,
    nowMs: context.env.clock.now(),
    timing,
    bootId: kubelet.attachment.bootId,
    hostAddress: kubelet.attachment.address,
    podAddress: address ?? '',
    networkReady: kubelet.networkReady && (address !== undefined || pod.spec?.hostNetwork === true),
    images: imagesOn(kubelet, context.cache),
    volumeError: volumeError(pod, context.cache),
    configErrors: configErrors(pod, context.cache),
  });
  remember(kubelet, pod, outcome, address, known);
  tell(pod, outcome, known, context);
  if (outcome.removed) return remove(pod, context);
  const written = await writeStatus(pod, outcome.status, context);
  if (bringsNetwork(written)) kubelet.networkIsReady();
  return outcome.nextMs === undefined ? undefined : { requeueAfterMs: Math.max(0, outcome.nextMs - context.env.clock.now()) };
}

/** A pod is gone; a static one comes back. */
async function forget(key: ObjectKey, kubelets: ReadonlyMap<string, Kubelet>, context: ReconcileContext): Promise<void> {
  for (const kubelet of kubelets.values()) {
    kubelet.pods.delete(keyOf(key));
    if (!kubelet.registered) continue;
    const node = context.cache.get<Node>(Node, { name: kubelet.attachment.nodeName });
    const again = node && staticPods(kubelet.attachment, node).find((pod) => keyOf(pod) === keyOf(key));
    if (again) await context.client.create(Pod, again, { fieldManager: 'kubelet' });
  }
}

function freeAddress(kubelet: Kubelet, cache: Cache): string | undefined {
  if (!kubelet.podCidr) return undefined;
  const taken = new Set<string>();
  for (const pod of cache.list<Pod>(Pod)) if (pod.status?.podIP && pod.status.phase !== 'Succeeded' && pod.status.phase !== 'Failed') taken.add(pod.status.podIP);
  for (const { address } of kubelet.pods.values()) if (address) taken.add(address);
  return nextPodAddress(kubelet.podCidr, taken);
}

/** Images of containers that run or ran on the node, and those of the operating system itself. */
function imagesOn(kubelet: Kubelet, cache: Cache): ReadonlySet<string> {
  const images = new Set<string>();
  for (const pod of cache.list<Pod>(Pod)) {
    if (pod.spec?.nodeName !== kubelet.attachment.nodeName) continue;
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const pulled = new Set([...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].filter((status) => status.imageID !== '').map((status) => status.name));
    for (const container of containers) if (container.image && (pulled.has(container.name) || isStaticPod(pod))) images.add(container.image);
  }
  return images;
}

function remember(kubelet: Kubelet, pod: Pod, outcome: PodOutcome, address: string | undefined, known: RememberedPod | undefined): void {
  const key = keyOf(pod);
  if (outcome.removed) {
    kubelet.pods.delete(key);
    return;
  }
  const blocked = blockedBy(outcome);
  kubelet.pods.set(key, { ...known, uid: pod.metadata.uid ?? '', memory: outcome.memory, ...(address && !pod.spec?.hostNetwork ? { address } : {}), ...(blocked ? { blocked } : {}) });
}

function blockedBy(outcome: PodOutcome): string | undefined {
  return outcome.events.find((event) => event.reason === 'NetworkNotReady' || event.reason === 'FailedMount')?.message;
}

function tell(pod: Pod, outcome: PodOutcome, known: RememberedPod | undefined, context: ReconcileContext): void {
  for (const { type, reason, message } of outcome.events) {
    if (message === known?.blocked) continue;
    if (type === 'Normal') context.events.normal(pod, reason, message);
    else context.events.warning(pod, reason, message);
  }
}

async function writeStatus(pod: Pod, status: PodStatus, context: ReconcileContext): Promise<Pod> {
  if (sameJson(status, pod.status)) return pod;
  const { uid, resourceVersion } = pod.metadata;
  const changed = Object.fromEntries(Object.entries(status).filter(([field, value]) => !sameJson(value, pod.status?.[field as keyof PodStatus])));
  // The version keeps the scheduler's and the node life cycle's conditions from being overwritten.
  return context.client.patch<Pod>(Pod, podKey(pod), 'merge', { metadata: { uid, resourceVersion }, status: changed }, { fieldManager: 'kubelet', subresource: 'status' });
}

async function remove(pod: Pod, context: ReconcileContext): Promise<void> {
  const { uid } = pod.metadata;
  try {
    await context.client.delete(Pod, podKey(pod), { gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) });
  } catch (error) {
    if (!isNotFound(error)) throw new Error(`removing stopped pod ${keyOf(pod)}`, { cause: error });
  }
}

function bringsNetwork(pod: Pod): boolean {
  const labels = pod.metadata.labels ?? {};
  const named = networkPlugins.includes(labels['k8s-app'] ?? '') || networkPlugins.includes(labels['app'] ?? '');
  return named && pod.status?.phase === 'Running' && (pod.status.containerStatuses ?? []).every((status) => status.state?.running);
}
