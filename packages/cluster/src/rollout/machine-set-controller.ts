/** MachineSet: keeps a number of Machines made from one template. Follows Cluster API v1.14. */
import { Cluster, Machine, MachineDeployment, MachineSet, Metal3Machine, Metal3MachineTemplate, TalosConfig, TalosConfigTemplate } from '@keelson/api';
import { formatLabelSelector, keyOf, ownerReference, selectorOf } from '@keelson/kube';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { ProblemError, problemLine } from '@keelson/std';
import { clusterOf, isPaused, toMembers, toOwner } from '../belongs.ts';
import { finalizers, labels } from '../names.ts';
import { createMachine, ensureClones } from '../template-clone.ts';
import type { MachineTemplate } from '../template-clone.ts';
import type { WantedCondition, Writer } from '../write.ts';
import { conditionsAfter, deleteSeen, dropFinalizer, ensureFinalizer, ensureOwned, writeStatus } from '../write.ts';
import { countMachines, countVersions, describeUnready, machineView } from './machine-view.ts';
import { planMachineSet } from './plan.ts';

const name = 'machine-set';

export function machineSetController(): Controller {
  return {
    name,
    kind: MachineSet,
    reads: [Cluster, MachineDeployment, Metal3MachineTemplate, TalosConfigTemplate, Metal3Machine, TalosConfig],
    writes: [
      { kind: MachineSet, part: 'status' },
      { kind: MachineSet, part: 'metadata', scope: 'finalizer' },
      { kind: Machine, part: 'object', scope: 'workers' },
      { kind: Metal3Machine, part: 'object', scope: 'workers' },
      { kind: TalosConfig, part: 'object', scope: 'workers' },
    ],
    watches: [
      { kind: Machine, toKeys: toOwner(MachineSet) },
      { kind: Cluster, toKeys: toMembers(MachineSet) },
      { kind: Metal3MachineTemplate, toKeys: (object, cache) => cache.list<MachineSet>(MachineSet, { namespace: object.metadata.namespace }).filter((set) => set.spec?.template.spec.infrastructureRef.name === object.metadata.name).map((set) => set.metadata) },
      { kind: TalosConfigTemplate, toKeys: (object, cache) => cache.list<MachineSet>(MachineSet, { namespace: object.metadata.namespace }).filter((set) => set.spec?.template.spec.bootstrap.configRef?.name === object.metadata.name).map((set) => set.metadata) },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<MachineSet>(MachineSet, key);
      return seen && reconcileMachineSet({ context, manager: name }, seen, context);
    },
  };
}

async function reconcileMachineSet(writer: Writer, seen: MachineSet, context: ReconcileContext): Promise<ReconcileResult | void> {
  const { cache, env, events } = context;
  const cluster = clusterOf(seen, cache);
  const machines = cache.list<Machine>(Machine, { namespace: seen.metadata.namespace, ownerUid: seen.metadata.uid });
  if (isPaused(cluster, seen)) return writeSetStatus(writer, seen, machines, { paused: true });
  let set = seen;
  if (!seen.metadata.deletionTimestamp) {
    set = await ensureFinalizer(writer, MachineSet, seen, finalizers.machineSet);
    // A set on its own (without a deployment) belongs to its cluster.
    if (cluster && !set.metadata.ownerReferences?.length) set = await ensureOwned(writer, MachineSet, set, { ...ownerReference(cluster), controller: false }, { [labels.cluster]: cluster.metadata.name });
  }
  const template = machineTemplate(set);
  let failure: string | undefined;
  const plan = planMachineSet(
    { name: set.metadata.name, namespace: set.metadata.namespace ?? '', replicas: set.spec?.replicas ?? 1, deleting: set.metadata.deletionTimestamp !== undefined, order: set.spec?.deletion?.order ?? 'Random', machines: machines.map(machineView) },
    env.clock.now(),
  );
  try {
    for (const machine of machines) await ensureClones(writer, machine, template);
    for (const step of plan.steps) {
      if (step.kind === 'create-machine') {
        const machine = await createMachine(writer, template);
        events.normal(set, 'SuccessfulCreate', `created Machine ${machine.metadata.name}`);
        await ensureClones(writer, machine, template);
      } else {
        const victim = machines.find((machine) => machine.metadata.name === step.machine);
        if (victim) await deleteSeen(writer, Machine, victim);
        events.normal(set, 'SuccessfulDelete', step.summary);
      }
    }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    events.problem(set, error.problem);
    failure = problemLine(error.problem);
  }
  const now = cache.list<Machine>(Machine, { namespace: set.metadata.namespace, ownerUid: set.metadata.uid });
  if (set.metadata.deletionTimestamp && now.length === 0) return dropFinalizer(writer, MachineSet, set, finalizers.machineSet);
  await writeSetStatus(writer, set, now, { failure });
  return failure ? { requeueAfterMs: 30_000, waitsFor: failure } : { waitsFor: plan.waitsFor };
}

function machineTemplate(set: MachineSet): MachineTemplate {
  const template = set.spec?.template;
  if (!template) throw new Error(`reading MachineSet ${keyOf(set)}: it has no spec.template`);
  const { bootstrap, infrastructureRef, clusterName, ...rest } = template.spec;
  return {
    owner: set,
    clusterName: set.spec?.clusterName ?? clusterName,
    labels: { ...template.metadata?.labels, [labels.set]: set.metadata.name },
    annotations: template.metadata?.annotations ?? {},
    spec: rest,
    infrastructure: { kind: 'template', reference: infrastructureRef },
    ...(bootstrap.configRef ? { bootstrap: { kind: 'template' as const, reference: bootstrap.configRef } } : {}),
    ...(bootstrap.dataSecretName ? { dataSecretName: bootstrap.dataSecretName } : {}),
  };
}

async function writeSetStatus(writer: Writer, set: MachineSet, machines: readonly Machine[], state: { readonly paused?: boolean; readonly failure?: string }): Promise<void> {
  const desired = set.spec?.replicas ?? 1;
  const deleting = set.metadata.deletionTimestamp !== undefined;
  const counts = countMachines(machines, () => true);
  const unready = describeUnready(machines);
  const wanted: WantedCondition[] = [
    { type: 'MachinesReady', status: machines.length === 0 || unready === '', reason: machines.length === 0 ? 'NoReplicas' : unready === '' ? 'Ready' : 'NotReady', message: unready },
    { type: 'ScalingUp', status: !deleting && machines.length < desired, reason: !deleting && machines.length < desired ? 'ScalingUp' : 'NotScalingUp', message: state.failure ?? (machines.length < desired ? `${machines.length} of ${desired} Machines` : '') },
    { type: 'ScalingDown', status: deleting || machines.length > desired, reason: deleting || machines.length > desired ? 'ScalingDown' : 'NotScalingDown', message: machines.length > desired ? `${machines.length} Machines, ${desired} wanted` : '' },
    { type: 'Deleting', status: deleting, reason: deleting ? 'Deleting' : 'NotDeleting', message: deleting ? `${machines.length} Machines to go` : '' },
    { type: 'Paused', status: state.paused === true, reason: state.paused ? 'Paused' : 'NotPaused' },
  ];
  await writeStatus(writer, MachineSet, set, {
    observedGeneration: set.metadata.generation ?? 0,
    selector: selectorText(set),
    replicas: counts.replicas, readyReplicas: counts.ready, availableReplicas: counts.available, upToDateReplicas: counts.upToDate,
    ...(machines.length > 0 ? { versions: countVersions(machines) } : {}),
    conditions: conditionsAfter(set.status?.conditions, wanted, writer, set.metadata.generation),
  });
}

/** A selector as the text the scale subresource hands out. */
function selectorText(set: MachineSet): string {
  return set.spec?.selector ? formatLabelSelector(selectorOf(set.spec.selector)) : '';
}

