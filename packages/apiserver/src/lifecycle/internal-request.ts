import { serverUser } from '../authn/user.ts';
import { StatusError } from '../http/api-status.ts';
import type { WriteRequest } from '../registry/request-context.ts';
import { createWarnings } from '../registry/request-context.ts';
import type { Resource } from '../registry/resource.ts';
import { storageVersion } from '../registry/resource.ts';

/** A request of the server itself for objects of a resource, in its storage version. */
export function internalRequest(resource: Resource, namespace: string | undefined, fieldManager: string, subresource?: string): WriteRequest {
  return {
    served: { resource, version: storageVersion(resource) },
    namespace,
    user: serverUser,
    dryRun: false,
    fieldManager,
    fieldValidation: 'Ignore',
    subresource,
    warnings: createWarnings(),
  };
}

/** For writes about objects that may be gone meanwhile. */
export function ignoreNotFound(error: unknown): undefined {
  if (error instanceof StatusError && error.status.code === 404) return undefined;
  throw error;
}

export function isConflictError(error: unknown): boolean {
  return error instanceof StatusError && error.status.code === 409;
}
