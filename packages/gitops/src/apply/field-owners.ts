// What kustomize-controller does to the managers of an object before it applies: fields that kubectl or an update under its own name set become its own,
// so that what someone added by hand goes away when it is not in the repository.
import type { KubeObject, ManagedFieldsEntry } from '@keelson/kube';
import { decodeFields, encodeFields, union } from '@keelson/kube/apply';
import { parseTime } from '@keelson/std';
import { managers } from '../flux.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

interface JsonPatchOperation {
  readonly op: 'test' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** The JSON patch that takes other managers' fields over; undefined when there is nothing to take. */
export function takeOver(live: KubeObject): JsonPatchOperation[] | undefined {
  const entries = live.metadata.managedFields ?? [];
  const taken = entries.filter(isTaken);
  const hasLastApplied = live.metadata.annotations?.[lastApplied] !== undefined;
  if (taken.length === 0 && !hasLastApplied) return undefined;
  const operations: JsonPatchOperation[] = [];
  if (hasLastApplied) operations.push({ op: 'remove', path: `/metadata/annotations/${lastApplied.replaceAll('/', '~1')}` });
  if (taken.length > 0) {
    const own = entries.find((entry) => entry.manager === managers.apply && entry.operation === 'Apply' && !entry.subresource);
    const fields = [own, ...taken].reduce((set, entry) => union(set, decodeFields(entry?.fieldsV1)), decodeFields(undefined));
    const merged: ManagedFieldsEntry = {
      manager: managers.apply, operation: 'Apply', apiVersion: own?.apiVersion ?? live.apiVersion, time: own?.time ?? taken[0]!.time, fieldsType: 'FieldsV1', fieldsV1: { ...encodeFields(fields) },
    };
    operations.push({ op: 'replace', path: '/metadata/managedFields', value: [merged, ...entries.filter((entry) => entry !== own && !taken.includes(entry))] });
  }
  operations.push({ op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion });
  return operations;
}

function isTaken(entry: ManagedFieldsEntry): boolean {
  if (entry.subresource || entry.manager === undefined) return false;
  if (entry.manager.startsWith('kubectl')) return true;
  return entry.operation === 'Update' && (entry.manager === 'before-first-apply' || entry.manager === managers.apply);
}

/** Who else than us wrote to the object's desired state last; undefined when nobody did. */
export function lastForeignManager(live: KubeObject): string | undefined {
  const foreign = (live.metadata.managedFields ?? []).filter((entry) => !entry.subresource && entry.manager && entry.manager !== managers.apply);
  const newest = foreign.toSorted((a, b) => parseTime(b.time ?? '') - parseTime(a.time ?? ''))[0];
  return newest?.manager;
}
