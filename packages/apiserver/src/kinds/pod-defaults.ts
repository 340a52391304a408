// Defaults of pods and pod templates: kubernetes/pkg/apis/core/v1/defaults.go.
import type { Fields } from './fields.ts';
import { ensureFields, fieldsAt, isFields, listAt, preset, presetText, textAt } from './fields.ts';

const fileMode = 420;

/** Fills in a PodSpec, of a pod or of a template. */
export function defaultPodSpec(spec: Fields | undefined): void {
  if (!spec) return;
  presetText(spec, { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler' });
  preset(spec, { securityContext: {}, terminationGracePeriodSeconds: 30 });
  // The old name of the field is still written beside the new one.
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount');
  if (account) Object.assign(spec, { serviceAccountName: account, serviceAccount: account });
  for (const container of [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]) defaultContainer(container, spec);
  for (const container of listAt(spec, 'ephemeralContainers')) defaultContainer(container, spec);
  for (const volume of listAt(spec, 'volumes')) defaultVolume(volume);
}

/** Fills in what only pods themselves get. */
export function defaultPod(spec: Fields | undefined): void {
  if (!spec) return;
  defaultPodSpec(spec);
  preset(spec, { enableServiceLinks: true });
  for (const container of [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')]) {
    const limits = fieldsAt(container, 'resources', 'limits');
    // What is limited is also requested.
    if (limits) preset(ensureFields(ensureFields(container, 'resources'), 'requests'), { ...limits });
  }
}

/** Fills in the template under `spec.template` (or deeper, for cron jobs). */
export function defaultPodTemplate(holder: Fields | undefined): void {
  defaultPodSpec(fieldsAt(holder, 'template', 'spec'));
}

function defaultContainer(container: Fields, spec: Fields): void {
  presetText(container, {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicyOf(textAt(container, 'image') ?? ''),
  });
  preset(container, { resources: {} });
  for (const port of listAt(container, 'ports')) {
    presetText(port, { protocol: 'TCP' });
    if (spec['hostNetwork'] === true && !port['hostPort']) preset(port, { hostPort: port['containerPort'] });
  }
  for (const variable of listAt(container, 'env')) presetText(fieldsAt(variable, 'valueFrom', 'fieldRef'), { apiVersion: 'v1' });
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(fieldsAt(container, probe));
  for (const hook of ['postStart', 'preStop']) presetText(fieldsAt(container, 'lifecycle', hook, 'httpGet'), { path: '/', scheme: 'HTTP' });
}

/** An image without a tag, or with `latest`, is always pulled. */
function pullPolicyOf(image: string): string {
  const [beforeDigest = '', digest] = image.split('@');
  const name = beforeDigest.slice(beforeDigest.lastIndexOf('/') + 1);
  const tag = name.includes(':') ? name.slice(name.indexOf(':') + 1) : undefined;
  if (digest !== undefined) return tag === 'latest' ? 'Always' : 'IfNotPresent';
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: Fields | undefined): void {
  preset(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  presetText(fieldsAt(probe, 'httpGet'), { path: '/', scheme: 'HTTP' });
  preset(fieldsAt(probe, 'grpc'), { service: '' });
}

function defaultVolume(volume: Fields): void {
  const sources = Object.keys(volume).filter((name) => name !== 'name' && volume[name] !== undefined && volume[name] !== null);
  if (sources.length === 0) volume['emptyDir'] = {};
  for (const source of ['secret', 'configMap', 'downwardAPI', 'projected']) preset(fieldsAt(volume, source), { defaultMode: fileMode });
  preset(fieldsAt(volume, 'hostPath'), { type: '' });
  preset(fieldsAt(volume, 'iscsi'), { iscsiInterface: 'default' });
  preset(fieldsAt(volume, 'ephemeral', 'volumeClaimTemplate', 'spec'), { volumeMode: 'Filesystem' });
  for (const item of listAt(fieldsAt(volume, 'downwardAPI'), 'items')) presetText(fieldsAt(item, 'fieldRef'), { apiVersion: 'v1' });
  for (const source of listAt(fieldsAt(volume, 'projected'), 'sources')) {
    preset(fieldsAt(source, 'serviceAccountToken'), { expirationSeconds: 3600 });
    for (const item of listAt(fieldsAt(source, 'downwardAPI'), 'items')) {
      if (isFields(item['fieldRef'])) presetText(item['fieldRef'], { apiVersion: 'v1' });
    }
  }
}
