/** EndpointSlices and Endpoints of Services, after kubernetes/pkg/controller/endpointslice and endpoint. */
import { Endpoints, EndpointSlice, Pod, Service, type EndpointSubset } from '@keelson/api';
import { sameJson, type Cache, type Controller, type ReconcileContext } from '@keelson/controller';
import { matchesLabels, ownerReference, selectorOfLabels, type KindRef, type KubeObject, type ObjectKey } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import { shortHash } from '../json.ts';
import { controllerManager } from '../managers.ts';
import { endpointGroups, type EndpointGroup } from './endpoint-groups.ts';

const managedBy = 'endpointslice-controller.k8s.io';
const serviceNameLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
/** Endpoints per slice. */
const sliceLimit = 100;

export function endpointsController(): Controller {
  return {
    name: 'endpoints-controller',
    kind: Service,
    reads: [Pod, EndpointSlice, Endpoints],
    writes: [
      { kind: EndpointSlice, part: 'object' },
      { kind: Endpoints, part: 'object' },
    ],
    watches: [
      { kind: Pod, toKeys: (pod, cache, previous) => servicesOf(previous ? [pod, previous] : [pod], cache) },
      { kind: EndpointSlice, toKeys: (slice) => (slice.metadata.labels?.[managedByLabel] === managedBy ? [key(slice, slice.metadata.labels[serviceNameLabel] ?? '')] : []) },
      { kind: Endpoints, toKeys: (endpoints) => [key(endpoints, endpoints.metadata.name)] },
    ],
    reconcile,
  };
}

function key(object: KubeObject, name: string): ObjectKey {
  return { name, ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}) };
}

function servicesOf(pods: readonly KubeObject[], cache: Cache): ObjectKey[] {
  const namespace = pods[0]?.metadata.namespace;
  const services = cache.list<Service>(Service, namespace ? { namespace } : {});
  return services.filter((service) => hasSelector(service) && pods.some((pod) => selects(service, pod))).map((service) => key(service, service.metadata.name));
}

function hasSelector(service: Service): boolean {
  return Object.keys(service.spec?.selector ?? {}).length > 0 && service.spec?.type !== 'ExternalName';
}

function selects(service: Service, pod: KubeObject): boolean {
  return matchesLabels(selectorOfLabels(service.spec?.selector ?? {}), pod.metadata.labels);
}

async function reconcile(serviceKey: ObjectKey, context: ReconcileContext): Promise<void> {
  const service = context.cache.get<Service>(Service, serviceKey);
  // Slices and Endpoints of a Service that is gone go with it by their owner reference and by name.
  if (!service) return removeEndpoints(serviceKey, context);
  if (!hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return;
  const pods = context.cache.list<Pod>(Pod, { namespace: serviceKey.namespace ?? '' }).filter((pod) => selects(service, pod));
  const groups = endpointGroups(service, pods);
  await writeSlices(service, groups, context);
  await writeEndpoints(service, groups, context);
}

async function writeSlices(service: Service, groups: readonly EndpointGroup[], context: ReconcileContext): Promise<void> {
  const wanted = new Map(slicesOf(service, groups).map((slice) => [slice.metadata.name, slice]));
  const labels = { [serviceNameLabel]: service.metadata.name, [managedByLabel]: managedBy };
  const existing = context.cache.list<EndpointSlice>(EndpointSlice, { namespace: service.metadata.namespace ?? '', labels });
  for (const slice of existing) {
    const want = wanted.get(slice.metadata.name);
    wanted.delete(slice.metadata.name);
    if (!want) await context.client.delete(EndpointSlice, key(slice, slice.metadata.name));
    else if (!sameJson([slice.endpoints ?? [], slice.ports ?? []], [want.endpoints, want.ports])) {
      const patch = { endpoints: want.endpoints, ports: want.ports, metadata: { labels: want.metadata.labels } };
      await patchAndObserve(EndpointSlice, slice, patch, context);
    }
  }
  for (const slice of wanted.values()) await createAndObserve(EndpointSlice, slice, context);
}

function slicesOf(service: Service, groups: readonly EndpointGroup[]): EndpointSlice[] {
  // A Service without pods has one empty slice.
  const all = groups.length > 0 ? groups : [{ ports: [], endpoints: [] }];
  return all.flatMap((group) => {
    const chunks = Math.max(1, Math.ceil(group.endpoints.length / sliceLimit));
    return Array.from({ length: chunks }, (_, index): EndpointSlice => {
      const { name, namespace, labels } = service.metadata;
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          // The same ports and position give the same name, so that a change of pods is a change of one slice.
          name: `${name}-${shortHash([group.ports, index]).slice(0, 5)}`,
          generateName: `${name}-`,
          ...(namespace ? { namespace } : {}),
          labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: managedBy },
          ownerReferences: [ownerReference(service)],
        },
        addressType: 'IPv4',
        endpoints: [...group.endpoints.slice(index * sliceLimit, (index + 1) * sliceLimit)],
        ports: [...group.ports],
      };
    });
  });
}

async function writeEndpoints(service: Service, groups: readonly EndpointGroup[], context: ReconcileContext): Promise<void> {
  const subsets = groups.map(subsetOf).filter((subset) => (subset.addresses?.length ?? 0) + (subset.notReadyAddresses?.length ?? 0) > 0);
  const known = context.cache.get<Endpoints>(Endpoints, key(service, service.metadata.name));
  if (known) {
    if (!sameJson(known.subsets ?? [], subsets)) await patchAndObserve(Endpoints, known, { subsets }, context);
    return;
  }
  const { name, namespace, labels } = service.metadata;
  const object: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, ...(namespace ? { namespace } : {}), labels: { ...labels, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
    subsets,
  };
  await createAndObserve(Endpoints, object, context);
}

function subsetOf(group: EndpointGroup): EndpointSubset {
  const address = ({ addresses, nodeName, targetRef }: EndpointGroup['endpoints'][number]) => ({ ip: addresses[0]!, nodeName, targetRef });
  const ready = group.endpoints.filter((endpoint) => endpoint.conditions?.ready);
  const notReady = group.endpoints.filter((endpoint) => !endpoint.conditions?.ready && !endpoint.conditions?.terminating);
  return {
    ...(ready.length > 0 ? { addresses: ready.map(address) } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady.map(address) } : {}),
    ports: group.ports.map(({ name, port, protocol }) => ({ ...(name ? { name } : {}), port: port ?? 0, protocol })),
  };
}

async function removeEndpoints(serviceKey: ObjectKey, context: ReconcileContext): Promise<void> {
  const known = context.cache.get<Endpoints>(Endpoints, serviceKey);
  if (known?.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') await context.client.delete(Endpoints, serviceKey);
}

async function createAndObserve(kind: KindRef, object: KubeObject, context: ReconcileContext): Promise<void> {
  try {
    context.cache.observe(kind, await context.client.create(kind, object, { fieldManager: controllerManager }));
  } catch (error) {
    // The cache has not seen our own from a moment ago; its event brings us back.
    if (!isAlreadyExists(error)) throw error;
  }
}

async function patchAndObserve(kind: KindRef, object: KubeObject, patch: { readonly metadata?: object; readonly [field: string]: unknown }, context: ReconcileContext): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const body = { ...patch, metadata: { ...patch.metadata, uid, resourceVersion } };
  context.cache.observe(kind, await context.client.patch(kind, key(object, object.metadata.name), 'merge', body, { fieldManager: controllerManager }));
}
