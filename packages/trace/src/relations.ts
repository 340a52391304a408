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

/** Labels that Flux's appliers leave on what they apply: `<group>/name` and `<group>/namespace`. */
const appliers = [
  { group: 'helm.toolkit.fluxcd.io', kind: 'HelmRelease' },
  { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization' },
] as const;

/** The Kustomization or HelmRelease that applied an object, by its owner labels. */
export function applierOf(object: KubeObject): ObjectRef | undefined {
  const { labels } = object.metadata;
  for (const { group, kind } of appliers) {
    const name = labels?.[`${group}/name`];
    if (name) return { group, kind, name, ...(labels?.[`${group}/namespace`] ? { namespace: labels[`${group}/namespace`] } : {}) };
  }
  return undefined;
}

/** The entries of an inventory: `namespace_name_group_kind`, a colon in RBAC names written as two underscores (cli-utils pkg/object). */
export function inventoryOf(applier: KubeObject): ObjectRef[] {
  const status = applier['status'] as { inventory?: { entries?: { id: string }[] } } | undefined;
  return (status?.inventory?.entries ?? []).flatMap(({ id }) => {
    const match = /^([^_]*)_(.+)_([^_]*)_([^_]+)$/.exec(id);
    if (!match) return [];
    const [, namespace = '', name = '', group = '', kind = ''] = match;
    return [{ group, kind, name: name.replaceAll('__', ':'), ...(namespace ? { namespace } : {}) }];
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

interface SourceSpec {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** The source of a Kustomization or a HelmRelease. */
export function sourceOf(applier: KubeObject): SourceReference | undefined {
  const spec = applier['spec'] as { sourceRef?: SourceSpec; chartRef?: SourceSpec; chart?: { spec?: { sourceRef?: SourceSpec } } } | undefined;
  const source = spec?.sourceRef ?? spec?.chartRef ?? spec?.chart?.spec?.sourceRef;
  return source && { kind: source.kind, name: source.name, namespace: source.namespace ?? applier.metadata.namespace ?? 'default' };
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

/** The name of what a Machine's or Cluster's spec refers to, with kind and group (v1beta2: apiGroup; v1beta1: apiVersion). */
export interface ProviderReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** A provider's object that a Cluster API object names in its spec: infrastructureRef, controlPlaneRef, bootstrap.configRef. */
export function providerRef(object: KubeObject, field: 'infrastructureRef' | 'controlPlaneRef' | 'configRef'): ProviderReference | undefined {
  type Reference = { readonly apiGroup?: string; readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
  const spec = object['spec'] as { infrastructureRef?: Reference; controlPlaneRef?: Reference; bootstrap?: { configRef?: Reference } } | undefined;
  const reference = field === 'configRef' ? spec?.bootstrap?.configRef : spec?.[field];
  if (!reference?.kind || !reference.name) return undefined;
  return { group: reference.apiGroup ?? parseApiVersion(reference.apiVersion ?? '').group, kind: reference.kind, name: reference.name };
}

/** Group and kind of an owner reference. */
export function ownerRef(owner: OwnerReference, namespace: string | undefined): ObjectRef {
  return { group: parseApiVersion(owner.apiVersion).group, kind: owner.kind, name: owner.name, ...(namespace ? { namespace } : {}) };
}

/** `main@sha1:abc` or `sha1:abc`. */
export function splitRevision(revision: string): { branch: string; commit: string } {
  const at = revision.lastIndexOf('@');
  return { branch: at < 0 ? '' : revision.slice(0, at), commit: revision.slice(at + 1).replace(/^sha\d+:/, '') };
}
