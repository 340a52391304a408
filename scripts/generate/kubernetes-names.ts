/**
 * What the OpenAPI document of the built-ins does not say: short names, categories, field selectors, printer columns and
 * scale paths, after the API server's registry strategies and printers (kubernetes/pkg/registry, pkg/printers/internalversion).
 */
import type { PrinterColumn, ScalePaths } from '../../packages/api/src/tables/kind-table.ts';

/** Groups whose stable versions are served. */
export const builtInGroups: readonly string[] = [
  '',
  'apps',
  'batch',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'autoscaling',
  'scheduling.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'certificates.k8s.io',
  'node.k8s.io',
];

/** By plural, or by `plural.group` where two groups share it. */
export const shortNames: Readonly<Record<string, readonly string[]>> = {
  componentstatuses: ['cs'],
  configmaps: ['cm'],
  endpoints: ['ep'],
  events: ['ev'],
  limitranges: ['limits'],
  namespaces: ['ns'],
  nodes: ['no'],
  persistentvolumeclaims: ['pvc'],
  persistentvolumes: ['pv'],
  pods: ['po'],
  replicationcontrollers: ['rc'],
  resourcequotas: ['quota'],
  serviceaccounts: ['sa'],
  services: ['svc'],
  daemonsets: ['ds'],
  deployments: ['deploy'],
  replicasets: ['rs'],
  statefulsets: ['sts'],
  cronjobs: ['cj'],
  horizontalpodautoscalers: ['hpa'],
  poddisruptionbudgets: ['pdb'],
  ingresses: ['ing'],
  networkpolicies: ['netpol'],
  ipaddresses: ['ip'],
  customresourcedefinitions: ['crd', 'crds'],
  certificatesigningrequests: ['csr'],
  storageclasses: ['sc'],
  volumeattributesclasses: ['vac'],
  priorityclasses: ['pc'],
};

const inAll = ['pods', 'replicationcontrollers', 'services', 'daemonsets', 'deployments', 'replicasets', 'statefulsets', 'horizontalpodautoscalers', 'cronjobs', 'jobs'];
const apiExtensions = [
  'customresourcedefinitions',
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
];

export function categoriesOf(plural: string): readonly string[] {
  return [...(inAll.includes(plural) ? ['all'] : []), ...(apiExtensions.includes(plural) ? ['api-extensions'] : [])];
}

const eventSelectors = (object: string, component: string) => [
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((field) => `.${object}.${field}`),
  '.reason',
  `.${component}`,
  '.source',
  '.type',
];

/** JSON paths, by `plural.group` (core: plural). */
export const selectableFields: Readonly<Record<string, readonly string[]>> = {
  pods: [
    '.spec.nodeName',
    '.spec.restartPolicy',
    '.spec.schedulerName',
    '.spec.serviceAccountName',
    '.spec.hostNetwork',
    '.status.phase',
    '.status.podIP',
    '.status.podIPs',
    '.status.nominatedNodeName',
  ],
  nodes: ['.spec.unschedulable'],
  namespaces: ['.status.phase'],
  secrets: ['.type'],
  services: ['.spec.clusterIP', '.spec.type'],
  events: eventSelectors('involvedObject', 'reportingComponent'),
  'events.events.k8s.io': eventSelectors('regarding', 'reportingController'),
  replicationcontrollers: ['.status.replicas'],
  'replicasets.apps': ['.status.replicas'],
  'jobs.batch': ['.status.successful'],
  'certificatesigningrequests.certificates.k8s.io': ['.spec.signerName'],
};

export const scalePaths: Readonly<Record<string, ScalePaths>> = Object.fromEntries(
  ['deployments', 'replicasets', 'statefulsets', 'replicationcontrollers'].map((plural) => [
    plural,
    { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.spec.selector' },
  ]),
);

const path = (name: string, jsonPath: string, type = 'string', priority = 0): PrinterColumn => ({ name, type, jsonPath, ...(priority ? { priority } : {}) });
const computed = (name: string, of: string, type = 'string', priority = 0): PrinterColumn => ({ name, type, computed: of, ...(priority ? { priority } : {}) });
const age = computed('Age', 'age');
const createdAt = path('Created At', '.metadata.creationTimestamp', 'date');
const workload = [computed('Containers', 'containers', 'string', 1), computed('Images', 'images', 'string', 1), computed('Selector', 'selector', 'string', 1)];

/** Columns after Name, by `plural.group` (core: plural). Kinds that are not here have Created At only. */
export const printerColumns: Readonly<Record<string, readonly PrinterColumn[]>> = {
  pods: [
    computed('Ready', 'podReady'),
    computed('Status', 'podStatus'),
    computed('Restarts', 'podRestarts'),
    age,
    path('IP', '.status.podIP', 'string', 1),
    path('Node', '.spec.nodeName', 'string', 1),
    path('Nominated Node', '.status.nominatedNodeName', 'string', 1),
    computed('Readiness Gates', 'podReadinessGates', 'string', 1),
  ],
  'deployments.apps': [
    computed('Ready', 'readyOfReplicas'),
    computed('Up-to-date', 'updatedReplicas', 'integer'),
    computed('Available', 'availableReplicas', 'integer'),
    age,
    ...workload,
  ],
  'replicasets.apps': [
    path('Desired', '.spec.replicas', 'integer'),
    computed('Current', 'replicas', 'integer'),
    computed('Ready', 'readyReplicas', 'integer'),
    age,
    ...workload,
  ],
  'statefulsets.apps': [computed('Ready', 'readyOfReplicas'), age, ...workload.slice(0, 2)],
  'daemonsets.apps': [
    path('Desired', '.status.desiredNumberScheduled', 'integer'),
    path('Current', '.status.currentNumberScheduled', 'integer'),
    path('Ready', '.status.numberReady', 'integer'),
    computed('Up-to-date', 'updatedNumberScheduled', 'integer'),
    computed('Available', 'numberAvailable', 'integer'),
    computed('Node Selector', 'nodeSelector'),
    age,
    ...workload,
  ],
  'jobs.batch': [computed('Status', 'jobStatus'), computed('Completions', 'jobCompletions'), computed('Duration', 'jobDuration'), age, ...workload],
  'cronjobs.batch': [
    path('Schedule', '.spec.schedule'),
    computed('Timezone', 'cronTimeZone'),
    computed('Suspend', 'cronSuspend'),
    computed('Active', 'cronActive', 'integer'),
    computed('Last Schedule', 'cronLastSchedule'),
    age,
    ...workload.slice(0, 2),
  ],
  services: [
    path('Type', '.spec.type'),
    computed('Cluster-IP', 'clusterIp'),
    computed('External-IP', 'externalIp'),
    computed('Port(s)', 'servicePorts'),
    age,
    computed('Selector', 'serviceSelector', 'string', 1),
  ],
  'ingresses.networking.k8s.io': [
    computed('Class', 'ingressClass'),
    computed('Hosts', 'ingressHosts'),
    computed('Address', 'ingressAddress'),
    computed('Ports', 'ingressPorts'),
    age,
  ],
  configmaps: [computed('Data', 'dataCount', 'integer'), age],
  secrets: [path('Type', '.type'), computed('Data', 'dataCount', 'integer'), age],
  namespaces: [path('Status', '.status.phase'), age],
  nodes: [
    computed('Status', 'nodeStatus'),
    computed('Roles', 'nodeRoles'),
    age,
    path('Version', '.status.nodeInfo.kubeletVersion'),
    computed('Internal-IP', 'nodeInternalIp', 'string', 1),
    computed('External-IP', 'nodeExternalIp', 'string', 1),
    path('OS-Image', '.status.nodeInfo.osImage', 'string', 1),
    path('Kernel-Version', '.status.nodeInfo.kernelVersion', 'string', 1),
    path('Container-Runtime', '.status.nodeInfo.containerRuntimeVersion', 'string', 1),
  ],
  persistentvolumeclaims: [
    path('Status', '.status.phase'),
    path('Volume', '.spec.volumeName'),
    path('Capacity', '.status.capacity.storage'),
    computed('Access Modes', 'accessModes'),
    path('StorageClass', '.spec.storageClassName'),
    computed('VolumeAttributesClass', 'volumeAttributesClass'),
    age,
    path('VolumeMode', '.spec.volumeMode', 'string', 1),
  ],
  persistentvolumes: [
    path('Capacity', '.spec.capacity.storage'),
    computed('Access Modes', 'accessModes'),
    path('Reclaim Policy', '.spec.persistentVolumeReclaimPolicy'),
    path('Status', '.status.phase'),
    computed('Claim', 'volumeClaim'),
    path('StorageClass', '.spec.storageClassName'),
    computed('VolumeAttributesClass', 'volumeAttributesClass'),
    path('Reason', '.status.reason'),
    age,
    path('VolumeMode', '.spec.volumeMode', 'string', 1),
  ],
  'storageclasses.storage.k8s.io': [
    path('Provisioner', '.provisioner'),
    path('ReclaimPolicy', '.reclaimPolicy'),
    path('VolumeBindingMode', '.volumeBindingMode'),
    path('AllowVolumeExpansion', '.allowVolumeExpansion'),
    age,
  ],
  serviceaccounts: [age],
  events: [
    computed('Last Seen', 'eventLastSeen'),
    path('Type', '.type'),
    path('Reason', '.reason'),
    computed('Object', 'eventObject'),
    computed('Subobject', 'eventSubobject', 'string', 1),
    computed('Source', 'eventSource', 'string', 1),
    path('Message', '.message'),
    computed('First Seen', 'eventFirstSeen', 'string', 1),
    computed('Count', 'eventCount', 'string', 1),
    path('Name', '.metadata.name', 'string', 1),
  ],
  'leases.coordination.k8s.io': [path('Holder', '.spec.holderIdentity'), age],
  'customresourcedefinitions.apiextensions.k8s.io': [createdAt],
  endpoints: [computed('Endpoints', 'endpointsAddresses'), age],
  'endpointslices.discovery.k8s.io': [
    path('AddressType', '.addressType'),
    computed('Ports', 'sliceEndpointPorts'),
    computed('Endpoints', 'sliceEndpoints'),
    age,
  ],
  'roles.rbac.authorization.k8s.io': [createdAt],
  'clusterroles.rbac.authorization.k8s.io': [createdAt],
  'rolebindings.rbac.authorization.k8s.io': [computed('Role', 'bindingRole'), age],
  'clusterrolebindings.rbac.authorization.k8s.io': [computed('Role', 'bindingRole'), age],
  'poddisruptionbudgets.policy': [
    computed('Min Available', 'pdbMinAvailable'),
    computed('Max Unavailable', 'pdbMaxUnavailable'),
    path('Allowed Disruptions', '.status.disruptionsAllowed', 'integer'),
    age,
  ],
};

export const defaultColumns: readonly PrinterColumn[] = [createdAt];
