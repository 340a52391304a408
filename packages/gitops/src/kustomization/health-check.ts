// Health of applied objects: kstatus, with kustomize-controller's rule for Jobs, which are done only when they are complete.
import { mapBounded } from '@keelson/std';
import { type KubeObject, type ObjectKey, apiVersionOf, findCondition, parseApiVersion } from '@keelson/kube';
import type { KubeClient } from '@keelson/kube/client';
import { type HealthStatus, healthOf } from '@keelson/kube/health';
import type { Kustomization } from '@keelson/api';
import { type InventoryEntry, type InventoryRef, parseInventoryEntry, refText } from '../apply/inventory.ts';
import { applyConcurrency } from '../apply/observe.ts';

export interface ObjectHealth {
  readonly ref: InventoryRef;
  readonly status: HealthStatus;
  readonly message: string;
}

/** What is to be healthy: all applied objects with spec.wait, otherwise those of spec.healthChecks; never the Kustomization itself. */
export function healthTargets(kustomization: Kustomization, applied: readonly InventoryEntry[]): InventoryRef[] {
  const { wait, healthChecks = [] } = kustomization.spec ?? {};
  const all: (InventoryRef | undefined)[] = wait
    ? applied.map(parseInventoryEntry)
    : healthChecks.map(({ apiVersion = '', kind, name, namespace }) => ({ ...parseApiVersion(apiVersion), kind, name, namespace: namespace ?? kustomization.metadata.namespace ?? '' }));
  const isSelf = (ref: InventoryRef) =>
    ref.kind === 'Kustomization' && ref.group === 'kustomize.toolkit.fluxcd.io' && ref.name === kustomization.metadata.name && ref.namespace === kustomization.metadata.namespace;
  return all.filter((ref): ref is InventoryRef => ref !== undefined && !isSelf(ref));
}

/** Reads the targets and judges them. `read` may answer from a cache. */
export async function checkHealth(
  targets: readonly InventoryRef[],
  client: KubeClient,
  nowMs: number,
  read: (ref: InventoryRef, key: ObjectKey) => KubeObject | undefined,
): Promise<ObjectHealth[]> {
  return mapBounded(targets, applyConcurrency, async (ref): Promise<ObjectHealth> => {
    const key = { namespace: ref.namespace || undefined, name: ref.name };
    const kind = await client.resolve(apiVersionOf(ref), ref.kind);
    if (!kind) return { ref, status: 'NotFound', message: `the cluster has no kind ${ref.kind} in ${apiVersionOf(ref)}` };
    const object = read(ref, key) ?? (await client.get(kind, kind.namespaced ? key : { name: ref.name }));
    return { ref, ...judge(object, nowMs) };
  });
}

function judge(object: KubeObject | undefined, nowMs: number): { status: HealthStatus; message: string } {
  if (object?.kind === 'Job' && object.apiVersion === 'batch/v1' && !object.metadata.deletionTimestamp) {
    const failed = findCondition(object, 'Failed');
    if (failed?.status === 'True') return { status: 'Failed', message: failed.message };
    const isDone = findCondition(object, 'Complete')?.status === 'True' || findCondition(object, 'Suspended')?.status === 'True';
    return isDone ? { status: 'Current', message: 'Job is complete' } : { status: 'InProgress', message: 'Job is running' };
  }
  return healthOf(object, nowMs);
}

/** `[Deployment/shop/web status: 'InProgress', …]`, as Flux lists them. */
export function healthList(objects: readonly ObjectHealth[]): string {
  return `[${objects.map(({ ref, status }) => `${refText(ref)} status: '${status}'`).join(', ')}]`;
}

/** The same for people: with each object's own words, the first three. */
export function healthReasons(objects: readonly ObjectHealth[]): string {
  const shown = objects.slice(0, 3).map(({ ref, status, message }) => `${refText(ref)}: ${message || status}`);
  return shown.join('; ') + (objects.length > 3 ? `; and ${objects.length - 3} more` : '');
}
