import { ProblemError, type Problem, defineProblems, problem } from '@keelson/std';

/** What can be wrong with a kustomization. `where` is always `file:line`, as far as it is known. */
export const kustomizeProblems = defineProblems({
  yaml: {
    code: 'KUSTOMIZE.YAML',
    severity: 'error',
    summary: '{file} is not valid YAML',
    next: ['correct the line and commit again; editors and "yamllint {file}" show the same place'],
    reason: 'BuildFailed',
  },
  notFound: {
    code: 'KUSTOMIZE.NOT_FOUND',
    severity: 'error',
    summary: 'cannot find {path}',
    next: ['add the file to the repository, or correct the path'],
    reason: 'BuildFailed',
  },
  invalid: {
    code: 'KUSTOMIZE.INVALID',
    severity: 'error',
    summary: '{file} is not a valid kustomization',
    next: ['correct the field; "kubectl kustomize" on the folder shows the same'],
    reason: 'BuildFailed',
  },
  unsupported: {
    code: 'KUSTOMIZE.UNSUPPORTED',
    severity: 'error',
    summary: '{file} uses {feature}, which is not supported yet',
    next: ['render that part before it is committed ("kustomize build"), or replace it with patches, labels, images and components'],
    reason: 'BuildFailed',
  },
  object: {
    code: 'KUSTOMIZE.OBJECT_INVALID',
    severity: 'error',
    summary: '{file} holds something that is not a Kubernetes object',
    next: ['give it apiVersion, kind and metadata.name, or take the file out of resources'],
    reason: 'BuildFailed',
  },
  conflict: {
    code: 'KUSTOMIZE.CONFLICT',
    severity: 'error',
    summary: 'two objects are both {id}',
    next: ['remove one, or give it another name or namespace'],
    reason: 'BuildFailed',
  },
  patch: {
    code: 'KUSTOMIZE.PATCH_FAILED',
    severity: 'error',
    summary: 'a patch in {file} cannot be applied',
    next: ['compare the patch with its target as "kubectl kustomize" shows it without the patch'],
    reason: 'BuildFailed',
  },
  generator: {
    code: 'KUSTOMIZE.GENERATOR_FAILED',
    severity: 'error',
    summary: 'cannot generate {kind} {name}',
    next: ['correct the generator\'s entry'],
    reason: 'BuildFailed',
  },
  transform: {
    code: 'KUSTOMIZE.TRANSFORM_FAILED',
    severity: 'error',
    summary: 'cannot apply {field} of {file}',
    next: ['correct the field, or the object it is applied to'],
    reason: 'BuildFailed',
  },
  reference: {
    code: 'KUSTOMIZE.AMBIGUOUS_REFERENCE',
    severity: 'error',
    summary: '{referrer} refers to a name that several objects have',
    next: ['give the objects different names before the prefix or suffix is added, or state the namespace'],
    reason: 'BuildFailed',
  },
});

/** Where something was read. `line` counts from 1; 0 when it is not known. */
export interface Origin {
  readonly file: string;
  readonly line: number;
}

/** `file:line` */
export function placeOf(origin: Origin): string {
  return origin.line > 0 ? `${origin.file}:${origin.line}` : origin.file;
}

type Definition = (typeof kustomizeProblems)[keyof typeof kustomizeProblems];

/** The error for a problem at a place; `file` of the summary is the place's file unless `args` say otherwise. */
export function problemAt(definition: Definition, origin: Origin, why: string, args: Readonly<Record<string, string>> = {}): ProblemError {
  const of: Problem = problem(definition, { file: origin.file, ...args }, { why, where: placeOf(origin) });
  return new ProblemError(of);
}
