/** Deployments, after kubernetes/pkg/controller/deployment: a ReplicaSet per template, moved over as the strategy says. */
import { Deployment, Pod, ReplicaSet } from '@keelson/api';
import { sameJson, type Controller, type ReconcileContext, type ReconcileResult } from '@keelson/controller';
import { controllerOf, ownerReference, selectorOf, type ObjectKey } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import { shortHash } from '../json.ts';
import { controllerManager } from '../managers.ts';
import { ownerKeys } from '../owner-keys.ts';
import { claimObjects } from '../pod/claim.ts';
import { isEnded } from '../pod/pod-state.ts';
import { patchStatus } from '../status-patch.ts';
import { byAge, createdMs, currentSet, desiredReplicasAnnotation, maxReplicasAnnotation, revisionAnnotation, revisionOf, setAnnotations, templateHashLabel } from './revision.ts';
import { initialSize, limitsOf, proportionalSizes, rollingStep, type SetSize, type Sizes } from './rolling-update.ts';
import { deploymentStatus, isComplete, msUntilDeadline, type DeploymentView } from './status.ts';

export function deploymentController(): Controller {
  return {
    name: 'deployment-controller',
    kind: Deployment,
    reads: [ReplicaSet, Pod],
    writes: [
      { kind: ReplicaSet, part: 'object' },
      { kind: ReplicaSet, part: 'spec' },
      { kind: Deployment, part: 'status' },
      { kind: Deployment, part: 'metadata', scope: 'revision annotation' },
    ],
    watches: [
      { kind: ReplicaSet, toKeys: ownerKeys(Deployment) },
      { kind: Pod, toKeys: (pod, cache) => deploymentOfPod(controllerOf(pod)?.name, pod.metadata.namespace, cache.get(ReplicaSet, { name: controllerOf(pod)?.name ?? '', ...(pod.metadata.namespace ? { namespace: pod.metadata.namespace } : {}) })) },
    ],
    reconcile,
  };
}

/** Only Recreate waits for single pods; the rest hears of them through the ReplicaSet's status. */
function deploymentOfPod(setName: string | undefined, namespace: string | undefined, set: ReplicaSet | undefined): ObjectKey[] {
  const owner = setName !== undefined && set ? controllerOf(set) : undefined;
  return owner?.kind === 'Deployment' ? [{ name: owner.name, ...(namespace ? { namespace } : {}) }] : [];
}

async function reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void> {
  const deployment = context.cache.get<Deployment>(Deployment, key);
  if (!deployment?.spec) return;
  const sets = await claimObjects<ReplicaSet>(deployment, ReplicaSet, selectorOf(deployment.spec.selector), context, controllerManager);
  const view =
    deployment.metadata.deletionTimestamp !== undefined || deployment.spec.paused || wasScaled(deployment, sets)
      ? await scaleOnly(deployment, sets, context)
      : deployment.spec.strategy?.type === 'Recreate'
        ? await recreate(deployment, sets, context)
        : await roll(deployment, sets, context);
  const now = context.env.clock.now();
  const status = deploymentStatus(view, now);
  await patchStatus(Deployment, deployment, { ...status }, context, controllerManager);
  if (isComplete(deployment, status)) await dropOldSets(deployment, view.old, context);
  const wait = msUntilDeadline(deployment, status, now);
  return wait === undefined ? undefined : { requeueAfterMs: wait, waitsFor: 'pods of the new template to become available' };
}

/** The Deployment's replicas are not those for which its sets with pods were last sized. */
function wasScaled(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  const wanted = String(deployment.spec?.replicas ?? 1);
  return sets.some((set) => (set.spec?.replicas ?? 0) > 0 && (set.metadata.annotations?.[desiredReplicasAnnotation] ?? wanted) !== wanted);
}

async function roll(deployment: Deployment, sets: readonly ReplicaSet[], context: ReconcileContext): Promise<DeploymentView> {
  const view = await ensureCurrent(deployment, sets, context, true);
  if (!view.current) return view;
  const step = rollingStep(limitsOf(deployment), sizeOf(view.current), view.old.map(sizeOf));
  return resize(view, step, context);
}

async function recreate(deployment: Deployment, sets: readonly ReplicaSet[], context: ReconcileContext): Promise<DeploymentView> {
  const found = currentSet(deployment, sets);
  const view: DeploymentView = { deployment, current: found, old: sets.filter((set) => set !== found) };
  const shrunk = await resize(view, new Map(view.old.filter((set) => (set.spec?.replicas ?? 0) > 0).map((set) => [set.metadata.name, 0])), context);
  if (shrunk.old.some((set) => hasPods(set, context))) return shrunk;
  const made = await ensureCurrent(deployment, sets, context, true);
  return made.current ? resize(made, new Map([[made.current.metadata.name, deployment.spec?.replicas ?? 1]]), context) : made;
}

function hasPods(set: ReplicaSet, context: ReconcileContext): boolean {
  const pods = context.cache.list<Pod>(Pod, { namespace: set.metadata.namespace ?? '', ...(set.metadata.uid ? { ownerUid: set.metadata.uid } : {}) });
  return pods.some((pod) => !isEnded(pod));
}

/** No rollout: sizes follow the Deployment, no set is created. */
async function scaleOnly(deployment: Deployment, sets: readonly ReplicaSet[], context: ReconcileContext): Promise<DeploymentView> {
  const view = await ensureCurrent(deployment, sets, context, false);
  if (deployment.metadata.deletionTimestamp !== undefined) return view;
  const limits = limitsOf(deployment);
  const all = view.current ? [...view.old, view.current] : view.old;
  const active = all.filter((set) => (set.spec?.replicas ?? 0) > 0);
  const latest = active.length === 1 ? active[0] : active.length === 0 ? (view.current ?? byAge(view.old).at(-1)) : undefined;
  if (latest) return resize(view, new Map([[latest.metadata.name, limits.replicas]]), context);
  if (deployment.spec?.strategy?.type === 'Recreate') return view;
  return resize(view, proportionalSizes(limits, active.map(sizeOf)), context);
}

function sizeOf(set: ReplicaSet): SetSize {
  const max = set.metadata.annotations?.[maxReplicasAnnotation];
  return {
    name: set.metadata.name,
    replicas: set.spec?.replicas ?? 0,
    available: set.status?.availableReplicas ?? 0,
    createdMs: createdMs(set),
    ...(max === undefined ? {} : { maxReplicas: Number(max) }),
  };
}

/** Finds the set of the Deployment's template, creates it when `create` says so, and keeps the revision annotations. */
async function ensureCurrent(deployment: Deployment, sets: readonly ReplicaSet[], context: ReconcileContext, create: boolean): Promise<DeploymentView> {
  const found = currentSet(deployment, sets);
  const old = sets.filter((set) => set !== found);
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  if (!found) return create ? createSet(deployment, old, revision, context) : { deployment, current: undefined, old };
  const limits = limitsOf(deployment);
  const annotations = setAnnotations(deployment, found, revision, {
    desired: Number(found.metadata.annotations?.[desiredReplicasAnnotation] ?? limits.replicas),
    max: Number(found.metadata.annotations?.[maxReplicasAnnotation] ?? limits.replicas + limits.maxSurge),
  });
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  let current = found;
  if (!sameJson(annotations, found.metadata.annotations) || (found.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
    current = await patchSet(found, { metadata: { annotations }, spec: { minReadySeconds } }, context);
  }
  await annotateRevision(deployment, current, context);
  const unseen = deployment.status?.conditions?.every((condition) => condition.type !== 'Progressing') ?? true;
  return { deployment, current, old, ...(unseen ? { news: { reason: 'FoundNewReplicaSet', message: `Found new replica set "${current.metadata.name}"` } } : {}) };
}

async function createSet(deployment: Deployment, old: readonly ReplicaSet[], revision: number, context: ReconcileContext): Promise<DeploymentView> {
  const template = deployment.spec!.template;
  const collisions = deployment.status?.collisionCount ?? 0;
  const hash = shortHash(template, collisions);
  const limits = limitsOf(deployment);
  const labels = { ...template.metadata?.labels, [templateHashLabel]: hash };
  const { name, namespace } = deployment.metadata;
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace ? { namespace } : {}),
      labels,
      annotations: setAnnotations(deployment, undefined, revision, { desired: limits.replicas, max: limits.replicas + limits.maxSurge }),
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas: initialSize(limits, old.map(sizeOf)),
      minReadySeconds: deployment.spec?.minReadySeconds ?? 0,
      selector: { ...deployment.spec!.selector, matchLabels: { ...deployment.spec!.selector.matchLabels, [templateHashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  try {
    const current = await context.client.create<ReplicaSet>(ReplicaSet, set, { fieldManager: controllerManager });
    context.cache.observe(ReplicaSet, current);
    context.events.normal(deployment, 'ScalingReplicaSet', `Scaled up replica set ${current.metadata.name} from 0 to ${current.spec?.replicas ?? 0}`);
    await annotateRevision(deployment, current, context);
    return { deployment, current, old, news: { reason: 'NewReplicaSetCreated', message: `Created new replica set "${current.metadata.name}"` } };
  } catch (error) {
    if (!isAlreadyExists(error)) throw new Error(`creating a replica set of deployment ${name}`, { cause: error });
    const taken = await context.client.get<ReplicaSet>(ReplicaSet, { name: set.metadata.name, ...(namespace ? { namespace } : {}) });
    // Our own from a moment ago that the cache has not seen: the next reconcile goes on with it.
    if (taken && controllerOf(taken)?.uid === deployment.metadata.uid && currentSet(deployment, [taken])) {
      context.cache.observe(ReplicaSet, taken);
      return { deployment, current: taken, old };
    }
    return { deployment, current: undefined, old, collisionCount: collisions + 1 };
  }
}

async function resize(view: DeploymentView, sizes: Sizes, context: ReconcileContext): Promise<DeploymentView> {
  const { deployment } = view;
  const limits = limitsOf(deployment);
  const one = async (set: ReplicaSet): Promise<ReplicaSet> => {
    const before = set.spec?.replicas ?? 0;
    const replicas = sizes.get(set.metadata.name) ?? before;
    const annotations = { [desiredReplicasAnnotation]: String(limits.replicas), [maxReplicasAnnotation]: String(limits.replicas + limits.maxSurge) };
    const asWanted = Object.entries(annotations).every(([name, value]) => set.metadata.annotations?.[name] === value);
    if (replicas === before && (asWanted || before === 0)) return set;
    const changed = await patchSet(set, { metadata: { annotations }, spec: { replicas } }, context);
    if (replicas !== before) {
      context.events.normal(deployment, 'ScalingReplicaSet', `Scaled ${replicas > before ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${replicas}`);
    }
    return changed;
  };
  const old: ReplicaSet[] = [];
  for (const set of view.old) old.push(await one(set));
  return { ...view, old, ...(view.current ? { current: await one(view.current) } : {}) };
}

async function patchSet(set: ReplicaSet, patch: { metadata?: object; spec?: object }, context: ReconcileContext): Promise<ReplicaSet> {
  const { name, namespace, uid, resourceVersion } = set.metadata;
  // The version makes a decision on old numbers fail instead of scaling twice.
  const body = { ...patch, metadata: { ...patch.metadata, uid, resourceVersion } };
  const changed = await context.client.patch<ReplicaSet>(ReplicaSet, { name, ...(namespace ? { namespace } : {}) }, 'merge', body, { fieldManager: controllerManager });
  context.cache.observe(ReplicaSet, changed);
  return changed;
}

async function annotateRevision(deployment: Deployment, current: ReplicaSet, context: ReconcileContext): Promise<void> {
  const revision = current.metadata.annotations?.[revisionAnnotation];
  if (revision === undefined || deployment.metadata.annotations?.[revisionAnnotation] === revision) return;
  const { name, namespace, uid } = deployment.metadata;
  await context.client.patch(Deployment, { name, ...(namespace ? { namespace } : {}) }, 'merge', { metadata: { uid, annotations: { [revisionAnnotation]: revision } } }, { fieldManager: controllerManager });
}

/** Sets beyond the history limit that have no pods go, the oldest first. */
async function dropOldSets(deployment: Deployment, old: readonly ReplicaSet[], context: ReconcileContext): Promise<void> {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const empty = [...old]
    .filter((set) => set.metadata.deletionTimestamp === undefined && (set.spec?.replicas ?? 0) === 0 && (set.status?.replicas ?? 0) === 0)
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of empty.slice(0, Math.max(0, empty.length - limit))) {
    const { name, namespace, uid } = set.metadata;
    await context.client.delete(ReplicaSet, { name, ...(namespace ? { namespace } : {}) }, uid === undefined ? {} : { preconditions: { uid } });
  }
}
