/** StatefulSets, after kubernetes/pkg/controller/statefulset: pods with an ordinal, a name and volumes of their own, in order. */
import { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet, type PodTemplateSpec, type StatefulSetStatus } from '@keelson/api';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { selectorOf, type ObjectKey } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import { controllerManager } from '../managers.ts';
import { ownerKeys } from '../owner-keys.ts';
import { claimObjects } from '../pod/claim.ts';
import { createPod, deletePod } from '../pod/pod-control.ts';
import { countPods, isActive, isEnded, isReady, msUntilAvailable } from '../pod/pod-state.ts';
import { dropRevisions, ensureRevision, revisionHash, revisionHashLabel, templateOf, type Revisions } from '../revision/controller-revision.ts';
import { patchStatus } from '../status-patch.ts';
import { planStatefulSet, type OrdinalPod } from './plan.ts';

const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

export function statefulSetController(): Controller {
  return {
    name: 'statefulset-controller',
    kind: StatefulSet,
    reads: [Pod, ControllerRevision, PersistentVolumeClaim],
    writes: [
      { kind: Pod, part: 'object', scope: 'pods of StatefulSets' },
      { kind: ControllerRevision, part: 'object', scope: 'revisions of StatefulSets' },
      { kind: PersistentVolumeClaim, part: 'object', scope: 'claims of StatefulSets' },
      { kind: StatefulSet, part: 'status' },
    ],
    watches: [{ kind: Pod, toKeys: ownerKeys(StatefulSet) }],
    reconcile,
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const set = context.cache.get<StatefulSet>(StatefulSet, key);
  if (!set?.spec || set.metadata.deletionTimestamp !== undefined) return;
  const revisions = await ensureRevision(set, context);
  const update = revisions.current;
  const current = currentRevision(set, revisions);
  const now = context.env.clock.now();
  const pods = ordinalPods(set, await claimObjects<Pod>(set, Pod, selectorOf(set.spec.selector), context, controllerManager), now);
  const plan = planStatefulSet(set, pods, { current: revisionHash(current), update: revisionHash(update) });
  for (const pod of plan.remove) await deletePod(set, pod, context);
  for (const { ordinal, revision } of plan.create) {
    const source = revision === revisionHash(update) ? update : current;
    await createOrdinal(set, ordinal, templateOf(source), revisionHash(source), context);
  }

  const after = context.cache.list<Pod>(Pod, { namespace: key.namespace ?? '', ...(set.metadata.uid ? { ownerUid: set.metadata.uid } : {}) });
  const status = statefulSetStatus(set, after, current, update, now);
  await patchStatus(StatefulSet, set, { ...status }, context, controllerManager);
  await dropRevisions(set, revisions.all.filter((one) => one !== update && one !== current), after.map(revisionHash), context);
  const wait = countPods(after.filter(isActive), set.spec.minReadySeconds ?? 0, now).nextAvailableMs;
  if (wait !== undefined) return { requeueAfterMs: wait, waitsFor: 'a ready pod to have been ready long enough' };
  return plan.waitsFor === undefined ? undefined : { waitsFor: plan.waitsFor };
}

function currentRevision(set: StatefulSet, revisions: Revisions): ControllerRevision {
  return revisions.all.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? revisions.current;
}

/** The ordinal in a pod's name; undefined when it is not one of the set's names. */
export function ordinalOf(set: StatefulSet, podName: string): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const rest = podName.startsWith(prefix) ? podName.slice(prefix.length) : '';
  return /^(0|[1-9]\d*)$/.test(rest) ? Number(rest) : undefined;
}

function ordinalPods(set: StatefulSet, pods: readonly Pod[], nowMs: number): OrdinalPod[] {
  return pods.flatMap((pod) => {
    const ordinal = ordinalOf(set, pod.metadata.name);
    if (ordinal === undefined) return [];
    return [
      {
        pod,
        ordinal,
        revision: revisionHash(pod),
        available: isReady(pod) && msUntilAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0,
        ended: isEnded(pod),
        terminating: pod.metadata.deletionTimestamp !== undefined,
      },
    ];
  });
}

async function createOrdinal(set: StatefulSet, ordinal: number, template: PodTemplateSpec, hash: string, context: ReconcileContext): Promise<void> {
  const name = `${set.metadata.name}-${ordinal}`;
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((claim) => ({ template: claim, name: `${claim.metadata.name}-${name}` }));
  for (const claim of claims) await ensureClaim(set, claim.template, claim.name, context);
  const own = claims.map((claim) => ({ name: claim.template.metadata.name, persistentVolumeClaim: { claimName: claim.name } }));
  const volumes = [...(template.spec?.volumes ?? []).filter((volume) => !own.some((one) => one.name === volume.name)), ...own];
  const labels = { [revisionHashLabel]: hash, [nameLabel]: name, [indexLabel]: String(ordinal) };
  const spec = { hostname: name, ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}), ...(volumes.length > 0 ? { volumes } : {}) };
  await createPod(set, template, { name, labels, spec }, context, controllerManager);
}

async function ensureClaim(set: StatefulSet, template: PersistentVolumeClaim, name: string, context: ReconcileContext): Promise<void> {
  const { namespace } = set.metadata;
  if (context.cache.get(PersistentVolumeClaim, { name, ...(namespace ? { namespace } : {}) })) return;
  const claim: PersistentVolumeClaim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    // Claims outlive the set, so they have no owner.
    metadata: { name, ...(namespace ? { namespace } : {}), labels: { ...template.metadata.labels, ...set.spec?.selector.matchLabels }, ...(template.metadata.annotations ? { annotations: template.metadata.annotations } : {}) },
    spec: template.spec,
  };
  try {
    await context.client.create(PersistentVolumeClaim, claim, { fieldManager: controllerManager });
  } catch (error) {
    if (!isAlreadyExists(error)) throw new Error(`creating volume claim ${name}`, { cause: error });
  }
}

function statefulSetStatus(set: StatefulSet, pods: readonly Pod[], current: ControllerRevision, update: ControllerRevision, nowMs: number): StatefulSetStatus {
  const living = pods.filter((pod) => !isEnded(pod) && ordinalOf(set, pod.metadata.name) !== undefined);
  const active = living.filter(isActive);
  const { ready, available } = countPods(living, set.spec?.minReadySeconds ?? 0, nowMs);
  const of = (revision: ControllerRevision) => active.filter((pod) => revisionHash(pod) === revisionHash(revision)).length;
  const replicas = set.spec?.replicas ?? 1;
  const updated = of(update);
  // All pods are of the new template: it is the current one from now on.
  const finished = current === update || (updated === replicas && active.length === replicas && ready === replicas);
  return {
    replicas: living.length,
    readyReplicas: ready,
    availableReplicas: available,
    currentReplicas: finished ? updated : of(current),
    updatedReplicas: updated,
    currentRevision: (finished ? update : current).metadata.name,
    updateRevision: update.metadata.name,
    collisionCount: set.status?.collisionCount ?? 0,
    observedGeneration: set.metadata.generation ?? 0,
  };
}
