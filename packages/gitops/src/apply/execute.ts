// Carries a plan out and decides nothing.
import type { KubeObject } from '@keelson/kube';
import { ApiError, type KubeClient, isNotFound } from '@keelson/kube/client';
import { managers } from '../flux.ts';
import type { ApplyStep, PruneStep, WriteStep } from './apply-plan.ts';
import { objectText, refText, parseInventoryEntry } from './inventory.ts';

export interface Executed {
  /** Lines as Flux writes them: `Deployment/shop/web configured`. */
  readonly changes: readonly string[];
  /** Written objects as the server answered them, by id. */
  readonly written: ReadonlyMap<string, KubeObject>;
  /** Prune steps that failed; their objects stay in the inventory. */
  readonly notPruned: readonly { readonly step: PruneStep; readonly message: string }[];
  /** An object that is to be created again and is not gone yet; look again. */
  readonly waitsFor?: string;
  /** The write that was refused; what comes after it was not tried. */
  readonly failed?: { readonly step: WriteStep; readonly message: string };
}

/** Does the steps in order. Throws only when the server cannot be reached. */
export async function executePlan(steps: readonly ApplyStep[], client: KubeClient): Promise<Executed> {
  const changes: string[] = [];
  const written = new Map<string, KubeObject>();
  const notPruned: { step: PruneStep; message: string }[] = [];
  const soFar = () => ({ changes, written, notPruned });
  for (const step of steps) {
    if (step.kind === 'prune') {
      const message = await prune(step, client);
      if (message === undefined) changes.push(`${refText(parseInventoryEntry(step.entry)!)} deleted`);
      else notPruned.push({ step, message });
      continue;
    }
    try {
      const object = await write(step, client);
      if (!object) return { ...soFar(), waitsFor: `${objectText(step.desired.object)} to be gone before it is created again` };
      written.set(step.id, object);
      changes.push(`${objectText(step.desired.object)} ${step.kind === 'configure' ? 'configured' : step.kind === 'create' ? 'created' : 'recreated'}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { ...soFar(), failed: { step, message: error.status.message ?? error.message } };
    }
  }
  return soFar();
}

async function write(step: WriteStep, client: KubeClient): Promise<KubeObject | undefined> {
  const { object, kind } = step.desired;
  if (!kind) throw new Error(`applying ${objectText(object)}: the plan has no kind for it`);
  const key = { namespace: object.metadata.namespace, name: object.metadata.name };
  if (step.kind === 'recreate') {
    await client.delete(kind, key, { propagationPolicy: 'Background', preconditions: { uid: step.live?.metadata.uid } });
    if (await client.get(kind, key)) return undefined;
  }
  if (step.takeOver) await client.patch(kind, key, 'json', step.takeOver, { fieldManager: managers.apply });
  return client.apply(kind, object, { fieldManager: managers.apply, force: true });
}

/** Undefined when it is deleted (or was gone); otherwise why not. */
async function prune({ live, entry }: PruneStep, client: KubeClient): Promise<string | undefined> {
  const ref = parseInventoryEntry(entry);
  const kind = ref && (await client.resolve(live.apiVersion, live.kind));
  if (!kind) return undefined;
  try {
    await client.delete(kind, { namespace: ref.namespace || undefined, name: ref.name }, { propagationPolicy: 'Background', preconditions: { uid: live.metadata.uid } });
    return undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (error instanceof ApiError) return error.status.message ?? error.message;
    throw error;
  }
}
