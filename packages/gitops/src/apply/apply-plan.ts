// What an apply would do, as data: kustomize-controller's drift test, skip rules, force and prune, decided in one pure function.
import type { Plan, Step } from '@keelson/controller';
import { type KindRef, type KubeObject, type ObjectKey, parseApiVersion } from '@keelson/kube';
import type { Origin } from '@keelson/kustomize';
import { compareForApply, isFoundation, orderedOf } from './apply-order.ts';
import { hasMark, isKept, isLeftAlone, isOwnedByKustomization } from './apply-options.ts';
import { lastForeignManager, takeOver } from './field-owners.ts';
import { type InventoryEntry, inventoryEntry, objectText, parseInventoryEntry, refText } from './inventory.ts';
import { changedFields } from './object-diff.ts';

/** An object as the repository wants it: labelled, with the namespace it goes to. */
export interface Desired {
  readonly object: KubeObject;
  /** Undefined when the server does not know the kind (yet). */
  readonly kind: KindRef | undefined;
  readonly origin: Origin;
}

/** What was seen of a desired object, before anything is written. */
export interface Observed {
  readonly live?: KubeObject;
  /** What a server-side apply would make of it. */
  readonly result?: KubeObject;
  readonly refused?: { readonly message: string; /** The refusal is about a field that cannot change. */ readonly immutable: boolean };
  /** It cannot be tried before the foundation of the same set (its definition, its namespace) is there. */
  readonly deferred?: boolean;
}

export interface PlanInput {
  readonly owner: ObjectKey;
  readonly desired: readonly Desired[];
  /** By inventory id. */
  readonly observed: ReadonlyMap<string, Observed>;
  readonly inventory: readonly InventoryEntry[];
  /** Live objects, by id, of inventory entries that are desired no more; absent ones are missing here. */
  readonly stale: ReadonlyMap<string, KubeObject>;
  /** Why an object stays though it is desired no more, by id: another Kustomization has it. */
  readonly claims?: ReadonlyMap<string, string>;
  readonly prune: boolean;
  /** Delete and create again what cannot be changed. */
  readonly force: boolean;
}

export interface WriteStep extends Step {
  readonly kind: 'create' | 'configure' | 'recreate';
  readonly id: string;
  readonly desired: Desired;
  readonly live?: KubeObject;
  /** Fields that change. */
  readonly changes: readonly string[];
  /** Field owners are taken over first, by this JSON patch. */
  readonly takeOver?: readonly unknown[];
}

export interface PruneStep extends Step {
  readonly kind: 'prune';
  readonly id: string;
  readonly entry: InventoryEntry;
  readonly live: KubeObject;
}

export type ApplyStep = WriteStep | PruneStep;

export interface ApplyPlan extends Plan<ApplyStep> {
  /** Nothing may be written while something is refused. */
  readonly refused: readonly { readonly desired: Desired; readonly message: string }[];
  /** Waits for the foundation; when not empty, the steps are those of the foundation alone. */
  readonly deferred: readonly Desired[];
  /** Ids that are as they should be, or marked to be left alone. */
  readonly unchanged: readonly string[];
  readonly skipped: readonly string[];
  /** Objects that left and are not deleted now, because another Kustomization has them or because everything left at once; they stay in the inventory. */
  readonly held: readonly { readonly entry: InventoryEntry; readonly why: string }[];
  /** How many objects are desired. */
  readonly total: number;
  /** The inventory once the steps are done. */
  readonly inventory: readonly InventoryEntry[];
}

/** Decides what to do. Pure: the same input gives the same plan. */
export function planApply(input: PlanInput): ApplyPlan {
  const desired = input.desired.toSorted((a, b) => compareForApply(orderedOf(a.object), orderedOf(b.object)));
  const refused: { desired: Desired; message: string }[] = [];
  const deferred: Desired[] = [];
  const writes: WriteStep[] = [];
  const unchanged: string[] = [];
  const skipped: string[] = [];
  for (const item of desired) {
    const { id } = inventoryEntry(item.object);
    const observed = input.observed.get(id) ?? {};
    const decision = decide(item, id, observed, input.force);
    if (decision === 'deferred') deferred.push(item);
    else if (decision === 'unchanged') unchanged.push(id);
    else if (decision === 'skipped') skipped.push(id);
    else if ('message' in decision) refused.push({ desired: item, message: decision.message });
    else writes.push(decision);
  }
  const subject = { kind: 'Kustomization', ...input.owner };
  const wanted = new Set(desired.map(({ object }) => inventoryEntry(object).id));
  const held = heldBack(input, wanted);
  const common = { subject, total: desired.length, refused, deferred, unchanged, skipped, held };
  const inventory = [...desired.map(({ object }) => inventoryEntry(object)), ...held.map(({ entry }) => entry)];
  if (refused.length > 0) return { ...common, steps: [], inventory: input.inventory };
  if (deferred.length > 0) {
    const steps = writes.filter((step) => isFoundation(step.desired.object));
    const waitsFor = `the kinds and namespaces that ${deferred.map(({ object }) => objectText(object)).slice(0, 3).join(', ')} need`;
    return { ...common, steps, inventory: [...input.inventory], waitsFor };
  }
  return { ...common, steps: [...writes, ...planPrune(input, new Set(inventory.map(({ id }) => id)))], inventory };
}

function decide(desired: Desired, id: string, observed: Observed, force: boolean): WriteStep | 'deferred' | 'unchanged' | 'skipped' | { message: string } {
  const { object } = desired;
  const { live, result, refused } = observed;
  const marked = [object, ...(live ? [live] : [])];
  if (marked.some(isLeftAlone) || (live && hasMark(object, 'ssa', 'IfNotPresent'))) return 'skipped';
  if (observed.deferred) return 'deferred';
  const name = objectText(object);
  if (refused) {
    // What takes machines with it is deleted only on its own word, not on one that was meant for everything in the set.
    const isMarked = marked.some((one) => hasMark(one, 'force', 'enabled'));
    if (force && refused.immutable && !isMarked && isWeighty({ kind: object.kind, group: parseApiVersion(object.apiVersion).group })) return { message: `${refused.message}; spec.force does not delete and create again what machines hang on, only the annotation kustomize.toolkit.fluxcd.io/force: enabled on the object does` };
    if (!refused.immutable || !(force || isMarked) || !live) return { message: refused.message };
    const guard = !isMarked ? 'spec.force of the Kustomization' : 'the object is marked kustomize.toolkit.fluxcd.io/force: enabled';
    return { kind: 'recreate', id, desired, live, changes: [], summary: `delete ${name} and create it again: ${refused.message}`, guard };
  }
  if (!live) return { kind: 'create', id, desired, changes: [], summary: `create ${name}` };
  const taking = hasMark(object, 'ssa', 'Merge') ? undefined : takeOver(live);
  const changes = result ? changedFields(live, result) : [];
  if (!taking && changes.length === 0) return 'unchanged';
  const summary = changes.length > 0 ? `change ${name}: ${changes.join(', ')}` : `take over the fields of ${name} from ${lastForeignManager(live) ?? 'others'}`;
  return { kind: 'configure', id, desired, live, changes, takeOver: taking, summary };
}

/** Kinds whose deletion takes machines, or whole sets of objects, with it. */
const weighty = ['BareMetalHost.metal3.io', 'Cluster.cluster.x-k8s.io', 'TalosControlPlane.controlplane.cluster.x-k8s.io', 'MachineDeployment.cluster.x-k8s.io', 'Kustomization.kustomize.toolkit.fluxcd.io'];

function isWeighty({ kind, group }: { readonly kind: string; readonly group: string }): boolean {
  return weighty.includes(`${kind}.${group}`);
}

/**
 * A build without any object is more often a slip (an emptied file, a branch pushed over) than the wish to lose everything.
 * Upstream prunes all the same; here that is so only where no machine hangs on it.
 */
function whyNotEmptied({ desired, inventory, stale }: PlanInput): string | undefined {
  if (desired.length > 0) return undefined;
  const ref = inventory.filter(({ id }) => stale.has(id)).map(parseInventoryEntry).find((one) => one && isWeighty(one));
  return ref && `the build has no objects at all, and an empty build does not delete ${refText(ref)}; delete the Kustomization or the objects themselves if that is meant`;
}

function heldBack(input: PlanInput, wanted: ReadonlySet<string>): ApplyPlan['held'] {
  const { prune, inventory, claims, stale, owner } = input;
  if (!prune) return [];
  const emptied = whyNotEmptied(input);
  return inventory.flatMap((entry) => {
    const why = claims?.get(entry.id) ?? emptied;
    const live = stale.get(entry.id);
    return why !== undefined && !wanted.has(entry.id) && live && isOwnedByKustomization(live, owner) ? [{ entry, why }] : [];
  });
}

/** Deletes what left the repository, if it is in the inventory, still carries our labels, and nobody marked it to stay. */
function planPrune(input: PlanInput, wanted: ReadonlySet<string>): PruneStep[] {
  if (!input.prune) return [];
  return planDelete(input.owner, input.inventory.filter(({ id }) => !wanted.has(id)), input.stale, 'it left the repository, spec.prune is true, and it carries the labels of this Kustomization');
}

/** The steps that delete objects of an inventory, in reverse order of applying. */
export function planDelete(owner: ObjectKey, entries: readonly InventoryEntry[], live: ReadonlyMap<string, KubeObject>, guard: string): PruneStep[] {
  const steps: PruneStep[] = [];
  for (const entry of entries) {
    const object = live.get(entry.id);
    const ref = parseInventoryEntry(entry);
    if (!object || !ref || object.metadata.deletionTimestamp || isKept(object) || !isOwnedByKustomization(object, owner)) continue;
    steps.push({ kind: 'prune', id: entry.id, entry, live: object, guard, summary: `delete ${refText(ref)}` });
  }
  return steps.toSorted((a, b) => compareForApply(orderedOf(b.live), orderedOf(a.live)));
}

/** The drift a step puts right, in words, when the repository has not changed since it was last applied. */
export function driftText(step: ApplyStep): string {
  if (step.kind === 'prune') return step.summary;
  const name = objectText(step.desired.object);
  if (step.kind === 'create') return `someone deleted ${name}: restored`;
  const who = step.live && lastForeignManager(step.live);
  const fields = step.changes.length > 0 ? ` (${step.changes.slice(0, 3).join(', ')}${step.changes.length > 3 ? ', …' : ''})` : '';
  return `someone${who ? ` (${who})` : ''} changed ${name}${fields}: restored`;
}
