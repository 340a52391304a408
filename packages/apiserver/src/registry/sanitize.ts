// From what a client sent to an object of the kind: unknown fields, nulls and defaults, in the order of
// apiextensions-apiserver pkg/apiserver/customresource_handler.go.
import type { KubeObject } from '@keelson/kube';
import { applyDefaults, prune } from '@keelson/kube/schema';
import { badRequest, unprocessable } from '../http/api-status.ts';
import type { WriteRequest } from './request-context.ts';

/** The object without fields its kind does not have, with defaults. Unknown fields are refused, warned of or dropped, as the request asks. */
export function sanitize(request: WriteRequest, object: KubeObject): KubeObject {
  const { resource, version } = request.served;
  const { schema, resolver, dialect } = version.schema();
  const pruned = prune(schema, object, { resolver, dialect });
  reportUnknown(request, pruned.unknown.map((path) => `unknown field ${JSON.stringify(path)}`));
  const defaulted = applyDefaults(schema, pruned.value, { resolver, dialect });
  const draft = { ...defaulted, metadata: { ...defaulted.metadata } };
  resource.strategy.defaults?.(draft);
  return draft;
}

/** Reports fields that are unknown or given twice the way `fieldValidation` asks for. */
export function reportUnknown(request: WriteRequest, complaints: readonly string[]): void {
  if (complaints.length === 0) return;
  if (request.fieldValidation === 'Warn') for (const text of complaints) request.warnings.add(text);
  if (request.fieldValidation === 'Strict') throw badRequest(`strict decoding error: ${complaints.join(', ')}`);
}

/** The same for the result of a patch, where upstream answers 422. */
export function reportUnknownInPatch(request: WriteRequest, complaints: readonly string[]): void {
  if (request.fieldValidation === 'Strict' && complaints.length > 0) throw unprocessable(`strict decoding error: ${complaints.join(', ')}`);
  reportUnknown(request, complaints);
}
