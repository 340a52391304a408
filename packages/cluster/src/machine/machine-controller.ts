/** Machine: the bond between bootstrap data, infrastructure and a Node, and the orderly way out. Follows Cluster API v1.14. */
import { Cluster, Machine, MachineDeployment, MachineSet, Metal3Machine, Node, Secret, TalosConfig, TalosControlPlane } from '@keelson/api';
import type { KindRef, KubeObject } from '@keelson/kube';
import { controllerOf, findCondition, ownerReference } from '@keelson/kube';
import { isNotFound } from '@keelson/kube/client';
import type { Cache, Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { describeError, parseTime, problem, problemLine, rfc3339 } from '@keelson/std';
import { clusterOf, isControlPlaneMachine, isPaused, toMembers, toOwner } from '../belongs.ts';
import type { Workloads } from '../connect/workload.ts';
import { annotations, finalizers, labels, records, secretNames } from '../names.ts';
import { pollDelay, pollLimits } from '../poll.ts';
import { problems } from '../problems.ts';
import { providerKind } from '../provider-kinds.ts';
import { deploymentHash } from '../rollout/machine-deployment-controller.ts';
import type { WantedCondition, Writer } from '../write.ts';
import { conditionsAfter, deleteSeen, dropFinalizer, editObject, ensureFinalizer, ensureOwned, isRecord, writeStatus } from '../write.ts';
import type { DrainSeen } from './drain.ts';
import { attachedVolumes, drainNode } from './drain.ts';
import { findNode, markNode } from './node.ts';
import type { DeletionPlan, DeletionState } from './plan.ts';
import { machinePhase, planDeletion } from './plan.ts';
import type { NodeSeenByMachine } from './status.ts';
import { isInitialized, machineConditions } from './status.ts';

export interface MachineOptions {
  readonly workloads: (context: ReconcileContext) => Workloads;
}

const name = 'machine';

/** Seconds a Node's deletion may take before the Machine goes without it; upstream's default. */
const nodeDeletionSeconds = 10;

export function machineController(options: MachineOptions): Controller {
  return {
    name,
    kind: Machine,
    reads: [Cluster, MachineSet, MachineDeployment, TalosControlPlane, Secret],
    writes: [
      { kind: Machine, part: 'status' },
      { kind: Machine, part: 'spec' },
      { kind: Machine, part: 'metadata', scope: 'finalizer and owner' },
      { kind: Metal3Machine, part: 'metadata', scope: 'owner' },
      { kind: TalosConfig, part: 'metadata', scope: 'owner' },
      { kind: Metal3Machine, part: 'object', scope: 'end of a Machine' },
      { kind: TalosConfig, part: 'object', scope: 'end of a Machine' },
    ],
    concurrency: 16,
    watches: [
      { kind: Metal3Machine, toKeys: toOwner(Machine) },
      { kind: TalosConfig, toKeys: toOwner(Machine) },
      { kind: Cluster, toKeys: toMembers(Machine) },
      { kind: Secret, toKeys: kubeconfigToMachines },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<Machine>(Machine, key);
      return seen && reconcileMachine({ context, manager: name, workloads: options.workloads(context) }, seen);
    },
  };
}

interface Scope extends Writer {
  readonly workloads: Workloads;
}

async function reconcileMachine(scope: Scope, seen: Machine): Promise<ReconcileResult | void> {
  const { cache, env } = scope.context;
  const cluster = clusterOf(seen, cache);
  if (isPaused(cluster, seen)) return writePaused(scope, seen);
  if (seen.metadata.deletionTimestamp) return reconcileDelete(scope, seen, cluster);
  let machine = await ensureFinalizer(scope, Machine, seen, finalizers.machine);
  if (cluster) machine = await ensureOwned(scope, Machine, machine, { ...ownerReference(cluster), controller: false }, { [labels.cluster]: cluster.metadata.name });
  const infrastructure = await adopt(scope, machine, machine.spec.infrastructureRef);
  const bootstrap = machine.spec.bootstrap.configRef && (await adopt(scope, machine, machine.spec.bootstrap.configRef));
  machine = await takeOver(scope, machine, infrastructure, bootstrap);
  const node = cluster ? await seeNode(scope, machine, cluster, infrastructure) : { kind: 'none' as const, why: `Cluster ${machine.spec.clusterName} does not exist` };
  if (node.kind === 'node' && cluster) await mark(scope, machine, cluster, node.node);
  const nowMs = env.clock.now();
  const wanted = machineConditions(machine, { infrastructure, bootstrap, node, upToDate: upToDate(machine, cache, nowMs), nowMs });
  await writeMachineStatus(scope, machine, wanted, { infrastructure, bootstrap, node });
  return whenToLook(machine, wanted, node, nowMs);
}

/** The provider's object a Machine refers to, owned by it; undefined when it is not there. */
async function adopt(scope: Scope, machine: Machine, reference: { readonly apiGroup: string; readonly kind: string; readonly name: string }): Promise<KubeObject | undefined> {
  const kind = providerKind(reference);
  if (!kind) return undefined;
  const object = scope.context.cache.get(kind, { namespace: machine.metadata.namespace, name: reference.name });
  if (!object || object.metadata.deletionTimestamp) return object;
  return ensureOwned(scope, kind, object, ownerReference(machine), { [labels.cluster]: machine.spec.clusterName });
}

/** Takes over what the providers made: the name of the bootstrap data, and the provider id. Neither changes once it is set. */
async function takeOver(scope: Scope, machine: Machine, infrastructure: KubeObject | undefined, bootstrap: KubeObject | undefined): Promise<Machine> {
  const spec: Record<string, unknown> = {};
  const dataSecretName = isRecord(bootstrap?.status) && isInitialized(bootstrap, 'dataSecretCreated') ? bootstrap.status.dataSecretName : undefined;
  if (!machine.spec.bootstrap.dataSecretName && typeof dataSecretName === 'string') spec.bootstrap = { dataSecretName };
  const providerID = isRecord(infrastructure?.spec) && isInitialized(infrastructure, 'provisioned') ? infrastructure.spec.providerID : undefined;
  if (machine.spec.providerID === undefined && typeof providerID === 'string') spec.providerID = providerID;
  return Object.keys(spec).length === 0 ? machine : editObject(scope, Machine, machine, { spec });
}

/** Looks for the Node. The id is taken from the infrastructure, which knows it before it is provisioned. */
async function seeNode(scope: Scope, machine: Machine, cluster: Cluster, infrastructure: KubeObject | undefined): Promise<NodeSeenByMachine> {
  const known = machine.status?.nodeRef?.name;
  const providerId = machine.spec.providerID ?? (isRecord(infrastructure?.spec) && typeof infrastructure.spec.providerID === 'string' ? infrastructure.spec.providerID : undefined);
  if (!known && !providerId) return { kind: 'none', why: 'waits for its infrastructure' };
  if (!scope.workloads.client(cluster, scope.context.cache)) return { kind: 'none', why: `waits for Secret ${secretNames(cluster.metadata.name).kubeconfig}` };
  const list = await scope.workloads.nodes(cluster, scope.context.cache);
  if (list.kind === 'unreachable') {
    const down = cluster.status?.initialization?.controlPlaneInitialized !== true && !known;
    return down ? { kind: 'none', why: 'waits for the control plane of the cluster' } : { kind: 'unreachable', why: list.why };
  }
  const node = findNode(list.nodes, providerId) ?? (known ? list.nodes.find((one) => one.metadata.name === known) : undefined);
  if (node) return { kind: 'node', node };
  return known ? { kind: 'deleted', name: known } : { kind: 'none', why: `waits for a Node with provider id ${providerId}` };
}

async function mark(scope: Scope, machine: Machine, cluster: Cluster, node: Node): Promise<void> {
  const client = scope.workloads.client(cluster, scope.context.cache);
  try {
    if (client) await markNode(client, node, machine, cluster);
  } catch (error) {
    // Marks are for people and for upstream's tools; they come with the next look.
    scope.context.env.log.debug('node not marked', { machine: machine.metadata.name, node: node.metadata.name, error: describeError(error) });
  }
}

function upToDate(machine: Machine, cache: Cache, nowMs: number): { status: boolean; message: string } | undefined {
  const deploymentName = machine.metadata.labels?.[labels.deployment];
  const deployment = deploymentName ? cache.get<MachineDeployment>(MachineDeployment, { namespace: machine.metadata.namespace, name: deploymentName }) : undefined;
  if (!deployment?.spec) return undefined;
  const current = machine.metadata.labels?.[labels.templateHash] === deploymentHash(deployment, nowMs);
  return { status: current, message: current ? '' : `MachineDeployment ${deploymentName} has another template now` };
}

function whenToLook(machine: Machine, wanted: readonly WantedCondition[], node: NodeSeenByMachine, nowMs: number): ReconcileResult {
  const ready = wanted.find((condition) => condition.type === 'Ready');
  if (ready?.status === true) {
    const available = wanted.find((condition) => condition.type === 'Available');
    return { requeueAfterMs: available?.status === true ? pollLimits.steadyMs : 1000 };
  }
  const waitsFor = ready?.message || undefined;
  // Without an id there is no Node to look for; the providers wake us.
  if (node.kind === 'none' && node.why.startsWith('waits for its infrastructure')) return { waitsFor };
  const since = parseTime(findCondition(machine, 'NodeReady')?.lastTransitionTime ?? '');
  return { requeueAfterMs: Math.min(pollDelay(nowMs, since), 10_000), waitsFor };
}

async function reconcileDelete(scope: Scope, seen: Machine, cluster: Cluster | undefined): Promise<ReconcileResult | void> {
  let machine = seen;
  const { env, cache, events } = scope.context;
  const nowMs = env.clock.now();
  const started = machine.status?.deletion ?? {};
  const times = { nodeDrainStartTime: started.nodeDrainStartTime, waitForNodeVolumeDetachStartTime: started.waitForNodeVolumeDetachStartTime, waitForPreDrainHookStartTime: started.waitForPreDrainHookStartTime, waitForPreTerminateHookStartTime: started.waitForPreTerminateHookStartTime };
  let drain: DrainSeen | undefined;
  let volumes: DeletionState['volumes']['seen'];
  let nodeGone = false;
  for (let turn = 0; ; turn++) {
    const state = deletionState(machine, cluster, cache, nowMs, times, { drain, volumes, nodeGone });
    const plan = planDeletion(state);
    const step = plan.steps[0];
    const client = cluster && scope.workloads.client(cluster, cache);
    if (plan.reason === 'WaitingForPreDrainHook') times.waitForPreDrainHookStartTime ??= rfc3339(nowMs);
    if (plan.reason === 'WaitingForPreTerminateHook') times.waitForPreTerminateHookStartTime ??= rfc3339(nowMs);
    if (step?.kind === 'remove-finalizer') {
      events.normal(machine, 'DeletionCompleted', `Machine ${machine.metadata.name} let go`);
      return dropFinalizer(scope, Machine, machine, finalizers.machine);
    }
    if (step?.kind === 'drain-node' && drain === undefined && turn < 8) {
      times.nodeDrainStartTime ??= rfc3339(nowMs);
      drain = client ? await drainNode(client, state.nodeName ?? '') : 'unreachable';
      continue;
    }
    if (step?.kind === 'check-volumes' && turn < 8) {
      times.waitForNodeVolumeDetachStartTime ??= rfc3339(nowMs);
      volumes = client ? await attachedVolumes(client, state.nodeName ?? '') : 'unreachable';
      continue;
    }
    if (step?.kind === 'delete-node' && turn < 8) {
      nodeGone = client !== undefined && (await removeNode(scope, client, state.nodeName ?? ''));
      if (nodeGone) continue;
      machine = await recordNodeDeletion(scope, machine, nowMs);
    }
    if (step?.kind === 'delete-infrastructure') await deleteReferenced(scope, machine, machine.spec.infrastructureRef);
    if (step?.kind === 'delete-bootstrap' && machine.spec.bootstrap.configRef) await deleteReferenced(scope, machine, machine.spec.bootstrap.configRef);
    return endOfDeletionTurn(scope, machine, plan, drain, times, nowMs, cluster);
  }
}

async function endOfDeletionTurn(scope: Scope, machine: Machine, plan: DeletionPlan, drain: DrainSeen | undefined, times: Record<string, string | undefined>, nowMs: number, cluster: Cluster | undefined): Promise<ReconcileResult> {
  const { cache, events } = scope.context;
  const infrastructure = referenced(machine, machine.spec.infrastructureRef, cache);
  const ready = infrastructure && findCondition(infrastructure, 'Ready');
  let message = plan.waitsFor ?? plan.steps[0]?.summary ?? '';
  if (plan.reason === 'WaitingForInfrastructureDeletion' && ready?.message) message = `${infrastructure?.kind} ${infrastructure?.metadata.name}: ${ready.message}`;
  if (drain !== undefined && typeof drain === 'object') {
    const blocked = problem(problems.drainBlocked, { node: machine.status?.nodeRef?.name ?? '' }, { why: drain.pods.slice(0, 5).join('; ') });
    message = problemLine(blocked);
    events.normal(machine, 'DrainingNode', message);
  }
  const bootstrap = machine.spec.bootstrap.configRef && referenced(machine, machine.spec.bootstrap.configRef, cache);
  const node: NodeSeenByMachine = { kind: 'none', why: cluster ? 'is being deleted' : `Cluster ${machine.spec.clusterName} does not exist` };
  const wanted = machineConditions(machine, { infrastructure, bootstrap, node, deleting: { reason: plan.reason, message }, nowMs });
  await writeMachineStatus(scope, machine, wanted, { infrastructure, bootstrap, node }, times);
  // Pods and volumes of the workload cluster cannot wake us; hooks and our own objects do.
  const polls: Record<string, number> = { DrainingNode: 5_000, WaitingForVolumeDetach: 5_000, DeletingNode: 1_000 };
  const requeueAfterMs = polls[plan.reason] ?? (plan.steps.length > 0 ? 1_000 : undefined);
  return { ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }), waitsFor: message };
}

function deletionState(
  machine: Machine, cluster: Cluster | undefined, cache: Cache, nowMs: number, times: Readonly<Record<string, string | undefined>>,
  seen: { readonly drain?: DrainSeen; readonly volumes?: DeletionState['volumes']['seen']; readonly nodeGone: boolean },
): DeletionState {
  const own = machine.metadata.annotations ?? {};
  const hooks = (prefix: string) => Object.keys(own).filter((key) => key === prefix || key.startsWith(`${prefix}/`)).map((key) => key.slice(prefix.length + 1) || prefix);
  const ms = (time: string | undefined) => (time === undefined ? undefined : parseTime(time));
  const deletion = machine.spec.deletion ?? {};
  const controlPlane = controllerOf(machine)?.kind === TalosControlPlane.kind && isControlPlaneMachine(machine);
  const standing = (reference: { readonly apiGroup: string; readonly kind: string; readonly name: string } | undefined) => {
    const object = reference && referenced(machine, reference, cache);
    return !object ? 'gone' : object.metadata.deletionTimestamp ? 'deleting' : 'there';
  };
  return {
    name: machine.metadata.name,
    namespace: machine.metadata.namespace ?? '',
    nowMs,
    // A Machine whose cluster is gone has no one left to drain for.
    clusterDeleting: !cluster || cluster.metadata.deletionTimestamp !== undefined,
    preDrainHooks: hooks(annotations.preDrainPrefix),
    preTerminateHooks: hooks(annotations.preTerminatePrefix),
    etcdMemberStays: controlPlane && own[records.etcdLeft] === undefined && controlPlaneLives(machine, cache),
    nodeName: machine.status?.nodeRef?.name,
    excludeDraining: annotations.excludeNodeDraining in own,
    drain: { startedMs: ms(times.nodeDrainStartTime), timeoutSeconds: deletion.nodeDrainTimeoutSeconds ?? 0, seen: seen.drain },
    volumes: { excluded: annotations.excludeVolumeDetach in own, startedMs: ms(times.waitForNodeVolumeDetachStartTime), timeoutSeconds: deletion.nodeVolumeDetachTimeoutSeconds ?? 0, seen: seen.volumes },
    infrastructure: standing(machine.spec.infrastructureRef),
    bootstrap: standing(machine.spec.bootstrap.configRef),
    node: { gone: seen.nodeGone, startedMs: nodeDeletionStart(machine, nowMs), timeoutSeconds: deletion.nodeDeletionTimeoutSeconds ?? nodeDeletionSeconds },
  };
}

/** A Machine whose control plane is gone has no one who could let its etcd member leave. */
function controlPlaneLives(machine: Machine, cache: Cache): boolean {
  const owner = controllerOf(machine);
  return owner !== undefined && cache.get(TalosControlPlane, { namespace: machine.metadata.namespace, name: owner.name })?.metadata.uid === owner.uid;
}

/** When the first try to delete the Node failed; now when none has. */
function nodeDeletionStart(machine: Machine, nowMs: number): number {
  const recorded = machine.metadata.annotations?.[records.nodeDeletion];
  return recorded === undefined ? nowMs : parseTime(recorded);
}

/** The window for the Node's deletion has no field upstream, where a process remembers it; here it outlives the process. */
async function recordNodeDeletion(scope: Scope, machine: Machine, nowMs: number): Promise<Machine> {
  if (machine.metadata.annotations?.[records.nodeDeletion] !== undefined) return machine;
  return editObject(scope, Machine, machine, { metadata: { annotations: { [records.nodeDeletion]: rfc3339(nowMs) } } });
}

function referenced(machine: Machine, reference: { readonly apiGroup: string; readonly kind: string; readonly name: string }, cache: Cache): KubeObject | undefined {
  const kind: KindRef | undefined = providerKind(reference);
  return kind && cache.get(kind, { namespace: machine.metadata.namespace, name: reference.name });
}

async function deleteReferenced(scope: Scope, machine: Machine, reference: { readonly apiGroup: string; readonly kind: string; readonly name: string }): Promise<void> {
  const kind = providerKind(reference);
  const object = kind && referenced(machine, reference, scope.context.cache);
  if (kind && object) await deleteSeen(scope, kind, object);
}

/** True when the Node is gone. */
async function removeNode(scope: Scope, client: { delete: ReconcileContext['client']['delete'] }, nodeName: string): Promise<boolean> {
  try {
    await client.delete(Node, { name: nodeName });
    return true;
  } catch (error) {
    if (isNotFound(error)) return true;
    scope.context.env.log.debug('node not deleted', { node: nodeName, error: describeError(error) });
    return false;
  }
}

async function writeMachineStatus(
  scope: Scope, machine: Machine, wanted: readonly WantedCondition[],
  seen: { readonly infrastructure?: KubeObject; readonly bootstrap?: KubeObject; readonly node: NodeSeenByMachine },
  times?: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const old = machine.status ?? {};
  const bootstrapReady = old.initialization?.bootstrapDataSecretCreated === true || machine.spec.bootstrap.dataSecretName !== undefined;
  const provisioned = old.initialization?.infrastructureProvisioned === true || isInitialized(seen.infrastructure, 'provisioned');
  const nodeName = seen.node.kind === 'node' ? seen.node.node.metadata.name : old.nodeRef?.name;
  const addresses = isRecord(seen.infrastructure?.status) && Array.isArray(seen.infrastructure.status.addresses) ? seen.infrastructure.status.addresses : old.addresses;
  const phase = machinePhase({ deleting: machine.metadata.deletionTimestamp !== undefined, bootstrapReady, infrastructureProvisioned: provisioned, providerId: machine.spec.providerID, nodeName });
  const nodeInfo = seen.node.kind === 'node' ? seen.node.node.status?.nodeInfo : old.nodeInfo;
  const deletion = times && Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined));
  await writeStatus(scope, Machine, machine, {
    observedGeneration: machine.metadata.generation ?? 0,
    phase,
    ...(bootstrapReady || provisioned ? { initialization: { ...(bootstrapReady ? { bootstrapDataSecretCreated: true } : {}), ...(provisioned ? { infrastructureProvisioned: true } : {}) } } : {}),
    ...(nodeName ? { nodeRef: { name: nodeName } } : {}),
    ...(nodeInfo ? { nodeInfo } : {}),
    ...(addresses && addresses.length > 0 ? { addresses } : {}),
    ...(machine.spec.failureDomain ? { failureDomain: machine.spec.failureDomain } : {}),
    // When the phase last changed, as upstream has it.
    lastUpdated: old.phase === phase && old.lastUpdated ? old.lastUpdated : rfc3339(scope.context.env.clock.now()),
    ...(deletion && Object.keys(deletion).length > 0 ? { deletion } : {}),
    conditions: conditionsAfter(old.conditions, wanted, scope, machine.metadata.generation),
  });
}

async function writePaused(scope: Scope, machine: Machine): Promise<void> {
  const kept = (machine.status?.conditions ?? []).filter((condition) => condition.type !== 'Paused').map((condition): WantedCondition => ({ type: condition.type, status: condition.status === 'Unknown' ? 'Unknown' : condition.status === 'True', reason: condition.reason, message: condition.message }));
  const conditions = conditionsAfter(machine.status?.conditions, [...kept, { type: 'Paused', status: true, reason: 'Paused' }], scope, machine.metadata.generation);
  await writeStatus(scope, Machine, machine, { ...machine.status, conditions });
}

/** The kubeconfig of a cluster wakes its Machines. */
function kubeconfigToMachines(secret: KubeObject, cache: Cache): readonly { namespace?: string; name: string }[] {
  const cluster = secret.metadata.labels?.[labels.cluster];
  if (!cluster || secret.metadata.name !== secretNames(cluster).kubeconfig) return [];
  return cache.list<Machine>(Machine, { namespace: secret.metadata.namespace }).filter((machine) => machine.spec.clusterName === cluster).map((machine) => machine.metadata);
}
