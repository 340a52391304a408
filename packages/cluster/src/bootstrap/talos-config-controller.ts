/** TalosConfig: makes a machine's bootstrap data, once. Follows CABPT v0.7. */
import { Cluster, Machine, Secret, TalosConfig } from '@keelson/api';
import { ownerReference } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import type { Controller, ReconcileContext, ReconcileResult } from '@keelson/controller';
import { ProblemError, problemLine } from '@keelson/std';
import { clusterOf, isPaused, ownerOf, toMembers, typeMeta } from '../belongs.ts';
import { bootstrapSecretName, clusterSecretType, finalizers, labels, secretNames } from '../names.ts';
import { secretData } from '../secret.ts';
import type { WantedCondition, Writer } from '../write.ts';
import { conditionsAfter, createObject, dropFinalizer, writeStatus } from '../write.ts';
import { readBundle } from './cluster-secrets.ts';
import { renderBootstrapData } from './render.ts';

const name = 'talos-config';

export function talosConfigController(): Controller {
  return {
    name,
    kind: TalosConfig,
    reads: [Cluster, Machine, Secret],
    writes: [
      { kind: TalosConfig, part: 'status' },
      { kind: TalosConfig, part: 'metadata', scope: 'finalizer' },
      { kind: Secret, part: 'object', scope: 'bootstrap data' },
    ],
    watches: [
      { kind: Machine, toKeys: (object) => (object as Machine).spec?.bootstrap.configRef?.kind === TalosConfig.kind ? [{ namespace: object.metadata.namespace, name: (object as Machine).spec.bootstrap.configRef!.name }] : [] },
      { kind: Cluster, toKeys: toMembers(TalosConfig) },
      { kind: Secret, toKeys: (object, cache) => (object.metadata.name.endsWith('-talos') && object.metadata.labels?.[labels.cluster] ? cache.list(TalosConfig, { namespace: object.metadata.namespace, labels: { [labels.cluster]: object.metadata.labels[labels.cluster]! } }).map((config) => config.metadata) : []) },
    ],
    reconcile: async (key, context) => {
      const seen = context.cache.get<TalosConfig>(TalosConfig, key);
      return seen && reconcileTalosConfig({ context, manager: name }, seen, context);
    },
  };
}

async function reconcileTalosConfig(writer: Writer, config: TalosConfig, context: ReconcileContext): Promise<ReconcileResult | void> {
  const { cache, events } = context;
  // Upstream sets this finalizer no longer; one from an older version is let go.
  if (config.metadata.deletionTimestamp) return dropFinalizer(writer, TalosConfig, config, finalizers.talosConfig);
  const machine = ownerOf<Machine>(config, Machine, cache);
  const cluster = machine && clusterOf(machine, cache);
  if (isPaused(cluster, config)) return;
  if (!machine || !cluster) return waiting(writer, config, 'WaitingForOwner', 'the Machine and the Cluster it belongs to');
  const done = config.status?.dataSecretName ?? machine.spec.bootstrap.dataSecretName;
  // What was made once stays, also when the status was lost on the way to another API server.
  if (config.status?.initialization?.dataSecretCreated || machine.spec.bootstrap.dataSecretName) return written(writer, config, done ?? bootstrapSecretName(machine.metadata.name));
  if (cluster.status?.initialization?.infrastructureProvisioned !== true) return waiting(writer, config, 'WaitingForClusterInfrastructure', `the infrastructure of cluster ${cluster.metadata.name}`);
  const namespace = config.metadata.namespace;
  const secretName = bootstrapSecretName(machine.metadata.name);
  if (!cache.get<Secret>(Secret, { namespace, name: secretName })) {
    const bundle = cache.get<Secret>(Secret, { namespace, name: secretNames(cluster.metadata.name).bundle });
    if (!bundle) return waiting(writer, config, 'WaitingForClusterSecrets', `Secret ${secretNames(cluster.metadata.name).bundle}`);
    try {
      const value = renderBootstrapData({ config, cluster, machine, bundle: readBundle(bundle) });
      await create(writer, config, cluster, secretName, value);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      events.problem(config, error.problem);
      const message = problemLine(error.problem);
      await write(writer, config, [{ type: 'DataSecretAvailable', status: false, reason: 'DataSecretGenerationFailed', message }]);
      return { waitsFor: error.problem.summary };
    }
    events.normal(config, 'DataSecretCreated', `made the bootstrap data of Machine ${machine.metadata.name}`);
  }
  return written(writer, config, secretName);
}

async function create(writer: Writer, config: TalosConfig, cluster: Cluster, name: string, value: string): Promise<void> {
  try {
    await createObject(writer, Secret, {
      ...typeMeta(Secret),
      metadata: { name, namespace: config.metadata.namespace, labels: { [labels.cluster]: cluster.metadata.name }, ownerReferences: [ownerReference(config)] },
      type: clusterSecretType,
      data: secretData({ value }),
    });
  } catch (error) {
    // It is there from an earlier try; that one counts.
    if (!isAlreadyExists(error)) throw error;
  }
}

async function waiting(writer: Writer, config: TalosConfig, reason: string, waitsFor: string): Promise<ReconcileResult> {
  await write(writer, config, [{ type: 'DataSecretAvailable', status: false, reason, message: `waits for ${waitsFor}` }]);
  return { waitsFor };
}

async function written(writer: Writer, config: TalosConfig, secretName: string): Promise<void> {
  await write(writer, config, [{ type: 'DataSecretAvailable', status: true, reason: 'DataSecretAvailable' }, { type: 'ClientConfigAvailable', status: true, reason: 'ClientConfigAvailable' }], secretName);
}

async function write(writer: Writer, config: TalosConfig, parts: readonly WantedCondition[], secretName?: string): Promise<void> {
  const broken = parts.find((part) => part.status !== true);
  const ready: WantedCondition = { type: 'Ready', status: !broken, reason: broken?.reason ?? 'Ready', message: broken?.message };
  await writeStatus(writer, TalosConfig, config, {
    observedGeneration: config.metadata.generation ?? 0,
    ...(secretName ? { dataSecretName: secretName, initialization: { dataSecretCreated: true } } : {}),
    conditions: conditionsAfter(config.status?.conditions, [ready, ...parts], writer, config.metadata.generation),
  });
}
