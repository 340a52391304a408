import type { KubeObject } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { validate } from '@keelson/kube/schema';
import type { ServedVersion } from './resource.ts';

/**
 * Errors of an object beyond its metadata: schema, then the kind's own rules. On an update, errors that the old object has too,
 * at the same place and about the same value, are let through (ratcheting, KEP-4008).
 */
export function validateObject(served: ServedVersion, object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const { strategy } = served.resource;
  const errors = [...schemaErrors(served, object), ...(strategy.validate?.(object) ?? [])];
  if (!old) return errors;
  const changes = strategy.validateUpdate?.(object, old) ?? [];
  if (errors.length === 0) return changes;
  const known = new Set([...schemaErrors(served, old), ...(strategy.validate?.(old) ?? [])].map(identity));
  return [...errors.filter((error) => !known.has(identity(error))), ...changes];
}

function schemaErrors(served: ServedVersion, object: KubeObject): FieldError[] {
  const { schema, resolver, dialect } = served.version.schema();
  return validate(schema, object, { resolver, dialect });
}

function identity(error: FieldError): string {
  return `${error.field}\n${error.body}`;
}
