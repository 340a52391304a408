// Which lists of the built-in kinds are merged by a key, as the OpenAPI document embedded in kustomize says (x-kubernetes-patch-merge-key and list map keys).
// Lists that are not named here, and all lists of other kinds, are replaced as a whole.

export interface MergeSchema {
  readonly fields?: Readonly<Record<string, MergeSchema>>;
  /** A list of maps merged by these keys. */
  readonly keys?: readonly string[];
  /** A list of scalars that is united. */
  readonly set?: true;
  readonly items?: MergeSchema;
}

const keyed = (keys: readonly string[], items?: MergeSchema): MergeSchema => ({ keys, items });

const metadata: MergeSchema = { fields: { ownerReferences: keyed(['uid']), finalizers: { set: true } } };
const container: MergeSchema = {
  fields: {
    env: keyed(['name']),
    ports: keyed(['containerPort', 'protocol']),
    volumeMounts: keyed(['mountPath']),
    volumeDevices: keyed(['devicePath']),
  },
};
const podSpec: MergeSchema = {
  fields: {
    containers: keyed(['name'], container),
    initContainers: keyed(['name'], container),
    ephemeralContainers: keyed(['name'], container),
    imagePullSecrets: keyed(['name']),
    volumes: keyed(['name']),
    hostAliases: keyed(['ip']),
    topologySpreadConstraints: keyed(['topologyKey', 'whenUnsatisfiable']),
  },
};
const podTemplate: MergeSchema = { fields: { metadata, spec: podSpec } };
const status: MergeSchema = { fields: { conditions: keyed(['type']) } };
const workload: MergeSchema = { fields: { metadata, spec: { fields: { template: podTemplate } }, status } };
const plain: MergeSchema = { fields: { metadata, status } };
const webhooks: MergeSchema = { fields: { metadata, webhooks: keyed(['name']) } };

const kinds: Readonly<Record<string, MergeSchema>> = {
  '/Pod': { fields: { metadata, spec: podSpec, status } },
  '/PodTemplate': { fields: { metadata, template: podTemplate } },
  '/ReplicationController': workload,
  'apps/Deployment': workload,
  'apps/ReplicaSet': workload,
  'apps/DaemonSet': workload,
  'apps/StatefulSet': workload,
  'batch/Job': workload,
  'batch/CronJob': { fields: { metadata, spec: { fields: { jobTemplate: { fields: { metadata, spec: { fields: { template: podTemplate } } } } } } } },
  '/Service': { fields: { metadata, spec: { fields: { ports: keyed(['port', 'protocol']) } }, status } },
  '/ServiceAccount': { fields: { metadata, secrets: keyed(['name']) } },
  '/Node': { fields: { metadata, spec: { fields: { podCIDRs: { set: true } } }, status: { fields: { conditions: keyed(['type']), addresses: keyed(['type']) } } } },
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhooks,
};

const builtInGroups = new Set([
  '', 'apps', 'batch', 'autoscaling', 'policy', 'rbac.authorization.k8s.io', 'networking.k8s.io', 'storage.k8s.io', 'scheduling.k8s.io', 'node.k8s.io', 'certificates.k8s.io',
  'coordination.k8s.io', 'discovery.k8s.io', 'events.k8s.io', 'flowcontrol.apiserver.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io', 'admissionregistration.k8s.io',
]);

/** The merge rules of a kind; undefined for one that is not built in. */
export function mergeSchemaOf(group: string, kind: string): MergeSchema | undefined {
  return kinds[`${group}/${kind}`] ?? (builtInGroups.has(group) ? plain : undefined);
}
