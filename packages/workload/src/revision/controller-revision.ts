/** ControllerRevisions of StatefulSets and DaemonSets, after kubernetes/pkg/controller/history: one per pod template. */
import { ControllerRevision, type PodTemplateSpec } from '@keelson/api';
import { sameJson, type ReconcileContext } from '@keelson/controller';
import { ownerReference, selectorOf, type KubeObject, type LabelSelector } from '@keelson/kube';
import { isAlreadyExists } from '@keelson/kube/client';
import { shortHash } from '../json.ts';
import { controllerManager } from '../managers.ts';
import { claimObjects } from '../pod/claim.ts';

export const revisionHashLabel = 'controller-revision-hash';

interface Owner extends KubeObject {
  spec?: { selector: LabelSelector; template: PodTemplateSpec; revisionHistoryLimit?: number };
}

export interface Revisions {
  /** That of the template as it is now. */
  readonly current: ControllerRevision;
  /** All, oldest first. */
  readonly all: readonly ControllerRevision[];
}

/** Finds or creates the revision of the owner's template, and makes it the newest. */
export async function ensureRevision(owner: Owner, context: ReconcileContext): Promise<Revisions> {
  const known = await claimObjects<ControllerRevision>(owner, ControllerRevision, selectorOf(owner.spec?.selector), context, controllerManager);
  const sorted = [...known].sort((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
  const newest = sorted.at(-1);
  const data = revisionData(owner);
  const found = sorted.find((revision) => sameJson(revision.data, data));
  if (found && found === newest) return { current: found, all: sorted };
  const number = (newest?.revision ?? 0) + 1;
  const { namespace } = owner.metadata;
  if (found) {
    // Rolled back: the old revision becomes the newest again.
    const key = { name: found.metadata.name, ...(namespace ? { namespace } : {}) };
    const moved = await context.client.patch<ControllerRevision>(ControllerRevision, key, 'merge', { revision: number }, { fieldManager: controllerManager });
    context.cache.observe(ControllerRevision, moved);
    return { current: moved, all: [...sorted.filter((one) => one !== found), moved] };
  }
  const created = await createRevision(owner, data, number, context);
  return { current: created, all: [...sorted, created] };
}

/** The hash in a pod's or revision's labels. */
export function revisionHash(object: KubeObject): string {
  return object.metadata.labels?.[revisionHashLabel] ?? '';
}

/** The template a revision was made of. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  // Written by revisionData below, with the template as the only content.
  return (revision.data as { spec: { template: PodTemplateSpec } }).spec.template;
}

/** Revisions beyond the history limit that no pod is of go, the oldest first. */
export async function dropRevisions(owner: Owner, revisions: readonly ControllerRevision[], live: readonly string[], context: ReconcileContext): Promise<void> {
  const unused = revisions.filter((revision) => !live.includes(revisionHash(revision)));
  const surplus = unused.slice(0, Math.max(0, unused.length - (owner.spec?.revisionHistoryLimit ?? 10)));
  for (const { metadata } of surplus) await context.client.delete(ControllerRevision, { name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) });
}

function revisionData(owner: Owner): Record<string, unknown> {
  return { spec: { template: { ...owner.spec?.template, $patch: 'replace' } } };
}

async function createRevision(owner: Owner, data: Record<string, unknown>, revision: number, context: ReconcileContext): Promise<ControllerRevision> {
  const hash = shortHash(data);
  const { name, namespace } = owner.metadata;
  const object: ControllerRevision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace ? { namespace } : {}),
      labels: { ...owner.spec?.template.metadata?.labels, [revisionHashLabel]: hash },
      ownerReferences: [ownerReference(owner)],
    },
    data,
    revision,
  };
  try {
    const created = await context.client.create<ControllerRevision>(ControllerRevision, object, { fieldManager: controllerManager });
    context.cache.observe(ControllerRevision, created);
    return created;
  } catch (error) {
    if (!isAlreadyExists(error)) throw new Error(`recording revision ${revision} of ${owner.kind} ${name}`, { cause: error });
    // Our own from a moment ago that the cache has not seen.
    const taken = await context.client.get<ControllerRevision>(ControllerRevision, { name: object.metadata.name, ...(namespace ? { namespace } : {}) });
    if (taken && sameJson(taken.data, data)) return taken;
    throw new Error(`revision ${object.metadata.name} belongs to another template`, { cause: error });
  }
}
