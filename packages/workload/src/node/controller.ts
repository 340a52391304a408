/** Node life cycle: nodes that are not heard of, their taints, and what becomes of the pods on them. */
import { Lease, Node, Pod } from '@keelson/api';
import { sameJson, type Cache, type Controller, type ReconcileContext, type ReconcileResult } from '@keelson/controller';
import { keyOf, type KubeObject, type ObjectKey } from '@keelson/kube';
import { isNotFound } from '@keelson/kube/client';
import { rfc3339 } from '@keelson/std';
import { controllerManager } from '../managers.ts';
import { isEnded, podCondition } from '../pod/pod-state.ts';
import { patchStatus, withCondition } from '../status-patch.ts';
import { evictionTime } from './eviction.ts';
import { defaultGraceMs, lastHeard, lostConditions, readyCondition, taintsFor } from './health.ts';

/** Where kubelets keep their leases. */
export const nodeLeaseNamespace = 'kube-node-lease';

export interface NodeLifecycleOptions {
  /** How long a node may be silent before it counts as lost; 50 s. */
  readonly graceMs?: number;
}

export function nodeLifecycleController({ graceMs = defaultGraceMs }: NodeLifecycleOptions = {}): Controller {
  return {
    name: 'node-lifecycle-controller',
    kind: Node,
    reads: [Lease, Pod],
    writes: [
      { kind: Node, part: 'status', scope: 'conditions of lost nodes' },
      { kind: Node, part: 'spec', scope: 'taints' },
      { kind: Pod, part: 'status', scope: 'readiness on lost nodes' },
      { kind: Pod, part: 'object', scope: 'pods on lost nodes' },
    ],
    watches: [
      { kind: Lease, toKeys: (lease, cache) => leaseKeys(lease, cache) },
      { kind: Pod, toKeys: (pod, cache) => troubledNode(pod, cache) },
    ],
    reconcile: (key, context) => reconcile(key, context, graceMs),
  };
}

/** A renewed lease matters only to a node that was given up; the rest look at their leases when these could have run out. */
function leaseKeys(lease: KubeObject, cache: Cache): ObjectKey[] {
  if (lease.metadata.namespace !== nodeLeaseNamespace) return [];
  const node = cache.get<Node>(Node, { name: lease.metadata.name });
  return node && readyCondition(node)?.status === 'Unknown' ? [{ name: node.metadata.name }] : [];
}

/** A pod that appears on a node with trouble has to leave too. */
function troubledNode(pod: Pod, cache: Cache): ObjectKey[] {
  const node = pod.spec?.nodeName ? cache.get<Node>(Node, { name: pod.spec.nodeName }) : undefined;
  return node?.spec?.taints?.some((taint) => taint.effect === 'NoExecute') ? [{ name: node.metadata.name }] : [];
}

async function reconcile(key: ObjectKey, context: ReconcileContext, graceMs: number): Promise<ReconcileResult | void> {
  const found = context.cache.get<Node>(Node, key);
  if (!found || found.metadata.deletionTimestamp !== undefined) return;
  const now = context.env.clock.now();
  const silentUntil = lastHeard(found, context.cache.get<Lease>(Lease, { namespace: nodeLeaseNamespace, name: key.name })) + graceMs;
  const lost = silentUntil <= now;
  const node = lost ? await giveUp(found, now, context) : found;
  const tainted = await setTaints(node, now, context);
  const pods = context.cache.list<Pod>(Pod).filter((pod) => pod.spec?.nodeName === key.name);
  // A kubelet that answers speaks for its own pods.
  if (readyCondition(tainted)?.status === 'Unknown') await markNotReady(tainted, pods, context);
  const nextEviction = await evict(tainted, pods, now, context);
  const waits = [...(lost ? [] : [silentUntil - now + 1]), ...(nextEviction === undefined ? [] : [nextEviction - now])];
  return waits.length === 0 ? undefined : { requeueAfterMs: Math.max(1, Math.min(...waits)) };
}

async function giveUp(node: Node, nowMs: number, context: ReconcileContext): Promise<Node> {
  const conditions = lostConditions(node, rfc3339(nowMs));
  const changed = await patchStatus(Node, node, { conditions }, context, controllerManager);
  if (changed !== node) context.events.normal(node, 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
  return changed;
}

async function setTaints(node: Node, nowMs: number, context: ReconcileContext): Promise<Node> {
  const known = node.spec?.taints ?? [];
  const taints = taintsFor(node, rfc3339(nowMs));
  if (sameJson(taints, known)) return node;
  const { name, uid, resourceVersion } = node.metadata;
  const patch = { metadata: { uid, resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
  const changed = await context.client.patch<Node>(Node, { name }, 'merge', patch, { fieldManager: controllerManager });
  context.cache.observe(Node, changed);
  return changed;
}

/** Nobody can say any more that these pods serve. */
async function markNotReady(node: Node, pods: readonly Pod[], context: ReconcileContext): Promise<void> {
  for (const pod of pods) {
    if (podCondition(pod, 'Ready')?.status !== 'True' || isEnded(pod)) continue;
    const conditions = withCondition(pod.status?.conditions ?? [], { type: 'Ready', status: 'False' }, rfc3339(context.env.clock.now()));
    await patchStatus(Pod, pod, { conditions }, context, controllerManager);
    context.events.warning(pod, 'NodeNotReady', `Node is not ready: ${node.metadata.name}`);
  }
}

/** Deletes what has to leave by now; answers when the next one has to. */
async function evict(node: Node, pods: readonly Pod[], nowMs: number, context: ReconcileContext): Promise<number | undefined> {
  let next: number | undefined;
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const at = evictionTime(pod, node);
    if (at === undefined) continue;
    if (at > nowMs) {
      next = Math.min(next ?? at, at);
      continue;
    }
    context.events.normal(pod, 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`);
    await deletePod(pod, {}, context);
  }
  return next;
}

async function deletePod(pod: Pod, options: { readonly gracePeriodSeconds?: number }, context: ReconcileContext): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    await context.client.delete(Pod, { name, ...(namespace ? { namespace } : {}) }, { ...options, ...(uid ? { preconditions: { uid } } : {}) });
  } catch (error) {
    if (!isNotFound(error)) throw new Error(`evicting pod ${keyOf(pod)}`, { cause: error });
  }
}

/** Pods bound to a node that no longer exists are removed at once, since nobody will end them (kubernetes/pkg/controller/podgc). */
export function podGarbageController(): Controller {
  return {
    name: 'pod-garbage-collector-controller',
    kind: Pod,
    reads: [Node],
    writes: [{ kind: Pod, part: 'object', scope: 'pods of nodes that are gone' }],
    watches: [{ kind: Node, toKeys: (node, cache) => podsOn(node.metadata.name, cache) }],
    reconcile: async (key, context) => {
      const pod = context.cache.get<Pod>(Pod, key);
      if (!pod) return;
      // Deleted before it was placed: no kubelet will end it.
      const unplaced = !pod.spec?.nodeName && pod.metadata.deletionTimestamp !== undefined;
      if (!unplaced && (!pod.spec?.nodeName || context.cache.get(Node, { name: pod.spec.nodeName }))) return;
      // The cache may be behind on a node that has just joined.
      if (pod.spec?.nodeName && (await context.client.get(Node, { name: pod.spec.nodeName }))) return;
      await deletePod(pod, { gracePeriodSeconds: 0 }, context);
    },
  };
}

function podsOn(node: string, cache: Cache): ObjectKey[] {
  if (cache.get(Node, { name: node })) return [];
  return cache.list<Pod>(Pod).filter((pod) => pod.spec?.nodeName === node).map(({ metadata }) => ({ name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) }));
}
