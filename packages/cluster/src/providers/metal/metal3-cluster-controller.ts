/** Metal3Cluster: an endpoint that someone else provides, and a wait for its machines at the end. Follows CAPM3 v1.14. */
import { Cluster, Metal3Cluster, Metal3Machine } from '@keelson/api';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { problem, problemLine } from '@keelson/std';
import { clusterNameOf, isPaused, ownerOf, toCluster } from '../../belongs.ts';
import { annotations, finalizers, labels } from '../../names.ts';
import { problems } from '../../problems.ts';
import type { WantedCondition, Writer } from '../../write.ts';
import { conditionsAfter, dropFinalizer, ensureFinalizer, writeStatus } from '../../write.ts';

export function metal3ClusterController(): Controller {
  const name = 'metal3-cluster';
  return {
    name,
    kind: Metal3Cluster,
    reads: [Cluster, Metal3Machine],
    writes: [{ kind: Metal3Cluster, part: 'status' }, { kind: Metal3Cluster, part: 'metadata', scope: 'finalizer' }],
    watches: [
      {
        kind: Cluster,
        toKeys: (object) => {
          const reference = (object as Cluster).spec?.infrastructureRef;
          return reference?.kind === Metal3Cluster.kind ? [{ namespace: object.metadata.namespace, name: reference.name }] : [];
        },
      },
      {
        kind: Metal3Machine,
        toKeys: (object, cache) =>
          toCluster(object).flatMap((key) => {
            const reference = cache.get<Cluster>(Cluster, key)?.spec.infrastructureRef;
            return reference ? [{ namespace: object.metadata.namespace, name: reference.name }] : [];
          }),
      },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<Metal3Cluster>(Metal3Cluster, key);
      return seen && reconcileMetal3Cluster({ context, manager: name }, seen, context);
    },
  };
}

async function reconcileMetal3Cluster(writer: Writer, seen: Metal3Cluster, context: ReconcileContext): Promise<ReconcileResult | void> {
  // Someone else keeps this infrastructure.
  if (annotations.managedBy in (seen.metadata.annotations ?? {})) return;
  const cluster = ownerOf<Cluster>(seen, Cluster, context.cache);
  if (isPaused(cluster, seen)) return void (await write(writer, seen, [paused(true)], false));
  if (seen.metadata.deletionTimestamp) return reconcileDelete(writer, seen, context, cluster?.metadata.name ?? clusterNameOf(seen) ?? seen.metadata.name);
  const current = await ensureFinalizer(writer, Metal3Cluster, seen, finalizers.metal3Cluster);
  const endpoint = current.spec?.controlPlaneEndpoint ?? {};
  if (!endpoint.host || !endpoint.port) {
    const missing = problem(problems.endpointMissing, { cluster: current.metadata.name }, { why: 'spec.controlPlaneEndpoint needs host and port' });
    context.events.problem(current, missing);
    await write(writer, current, [...ready(false, missing.reason, problemLine(missing)), paused(false)], false);
    return { waitsFor: 'spec.controlPlaneEndpoint' };
  }
  await write(writer, current, [...ready(true, 'Ready', ''), paused(false)], true);
}

async function reconcileDelete(writer: Writer, seen: Metal3Cluster, context: ReconcileContext, cluster: string): Promise<ReconcileResult | void> {
  const machines = context.cache.list<Metal3Machine>(Metal3Machine, { namespace: seen.metadata.namespace, labels: { [labels.cluster]: cluster } });
  if (machines.length === 0) return dropFinalizer(writer, Metal3Cluster, seen, finalizers.metal3Cluster);
  const waitsFor = `${machines.length} Metal3Machines to go: ${machines.slice(0, 5).map((machine) => machine.metadata.name).join(', ')}`;
  await write(writer, seen, [...ready(false, 'DeletionFailed', `waits for ${waitsFor}`), paused(false)], seen.status?.initialization?.provisioned === true);
  return { waitsFor };
}

const ready = (status: boolean, reason: string, message: string): WantedCondition[] => [
  { type: 'Ready', status, reason, message },
  { type: 'BaremetalInfrastructureReady', status, reason, message },
];
const paused = (status: boolean): WantedCondition => ({ type: 'Paused', status, reason: status ? 'Paused' : 'NotPaused' });

async function write(writer: Writer, seen: Metal3Cluster, wanted: WantedCondition[], provisioned: boolean): Promise<void> {
  const domains = seen.spec?.failureDomains;
  // Provisioned once is provisioned: consumers must not fall back when an endpoint is edited.
  const sticky = provisioned || seen.status?.initialization?.provisioned === true;
  const kept = wanted.length === 1 ? (seen.status?.conditions ?? []).map((one): WantedCondition => ({ type: one.type, status: one.status === 'Unknown' ? 'Unknown' : one.status === 'True', reason: one.reason, message: one.message })) : [];
  const all = [...kept.filter((one) => !wanted.some((other) => other.type === one.type)), ...wanted];
  await writeStatus(writer, Metal3Cluster, seen, {
    conditions: conditionsAfter(seen.status?.conditions, all, writer, seen.metadata.generation),
    ...(sticky ? { initialization: { provisioned: true } } : {}),
    ...(domains && domains.length > 0 ? { failureDomains: [...domains].sort((a, b) => (a.name < b.name ? -1 : 1)) } : {}),
  });
}
