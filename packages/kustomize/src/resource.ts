// Identity of objects as kustomize sees it: group, version, kind, name and effective namespace, with every former identity remembered.
import { parseApiVersion } from '@keelson/kube';
import { type JsonMap, isMap, member, setMember } from './json.ts';
import { type Origin, kustomizeProblems, problemAt } from './problems.ts';

export interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface ResourceId extends Gvk {
  readonly name: string;
  /** 'default' where none is given; '' for a kind known to be cluster-wide. */
  readonly namespace: string;
}

/** An object on its way through a build. It is changed in place; nothing outside a build sees it. */
export interface Resource {
  object: JsonMap;
  readonly origin: Origin;
  /** Identities before each change of name, namespace or kind, oldest first. */
  readonly previousIds: ResourceId[];
  readonly prefixes: string[];
  readonly suffixes: string[];
  /** The name gets a hash of the contents at the end. */
  needsHash: boolean;
}

const clusterWide = new Set([
  'apiregistration.k8s.io/APIService', 'storage.k8s.io/CSIDriver', 'storage.k8s.io/CSINode', 'certificates.k8s.io/CertificateSigningRequest', 'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding', '/ComponentStatus', 'apiextensions.k8s.io/CustomResourceDefinition', 'flowcontrol.apiserver.k8s.io/FlowSchema',
  'networking.k8s.io/IngressClass', 'admissionregistration.k8s.io/MutatingWebhookConfiguration', '/Namespace', '/Node', '/PersistentVolume', 'policy/PodSecurityPolicy',
  'scheduling.k8s.io/PriorityClass', 'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration', 'node.k8s.io/RuntimeClass', 'storage.k8s.io/StorageClass',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration', 'storage.k8s.io/VolumeAttachment', 'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
]);

/** True for the built-in kinds that have no namespace. Every other kind is taken for namespaced, as upstream does. */
export function isClusterWide(gvk: Pick<Gvk, 'group' | 'kind'>): boolean {
  return clusterWide.has(`${gvk.group}/${gvk.kind}`);
}

/** Makes a resource of a parsed object. Throws KUSTOMIZE.OBJECT_INVALID when it has no kind or name. */
export function createResource(value: unknown, origin: Origin): Resource {
  const invalid = (why: string) => problemAt(kustomizeProblems.object, origin, why);
  if (!isMap(value)) throw invalid(`expected an object, found ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}`);
  if (typeof value.kind !== 'string' || value.kind === '') throw invalid('the object has no kind');
  if (value.apiVersion !== undefined && typeof value.apiVersion !== 'string') throw invalid('apiVersion is not a string');
  const metadata = value.metadata;
  if (!isMap(metadata) || typeof metadata.name !== 'string' || metadata.name === '') throw invalid(`${value.kind} has no metadata.name`);
  for (const field of ['labels', 'annotations']) {
    const map = metadata[field];
    if (map === undefined || map === null) continue;
    if (!isMap(map)) throw invalid(`metadata.${field} of ${value.kind} ${metadata.name} is not a map`);
    for (const [key, text] of Object.entries(map)) {
      if (typeof text !== 'string') throw invalid(`metadata.${field} of ${value.kind} ${metadata.name}: the value of ${key} must be a string: put ${String(text)} in quotes`);
    }
  }
  return { object: value, origin, previousIds: [], prefixes: [], suffixes: [], needsHash: false };
}

export function metadataOf(resource: Resource): JsonMap {
  const metadata = resource.object.metadata;
  if (isMap(metadata)) return metadata;
  const made: JsonMap = {};
  resource.object.metadata = made;
  return made;
}

export function gvkOf(object: JsonMap): Gvk {
  const { group, version } = parseApiVersion(typeof object.apiVersion === 'string' ? object.apiVersion : '');
  return { group, version, kind: typeof object.kind === 'string' ? object.kind : '' };
}

export function nameOf(resource: Resource): string {
  const name = metadataOf(resource).name;
  return typeof name === 'string' ? name : '';
}

/** The namespace as written; '' when there is none. */
export function namespaceOf(resource: Resource): string {
  const namespace = metadataOf(resource).namespace;
  return typeof namespace === 'string' ? namespace : '';
}

export function currentId(resource: Resource): ResourceId {
  const gvk = gvkOf(resource.object);
  return { ...gvk, name: nameOf(resource), namespace: isClusterWide(gvk) ? '' : namespaceOf(resource) || 'default' };
}

/** The identity it was read with. */
export function originalId(resource: Resource): ResourceId {
  return resource.previousIds[0] ?? currentId(resource);
}

export function anyIds(resource: Resource): readonly ResourceId[] {
  return [...resource.previousIds, currentId(resource)];
}

/** Remembers the identity before it is changed. */
export function rememberId(resource: Resource): void {
  resource.previousIds.push(currentId(resource));
}

export function setName(resource: Resource, name: string): void {
  setMember(metadataOf(resource), 'name', name);
}

export function sameId(a: ResourceId, b: ResourceId): boolean {
  return a.kind === b.kind && a.name === b.name && a.group === b.group && a.version === b.version && a.namespace === b.namespace;
}

/** `Deployment apps/v1 ns/name`, for messages. */
export function idText(id: ResourceId): string {
  const api = id.group ? `${id.group}/${id.version}` : id.version || 'no apiVersion';
  return `${id.kind} (${api}) ${id.namespace ? `${id.namespace}/` : ''}${id.name}`;
}

const idKey = (id: ResourceId) => `${id.group}\0${id.version}\0${id.kind}\0${id.namespace}\0${id.name}`;

/** Appends resources to a list in place. Throws KUSTOMIZE.CONFLICT when an identity is there already. */
export function appendResources(list: Resource[], more: readonly Resource[]): void {
  const known = new Map(list.map((resource) => [idKey(currentId(resource)), resource]));
  for (const resource of more) {
    const id = currentId(resource);
    const other = known.get(idKey(id));
    if (other) throw conflict(id, other, resource);
    known.set(idKey(id), resource);
    list.push(resource);
  }
}

/** Throws KUSTOMIZE.CONFLICT when two of the list have one identity. */
export function refuseDuplicates(list: readonly Resource[]): void {
  appendResources([], list);
}

function conflict(id: ResourceId, first: Resource, second: Resource): Error {
  const line = first.origin.line > 0 ? `:${first.origin.line}` : '';
  return problemAt(kustomizeProblems.conflict, second.origin, `the first is in ${first.origin.file}${line}`, { id: idText(id) });
}

/** A label or annotation of a resource. */
export function annotationOf(resource: Resource, key: string): string | undefined {
  const annotations = metadataOf(resource).annotations;
  const value = isMap(annotations) ? member(annotations, key) : undefined;
  return typeof value === 'string' ? value : undefined;
}
