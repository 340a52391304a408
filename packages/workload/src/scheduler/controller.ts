/** The scheduler: binds pods to nodes, or says why it cannot (kubernetes/pkg/scheduler, in its simplest complete form). */
import { Node, PersistentVolumeClaim, Pod } from '@keelson/api';
import type { Cache, Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { keyOf, type KubeObject, type ObjectKey } from '@keelson/kube';
import { rfc3339 } from '@keelson/std';
import { schedulerManager } from '../managers.ts';
import { isEnded, podCondition } from '../pod/pod-state.ts';
import { patchStatus, withCondition } from '../status-patch.ts';
import { chooseNode, type NodeView } from './fit.ts';

const defaultScheduler = 'default-scheduler';

export function schedulerController(): Controller {
  return {
    name: defaultScheduler,
    kind: Pod,
    reads: [Node, PersistentVolumeClaim],
    writes: [
      { kind: Pod, part: 'spec', scope: 'binding' },
      { kind: Pod, part: 'status', scope: 'PodScheduled' },
    ],
    watches: [
      // A node that is new, free or fit again may take what found no place; so may one that lost a pod.
      { kind: Node, toKeys: (_node, cache) => waitingPods(cache) },
      { kind: Pod, toKeys: (pod, cache) => (isGone(pod, cache) ? waitingPods(cache) : []) },
      { kind: PersistentVolumeClaim, toKeys: (claim, cache) => waitingPods(cache, claim.metadata.namespace) },
    ],
    // One at a time: each decision counts what the one before it has placed.
    concurrency: 1,
    reconcile,
  };
}

function waitingPods(cache: Cache, namespace?: string): ObjectKey[] {
  return cache.list<Pod>(Pod, namespace === undefined ? {} : { namespace }).filter(isWaiting).map(({ metadata }) => ({ name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) }));
}

function isGone(object: KubeObject, cache: Cache): boolean {
  const pod = cache.get<Pod>(Pod, { name: object.metadata.name, ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}) });
  return pod === undefined || isEnded(pod);
}

function isWaiting(pod: Pod): boolean {
  return !pod.spec?.nodeName && pod.metadata.deletionTimestamp === undefined && !isEnded(pod) && (pod.spec?.schedulerName ?? defaultScheduler) === defaultScheduler;
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const pod = context.cache.get<Pod>(Pod, key);
  if (!pod?.spec || !isWaiting(pod)) return;
  if ((pod.spec.schedulingGates ?? []).length > 0) {
    await setScheduled(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates', context);
    return { waitsFor: 'its scheduling gates' };
  }
  const claim = unboundClaim(pod, context.cache);
  const choice = claim === undefined ? chooseNode(pod, nodeViews(context.cache)) : { unschedulable: claim };
  if ('node' in choice) return bind(pod, choice.node, context);
  if (podCondition(pod, 'PodScheduled')?.message !== choice.unschedulable) context.events.warning(pod, 'FailedScheduling', choice.unschedulable);
  await setScheduled(pod, 'Unschedulable', choice.unschedulable, context);
  return { waitsFor: choice.unschedulable };
}

function nodeViews(cache: Cache): NodeView[] {
  const byNode = new Map<string, Pod[]>();
  for (const pod of cache.list<Pod>(Pod)) {
    const name = pod.spec?.nodeName;
    if (!name) continue;
    const pods = byNode.get(name);
    if (pods) pods.push(pod);
    else byNode.set(name, [pod]);
  }
  return cache.list<Node>(Node).map((node) => ({ node, pods: byNode.get(node.metadata.name) ?? [] }));
}

/** Why a pod cannot start for its volumes; undefined when it can. */
function unboundClaim(pod: Pod, cache: Cache): string | undefined {
  for (const volume of pod.spec?.volumes ?? []) {
    const name = volume.persistentVolumeClaim?.claimName;
    if (name === undefined) continue;
    const claim = cache.get<PersistentVolumeClaim>(PersistentVolumeClaim, { name, ...(pod.metadata.namespace ? { namespace: pod.metadata.namespace } : {}) });
    if (!claim) return `persistentvolumeclaim ${JSON.stringify(name)} not found`;
    if (claim.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return undefined;
}

async function bind(pod: Pod, nodeName: string, context: ReconcileContext): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { apiVersion: 'v1', kind: 'Node', name: nodeName } };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace ?? '')}/pods/${encodeURIComponent(name)}/binding?fieldManager=${schedulerManager}`;
  const { status, body } = await context.client.raw('POST', path, binding);
  // Gone, or bound by somebody else: what the watch brings decides.
  if (status === 404 || status === 409) return;
  if (status >= 300) throw new Error(`binding pod ${keyOf(pod)} to ${nodeName}: HTTP ${status} ${messageOf(body)}`);
  const bound = await context.client.get<Pod>(Pod, { name, ...(namespace ? { namespace } : {}) });
  if (bound) context.cache.observe(Pod, bound);
  context.events.normal(pod, 'Scheduled', `Successfully assigned ${keyOf(pod)} to ${nodeName}`);
}

function messageOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : '';
}

async function setScheduled(pod: Pod, reason: string, message: string, context: ReconcileContext): Promise<void> {
  const condition = { type: 'PodScheduled', status: 'False', reason, message } as const;
  const conditions = withCondition(pod.status?.conditions ?? [], condition, rfc3339(context.env.clock.now()));
  await patchStatus(Pod, pod, { phase: pod.status?.phase ?? 'Pending', conditions }, context, schedulerManager);
}
