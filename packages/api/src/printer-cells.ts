/**
 * Cells of the columns that a JSON path cannot give, as kubernetes/pkg/printers/internalversion prints the built-in kinds.
 * A column names its function in `computed` (tables/kubernetes.json).
 */
import { parseTime } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
export { shortDuration } from './short-duration.ts';
import { shortDuration } from './short-duration.ts';
import { podStatusCell, podReadyCell, podRestartsCell } from './printer-cells-pod.ts';

type Cell = string | number;
type Fields = Readonly<Record<string, unknown>>;
type CellFunction = (object: KubeObject, nowMs: number) => Cell;

/** The cell that a built-in column computes; undefined for a name that is not known. `nowMs` is for ages. */
export function computedCell(name: string, object: KubeObject, nowMs: number): Cell | undefined {
  return Object.hasOwn(cells, name) ? cells[name]!(object, nowMs) : undefined;
}

/** Names that `computedCell` knows. */
export function computedCellNames(): readonly string[] {
  return Object.keys(cells);
}

/** The time since `text` (RFC 3339) as an age; `<unknown>` when it is no time. */
export function ageSince(text: unknown, nowMs: number): string {
  const at = typeof text === 'string' ? parseTime(text) : Number.NaN;
  return Number.isNaN(at) ? '<unknown>' : shortDuration(nowMs - at);
}

const none = '<none>';

const cells: Readonly<Record<string, CellFunction>> = {
  age: (object, now) => ageSince(object.metadata.creationTimestamp, now),
  podReady: podReadyCell,
  podStatus: podStatusCell,
  podRestarts: podRestartsCell,
  podReadinessGates: readinessGates,
  replicas: (object) => count(status(object)['replicas']),
  readyReplicas: (object) => count(status(object)['readyReplicas']),
  updatedReplicas: (object) => count(status(object)['updatedReplicas']),
  availableReplicas: (object) => count(status(object)['availableReplicas']),
  readyOfReplicas: (object) => `${count(status(object)['readyReplicas'])}/${count(spec(object)['replicas'] ?? 1)}`,
  updatedNumberScheduled: (object) => count(status(object)['updatedNumberScheduled']),
  numberAvailable: (object) => count(status(object)['numberAvailable']),
  nodeSelector: (object) => labelList(at(object, 'spec', 'template', 'spec', 'nodeSelector')),
  containers: (object) => joined(templateContainers(object).map((container) => container['name'])),
  images: (object) => joined(templateContainers(object).map((container) => container['image'])),
  selector: (object) => selectorText(spec(object)['selector']),
  jobStatus,
  jobCompletions: (object) => `${count(status(object)['succeeded'])}/${count(spec(object)['completions'] ?? 1)}`,
  jobDuration,
  cronTimeZone: (object) => text(spec(object)['timeZone']) || none,
  cronSuspend: (object) => (spec(object)['suspend'] === true ? 'True' : 'False'),
  cronActive: (object) => list(status(object)['active']).length,
  cronLastSchedule: (object, now) => (status(object)['lastScheduleTime'] ? ageSince(status(object)['lastScheduleTime'], now) : none),
  clusterIp: (object) => text(spec(object)['clusterIP']) || none,
  externalIp,
  servicePorts: (object) => joined(list(spec(object)['ports']).map(servicePort)),
  serviceSelector: (object) => labelList(spec(object)['selector']),
  ingressClass: (object) => text(spec(object)['ingressClassName']) || none,
  ingressHosts: (object) => joined(list(spec(object)['rules']).map((rule) => text(rule['host']) || '*'), '*'),
  ingressAddress: (object) => loadBalancerAddresses(object).join(','),
  ingressPorts: (object) => (list(spec(object)['tls']).length > 0 ? '80, 443' : '80'),
  dataCount: (object) => Object.keys(fields(object['data'])).length + Object.keys(fields(object['binaryData'])).length,
  nodeStatus,
  nodeRoles,
  nodeInternalIp: (object) => nodeAddress(object, 'InternalIP'),
  nodeExternalIp: (object) => nodeAddress(object, 'ExternalIP'),
  accessModes: (object) => joined(strings(spec(object)['accessModes']).map((mode) => accessModes[mode] ?? mode), ''),
  volumeAttributesClass: (object) => text(spec(object)['volumeAttributesClassName']) || '<unset>',
  volumeClaim: (object) => ['namespace', 'name'].map((field) => text(fields(spec(object)['claimRef'])[field])).filter((part) => part !== '').join('/'),
  eventLastSeen: (object, now) => ageSince(eventTime(object, 'lastTimestamp'), now),
  eventFirstSeen: (object, now) => ageSince(eventTime(object, 'firstTimestamp'), now),
  eventObject: (object) => {
    const about = fields(object['involvedObject'] ?? object['regarding']);
    return `${text(about['kind']).toLowerCase()}/${text(about['name'])}`;
  },
  eventSubobject: (object) => text(fields(object['involvedObject'] ?? object['regarding'])['fieldPath']),
  eventSource: (object) => {
    const source = fields(object['source'] ?? object['deprecatedSource']);
    return [text(source['component']), text(source['host'])].filter((part) => part !== '').join(', ') || text(object['reportingComponent'] ?? object['reportingController']);
  },
  eventCount: (object) => String(count(fields(object['series'])['count'] ?? object['count'] ?? object['deprecatedCount'] ?? 1)),
  endpointsAddresses: (object) =>
    limited(
      list(object['subsets']).flatMap((subset) => {
        const ports = list(subset['ports']);
        const addresses = list(subset['addresses']).map((address) => text(address['ip']));
        return ports.length === 0 ? addresses : ports.flatMap((port) => addresses.map((ip) => `${ip}:${text(port['port'])}`));
      }),
    ),
  sliceEndpointPorts: (object) => limited(list(object['ports']).map((port) => text(port['port']) || '*'), '<unset>'),
  sliceEndpoints: (object) => limited(list(object['endpoints']).flatMap((endpoint) => strings(endpoint['addresses'])), '<unset>'),
  bindingRole: (object) => `${text(fields(object['roleRef'])['kind'])}/${text(fields(object['roleRef'])['name'])}`,
  pdbMinAvailable: (object) => text(spec(object)['minAvailable']) || 'N/A',
  pdbMaxUnavailable: (object) => text(spec(object)['maxUnavailable']) || 'N/A',
};

const accessModes: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };

function readinessGates(object: KubeObject): string {
  const gates = list(spec(object)['readinessGates']);
  if (gates.length === 0) return none;
  const conditions = list(status(object)['conditions']);
  const ready = gates.filter((gate) => conditions.some((condition) => condition['type'] === gate['conditionType'] && condition['status'] === 'True'));
  return `${ready.length}/${gates.length}`;
}

function jobStatus(object: KubeObject): string {
  const conditions = list(status(object)['conditions']);
  const isTrue = (type: string) => conditions.some((condition) => condition['type'] === type && condition['status'] === 'True');
  if (isTrue('Complete')) return 'Complete';
  if (isTrue('Failed')) return 'Failed';
  if (object.metadata.deletionTimestamp) return 'Terminating';
  if (isTrue('Suspended')) return 'Suspended';
  if (isTrue('FailureTarget')) return 'FailureTarget';
  if (isTrue('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function jobDuration(object: KubeObject, nowMs: number): string {
  const started = parseTime(text(status(object)['startTime']));
  if (Number.isNaN(started)) return '';
  const ended = parseTime(text(status(object)['completionTime']));
  return shortDuration((Number.isNaN(ended) ? nowMs : ended) - started);
}

function externalIp(object: KubeObject): string {
  const ips = strings(spec(object)['externalIPs']);
  switch (spec(object)['type']) {
    case 'LoadBalancer':
      return [...loadBalancerAddresses(object), ...ips].join(',') || '<pending>';
    case 'ExternalName':
      return text(spec(object)['externalName']);
    default:
      return ips.join(',') || none;
  }
}

function servicePort(port: Fields): string {
  const node = port['nodePort'] ? `:${text(port['nodePort'])}` : '';
  return `${text(port['port'])}${node}/${text(port['protocol']) || 'TCP'}`;
}

function loadBalancerAddresses(object: KubeObject): string[] {
  return list(fields(status(object)['loadBalancer'])['ingress']).map((ingress) => text(ingress['ip']) || text(ingress['hostname']));
}

function nodeStatus(object: KubeObject): string {
  const ready = list(status(object)['conditions']).find((condition) => condition['type'] === 'Ready');
  const parts = [ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady'];
  if (spec(object)['unschedulable'] === true) parts.push('SchedulingDisabled');
  return parts.join(',');
}

function nodeRoles(object: KubeObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const labels = object.metadata.labels ?? {};
  const roles = Object.keys(labels).filter((label) => label.startsWith(prefix)).map((label) => label.slice(prefix.length));
  const legacy = labels['kubernetes.io/role'];
  return [...new Set([...roles.filter((role) => role !== ''), ...(legacy ? [legacy] : [])])].sort().join(',') || none;
}

function nodeAddress(object: KubeObject, type: string): string {
  return text(list(status(object)['addresses']).find((address) => address['type'] === type)?.['address']) || none;
}

function eventTime(object: KubeObject, field: 'firstTimestamp' | 'lastTimestamp'): unknown {
  const last = field === 'lastTimestamp' ? fields(object['series'])['lastObservedTime'] : undefined;
  const deprecated = field === 'lastTimestamp' ? 'deprecatedLastTimestamp' : 'deprecatedFirstTimestamp';
  return last ?? object[field] ?? object[deprecated] ?? object['eventTime'] ?? object.metadata.creationTimestamp;
}

function templateContainers(object: KubeObject): Fields[] {
  const template = at(object, 'spec', 'jobTemplate', 'spec', 'template', 'spec') ?? at(object, 'spec', 'template', 'spec');
  return list(fields(template)['containers']);
}

function selectorText(selector: unknown): string {
  const { matchLabels, matchExpressions } = fields(selector);
  const labels = Object.entries(fields(matchLabels)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${text(value)}`);
  const expressions = list(matchExpressions).map(expressionText);
  return [...labels, ...expressions].join(',') || none;
}

function expressionText(expression: Fields): string {
  const key = text(expression['key']);
  const values = `(${strings(expression['values']).join(',')})`;
  switch (expression['operator']) {
    case 'In':
      return `${key} in ${values}`;
    case 'NotIn':
      return `${key} notin ${values}`;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      return key;
  }
}

function labelList(labels: unknown): string {
  return Object.entries(fields(labels)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${text(value)}`).join(',') || none;
}

/** The first three, and how many there are beside them. */
function limited(items: readonly string[], empty = none): string {
  if (items.length === 0) return empty;
  return items.length > 3 ? `${items.slice(0, 3).join(',')} + ${items.length - 3} more...` : items.join(',');
}

function joined(items: readonly unknown[], empty = none): string {
  return items.map(text).join(',') || empty;
}

function spec(object: KubeObject): Fields {
  return fields(object['spec']);
}

function status(object: KubeObject): Fields {
  return fields(object['status']);
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((current, field) => fields(current)[field], value);
}

// Objects come from a store that validated them, but cells must never throw: what has another shape reads as empty.
function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
