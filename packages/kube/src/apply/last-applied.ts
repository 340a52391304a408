// kubectl's way from client-side to server-side apply: apimachinery pkg/util/managedfields/internal (lastappliedmanager.go, lastappliedupdater.go).
import { annotationsMaxBytes } from '../name.ts';
import type { KubeObject } from '../object.ts';
import { goJson } from '../schema/field-error.ts';
import { isRecord } from '../schema/schema.ts';
import type { FieldSet } from './field-set.ts';
import { difference } from './field-set.ts';
import type { Atom } from './typed.ts';
import { compareTyped, fieldSetOfTyped } from './typed-compare.ts';
import { typeProblems } from './typed-value.ts';

/** The annotation in which client-side apply keeps what it applied. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** The fields of the annotation's object that are unchanged in the live one; undefined when there is no usable annotation. */
export function lastAppliedSet(atom: Atom, live: KubeObject, apiVersion: string): FieldSet | undefined {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (!text) return undefined;
  let last: unknown;
  try {
    last = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(last) || last['apiVersion'] !== apiVersion) return undefined;
  if (typeProblems(atom, last, false).length > 0 || typeProblems(atom, live, false).length > 0) return undefined;
  const { added, modified, removed } = compareTyped(atom, last, live);
  return difference(difference(difference(fieldSetOfTyped(atom, last), modified), added), removed);
}

/** kubectl's annotation renewed by what it applies, so that client-side apply can go on from there. */
export function withLastApplied(object: KubeObject, applied: KubeObject): KubeObject {
  const { [lastAppliedAnnotation]: _, ...others } = applied.metadata.annotations ?? {};
  const bare = { ...applied, metadata: { ...applied.metadata, annotations: others } };
  if (Object.keys(others).length === 0) delete (bare.metadata as { annotations?: unknown }).annotations;
  const annotations: Record<string, string> = { ...object.metadata.annotations, [lastAppliedAnnotation]: `${goJson(bare)}\n` };
  const bytes = Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > annotationsMaxBytes) delete annotations[lastAppliedAnnotation];
  return { ...object, metadata: { ...object.metadata, annotations } };
}
