/** What a user is told of fields that nothing here acts on, and what is refused because such a field guards data. */
import { unsupportedFieldsUsed } from '@keelson/api';
import type { KindRef, KubeObject } from '@keelson/kube';
import { conditionsOf, keyOf } from '@keelson/kube';
import type { ReconcileContext } from '@keelson/controller';
import { ProblemError, problem } from '@keelson/std';
import { problems } from './problems.ts';
import { isRecord } from './write.ts';

/** Warns, once for each generation of an object, of fields that have no effect. */
export function warnOfUnsupportedFields(context: ReconcileContext, kind: KindRef, object: KubeObject): void {
  if (isSeen(object)) return;
  const fields = unsupportedFieldsUsed(kind, object);
  if (fields.length === 0) return;
  const names = fields.map((field) => field.path).join(', ');
  context.events.problem(object, problem(problems.notActedOn, { kind: kind.kind, name: keyOf(object) }, { why: names, where: `${kind.kind} ${keyOf(object)}` }));
}

/** Throws ProblemError when an object uses a field that guards data and that nothing here heeds. */
export function refuseUnheededGuards(kind: KindRef, object: KubeObject): void {
  const guards = unsupportedFieldsUsed(kind, object).filter((field) => field.guardsData);
  if (guards.length === 0) return;
  const why = guards.map((field) => `${field.path}: ${field.because}`).join('; ');
  throw new ProblemError(problem(problems.guardNotHeeded, { kind: kind.kind, name: keyOf(object) }, { why, where: `${kind.kind} ${keyOf(object)}` }));
}

/** True when the status was written for this generation already. */
function isSeen(object: KubeObject): boolean {
  const generation = object.metadata.generation;
  if (isRecord(object.status) && typeof object.status.observedGeneration === 'number') return object.status.observedGeneration === generation;
  const conditions = conditionsOf(object);
  return conditions.length > 0 && conditions.every((condition) => condition.observedGeneration === generation);
}
