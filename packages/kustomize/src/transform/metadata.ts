// namespace, namePrefix, nameSuffix, labels and annotations: kustomize's NamespaceTransformer, PrefixTransformer, SuffixTransformer, LabelTransformer and AnnotationsTransformer.
import { isMap, member, setMember } from '../json.ts';
import type { FieldSpec, LabelEntry, StringMap } from '../load/kustomization-file.ts';
import { type Resource, gvkOf, isClusterWide, metadataOf, nameOf, refuseDuplicates, rememberId, setName } from '../resource.ts';
import { annotationSpecs, commonLabelSpecs, metadataLabelSpec, namespaceSpecs, templateLabelSpecs, unaffixedKinds, volumeClaimTemplateLabelSpecs } from './field-specs.ts';
import { specSelects, visitFields } from './field-path.ts';

/** Puts every object that has a namespace into this one. Throws KUSTOMIZE.CONFLICT when two become the same. */
export function setNamespace(resources: readonly Resource[], namespace: string): void {
  for (const resource of resources) {
    const { object } = resource;
    const gvk = gvkOf(object);
    rememberId(resource);
    if (!isClusterWide(gvk)) setMember(metadataOf(resource), 'namespace', namespace);
    for (const spec of namespaceSpecs) {
      if (specSelects(spec, gvk)) visitFields(object, spec.path, spec.create ?? false, (holder, key) => setMember(holder, key, namespace));
    }
    // Other ServiceAccounts of the build are found by their names later; "default" is in no build, so it is meant in this namespace.
    const isBinding = gvk.group === 'rbac.authorization.k8s.io' && (gvk.kind === 'RoleBinding' || gvk.kind === 'ClusterRoleBinding');
    if (isBinding && Array.isArray(object.subjects)) {
      for (const subject of object.subjects) if (isMap(subject) && subject.name === 'default') setMember(subject, 'namespace', namespace);
    }
  }
  refuseDuplicates(resources);
}

/** Adds a prefix or a suffix to every name, except of kinds whose names mean something by themselves. */
export function affixNames(resources: readonly Resource[], affix: { readonly prefix?: string; readonly suffix?: string }): void {
  const { prefix = '', suffix = '' } = affix;
  for (const resource of resources) {
    const gvk = gvkOf(resource.object);
    if (unaffixedKinds.some((of) => of.kind === gvk.kind && (of.group === undefined || of.group === gvk.group))) continue;
    rememberId(resource);
    if (prefix) resource.prefixes.push(prefix);
    if (suffix) resource.suffixes.push(suffix);
    setName(resource, `${prefix}${nameOf(resource)}${suffix}`);
  }
}

/** One entry of `labels`. */
export function addLabels(resources: readonly Resource[], entry: LabelEntry): void {
  const specs = entry.includeSelectors
    ? [...commonLabelSpecs, ...entry.fields]
    : [metadataLabelSpec, ...(entry.includeTemplates ? templateLabelSpecs : []), ...(entry.includeVolumeClaimTemplates ? volumeClaimTemplateLabelSpecs : []), ...entry.fields];
  setPairs(resources, entry.pairs, specs);
}

export function addCommonLabels(resources: readonly Resource[], pairs: StringMap): void {
  setPairs(resources, pairs, commonLabelSpecs);
}

export function addAnnotations(resources: readonly Resource[], pairs: StringMap): void {
  setPairs(resources, pairs, annotationSpecs);
}

function setPairs(resources: readonly Resource[], pairs: StringMap, specs: readonly FieldSpec[]): void {
  const entries = Object.entries(pairs);
  if (entries.length === 0) return;
  for (const { object } of resources) {
    const gvk = gvkOf(object);
    for (const spec of specs) {
      if (!specSelects(spec, gvk)) continue;
      visitFields(object, spec.path, spec.create ?? false, (holder, key) => {
        const there = member(holder, key);
        const map = isMap(there) ? there : {};
        for (const [name, value] of entries) setMember(map, name, value);
        setMember(holder, key, map);
      });
    }
  }
}
