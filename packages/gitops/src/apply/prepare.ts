// From built objects to what is applied: owner labels, common metadata, namespaces, and the clean-up kustomize-controller does before a server-side apply.
import { problem, ProblemError } from '@keelson/std';
import { type KindRef, type KubeObject, type ObjectKey, apiVersionOf, parseApiVersion } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { type BuiltObject, placeOf } from '@keelson/kustomize';
import { gitopsProblems } from '../problems.ts';
import { ownerNameLabel, ownerNamespaceLabel } from './apply-options.ts';
import type { Desired } from './apply-plan.ts';
import { objectText } from './inventory.ts';

export interface PrepareOptions {
  readonly owner: ObjectKey;
  readonly commonMetadata?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
  readonly client: KubeClient;
}

/** The objects as they are to be applied. Throws GITOPS.ENCRYPTED for one that SOPS has encrypted. */
export async function prepareObjects(built: readonly BuiltObject[], options: PrepareOptions): Promise<Desired[]> {
  const defined = kindsDefinedBy(built.map(({ object }) => object));
  const desired: Desired[] = [];
  for (const { object, origin } of built) {
    if (object['sops'] !== undefined) {
      throw new ProblemError(problem(gitopsProblems.encrypted, { object: objectText(object) }, { why: 'it has a sops block', where: placeOf(origin) }));
    }
    const known = await options.client.resolve(object.apiVersion, object.kind);
    const scope = known ?? defined.get(`${object.apiVersion}/${object.kind}`);
    desired.push({ object: finishObject(object, scope, options), kind: known, origin });
  }
  return desired;
}

function finishObject(object: KubeObject, scope: KindRef | undefined, { owner, commonMetadata }: PrepareOptions): KubeObject {
  const { metadata, ...rest } = object;
  const labels = { ...metadata.labels, ...commonMetadata?.labels, [ownerNameLabel]: owner.name, [ownerNamespaceLabel]: owner.namespace ?? '' };
  const annotations = { ...metadata.annotations, ...commonMetadata?.annotations };
  const finished: KubeObject = { ...withoutStringData(rest as KubeObject), metadata: { ...metadata, labels } };
  if (Object.keys(annotations).length > 0) finished.metadata.annotations = annotations;
  else delete finished.metadata.annotations;
  // These belong to the server; manifests exported from a cluster carry them.
  for (const field of ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'managedFields', 'selfLink', 'deletionTimestamp'] as const) delete finished.metadata[field];
  delete finished['status'];
  if (scope && !scope.namespaced) delete finished.metadata.namespace;
  else if (scope?.namespaced) finished.metadata.namespace = metadata.namespace || 'default';
  return finished;
}

/** stringData is write-only, so a dry run would find a difference each time; it becomes data. */
function withoutStringData(object: KubeObject): KubeObject {
  if (object.kind !== 'Secret' || object.apiVersion !== 'v1' || typeof object['stringData'] !== 'object' || object['stringData'] === null) return object;
  const { stringData, ...rest } = object;
  const data: Record<string, unknown> = { ...(rest['data'] as Record<string, unknown> | undefined) };
  for (const [key, value] of Object.entries(stringData as Record<string, unknown>)) data[key] = Buffer.from(String(value)).toString('base64');
  return { ...rest, data } as KubeObject; // the same object but for its data
}

/** Kinds that definitions of this set bring, by `apiVersion/kind`: known before the server knows them. */
export function kindsDefinedBy(objects: readonly KubeObject[]): ReadonlyMap<string, KindRef> {
  const kinds = new Map<string, KindRef>();
  for (const object of objects) {
    if (object.kind !== 'CustomResourceDefinition' || parseApiVersion(object.apiVersion).group !== 'apiextensions.k8s.io') continue;
    const spec = object['spec'] as { group?: string; scope?: string; names?: { kind?: string; plural?: string }; versions?: readonly { name?: string }[] } | undefined;
    for (const { name } of spec?.versions ?? []) {
      if (!spec?.group || !spec.names?.kind || !spec.names.plural || !name) continue;
      const kind: KindRef = { group: spec.group, version: name, kind: spec.names.kind, plural: spec.names.plural, namespaced: spec.scope === 'Namespaced' };
      kinds.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
    }
  }
  return kinds;
}
