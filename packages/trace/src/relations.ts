/**
 * How objects hang together, by the references the borrowed kinds carry: owner references, Flux's owner labels and
 * inventories, Cluster API's refs, Metal3's consumerRef and host annotation. Pure functions over a snapshot.
 */
import type { KubeObject, OwnerReference } from '@keelson/kube';
import { parseApiVersion } from '@keelson/kube';

/** An object's name as people write it, with the cluster it lives in when that is not the one that was read. */
export interface ObjectRef {
  readonly group: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** `namespace/name` of the Cluster whose API holds the object. */
  readonly cluster?: string;
}

export function refOf(object: KubeObject, cluster?: string): ObjectRef {
  const { name, namespace } = object.metadata;
  return { group: parseApiVersion(object.apiVersion).group, kind: object.kind, name, ...(namespace ? { namespace } : {}), ...(cluster ? { cluster } : {}) };
}

/** `kind/name`, with the namespace in front of the name where it is not the reader's. */
export function refText(ref: ObjectRef): string {
  return `${ref.kind}/${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`;
}

export function refKey(ref: ObjectRef): string {
  return `${ref.cluster ?? ''}|${ref.group}|${ref.kind}|${ref.namespace ?? ''}|${ref.name}`;
}

const ownerLabels = { name: 'kustomize.toolkit.fluxcd.io/name', namespace: 'kustomize.toolkit.fluxcd.io/namespace' };

/** The Kustomization that applied an object, by its owner labels. */
export function kustomizationOf(object: KubeObject): ObjectRef | undefined {
  const name = object.metadata.labels?.[ownerLabels.name];
  if (!name) return undefined;
  return { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', name, namespace: object.metadata.labels?.[ownerLabels.namespace] };
}

/** The entries of a Kustomization's inventory: `namespace_name_group_kind`. */
export function inventoryOf(kustomization: KubeObject): ObjectRef[] {
  const status = kustomization['status'] as { inventory?: { entries?: { id: string }[] } } | undefined;
  return (status?.inventory?.entries ?? []).flatMap(({ id }) => {
    const [namespace, name, group, kind] = id.split('_');
    // RBAC names may hold a colon, written as two underscores; such names do not split into four.
    return kind === undefined ? [] : [{ group: group ?? '', kind, name: name ?? '', ...(namespace ? { namespace } : {}) }];
  });
}

/** The Cluster a Kustomization applies into, by the name of its kubeconfig Secret; undefined for the cluster that was read. */
export function targetClusterOf(kustomization: KubeObject): string | undefined {
  const spec = kustomization['spec'] as { kubeConfig?: { secretRef?: { name?: string } } } | undefined;
  const secret = spec?.kubeConfig?.secretRef?.name;
  return secret?.endsWith('-kubeconfig') ? `${kustomization.metadata.namespace}/${secret.slice(0, -'-kubeconfig'.length)}` : undefined;
}

export interface SourceReference {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/** The source of a Kustomization. */
export function sourceOf(kustomization: KubeObject): SourceReference | undefined {
  const spec = kustomization['spec'] as { sourceRef?: { kind: string; name: string; namespace?: string } } | undefined;
  if (!spec?.sourceRef) return undefined;
  return { kind: spec.sourceRef.kind, name: spec.sourceRef.name, namespace: spec.sourceRef.namespace ?? kustomization.metadata.namespace ?? 'default' };
}

/** The Kustomizations one depends on, as `namespace/name`. */
export function dependenciesOf(kustomization: KubeObject): string[] {
  const spec = kustomization['spec'] as { dependsOn?: { name: string; namespace?: string }[] } | undefined;
  return (spec?.dependsOn ?? []).map(({ name, namespace }) => `${namespace ?? kustomization.metadata.namespace}/${name}`);
}

/** The Cluster a Cluster API or infrastructure object belongs to, by label. */
export function clusterNameOf(object: KubeObject): string | undefined {
  const spec = object['spec'] as { clusterName?: string } | undefined;
  return object.metadata.labels?.['cluster.x-k8s.io/cluster-name'] ?? spec?.clusterName;
}

/** `namespace/name` of the BareMetalHost a Metal3Machine has claimed. */
export function hostOf(metal3Machine: KubeObject): string | undefined {
  return metal3Machine.metadata.annotations?.['metal3.io/BareMetalHost'];
}

/** Group and kind of an owner reference. */
export function ownerRef(owner: OwnerReference, namespace: string | undefined): ObjectRef {
  return { group: parseApiVersion(owner.apiVersion).group, kind: owner.kind, name: owner.name, ...(namespace ? { namespace } : {}) };
}
