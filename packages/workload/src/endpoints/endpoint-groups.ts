/** Which addresses and ports a Service leads to: pods grouped by the port numbers its target ports mean on them. */
import type { Endpoint, EndpointPort, Pod, Service, ServicePort } from '@keelson/api';
import { isEnded, isReady } from '../pod/pod-state.ts';

export interface EndpointGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** The groups in a stable order, endpoints by pod name. Pods without an address or that have ended are left out. */
export function endpointGroups(service: Service, pods: readonly Pod[]): EndpointGroup[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    if (!pod.status?.podIP || isEnded(pod)) continue;
    const ports = (service.spec?.ports ?? []).flatMap((port) => resolvePort(port, pod));
    // Ports were asked for, and this pod has none of them.
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    const name = JSON.stringify(ports);
    const group = groups.get(name) ?? { ports, endpoints: [] };
    groups.set(name, group);
    group.endpoints.push(endpointOf(pod, service));
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function resolvePort(port: ServicePort, pod: Pod): EndpointPort[] {
  const number = targetPort(port, pod);
  if (number === undefined) return [];
  return [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}) }];
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target || port.port;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always')];
  const named = containers.flatMap((container) => container.ports ?? []).find((one) => one.name === target && (one.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
  return named?.containerPort ?? (/^\d+$/.test(target) ? Number(target) : undefined);
}

function endpointOf(pod: Pod, service: Service): Endpoint {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [pod.status!.podIP!],
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', name, ...(namespace ? { namespace } : {}), ...(uid ? { uid } : {}) },
  };
}
