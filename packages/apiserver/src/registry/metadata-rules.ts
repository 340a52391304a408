// Rules of metadata that every kind shares: apimachinery pkg/api/validation/objectmeta.go.
import type { KubeObject, ObjectMeta } from '@keelson/kube';
import { annotationsMaxBytes, checkDnsLabel, checkLabelKey, checkLabelValue, checkQualifiedName } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { forbidden, invalid, required } from '@keelson/kube/schema';
import type { Resource } from './resource.ts';

/** Errors in the metadata of an object that is to be created. */
export function checkNewMeta(resource: Resource, object: KubeObject): FieldError[] {
  const { metadata } = object;
  const errors: FieldError[] = [];
  if (!metadata.name) errors.push(required('metadata.name', 'name or generateName is required'));
  else errors.push(...resource.strategy.checkName(metadata.name).map((complaint) => invalid('metadata.name', metadata.name, complaint)));
  if (metadata.namespace !== undefined) {
    errors.push(...checkDnsLabel(metadata.namespace).map((complaint) => invalid('metadata.namespace', metadata.namespace, complaint)));
  }
  return [...errors, ...checkMeta(metadata)];
}

/** Errors in the metadata of an object that replaces `live`. Name, namespace, uid and times were restored before. */
export function checkUpdatedMeta(object: KubeObject, live: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata } = object;
  if (live.metadata.deletionTimestamp !== undefined) {
    const known = new Set(live.metadata.finalizers);
    const added = (metadata.finalizers ?? []).filter((finalizer) => !known.has(finalizer));
    if (added.length > 0) {
      errors.push(forbidden('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`));
    }
  }
  return [...errors, ...checkMeta(metadata)];
}

function checkMeta(metadata: ObjectMeta): FieldError[] {
  return [...checkLabels(metadata), ...checkAnnotations(metadata), ...checkOwners(metadata), ...checkFinalizers(metadata)];
}

function checkLabels({ labels }: ObjectMeta): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkLabelKey(key).map((complaint) => invalid('metadata.labels', key, complaint)),
    ...checkLabelValue(value).map((complaint) => invalid('metadata.labels', value, complaint)),
  ]);
}

function checkAnnotations({ annotations }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
    // Keys of annotations may be in upper case, unlike those of labels.
    errors.push(...checkQualifiedName(key.toLowerCase()).map((complaint) => invalid('metadata.annotations', key, complaint)));
  }
  if (size > annotationsMaxBytes) {
    errors.push({ reason: 'FieldValueTooLong', field: 'metadata.annotations', body: `Too long: may not be more than ${annotationsMaxBytes} bytes` });
  }
  return errors;
}

function checkOwners({ ownerReferences = [] }: ObjectMeta): FieldError[] {
  const errors = ownerReferences.flatMap((owner, index) => {
    const at = `metadata.ownerReferences[${index}]`;
    const missing: FieldError[] = [];
    if (!owner.apiVersion) missing.push(invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) missing.push(invalid(`${at}.kind`, owner.kind ?? '', 'kind must not be empty'));
    if (!owner.name) missing.push(invalid(`${at}.name`, owner.name ?? '', 'name must not be empty'));
    if (!owner.uid) missing.push(invalid(`${at}.uid`, owner.uid ?? '', 'uid must not be empty'));
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') missing.push(invalid(at, owner.kind, '/v1, Kind=Event is disallowed from being an owner'));
    return missing;
  });
  const controllers = ownerReferences.filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    const [first, second] = controllers;
    errors.push(
      invalid('metadata.ownerReferences', ownerReferences, `Only one reference can have Controller set to true. Found "true" in references for ${first!.kind}/${first!.name} and ${second!.kind}/${second!.name}`),
    );
  }
  return errors;
}

function checkFinalizers({ finalizers = [] }: ObjectMeta): FieldError[] {
  const errors = finalizers.flatMap((finalizer, index) =>
    checkQualifiedName(finalizer).map((complaint) => invalid(`metadata.finalizers[${index}]`, finalizer, complaint)),
  );
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid('metadata.finalizers', finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}
