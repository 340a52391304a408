import type { KubeObject } from '@keelson/kube';
import type { FieldError } from '@keelson/kube/schema';
import { invalid, validate } from '@keelson/kube/schema';
import { hasRules, ruleErrors } from '../crd/rules.ts';
import type { ServedVersion } from './resource.ts';

/**
 * Errors of an object beyond its metadata: schema, then the kind's own rules. On an update, errors that the old object has too,
 * at the same place and about the same value, are let through (ratcheting, KEP-4008).
 */
export function validateObject(served: ServedVersion, object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const { strategy } = served.resource;
  const found = schemaErrors(served, object);
  const errors = [...found, ...(strategy.validate?.(object) ?? [])];
  if (!old) return [...errors, ...ruleErrorsOf(served, object, undefined, found)];
  const changes = [...(strategy.validateUpdate?.(object, old) ?? []), ...ruleErrorsOf(served, object, old, found)];
  if (errors.length === 0) return changes;
  const known = new Set([...schemaErrors(served, old), ...(strategy.validate?.(old) ?? [])].map(identity));
  return [...errors.filter((error) => !known.has(identity(error))), ...changes];
}

function schemaErrors(served: ServedVersion, object: KubeObject): FieldError[] {
  const { schema, resolver, dialect } = served.version.schema();
  return validate(schema, object, { resolver, dialect });
}

/** Errors after which rules would read what is not there or is of another type. */
const blocking = new Set<string>(['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid']);

/** Errors of the schema's CEL rules, which let what did not change through by themselves. */
function ruleErrorsOf(served: ServedVersion, object: KubeObject, old: KubeObject | undefined, found: readonly FieldError[]): FieldError[] {
  const { schema, dialect } = served.version.schema();
  if (dialect !== 'structural') return [];
  if (!found.some((error) => blocking.has(error.reason))) return ruleErrors(schema, object, old);
  return hasRules(schema) ? [invalid('<nil>', null, 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation')] : [];
}

function identity(error: FieldError): string {
  return `${error.field}\n${error.body}`;
}
