// Defaults of apps/v1, batch/v1 and core's ReplicationController: kubernetes/pkg/apis/{apps,batch,core}/v1/defaults.go.
import type { Draft } from './strategy.ts';
import type { Fields } from './fields.ts';
import { ensureFields, fieldsAt, listAt, preset, presetText, textMapAt } from './fields.ts';
import { defaultPodTemplate } from './pod-defaults.ts';

const specOf = (object: Draft): Fields => ensureFields(object, 'spec');

export function defaultDeployment(object: Draft): void {
  const spec = specOf(object);
  defaultPodTemplate(spec);
  preset(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const strategy = ensureFields(spec, 'strategy');
  presetText(strategy, { type: 'RollingUpdate' });
  if (strategy['type'] === 'RollingUpdate') preset(ensureFields(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
}

export function defaultReplicaSet(object: Draft): void {
  const spec = specOf(object);
  defaultPodTemplate(spec);
  preset(spec, { replicas: 1 });
}

export function defaultReplicationController(object: Draft): void {
  const spec = specOf(object);
  const labels = textMapAt(fieldsAt(spec, 'template', 'metadata'), 'labels');
  if (Object.keys(labels).length > 0) {
    if (Object.keys(textMapAt(spec, 'selector')).length === 0) spec['selector'] = { ...labels };
    if (Object.keys(object.metadata.labels ?? {}).length === 0) object.metadata.labels = { ...labels };
  }
  defaultReplicaSet(object);
}

export function defaultStatefulSet(object: Draft): void {
  const spec = specOf(object);
  defaultPodTemplate(spec);
  presetText(spec, { podManagementPolicy: 'OrderedReady' });
  preset(spec, { replicas: 1, revisionHistoryLimit: 10 });
  const update = ensureFields(spec, 'updateStrategy');
  presetText(update, { type: 'RollingUpdate' });
  if (update['type'] === 'RollingUpdate') preset(ensureFields(update, 'rollingUpdate'), { partition: 0 });
  presetText(ensureFields(spec, 'persistentVolumeClaimRetentionPolicy'), { whenDeleted: 'Retain', whenScaled: 'Retain' });
  for (const claim of listAt(spec, 'volumeClaimTemplates')) {
    presetText(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
    presetText(ensureFields(claim, 'spec'), { volumeMode: 'Filesystem' });
    presetText(ensureFields(claim, 'status'), { phase: 'Pending' });
  }
}

export function defaultDaemonSet(object: Draft): void {
  const spec = specOf(object);
  defaultPodTemplate(spec);
  preset(spec, { revisionHistoryLimit: 10 });
  const update = ensureFields(spec, 'updateStrategy');
  presetText(update, { type: 'RollingUpdate' });
  if (update['type'] === 'RollingUpdate') preset(ensureFields(update, 'rollingUpdate'), { maxUnavailable: 1, maxSurge: 0 });
}

export function defaultJob(object: Draft): void {
  const spec = specOf(object);
  defaultPodTemplate(spec);
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) preset(spec, { completions: 1, parallelism: 1 });
  preset(spec, { parallelism: 1, suspend: false, manualSelector: false, backoffLimit: spec['backoffLimitPerIndex'] === undefined ? 6 : 2147483647 });
  presetText(spec, { completionMode: 'NonIndexed', podReplacementPolicy: spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed' });
  const labels = textMapAt(fieldsAt(spec, 'template', 'metadata'), 'labels');
  if (Object.keys(object.metadata.labels ?? {}).length === 0 && Object.keys(labels).length > 0) object.metadata.labels = { ...labels };
}

export function defaultCronJob(object: Draft): void {
  const spec = specOf(object);
  defaultPodTemplate(fieldsAt(spec, 'jobTemplate', 'spec'));
  presetText(spec, { concurrencyPolicy: 'Allow' });
  preset(spec, { suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
}

const jobLabels = { uid: 'batch.kubernetes.io/controller-uid', name: 'batch.kubernetes.io/job-name', oldUid: 'controller-uid', oldName: 'job-name' } as const;

/** A job selects its pods by its own uid, unless it says that it brings a selector (pkg/registry/batch/job/strategy.go). */
export function selectJobPods(object: Draft): void {
  const spec = specOf(object);
  if (spec['manualSelector'] === true) return;
  const metadata = ensureFields(ensureFields(spec, 'template'), 'metadata');
  const labels = ensureFields(metadata, 'labels');
  const uid = object.metadata.uid ?? '';
  Object.assign(labels, { [jobLabels.oldUid]: uid, [jobLabels.oldName]: object.metadata.name, [jobLabels.uid]: uid, [jobLabels.name]: object.metadata.name });
  preset(ensureFields(ensureFields(spec, 'selector'), 'matchLabels'), { [jobLabels.uid]: uid });
}
