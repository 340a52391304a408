// Refusals as metav1.Status, worded as apimachinery pkg/api/errors words them.
import type { Status } from '@keelson/kube/client';
import type { FieldError } from '@keelson/kube/schema';
import { formatFieldErrors } from '@keelson/kube/schema';

type Details = NonNullable<Status['details']>;
type Cause = NonNullable<Details['causes']>[number];

/** A group and a resource, or a group and a kind, as messages name them: `deployments.apps`, `pods`. */
export interface Qualified {
  readonly group: string;
  readonly name: string;
}

/** The refusal of a request; the handler writes `status` as the answer. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: Status, options: { cause?: unknown; headers?: Readonly<Record<string, string>> } = {}) {
    super(status.message ?? status.reason ?? 'refused', { cause: options.cause });
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** A Status with `metadata: {}`, as Go writes it. */
export function failure(code: number, reason: string, message: string, details?: Details): Status & { metadata: object } {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...(details && { details }), code };
}

/** `name.group`, or the bare name for core. */
export function qualifiedName({ group, name }: Qualified): string {
  return group === '' ? name : `${name}.${group}`;
}

function detailsOf(of: Qualified, name: string, more: Partial<Details> = {}): Details {
  return { ...(name !== '' && { name }), ...(of.group !== '' && { group: of.group }), kind: of.name, ...more };
}

export function badRequest(message: string): StatusError {
  return new StatusError(failure(400, 'BadRequest', message));
}

export function unauthorized(): StatusError {
  return new StatusError(failure(401, 'Unauthorized', 'Unauthorized'), { headers: { 'www-authenticate': 'Bearer realm="keelson"' } });
}

export function forbidden(resource: Qualified, name: string, message: string, causes?: readonly Cause[]): StatusError {
  const what = name === '' ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  return new StatusError(failure(403, 'Forbidden', `${what} is forbidden: ${message}`, detailsOf(resource, name, causes && { causes })));
}

export function forbiddenPath(message: string): StatusError {
  return new StatusError(failure(403, 'Forbidden', `forbidden: ${message}`, {}));
}

/** No object of that name. */
export function notFound(resource: Qualified, name: string): StatusError {
  return new StatusError(failure(404, 'NotFound', `${qualifiedName(resource)} "${name}" not found`, detailsOf(resource, name)));
}

/** No such path, group, version or resource. */
export function noSuchResource(): StatusError {
  return new StatusError(failure(404, 'NotFound', 'the server could not find the requested resource', {}));
}

export function methodNotAllowed(message: string): StatusError {
  return new StatusError(failure(405, 'MethodNotAllowed', message, {}));
}

export function notAcceptable(types: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${types.join(', ')}`;
  return new StatusError(failure(406, 'NotAcceptable', message));
}

export function alreadyExists(resource: Qualified, name: string, prefix = ''): StatusError {
  return new StatusError(failure(409, 'AlreadyExists', `${prefix}${qualifiedName(resource)} "${name}" already exists`, detailsOf(resource, name)));
}

export const modifiedMessage = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: Qualified, name: string, message: string): StatusError {
  return new StatusError(
    failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${message}`, detailsOf(resource, name)),
  );
}

/** Server-side apply found fields of other managers. */
export function applyConflict(message: string, causes: readonly Cause[]): StatusError {
  return new StatusError(failure(409, 'Conflict', message, { causes }));
}

export function expired(message: string): StatusError {
  return new StatusError(failure(410, 'Expired', message));
}

export function tooLarge(limitBytes: number): StatusError {
  return new StatusError(failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`));
}

export function unsupportedMediaType(type: string, accepted: readonly string[]): StatusError {
  const given = type === '' ? 'the body of the request was in an unknown format' : `the body of the request was in an unknown format (${type})`;
  return new StatusError(failure(415, 'UnsupportedMediaType', `${given} - accepted media types include: ${accepted.join(', ')}`));
}

/** `kind` names the Kind, not the resource. */
export function invalidObject(kind: Qualified, name: string, errors: readonly FieldError[]): StatusError {
  const causes = errors.map(({ reason, field, body }) => ({ reason, message: body, field }));
  const message = `${qualifiedName(kind)} "${name}" is invalid: ${formatFieldErrors(errors)}`;
  return new StatusError(failure(422, 'Invalid', message, detailsOf(kind, name, { causes })));
}

/** Options of the request itself are wrong (ListOptions, PatchOptions). */
export function invalidOptions(kind: string, errors: readonly FieldError[]): StatusError {
  return invalidObject({ group: 'meta.k8s.io', name: kind }, '', errors);
}

/** The patch is well formed but cannot be applied. */
export function unprocessable(message: string): StatusError {
  return new StatusError(failure(422, 'Invalid', message));
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return new StatusError(failure(429, 'TooManyRequests', message, { retryAfterSeconds }), { headers });
}

export function internalError(message: string, cause?: unknown): StatusError {
  const details = { causes: [{ message }] };
  return new StatusError(failure(500, 'InternalError', `Internal error occurred: ${message}`, details), { cause });
}

/** A resource version that has not come yet. */
export function revisionTooLarge(wanted: number, current: number): StatusError {
  const details = { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 };
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  return new StatusError(failure(504, 'Timeout', message, details), { headers: { 'retry-after': '1' } });
}
