/** TalosControlPlane: machines, etcd bootstrapped exactly once, members that come and go. Follows CACPPT v0.5. */
import { Cluster, Machine, Metal3Machine, Metal3MachineTemplate, Secret, TalosConfig, TalosControlPlane } from '@keelson/api';
import type { KubeObject, ObjectKey } from '@keelson/kube';
import { findCondition, keyOf, ownerReference } from '@keelson/kube';
import type { Cache, Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import type { Problem } from '@keelson/std';
import { ProblemError, parseTime, problem, problemLine, rfc3339 } from '@keelson/std';
import { isPaused, ownerOf, toOwner } from '../belongs.ts';
import type { NodeAnswer, TalosNodes } from '../connect/talos-nodes.ts';
import type { Workloads } from '../connect/workload.ts';
import { finalizers, labels, records, secretNames } from '../names.ts';
import { pollDelay, pollLimits } from '../poll.ts';
import { problems } from '../problems.ts';
import { providerKind, toContractReference } from '../provider-kinds.ts';
import { createMachine, ensureClones } from '../template-clone.ts';
import type { MachineTemplate } from '../template-clone.ts';
import { warnOfUnsupportedFields } from '../unsupported.ts';
import type { Writer } from '../write.ts';
import { deleteSeen, dropFinalizer, editObject, ensureFinalizer, ensureOwned, writeStatus } from '../write.ts';
import type { ControlPlaneSeen } from './observe.ts';
import { controlPlaneState, observeControlPlane } from './observe.ts';
import type { ControlPlanePlan, ControlPlaneRefusal, ControlPlaneStep } from './plan.ts';
import { planControlPlane } from './plan.ts';
import type { ControlPlaneOutcome } from './status.ts';
import { controlPlaneStatus, etcdTrouble } from './status.ts';

export interface TalosControlPlaneOptions {
  readonly talosNodes: (context: ReconcileContext) => TalosNodes;
  readonly workloads: (context: ReconcileContext) => Workloads;
}

const name = 'talos-control-plane';

/** How long a node that accepted the bootstrap may take until its etcd shows data, before it is asked once more. */
const bootstrapGraceMs = 60_000;

export function talosControlPlaneController(options: TalosControlPlaneOptions): Controller {
  return {
    name,
    kind: TalosControlPlane,
    reads: [Cluster, Metal3Machine, Metal3MachineTemplate, TalosConfig, Secret],
    writes: [
      { kind: TalosControlPlane, part: 'status' },
      { kind: TalosControlPlane, part: 'metadata', scope: 'finalizer and records' },
      { kind: Machine, part: 'object', scope: 'control planes' },
      { kind: Machine, part: 'metadata', scope: 'etcd record' },
      { kind: Metal3Machine, part: 'object', scope: 'control planes' },
      { kind: TalosConfig, part: 'object', scope: 'control planes' },
      { kind: Metal3MachineTemplate, part: 'metadata', scope: 'owner of control plane templates' },
    ],
    watches: [
      { kind: Machine, toKeys: machineToControlPlanes },
      { kind: Cluster, toKeys: (object) => ((object as Cluster).spec?.controlPlaneRef ? [{ namespace: object.metadata.namespace, name: (object as Cluster).spec.controlPlaneRef!.name }] : []) },
      { kind: Metal3MachineTemplate, toKeys: (object, cache) => cache.list<TalosControlPlane>(TalosControlPlane, { namespace: object.metadata.namespace }).filter((one) => one.spec?.infrastructureTemplate.name === object.metadata.name).map((one) => one.metadata) },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<TalosControlPlane>(TalosControlPlane, key);
      return seen && reconcileControlPlane({ context, manager: name, nodes: options.talosNodes(context), workloads: options.workloads(context) }, seen);
    },
  };
}

interface Scope extends Writer {
  readonly nodes: TalosNodes;
  readonly workloads: Workloads;
}

async function reconcileControlPlane(scope: Scope, seen: TalosControlPlane): Promise<ReconcileResult | void> {
  const { cache, env } = scope.context;
  const cluster = ownerOf<Cluster>(seen, Cluster, cache);
  if (isPaused(cluster, seen)) return;
  let controlPlane = seen;
  if (!seen.metadata.deletionTimestamp) {
    controlPlane = await ensureFinalizer(scope, TalosControlPlane, seen, finalizers.talosControlPlane);
    warnOfUnsupportedFields(scope.context, TalosControlPlane, seen);
    if (cluster) await adoptTemplate(scope, controlPlane, cluster);
  }
  const observed = await observeControlPlane(controlPlane, cluster, scope.context, scope.nodes);
  if (controlPlane.metadata.deletionTimestamp && observed.machines.length === 0) return dropFinalizer(scope, TalosControlPlane, controlPlane, finalizers.talosControlPlane);
  const plan = planControlPlane(controlPlaneState(controlPlane, observed, notReadyFor(cluster, observed)));
  const done = await execute(scope, controlPlane, cluster, observed, plan);
  controlPlane = done.controlPlane;
  const apiReachable = cluster !== undefined && observed.bootstrapped && (await scope.workloads.nodes(cluster, cache)).kind === 'nodes';
  const refusals = plan.refusals.map((refusal) => toProblem(refusal, controlPlane));
  for (const refusal of refusals) scope.context.events.problem(controlPlane, refusal);
  const outcome: ControlPlaneOutcome = {
    seen: done.observed, apiReachable, cluster, waitsFor: done.waitsFor ?? plan.waitsFor, creationFailure: done.creationFailure,
    etcdProblem: refusals[0] && refusals[0].code !== problems.zeroReplicas.code ? problemLine(refusals[0]) : done.etcdProblem,
    invalid: refusals.find((refusal) => refusal.code === problems.zeroReplicas.code)?.summary,
  };
  await writeStatus(scope, TalosControlPlane, controlPlane, controlPlaneStatus(controlPlane, outcome, env.clock.now()));
  return whenToLook(controlPlane, outcome, plan, apiReachable, env.clock.now());
}

function notReadyFor(cluster: Cluster | undefined, observed: ControlPlaneSeen): string | undefined {
  if (!cluster) return 'the Cluster that refers to it';
  if (cluster.status?.initialization?.infrastructureProvisioned !== true) return `the infrastructure of cluster ${cluster.metadata.name}`;
  if (!cluster.spec.controlPlaneEndpoint?.host) return `spec.controlPlaneEndpoint of cluster ${cluster.metadata.name}`;
  if (!observed.talosconfig) return `Secret ${secretNames(cluster.metadata.name).talosconfig}`;
  return undefined;
}

interface Done {
  readonly controlPlane: TalosControlPlane;
  readonly observed: ControlPlaneSeen;
  readonly waitsFor?: string;
  readonly creationFailure?: { readonly reason: string; readonly message: string };
  readonly etcdProblem?: string;
}

async function execute(scope: Scope, controlPlane: TalosControlPlane, cluster: Cluster | undefined, observed: ControlPlaneSeen, plan: ControlPlanePlan): Promise<Done> {
  let done: Done = { controlPlane, observed };
  if (!cluster) return deleteOnly(scope, done, plan);
  const template = machineTemplate(controlPlane, cluster);
  try {
    for (const { machine } of observed.machines) await ensureClones(scope, machine, template);
    for (const step of plan.steps) done = await executeStep(scope, done, template, step);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    scope.context.events.problem(controlPlane, error.problem);
    return { ...done, creationFailure: { reason: 'InfrastructureTemplateCloningFailed', message: problemLine(error.problem) }, waitsFor: error.problem.summary };
  }
  return done;
}

/** A control plane without its Cluster can only go. */
async function deleteOnly(scope: Scope, done: Done, plan: ControlPlanePlan): Promise<Done> {
  for (const step of plan.steps) {
    if (step.kind === 'delete-machine' || step.kind === 'record-etcd-left') done = await executeStep(scope, done, undefined, step);
  }
  return done;
}

async function executeStep(scope: Scope, done: Done, template: MachineTemplate | undefined, step: ControlPlaneStep): Promise<Done> {
  const { events, env } = scope.context;
  const { controlPlane, observed } = done;
  const now = rfc3339(env.clock.now());
  const machineNamed = (wanted: string) => observed.machines.find(({ machine }) => machine.metadata.name === wanted)?.machine;
  switch (step.kind) {
    case 'create-machine': {
      if (!template) return done;
      const machine = await createMachine(scope, template);
      await ensureClones(scope, machine, template);
      events.normal(controlPlane, 'SuccessfulCreate', `created Machine ${machine.metadata.name}`);
      return done;
    }
    case 'delete-machine': {
      const machine = machineNamed(step.machine);
      if (machine) await deleteSeen(scope, Machine, machine);
      events.normal(controlPlane, 'SuccessfulDelete', step.summary);
      return done;
    }
    case 'record-bootstrap': {
      const record = { machine: step.machine, address: step.address, at: now };
      // From the object as it was planned on: if anyone has written a choice since, this is a conflict.
      const stored = await editObject(scope, TalosControlPlane, controlPlane, { metadata: { annotations: { [records.etcdBootstrap]: JSON.stringify(record) } } });
      events.normal(stored, 'EtcdBootstrapChosen', step.summary);
      return { ...done, controlPlane: stored, observed: { ...observed, record }, waitsFor: `etcd to be bootstrapped on ${step.machine}` };
    }
    case 'bootstrap-etcd': return bootstrap(scope, done, step, now);
    case 'record-bootstrapped': {
      const stored = await editObject(scope, TalosControlPlane, controlPlane, { metadata: { annotations: { [records.etcdBootstrapped]: now } } });
      events.normal(stored, 'EtcdBootstrapped', step.summary);
      return { ...done, controlPlane: stored, observed: { ...observed, bootstrapped: true } };
    }
    case 'leave-etcd': return etcdStep(scope, done, step.summary, await scope.nodes.leaveEtcd(step.address, observed.talosconfig ?? ''));
    case 'remove-member': return etcdStep(scope, done, step.summary, await scope.nodes.removeMember(step.via, observed.talosconfig ?? '', step.member));
    case 'record-etcd-left': {
      const machine = machineNamed(step.machine);
      if (machine) await editObject(scope, Machine, machine, { metadata: { annotations: { [records.etcdLeft]: now } } });
      return done;
    }
  }
}

async function bootstrap(scope: Scope, done: Done, step: Extract<ControlPlaneStep, { kind: 'bootstrap-etcd' }>, now: string): Promise<Done> {
  const { controlPlane, observed } = done;
  const { record, talosconfig } = observed;
  const { events, env } = scope.context;
  if (!record || !talosconfig) return done;
  const waitsFor = `etcd to start on ${step.machine}`;
  if (record.acceptedAt && env.clock.now() - parseTime(record.acceptedAt) < bootstrapGraceMs) return { ...done, waitsFor };
  const answer = await scope.nodes.bootstrap(step.address, talosconfig);
  switch (answer.kind) {
    case 'done': {
      events.normal(controlPlane, 'EtcdBootstrapAccepted', `the node of ${step.machine} bootstraps etcd`);
      const stored = await editObject(scope, TalosControlPlane, controlPlane, { metadata: { annotations: { [records.etcdBootstrap]: JSON.stringify({ ...record, acceptedAt: now }) } } });
      return { ...done, controlPlane: stored, waitsFor };
    }
    case 'already': {
      const stored = await editObject(scope, TalosControlPlane, controlPlane, { metadata: { annotations: { [records.etcdBootstrapped]: now } } });
      events.normal(stored, 'EtcdBootstrapped', `etcd had data on ${step.machine} already`);
      return { ...done, controlPlane: stored, observed: { ...observed, bootstrapped: true } };
    }
    case 'not-yet':
      return { ...done, waitsFor: `the node of ${step.machine}: ${answer.why}` };
    case 'refused': {
      const refusal = problem(problems.etcdBootstrapRefused, { machine: step.machine, namespace: controlPlane.metadata.namespace ?? '' }, { why: answer.why });
      events.problem(controlPlane, refusal);
      return { ...done, etcdProblem: problemLine(refusal), waitsFor: refusal.summary };
    }
  }
}

function etcdStep(scope: Scope, done: Done, summary: string, answer: NodeAnswer): Done {
  if (answer.kind === 'done' || answer.kind === 'already') {
    scope.context.events.normal(done.controlPlane, 'EtcdMemberRemoved', summary);
    return { ...done, waitsFor: 'etcd to show the change' };
  }
  return { ...done, etcdProblem: `${summary}: ${answer.why}`, waitsFor: `${summary}: ${answer.why}` };
}

function machineTemplate(controlPlane: TalosControlPlane, cluster: Cluster): MachineTemplate {
  const spec = controlPlane.spec;
  if (!spec) throw new Error(`reading TalosControlPlane ${keyOf(controlPlane)}: it has no spec`);
  return {
    owner: controlPlane,
    clusterName: cluster.metadata.name,
    labels: { [labels.controlPlane]: '' },
    annotations: {},
    spec: { version: spec.version },
    infrastructure: { kind: 'template', reference: toContractReference(spec.infrastructureTemplate) },
    bootstrap: { kind: 'spec', of: TalosConfig, spec: spec.controlPlaneConfig.controlplane },
  };
}

async function adoptTemplate(scope: Scope, controlPlane: TalosControlPlane, cluster: Cluster): Promise<void> {
  const reference = controlPlane.spec && toContractReference(controlPlane.spec.infrastructureTemplate);
  const kind = reference && providerKind(reference);
  const template = kind && scope.context.cache.get(kind, { namespace: controlPlane.metadata.namespace, name: reference.name });
  if (kind && template && !template.metadata.deletionTimestamp) await ensureOwned(scope, kind, template, { ...ownerReference(cluster), controller: false });
}

function toProblem(refusal: ControlPlaneRefusal, controlPlane: TalosControlPlane): Problem {
  const name = keyOf(controlPlane);
  switch (refusal.kind) {
    case 'zero-replicas': return problem(problems.zeroReplicas, { name, replicas: controlPlane.spec?.replicas ?? 0 }, { why: refusal.why });
    case 'etcd-unknown': return problem(problems.etcdUnknown, { name }, { why: refusal.why });
    case 'endpoint-in-use': return problem(problems.endpointInUse, { cluster: name }, { why: refusal.why });
    case 'quorum': return problem(problems.etcdQuorum, { machine: refusal.machine }, { why: refusal.why });
    case 'last-member': return problem(problems.etcdLastMember, { machine: refusal.machine }, { why: refusal.why });
  }
}

function whenToLook(controlPlane: TalosControlPlane, outcome: ControlPlaneOutcome, plan: ControlPlanePlan, apiReachable: boolean, nowMs: number): ReconcileResult {
  const { seen, waitsFor } = outcome;
  const asked = seen.machines.some((one) => one.address !== undefined);
  const steady = plan.steps.length === 0 && seen.bootstrapped && apiReachable && etcdTrouble(seen) === '' && plan.waitsFor === undefined;
  if (steady) return { requeueAfterMs: pollLimits.steadyMs };
  // Before there is a node to ask, only our own objects can bring news.
  if (!asked && plan.steps.length === 0) return { waitsFor };
  const since = parseTime(findCondition(controlPlane, 'Ready')?.lastTransitionTime ?? '');
  return { requeueAfterMs: plan.steps.length > 0 ? pollLimits.firstMs : Math.min(pollDelay(nowMs, since), 10_000), waitsFor };
}

/** A Machine wakes the control plane it belongs to; a worker wakes one that is being deleted and waits for the workers. */
function machineToControlPlanes(object: KubeObject, cache: Cache): readonly ObjectKey[] {
  const owners = toOwner(TalosControlPlane)(object);
  if (owners.length > 0) return owners;
  return cache.list<TalosControlPlane>(TalosControlPlane, { namespace: object.metadata.namespace }).filter((one) => one.metadata.deletionTimestamp !== undefined).map((one) => one.metadata);
}
