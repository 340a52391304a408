/** Creating and deleting the pods of a controller. */
import { ownerReference, type KubeObject, type ObjectKey } from '@keelson/kube';
import { ApiError, isNotFound } from '@keelson/kube/client';
import { describeError, nameSuffix } from '@keelson/std';
import { Pod, type PodTemplateSpec } from '@keelson/api';
import type { ReconcileContext } from '@keelson/controller';

export interface PodChanges {
  /** The whole name; a generated one when absent. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** The pod that a template describes, owned by `owner`. */
export function podFromTemplate(owner: KubeObject, template: PodTemplateSpec, changes: PodChanges & { readonly name: string }): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const allAnnotations = { ...annotations, ...changes.annotations };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: changes.name,
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      labels: { ...labels, ...changes.labels },
      ...(Object.keys(allAnnotations).length > 0 ? { annotations: allAnnotations } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [ownerReference(owner)],
    },
    spec: { containers: [], ...template.spec, ...changes.spec },
  };
}

/** Creates a pod and shows it to the cache, so that the next reconcile counts it. Records an event either way. */
export async function createPod(owner: KubeObject, template: PodTemplateSpec, changes: PodChanges, context: ReconcileContext, manager: string): Promise<Pod> {
  const base = `${owner.metadata.name}-`;
  // As the API server shortens a generateName, so that the name stays a DNS label.
  const name = changes.name ?? `${base.slice(0, 58)}${nameSuffix(context.env.random)}`;
  const pod = podFromTemplate(owner, template, { ...changes, name });
  if (changes.name === undefined) pod.metadata.generateName = base;
  try {
    const created = await context.client.create<Pod>(Pod, pod, { fieldManager: manager });
    context.cache.observe(Pod, created);
    context.events.normal(owner, 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    return created;
  } catch (error) {
    // A namespace that is being removed refuses everything; that is no news.
    const ending = error instanceof ApiError && error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
    if (!ending) context.events.warning(owner, 'FailedCreate', `Error creating: ${describeError(error)}`);
    throw new Error(`creating a pod of ${owner.kind} ${owner.metadata.name}`, { cause: error });
  }
}

/** Deletes a pod; it goes on to count as being deleted from now on. */
export async function deletePod(owner: KubeObject, pod: Pod, context: ReconcileContext): Promise<void> {
  const key: ObjectKey = { name: pod.metadata.name, ...(pod.metadata.namespace ? { namespace: pod.metadata.namespace } : {}) };
  try {
    const preconditions = pod.metadata.uid === undefined ? {} : { preconditions: { uid: pod.metadata.uid } };
    if (!(await context.client.delete(Pod, key, preconditions))) return;
    const left = await context.client.get<Pod>(Pod, key);
    if (left?.metadata.uid === pod.metadata.uid) context.cache.observe(Pod, left!);
    context.events.normal(owner, 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
  } catch (error) {
    if (isNotFound(error)) return;
    context.events.warning(owner, 'FailedDelete', `Error deleting: ${describeError(error)}`);
    throw new Error(`deleting pod ${pod.metadata.name} of ${owner.kind} ${owner.metadata.name}`, { cause: error });
  }
}
