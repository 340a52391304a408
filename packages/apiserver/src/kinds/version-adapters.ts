// Built-in kinds whose versions or groups differ in more than their apiVersion:
// kubernetes/pkg/apis/events/v1/conversion.go and pkg/apis/autoscaling/v1/conversion.go.
import type { KubeObject } from '@keelson/kube';
import type { ResourceVersion } from '../registry/resource.ts';
import type { Fields } from './fields.ts';
import { fieldsAt, listAt, numberAt, textAt } from './fields.ts';

type Adapters = Pick<ResourceVersion, 'fromStorage' | 'toStorage'>;

/** Conversions of one version; empty where a change of apiVersion is enough. */
export function versionAdapters(group: string, kind: string, version: string): Adapters {
  if (group === 'events.k8s.io' && kind === 'Event') return { fromStorage: eventFromCore, toStorage: eventToCore };
  if (group === 'autoscaling' && kind === 'HorizontalPodAutoscaler' && version === 'v1') return { fromStorage: autoscalerToV1, toStorage: autoscalerFromV1 };
  return {};
}

/** New name → name in core/v1. Fields with equal names stay. */
const eventNames: readonly (readonly [string, string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

function renamed(object: KubeObject, apiVersion: string, names: readonly (readonly [string, string])[]): KubeObject {
  const byOld = new Map(names);
  const entries = Object.entries(object).map(([name, value]) => [byOld.get(name) ?? name, value]);
  // Renaming top-level fields leaves apiVersion, kind and metadata as they are.
  return { ...(Object.fromEntries(entries) as KubeObject), apiVersion };
}

const eventFromCore = (object: KubeObject) => renamed(object, 'events.k8s.io/v1', eventNames.map(([now, core]) => [core, now] as const));
const eventToCore = (object: KubeObject) => renamed(object, 'v1', eventNames);

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';

/** v1 knows one metric; the others are kept in an annotation, as upstream does. */
function autoscalerToV1(object: KubeObject): KubeObject {
  const { metrics: _metrics, behavior, ...spec } = fieldsAt(object, 'spec') ?? {};
  const metrics = listAt(fieldsAt(object, 'spec'), 'metrics');
  const isCpu = (metric: Fields) => textAt(fieldsAt(metric, 'resource'), 'name') === 'cpu' && numberAt(fieldsAt(metric, 'resource', 'target'), 'averageUtilization') !== undefined;
  const cpu = metrics.find(isCpu);
  const rest = metrics.filter((metric) => metric !== cpu);
  const { currentMetrics: _current, conditions: _conditions, ...status } = fieldsAt(object, 'status') ?? {};
  const kept = { ...(rest.length > 0 && { metrics: rest }), ...(behavior !== undefined && { behavior }) };
  const annotations = { ...object.metadata.annotations, ...(Object.keys(kept).length > 0 && { [metricsAnnotation]: JSON.stringify(kept) }) };
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: { ...object.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...spec, ...(cpu && { targetCPUUtilizationPercentage: numberAt(fieldsAt(cpu, 'resource', 'target'), 'averageUtilization') }) },
    ...(object['status'] !== undefined && { status }),
  };
}

function autoscalerFromV1(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: percentage, ...spec } = fieldsAt(object, 'spec') ?? {};
  const { [metricsAnnotation]: keptText, ...annotations } = object.metadata.annotations ?? {};
  const kept = keptFields(keptText);
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percentage ?? 80 } } };
  const rest = listAt(kept, 'metrics');
  const metrics = percentage === undefined && rest.length > 0 ? rest : [...rest, cpu];
  const metadata = { ...object.metadata, annotations };
  if (Object.keys(annotations).length === 0) delete (metadata as { annotations?: unknown }).annotations;
  return { ...object, apiVersion: 'autoscaling/v2', metadata, spec: { ...spec, metrics, ...(kept['behavior'] !== undefined && { behavior: kept['behavior'] }) } };
}

function keptFields(text: string | undefined): Fields {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
