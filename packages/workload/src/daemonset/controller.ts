/** DaemonSets, after kubernetes/pkg/controller/daemon: a pod on every node it fits, replaced when the template changes. */
import { ControllerRevision, DaemonSet, Node, Pod, type DaemonSetStatus, type PodSpec, type PodTemplateSpec, type Toleration } from '@keelson/api';
import { sameJson, type Controller, type ReconcileContext, type ReconcileResult } from '@keelson/controller';
import { selectorOf, type ObjectKey } from '@keelson/kube';
import { mapBounded } from '@keelson/std';
import { scaledValue } from '../int-or-percent.ts';
import { controllerManager } from '../managers.ts';
import { taintKeys } from '../node/health.ts';
import { ownerKeys } from '../owner-keys.ts';
import { claimObjects } from '../pod/claim.ts';
import { createPod, deletePod } from '../pod/pod-control.ts';
import { countPods, isActive, isReady } from '../pod/pod-state.ts';
import { untoleratedTaint } from '../pod/tolerations.ts';
import { dropRevisions, ensureRevision, revisionHash, revisionHashLabel } from '../revision/controller-revision.ts';
import { matchesNode } from '../scheduler/node-affinity.ts';
import { patchStatus } from '../status-patch.ts';

const parallel = 8;

export function daemonSetController(): Controller {
  return {
    name: 'daemonset-controller',
    kind: DaemonSet,
    reads: [Node, Pod, ControllerRevision],
    writes: [
      { kind: Pod, part: 'object', scope: 'pods of DaemonSets' },
      { kind: ControllerRevision, part: 'object', scope: 'revisions of DaemonSets' },
      { kind: DaemonSet, part: 'status' },
    ],
    watches: [
      { kind: Pod, toKeys: ownerKeys(DaemonSet) },
      { kind: Node, toKeys: (node, cache, previous) => (cache.get(Node, node.metadata) !== undefined && sameForPods(node, previous) ? [] : cache.list(DaemonSet).map(({ metadata }) => ({ name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) }))) },
    ],
    reconcile,
  };
}

/** Heartbeats change nodes all the time; only labels, taints and existence decide where daemons run. */
function sameForPods(node: Node, previous: Node | undefined): boolean {
  const decisive = ({ metadata, spec }: Node) => [metadata.uid, metadata.deletionTimestamp, metadata.labels, spec?.taints];
  return previous !== undefined && sameJson(decisive(node), decisive(previous));
}

interface Placement {
  readonly node: Node;
  readonly shouldRun: boolean;
  /** What runs here may stay, though nothing new would be put here. */
  readonly mayStay: boolean;
  /** Not deleted; the best first. */
  readonly pods: readonly Pod[];
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const set = context.cache.get<DaemonSet>(DaemonSet, key);
  if (!set?.spec || set.metadata.deletionTimestamp !== undefined) return;
  const { current, all } = await ensureRevision(set, context);
  const hash = revisionHash(current);
  const pods = await claimObjects<Pod>(set, Pod, selectorOf(set.spec.selector), context, controllerManager);
  const placements = place(set, context.cache.list<Node>(Node), pods);
  await manage(set, hash, placements, pods, context);

  const now = context.env.clock.now();
  const after = context.cache.list<Pod>(Pod, { namespace: key.namespace ?? '', ...(set.metadata.uid ? { ownerUid: set.metadata.uid } : {}) });
  const status = daemonSetStatus(set, place(set, context.cache.list<Node>(Node), after), hash, now);
  await patchStatus(DaemonSet, set, { ...status }, context, controllerManager);
  await dropRevisions(set, all.filter((revision) => revision !== current), after.map(revisionHash), context);
  const wait = countPods(after.filter(isActive), set.spec.minReadySeconds ?? 0, now).nextAvailableMs;
  return wait === undefined ? undefined : { requeueAfterMs: wait, waitsFor: 'a ready pod to have been ready long enough' };
}

function place(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): Placement[] {
  const spec = daemonPodSpec(set.spec!.template);
  return nodes.map((node) => {
    const name = node.metadata.name;
    const here = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && (pod.spec?.nodeName || targetNode(pod)) === name);
    const matches = matchesNode(spec, node);
    const driving = node.spec?.taints?.filter((taint) => taint.effect === 'NoExecute');
    return {
      node,
      shouldRun: matches && untoleratedTaint(node.spec?.taints, spec.tolerations) === undefined,
      mayStay: matches && untoleratedTaint(driving, spec.tolerations) === undefined,
      pods: [...here].sort(oldestReadyFirst),
    };
  });
}

function oldestReadyFirst(a: Pod, b: Pod): number {
  return Number(isReady(b)) - Number(isReady(a)) || ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1);
}

/** The node a daemon pod was made for, before the scheduler has bound it. */
function targetNode(pod: Pod): string | undefined {
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.find((field) => field.key === 'metadata.name')?.values?.[0];
}

async function manage(set: DaemonSet, hash: string, placements: readonly Placement[], pods: readonly Pod[], context: ReconcileContext): Promise<void> {
  const surplus: Pod[] = [];
  const missing: Node[] = [];
  for (const placement of placements) {
    if (!placement.mayStay) surplus.push(...placement.pods);
    else if (!placement.shouldRun) continue;
    else if (placement.pods.some(isActive)) surplus.push(...placement.pods.filter((pod) => !isActive(pod)), ...placement.pods.filter(isActive).slice(1));
    else {
      surplus.push(...placement.pods);
      const leaving = pods.some((pod) => pod.metadata.deletionTimestamp !== undefined && (pod.spec?.nodeName ?? targetNode(pod)) === placement.node.metadata.name);
      // The next daemon waits until its predecessor is gone.
      if (!leaving && placement.node.metadata.deletionTimestamp === undefined) missing.push(placement.node);
    }
  }
  if ((set.spec!.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate') surplus.push(...outdated(set, hash, placements));
  await mapBounded(surplus, parallel, (pod) => deletePod(set, pod, context));
  await mapBounded(missing, parallel, (node) => createDaemon(set, node, hash, context));
}

/** Pods of an older template that may go now: unavailable ones at once, available ones within maxUnavailable. */
function outdated(set: DaemonSet, hash: string, placements: readonly Placement[]): Pod[] {
  const wanted = placements.filter((placement) => placement.shouldRun);
  const maxUnavailable = Math.max(1, scaledValue(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable, wanted.length, 'up', 1));
  const old = wanted.flatMap((placement) => placement.pods.filter((pod) => isActive(pod) && revisionHash(pod) !== hash).slice(0, 1));
  const unavailable = wanted.filter((placement) => !placement.pods.some((pod) => isActive(pod) && isReady(pod))).length;
  const idle = old.filter((pod) => !isReady(pod));
  const serving = old.filter(isReady).slice(0, Math.max(0, maxUnavailable - unavailable));
  return [...idle, ...serving];
}

async function createDaemon(set: DaemonSet, node: Node, hash: string, context: ReconcileContext): Promise<void> {
  const spec = daemonPodSpec(set.spec!.template);
  const required = {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node.metadata.name] }] }],
  };
  const affinity = { ...spec.affinity, nodeAffinity: { ...spec.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required } };
  await createPod(set, set.spec!.template, { labels: { [revisionHashLabel]: hash, 'pod-template-generation': String(set.metadata.generation ?? 1) }, spec: { ...spec, affinity } }, context, controllerManager);
}

/** The template's spec with the tolerations every daemon has: it stays on nodes with trouble. */
function daemonPodSpec(template: PodTemplateSpec): PodSpec {
  const spec = template.spec ?? { containers: [] };
  const exists = (key: string, effect: string): Toleration => ({ key, operator: 'Exists', effect });
  const added = [
    exists(taintKeys.notReady, 'NoExecute'),
    exists(taintKeys.unreachable, 'NoExecute'),
    exists(taintKeys.diskPressure, 'NoSchedule'),
    exists(taintKeys.memoryPressure, 'NoSchedule'),
    exists(taintKeys.pidPressure, 'NoSchedule'),
    exists(taintKeys.unschedulable, 'NoSchedule'),
    ...(spec.hostNetwork ? [exists(taintKeys.networkUnavailable, 'NoSchedule')] : []),
  ];
  return { ...spec, tolerations: [...(spec.tolerations ?? []), ...added] };
}

function daemonSetStatus(set: DaemonSet, placements: readonly Placement[], hash: string, nowMs: number): DaemonSetStatus {
  const wanted = placements.filter((placement) => placement.shouldRun);
  const first = wanted.flatMap((placement) => placement.pods.filter(isActive).slice(0, 1));
  const { ready, available } = countPods(first, set.spec?.minReadySeconds ?? 0, nowMs);
  return {
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: wanted.filter((placement) => placement.pods.length > 0).length,
    numberMisscheduled: placements.filter((placement) => !placement.shouldRun && placement.pods.length > 0).length,
    numberReady: ready,
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
    updatedNumberScheduled: first.filter((pod) => revisionHash(pod) === hash).length,
    observedGeneration: set.metadata.generation ?? 0,
  };
}
