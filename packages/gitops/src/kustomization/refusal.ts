import { type Problem, problem } from '@keelson/std';
import { type KubeObject, keyOf } from '@keelson/kube';
import { Kustomization, unsupportedFieldsUsed } from '@keelson/api';
import { gitopsProblems } from '../problems.ts';

/** Fields that change what is applied, where, or when it counts as done: leaving them out is no small thing. */
const refused: readonly (readonly [field: string, because: string])[] = [
  ['spec.decryption', 'encrypted values would be applied as they are'],
  ['spec.ignore', 'fields that others own would be overwritten'],
  ['spec.serviceAccountName', 'objects would be applied with more rights than that account has'],
  ['spec.postBuild', 'variables would be applied as they stand in the files'],
  ['spec.healthCheckExprs', 'objects would count as healthy by other rules than yours'],
  ['spec.kubeConfig.configMapRef', 'objects would be applied to another cluster than the one meant'],
  ['spec.dependsOn.readyExpr', 'it would go on before your condition holds'],
  ['spec.buildMetadata', 'annotations would be missing on every object'],
];
/** Fields acted on here. */
const acted = ['spec.components', 'spec.ignoreMissingComponents', 'spec.sourceRef', 'spec.kubeConfig.secretRef'];

/** Why a Kustomization is not applied at all; undefined when nothing stands in the way. */
export function refusalOf(kustomization: Kustomization): Problem | undefined {
  const used = unsupportedFieldsUsed(Kustomization, kustomization);
  const found =
    refused.find(([field]) => isSet(kustomization, field)) ??
    used.filter(({ guardsData, path }) => guardsData && !acted.includes(path)).map(({ path, because }) => [path, because] as const)[0];
  if (!found) return undefined;
  const [field, because] = found;
  return problem(gitopsProblems.fieldUnsupported, { key: keyOf(kustomization), field }, { why: because, where: field });
}

/** Fields that are set and have no effect. */
export function ignoredFields(kustomization: Kustomization): string[] {
  return unsupportedFieldsUsed(Kustomization, kustomization)
    .map(({ path }) => path)
    .filter((path) => !acted.some((known) => path === known || path.startsWith(`${known}.`)));
}

function isSet(object: KubeObject, path: string): boolean {
  const values = path.split('.').reduce<unknown[]>((nodes, key) => nodes.flatMap((node) => (typeof node === 'object' && node !== null ? [Reflect.get(node, key)].flat() : [])), [object]);
  return values.some((value) => value !== undefined && value !== null && value !== '' && !(typeof value === 'object' && Object.keys(value).length === 0));
}
