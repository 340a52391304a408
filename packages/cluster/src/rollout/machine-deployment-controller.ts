/** MachineDeployment: one MachineSet per template, and the way from one to the next. Follows Cluster API v1.14. */
import { Cluster, Machine, MachineDeployment, MachineSet, Metal3MachineTemplate, TalosConfigTemplate } from '@keelson/api';
import { formatLabelSelector, ownerReference, selectorOf } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { parseTime } from '@keelson/std';
import { clusterOf, isPaused, toMembers, toOwner, typeMeta } from '../belongs.ts';
import { annotations, finalizers, labels } from '../names.ts';
import { providerKind } from '../provider-kinds.ts';
import { warnOfUnsupportedFields } from '../unsupported.ts';
import type { WantedCondition, Writer } from '../write.ts';
import { conditionsAfter, createObject, deleteSeen, dropFinalizer, editObject, ensureFinalizer, ensureOwned, writeStatus } from '../write.ts';
import { countMachines, countVersions, describeUnready } from './machine-view.ts';
import type { DeploymentStep, SetView } from './plan.ts';
import { planMachineDeployment, resolveBounds } from './plan.ts';
import { templateHash } from './template-hash.ts';

const name = 'machine-deployment';

export function machineDeploymentController(): Controller {
  return {
    name,
    kind: MachineDeployment,
    reads: [Cluster, Machine, Metal3MachineTemplate, TalosConfigTemplate],
    writes: [
      { kind: MachineDeployment, part: 'status' },
      { kind: MachineDeployment, part: 'metadata', scope: 'finalizer and owner' },
      { kind: MachineSet, part: 'object' },
      { kind: MachineSet, part: 'spec' },
      { kind: Metal3MachineTemplate, part: 'metadata', scope: 'owner of worker templates' },
      { kind: TalosConfigTemplate, part: 'metadata', scope: 'owner' },
    ],
    watches: [
      { kind: MachineSet, toKeys: toOwner(MachineDeployment) },
      { kind: Machine, toKeys: (object) => (object.metadata.labels?.[labels.deployment] ? [{ namespace: object.metadata.namespace, name: object.metadata.labels[labels.deployment]! }] : []) },
      { kind: Cluster, toKeys: toMembers(MachineDeployment) },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<MachineDeployment>(MachineDeployment, key);
      return seen && reconcileDeployment({ context, manager: name }, seen, context);
    },
  };
}

async function reconcileDeployment(writer: Writer, seen: MachineDeployment, context: ReconcileContext): Promise<ReconcileResult | void> {
  const { cache, events } = context;
  const cluster = clusterOf(seen, cache);
  const setsOf = (deployment: MachineDeployment) => cache.list<MachineSet>(MachineSet, { namespace: deployment.metadata.namespace, ownerUid: deployment.metadata.uid });
  if (isPaused(cluster, seen) || seen.spec?.paused) return writeDeploymentStatus(writer, seen, setsOf(seen), { paused: true });
  if (seen.metadata.deletionTimestamp) {
    const sets = setsOf(seen);
    for (const set of sets) await deleteSeen(writer, MachineSet, set);
    if (sets.length === 0) return dropFinalizer(writer, MachineDeployment, seen, finalizers.machineDeployment);
    await writeDeploymentStatus(writer, seen, sets, {});
    return { waitsFor: `${sets.length} MachineSets to go` };
  }
  warnOfUnsupportedFields(context, MachineDeployment, seen);
  let deployment = await ensureFinalizer(writer, MachineDeployment, seen, finalizers.machineDeployment);
  if (!cluster) {
    await writeDeploymentStatus(writer, deployment, setsOf(deployment), {});
    return { waitsFor: `Cluster ${deployment.spec?.clusterName}` };
  }
  deployment = await ensureOwned(writer, MachineDeployment, deployment, { ...ownerReference(cluster), controller: false }, { [labels.cluster]: cluster.metadata.name });
  await adoptTemplates(writer, deployment, cluster);
  const sets = setsOf(deployment);
  const nowMs = context.env.clock.now();
  const hash = deploymentHash(deployment, nowMs);
  const replicas = deployment.spec?.replicas ?? 1;
  const strategy = deployment.spec?.rollout?.strategy;
  const plan = planMachineDeployment({
    name: deployment.metadata.name, namespace: deployment.metadata.namespace ?? '', replicas, hash, strategy: strategy?.type ?? 'RollingUpdate',
    ...resolveBounds(replicas, strategy?.rollingUpdate?.maxSurge, strategy?.rollingUpdate?.maxUnavailable),
    sets: sets.map((set) => setView(set, context)),
  });
  for (const step of plan.steps) {
    await doStep(writer, deployment, sets, step);
    events.normal(deployment, step.kind === 'create-set' ? 'SuccessfulCreate' : step.kind === 'scale-set' ? 'SuccessfulScale' : 'SuccessfulDelete', step.summary);
  }
  await passInPlace(writer, deployment, setsOf(deployment).find((set) => set.metadata.labels?.[labels.templateHash] === hash));
  await writeDeploymentStatus(writer, deployment, setsOf(deployment), {});
  return { waitsFor: plan.waitsFor, requeueAfterMs: untilRollout(deployment, nowMs) };
}

/** Parts of a template that make a different machine, and `rollout.after` once its time has come. */
export function deploymentHash(deployment: MachineDeployment, nowMs: number): string {
  const spec = deployment.spec?.template.spec;
  const after = deployment.spec?.rollout?.after;
  const due = after !== undefined && parseTime(after) <= nowMs;
  return templateHash({ version: spec?.version, failureDomain: spec?.failureDomain, bootstrap: spec?.bootstrap, infrastructureRef: spec?.infrastructureRef, ...(due ? { after } : {}) });
}

/** Milliseconds until `rollout.after`; undefined when it has passed or is not set. */
function untilRollout(deployment: MachineDeployment, nowMs: number): number | undefined {
  const after = deployment.spec?.rollout?.after;
  const left = after === undefined ? Number.NaN : parseTime(after) - nowMs;
  return left > 0 ? left : undefined;
}

function setView(set: MachineSet, context: ReconcileContext): SetView {
  const machines = context.cache.list<Machine>(Machine, { namespace: set.metadata.namespace, ownerUid: set.metadata.uid });
  return {
    name: set.metadata.name,
    createdMs: parseTime(set.metadata.creationTimestamp ?? '') || 0,
    hash: set.metadata.labels?.[labels.templateHash] ?? '',
    replicas: set.spec?.replicas ?? 0,
    machines: machines.length,
    available: countMachines(machines.filter((machine) => !machine.metadata.deletionTimestamp), () => true).available,
  };
}

async function doStep(writer: Writer, deployment: MachineDeployment, sets: readonly MachineSet[], step: DeploymentStep): Promise<void> {
  switch (step.kind) {
    case 'create-set': {
      try {
        await createObject<MachineSet>(writer, MachineSet, newSet(deployment, step.hash, step.replicas, sets));
      } catch (error) {
        // The name is made of the hash: it is there already, only our cache has not seen it.
        if (!isAlreadyExists(error)) throw error;
      }
      return;
    }
    case 'scale-set': {
      const set = sets.find((one) => one.metadata.name === step.set);
      if (set) await editObject(writer, MachineSet, set, { spec: { replicas: step.replicas } });
      return;
    }
    case 'delete-set': {
      const set = sets.find((one) => one.metadata.name === step.set);
      if (set) await deleteSeen(writer, MachineSet, set);
      return;
    }
  }
}

function newSet(deployment: MachineDeployment, hash: string, replicas: number, sets: readonly MachineSet[]): MachineSet {
  const spec = deployment.spec!;
  const own = { [labels.deployment]: deployment.metadata.name, [labels.templateHash]: hash };
  const revision = 1 + Math.max(0, ...sets.map((set) => Number(set.metadata.annotations?.[annotations.revision] ?? 0)));
  return {
    ...typeMeta(MachineSet),
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace,
      labels: { ...spec.template.metadata?.labels, ...own, [labels.cluster]: spec.clusterName },
      annotations: { [annotations.revision]: String(revision) },
      ownerReferences: [ownerReference(deployment)],
      finalizers: [finalizers.machineSet],
    },
    spec: {
      clusterName: spec.clusterName,
      replicas,
      ...(spec.deletion ? { deletion: spec.deletion } : {}),
      selector: { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, ...own } },
      template: {
        metadata: { ...spec.template.metadata, labels: { ...spec.selector?.matchLabels, ...spec.template.metadata?.labels, ...own, [labels.cluster]: spec.clusterName } },
        spec: spec.template.spec,
      },
    },
  };
}

/** What a change of the deployment hands on to the current set without a new machine: deletion order and timeouts. */
async function passInPlace(writer: Writer, deployment: MachineDeployment, set: MachineSet | undefined): Promise<void> {
  if (!set?.spec || !deployment.spec) return;
  const order = deployment.spec.deletion?.order;
  const { deletion, minReadySeconds } = deployment.spec.template.spec;
  const inner = set.spec.template.spec;
  const same = set.spec.deletion?.order === order && JSON.stringify(inner.deletion) === JSON.stringify(deletion) && inner.minReadySeconds === minReadySeconds;
  if (same) return;
  await editObject(writer, MachineSet, set, { spec: { deletion: order ? { order } : null, template: { spec: { deletion: deletion ?? null, minReadySeconds: minReadySeconds ?? null } } } });
}

/** Templates move and go with their cluster. */
async function adoptTemplates(writer: Writer, deployment: MachineDeployment, cluster: Cluster): Promise<void> {
  const { infrastructureRef, bootstrap } = deployment.spec!.template.spec;
  for (const reference of [infrastructureRef, bootstrap.configRef]) {
    const kind = reference && providerKind(reference);
    const template = kind && writer.context.cache.get(kind, { namespace: deployment.metadata.namespace, name: reference.name });
    if (kind && template && !template.metadata.deletionTimestamp) await ensureOwned(writer, kind, template, { ...ownerReference(cluster), controller: false });
  }
}

async function writeDeploymentStatus(writer: Writer, deployment: MachineDeployment, sets: readonly MachineSet[], state: { readonly paused?: boolean }): Promise<void> {
  const { cache } = writer.context;
  const machines = sets.flatMap((set) => cache.list<Machine>(Machine, { namespace: set.metadata.namespace, ownerUid: set.metadata.uid }));
  const hash = deployment.spec ? deploymentHash(deployment, writer.context.env.clock.now()) : '';
  const counts = countMachines(machines, (machine) => machine.metadata.labels?.[labels.templateHash] === hash);
  const desired = deployment.spec?.replicas ?? 1;
  const deleting = deployment.metadata.deletionTimestamp !== undefined;
  const unready = describeUnready(machines);
  const setFailure = sets.map((set) => set.status?.conditions?.find((one) => one.type === 'ScalingUp' && one.status === 'True')?.message).find((message) => message);
  const minAvailable = desired - resolveBounds(desired, deployment.spec?.rollout?.strategy?.rollingUpdate?.maxSurge, deployment.spec?.rollout?.strategy?.rollingUpdate?.maxUnavailable).maxUnavailable;
  const available = counts.available >= minAvailable;
  const rollingOut = counts.replicas > counts.upToDate;
  const up = !deleting && counts.replicas < desired;
  const down = deleting || counts.replicas > desired;
  const wanted: WantedCondition[] = [
    { type: 'Available', status: available, reason: available ? 'Available' : 'NotAvailable', message: available ? '' : `${counts.available} of ${desired} Machines are available${unready ? `; ${unready}` : ''}` },
    { type: 'MachinesReady', status: unready === '', reason: machines.length === 0 ? 'NoReplicas' : unready === '' ? 'Ready' : 'NotReady', message: unready },
    { type: 'MachinesUpToDate', status: !rollingOut, reason: machines.length === 0 ? 'NoReplicas' : rollingOut ? 'NotUpToDate' : 'UpToDate', message: rollingOut ? `${counts.replicas - counts.upToDate} Machines have an older template` : '' },
    { type: 'RollingOut', status: rollingOut, reason: rollingOut ? 'RollingOut' : 'NotRollingOut', message: rollingOut ? `${counts.upToDate} of ${desired} Machines have the current template` : '' },
    { type: 'ScalingUp', status: up, reason: up ? 'ScalingUp' : 'NotScalingUp', message: up ? (setFailure ?? `${counts.replicas} of ${desired} Machines`) : '' },
    { type: 'ScalingDown', status: down, reason: down ? 'ScalingDown' : 'NotScalingDown', message: down ? `${counts.replicas} Machines, ${deleting ? 0 : desired} wanted` : '' },
    { type: 'Deleting', status: deleting, reason: deleting ? 'Deleting' : 'NotDeleting', message: deleting ? `${sets.length} MachineSets to go` : '' },
    { type: 'Paused', status: state.paused === true, reason: state.paused ? 'Paused' : 'NotPaused' },
  ];
  await writeStatus(writer, MachineDeployment, deployment, {
    observedGeneration: deployment.metadata.generation ?? 0,
    phase: down ? 'ScalingDown' : up || counts.ready < desired ? 'ScalingUp' : 'Running',
    selector: deployment.spec?.selector ? formatLabelSelector(selectorOf(deployment.spec.selector)) : '',
    replicas: counts.replicas, readyReplicas: counts.ready, availableReplicas: counts.available, upToDateReplicas: counts.upToDate,
    ...(machines.length > 0 ? { versions: countVersions(machines) } : {}),
    conditions: conditionsAfter(deployment.status?.conditions, wanted, writer, deployment.metadata.generation),
  });
}

