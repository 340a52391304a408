/** Cluster: brings infrastructure, control plane and Secrets together, counts, and takes all down in order. Follows Cluster API v1.14. */
import { Cluster, Machine, MachineDeployment, MachineSet, Metal3Cluster, Secret, TalosControlPlane } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { controllerOf, ownerReference } from '@keelson/kube';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import type { Problem } from '@keelson/std';
import { problem } from '@keelson/std';
import type { KeySource } from '@keelson/talos/pki';
import { isControlPlaneMachine, isPaused, machinesOf, toCluster, toOwner } from '../belongs.ts';
import { ensureClusterSecrets, removeClusterSecrets } from '../bootstrap/cluster-secrets.ts';
import type { Workloads } from '../connect/workload.ts';
import { finalizers, labels } from '../names.ts';
import { pollLimits } from '../poll.ts';
import { problems } from '../problems.ts';
import type { ContractReference } from '../provider-kinds.ts';
import { knownProviderKinds, providerKind } from '../provider-kinds.ts';
import { isInitialized } from '../machine/status.ts';
import { warnOfUnsupportedFields } from '../unsupported.ts';
import type { WantedCondition, Writer } from '../write.ts';
import { conditionsAfter, deleteSeen, dropFinalizer, editObject, ensureFinalizer, ensureOwned, isRecord, writeStatus } from '../write.ts';
import type { ClusterParts, ClusterStep } from './plan.ts';
import { planClusterDeletion } from './plan.ts';
import type { ClusterSeen } from './status.ts';
import { clusterConditions, clusterPhase, countControlPlane, countWorkers, isControlPlaneInitialized } from './status.ts';

export interface ClusterOptions {
  readonly keys: KeySource;
  readonly workloads: (context: ReconcileContext) => Workloads;
}

const name = 'cluster';

export function clusterController(options: ClusterOptions): Controller {
  return {
    name,
    kind: Cluster,
    reads: [],
    writes: [
      { kind: Cluster, part: 'status' },
      { kind: Cluster, part: 'spec', scope: 'controlPlaneEndpoint' },
      { kind: Cluster, part: 'metadata', scope: 'finalizer' },
      { kind: Metal3Cluster, part: 'metadata', scope: 'owner' },
      { kind: TalosControlPlane, part: 'metadata', scope: 'owner' },
      { kind: MachineDeployment, part: 'object', scope: 'end of a cluster' },
      { kind: MachineSet, part: 'object', scope: 'end of a cluster' },
      { kind: Machine, part: 'object', scope: 'end of a cluster' },
      { kind: TalosControlPlane, part: 'object', scope: 'end of a cluster' },
      { kind: Metal3Cluster, part: 'object', scope: 'end of a cluster' },
      { kind: Secret, part: 'object', scope: 'secrets of a cluster' },
    ],
    watches: [
      { kind: Metal3Cluster, toKeys: (object, cache) => [...toOwner(Cluster)(object), ...referring(object, cache.list<Cluster>(Cluster, { namespace: object.metadata.namespace }))] },
      { kind: TalosControlPlane, toKeys: (object, cache) => [...toOwner(Cluster)(object), ...referring(object, cache.list<Cluster>(Cluster, { namespace: object.metadata.namespace }))] },
      { kind: MachineDeployment, toKeys: toCluster },
      { kind: MachineSet, toKeys: toCluster },
      { kind: Machine, toKeys: toCluster },
      { kind: Secret, toKeys: (object) => (object.metadata.labels?.[labels.cluster] ? toOwner(Cluster)(object) : []) },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<Cluster>(Cluster, key);
      return seen && reconcileCluster({ context, manager: name, keys: options.keys, workloads: options.workloads(context) }, seen);
    },
  };
}

interface Scope extends Writer {
  readonly keys: KeySource;
  readonly workloads: Workloads;
}

async function reconcileCluster(scope: Scope, seen: Cluster): Promise<ReconcileResult | void> {
  if (isPaused(seen, seen)) return writePaused(scope, seen);
  if (seen.metadata.deletionTimestamp) return reconcileDelete(scope, seen);
  const { events, env } = scope.context;
  warnOfUnsupportedFields(scope.context, Cluster, seen);
  let cluster = await ensureFinalizer(scope, Cluster, seen, finalizers.cluster);
  let trouble = unknownKind(cluster);
  const infrastructure = await adopt(scope, cluster, cluster.spec.infrastructureRef);
  const controlPlane = await adopt(scope, cluster, cluster.spec.controlPlaneRef);
  cluster = await takeEndpoint(scope, cluster, infrastructure);
  const provisioned = cluster.status?.initialization?.infrastructureProvisioned === true || isInitialized(infrastructure, 'provisioned');
  if (provisioned && cluster.spec.controlPlaneRef?.kind === TalosControlPlane.kind) trouble ??= await ensureClusterSecrets(scope, cluster, scope.keys);
  if (trouble) events.problem(cluster, trouble);
  const initialized = cluster.status?.initialization?.controlPlaneInitialized === true || isControlPlaneInitialized(controlPlane);
  const api = initialized ? await scope.workloads.nodes(cluster, scope.context.cache) : undefined;
  const parts: ClusterSeen = {
    ...seenParts(scope, cluster), infrastructure, controlPlane, problem: trouble,
    ...(api ? { api: api.kind === 'nodes' ? { reachable: true, why: '' } : { reachable: false, why: api.why } } : {}),
  };
  await writeClusterStatus(scope, cluster, parts, provisioned, initialized);
  env.log.debug('cluster seen', { cluster: cluster.metadata.name, provisioned, initialized });
  // The API server of the cluster cannot wake us.
  const requeueAfterMs = initialized ? (api?.kind === 'nodes' ? pollLimits.steadyMs : 5_000) : trouble?.code === problems.endpointInUse.code ? 30_000 : undefined;
  return { ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }), waitsFor: trouble?.summary ?? (initialized ? undefined : 'its control plane') };
}

function seenParts(scope: Scope, cluster: Cluster): Pick<ClusterSeen, 'deployments' | 'machines'> {
  const { cache } = scope.context;
  const deployments = cache.list<MachineDeployment>(MachineDeployment, { namespace: cluster.metadata.namespace }).filter((one) => one.spec?.clusterName === cluster.metadata.name);
  return { deployments, machines: machinesOf(cluster, cache) };
}

function unknownKind(cluster: Cluster): Problem | undefined {
  const wrong = [cluster.spec.infrastructureRef, cluster.spec.controlPlaneRef].find((reference) => reference && !providerKind(reference));
  if (!wrong) return undefined;
  const known = [knownProviderKinds('Cluster'), knownProviderKinds('ControlPlane')].join(', ');
  return problem(problems.unknownProviderKind, { kind: `${wrong.kind}.${wrong.apiGroup}`, known }, { why: `Cluster ${cluster.metadata.namespace}/${cluster.metadata.name} refers to ${wrong.kind} ${wrong.name}` });
}

async function adopt(scope: Scope, cluster: Cluster, reference: ContractReference | undefined): Promise<KubeObject | undefined> {
  const kind = reference && providerKind(reference);
  const object = kind && scope.context.cache.get(kind, { namespace: cluster.metadata.namespace, name: reference.name });
  if (!kind || !object || object.metadata.deletionTimestamp) return object;
  return ensureOwned(scope, kind, object, ownerReference(cluster), { [labels.cluster]: cluster.metadata.name });
}

/** The endpoint is given once: by the user, or by the infrastructure. */
async function takeEndpoint(scope: Scope, cluster: Cluster, infrastructure: KubeObject | undefined): Promise<Cluster> {
  if (cluster.spec.controlPlaneEndpoint?.host) return cluster;
  const spec = isRecord(infrastructure?.spec) ? infrastructure.spec : {};
  const endpoint = isRecord(spec.controlPlaneEndpoint) ? spec.controlPlaneEndpoint : {};
  if (typeof endpoint.host !== 'string' || endpoint.host === '' || typeof endpoint.port !== 'number') return cluster;
  return editObject(scope, Cluster, cluster, { spec: { controlPlaneEndpoint: { host: endpoint.host, port: endpoint.port } } });
}

async function reconcileDelete(scope: Scope, cluster: Cluster): Promise<ReconcileResult | void> {
  const { cache, events } = scope.context;
  const namespace = cluster.metadata.namespace;
  const find = (reference: ContractReference | undefined) => {
    const kind = reference && providerKind(reference);
    return kind && cache.get(kind, { namespace, name: reference.name });
  };
  const infrastructure = find(cluster.spec.infrastructureRef);
  const controlPlane = find(cluster.spec.controlPlaneRef);
  const seen = seenParts(scope, cluster);
  const sets = cache.list<MachineSet>(MachineSet, { namespace }).filter((set) => set.spec?.clusterName === cluster.metadata.name);
  const plan = planClusterDeletion(partsOf(cluster, seen, sets, ownedBy(cluster, infrastructure), ownedBy(cluster, controlPlane)));
  for (const step of plan.steps) {
    if (step.kind === 'remove-secrets') {
      await removeClusterSecrets(scope, cluster);
      events.normal(cluster, 'DeletionCompleted', step.summary);
      return dropFinalizer(scope, Cluster, cluster, finalizers.cluster);
    }
    await doDeletion(scope, cluster, step, { infrastructure, controlPlane });
    events.normal(cluster, 'Deleting', step.summary);
  }
  const provisioned = cluster.status?.initialization?.infrastructureProvisioned === true;
  const initialized = cluster.status?.initialization?.controlPlaneInitialized === true;
  await writeClusterStatus(scope, cluster, { ...seen, infrastructure, controlPlane, deletion: plan }, provisioned, initialized);
  return { waitsFor: plan.waitsFor };
}

/** Only what belongs to the cluster goes with it. An object nobody has adopted yet is taken as the cluster's. */
function ownedBy(cluster: Cluster, object: KubeObject | undefined): KubeObject | undefined {
  const owner = object && controllerOf(object);
  return !owner || owner.uid === cluster.metadata.uid ? object : undefined;
}

function partsOf(cluster: Cluster, seen: Pick<ClusterSeen, 'deployments' | 'machines'>, sets: readonly MachineSet[], infrastructure: KubeObject | undefined, controlPlane: KubeObject | undefined): ClusterParts {
  const part = (object: KubeObject) => ({ name: object.metadata.name, deleting: object.metadata.deletionTimestamp !== undefined });
  const workers = seen.machines.filter((machine) => !isControlPlaneMachine(machine));
  return {
    name: cluster.metadata.name,
    namespace: cluster.metadata.namespace ?? '',
    deployments: seen.deployments.map(part),
    sets: sets.filter((set) => !controllerOf(set)).map(part),
    loneWorkers: workers.filter((machine) => !controllerOf(machine)).map(part),
    workers: workers.length,
    ...(controlPlane ? { controlPlane: part(controlPlane) } : {}),
    controlPlaneMachines: seen.machines.length - workers.length,
    ...(infrastructure ? { infrastructure: part(infrastructure) } : {}),
  };
}

async function doDeletion(scope: Scope, cluster: Cluster, step: ClusterStep, objects: { readonly infrastructure?: KubeObject; readonly controlPlane?: KubeObject }): Promise<void> {
  const { cache } = scope.context;
  const key = { namespace: cluster.metadata.namespace, name: step.name };
  const remove = async (kind: Parameters<typeof deleteSeen>[1], object: KubeObject | undefined) => {
    if (object) await deleteSeen(scope, kind, object);
  };
  switch (step.kind) {
    case 'delete-deployment': return remove(MachineDeployment, cache.get(MachineDeployment, key));
    case 'delete-set': return remove(MachineSet, cache.get(MachineSet, key));
    case 'delete-machine': return remove(Machine, cache.get(Machine, key));
    case 'delete-control-plane': {
      const kind = cluster.spec.controlPlaneRef && providerKind(cluster.spec.controlPlaneRef);
      return kind && remove(kind, objects.controlPlane);
    }
    case 'delete-infrastructure': {
      const kind = cluster.spec.infrastructureRef && providerKind(cluster.spec.infrastructureRef);
      return kind && remove(kind, objects.infrastructure);
    }
    case 'remove-secrets': return;
  }
}

async function writeClusterStatus(scope: Scope, cluster: Cluster, seen: ClusterSeen, provisioned: boolean, initialized: boolean): Promise<void> {
  const wanted = clusterConditions(cluster, seen, { infrastructureProvisioned: provisioned, controlPlaneInitialized: initialized });
  const domains = isRecord(seen.infrastructure?.status) && Array.isArray(seen.infrastructure.status.failureDomains) ? seen.infrastructure.status.failureDomains : undefined;
  await writeStatus(scope, Cluster, cluster, {
    observedGeneration: cluster.metadata.generation ?? 0,
    phase: clusterPhase(cluster, provisioned),
    ...(provisioned || initialized ? { initialization: { ...(provisioned ? { infrastructureProvisioned: true } : {}), ...(initialized ? { controlPlaneInitialized: true } : {}) } } : {}),
    ...(domains ? { failureDomains: domains } : {}),
    controlPlane: countControlPlane(seen),
    workers: countWorkers(seen),
    conditions: conditionsAfter(cluster.status?.conditions, wanted, scope, cluster.metadata.generation),
  });
}

async function writePaused(scope: Scope, cluster: Cluster): Promise<void> {
  const kept = (cluster.status?.conditions ?? []).filter((condition) => condition.type !== 'Paused').map((condition): WantedCondition => ({ type: condition.type, status: condition.status === 'Unknown' ? 'Unknown' : condition.status === 'True', reason: condition.reason, message: condition.message }));
  const conditions = conditionsAfter(cluster.status?.conditions, [...kept, { type: 'Paused', status: true, reason: 'Paused' }], scope, cluster.metadata.generation);
  await writeStatus(scope, Cluster, cluster, { ...cluster.status, conditions });
}

/** Clusters that refer to an object which does not know it yet. */
function referring(object: KubeObject, clusters: readonly Cluster[]): readonly { namespace?: string; name: string }[] {
  return clusters.filter((cluster) => [cluster.spec.infrastructureRef, cluster.spec.controlPlaneRef].some((reference) => reference?.kind === object.kind && reference.name === object.metadata.name)).map((cluster) => cluster.metadata);
}
