// Field owners of writes (managedFields), in the frame of apiserver pkg/endpoints/handlers/fieldmanager.
import type { KubeObject } from '@keelson/kube';
import type { TrackingOptions } from '@keelson/kube/apply';
import { conflictCauses, conflictMessage, serverSideApply, trackUpdate } from '@keelson/kube/apply';
import { applyConflict } from '../http/api-status.ts';
import type { WriteRequest } from './request-context.ts';
import type { ServedVersion } from './resource.ts';
import { groupVersion, hasSubresource } from './resource.ts';

export interface TrackedWrite {
  readonly request: WriteRequest;
  readonly live: KubeObject | undefined;
  readonly next: KubeObject;
  /** RFC 3339. */
  readonly now: string;
}

/** The object with managedFields after a create, an update or a patch that is not an apply. */
export function trackWrite({ request, live, next, now }: TrackedWrite): KubeObject {
  return trackUpdate({ ...trackingOptions(request, now), before: live, after: next });
}

/**
 * What an apply makes of the live object: merged, with managedFields. Throws StatusError (409) when other managers own what it changes
 * and `force` is not set, and PatchError when the patch does not fit.
 */
export function applyOnto(request: WriteRequest, live: KubeObject | undefined, applied: KubeObject, force: boolean, now: string): KubeObject {
  const result = serverSideApply({ ...trackingOptions(request, now), live, applied, force });
  if (result.conflicts.length > 0) throw applyConflict(conflictMessage(result.conflicts), conflictCauses(result.conflicts));
  return result.object;
}

function trackingOptions(request: WriteRequest, time: string): TrackingOptions {
  const { served, subresource, fieldManager } = request;
  const { schema, resolver } = served.version.schema();
  return {
    schema,
    resolver,
    manager: fieldManager,
    apiVersion: groupVersion(served),
    subresource,
    time,
    resetFields: resetFields(served, subresource),
  };
}

function resetFields({ resource, version }: ServedVersion, subresource: string | undefined): readonly (readonly string[])[] | undefined {
  if (subresource === 'status') return resource.builtIn ? [['spec']] : [['metadata'], ['spec']];
  return hasSubresource(version, 'status') ? [['status']] : undefined;
}
