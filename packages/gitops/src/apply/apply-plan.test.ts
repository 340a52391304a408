import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDestructive } from '@keelson/controller';
import type { KindRef, KubeObject } from '@keelson/kube';
import { type Desired, type Observed, type PlanInput, driftText, planApply, planDelete } from './apply-plan.ts';
import { type InventoryEntry, inventoryEntry } from './inventory.ts';

const owner = { namespace: 'flux-system', name: 'apps' };
const labels = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' };
const object = (kind: string, name: string, more: Record<string, unknown> = {}, annotations?: Record<string, string>): KubeObject => ({
  apiVersion: kind === 'Deployment' ? 'apps/v1' : kind === 'CustomResourceDefinition' ? 'apiextensions.k8s.io/v1' : kind === 'ClusterRole' ? 'rbac.authorization.k8s.io/v1' : 'v1',
  kind, metadata: { name, ...(['Namespace', 'CustomResourceDefinition', 'ClusterRole'].includes(kind) ? {} : { namespace: 'shop' }), labels, annotations }, ...more,
});
const kindOf = (of: KubeObject): KindRef => ({ group: '', version: 'v1', kind: of.kind, plural: 'x', namespaced: true });
const desired = (of: KubeObject): Desired => ({ object: of, kind: kindOf(of), origin: { file: `${of.metadata.name}.yaml`, line: 1 } });
const idOf = (of: KubeObject) => inventoryEntry(of).id;

function plan(objects: readonly KubeObject[], more: Partial<Omit<PlanInput, 'observed' | 'stale'>> & { observed?: readonly (readonly [KubeObject, Observed])[]; stale?: readonly KubeObject[] } = {}) {
  return planApply({
    owner, desired: objects.map(desired), inventory: [], prune: true, force: false, ...more,
    observed: new Map(more.observed?.map(([of, seen]) => [idOf(of), seen])),
    stale: new Map(more.stale?.map((of) => [idOf(of), of])),
  });
}
const lines = (of: ReturnType<typeof plan>) => of.steps.map(({ summary }) => summary);

test('orders by kind, and creates, changes or leaves what is there', () => {
  const [web, config, space] = [object('Deployment', 'web'), object('ConfigMap', 'c', { data: { a: '1' } }), object('Namespace', 'shop')];
  const same = object('Secret', 's');
  const made = plan([web, config, space, same], { observed: [[config, { live: object('ConfigMap', 'c', { data: { a: '0' } }), result: config }], [same, { live: same, result: { ...same, status: { x: 1 } } }]] });
  assert.deepEqual(lines(made), ['create Namespace/shop', 'change ConfigMap/shop/c: data.a', 'create Deployment/shop/web']);
  assert.deepEqual(made.unchanged, [idOf(same)]);
  assert.deepEqual(made.inventory.map(({ id }) => id), [space, config, same, web].map(idOf));
  assert.equal(isDestructive(made), false);
});

test('one refusal stops every write and keeps the inventory', () => {
  const [good, bad] = [object('ConfigMap', 'good'), object('ConfigMap', 'bad')];
  const inventory = [{ id: 'shop_old__ConfigMap', v: 'v1' }];
  const made = plan([good, bad], { inventory, stale: [object('ConfigMap', 'old')], observed: [[bad, { refused: { message: 'no', immutable: false } }]] });
  assert.deepEqual([made.steps, made.inventory], [[], inventory]);
  assert.deepEqual(made.refused.map(({ message }) => message), ['no']);
});

test('while something needs a definition or namespace of the same set, only the foundation is written', () => {
  const [crd, space, widget, config] = [object('CustomResourceDefinition', 'widgets.x'), object('Namespace', 'shop'), object('Widget', 'w'), object('ConfigMap', 'c')];
  const made = plan([config, widget, space, crd], { inventory: [{ id: 'shop_old__ConfigMap', v: 'v1' }], stale: [object('ConfigMap', 'old')], observed: [[widget, { deferred: true }]] });
  assert.deepEqual(lines(made), ['create CustomResourceDefinition/widgets.x', 'create Namespace/shop']);
  assert.match(made.waitsFor ?? '', /Widget\/shop\/w/);
});

test('prunes only what is in the inventory, ours, and not marked to stay, last applied first', () => {
  const [a, d] = [object('ConfigMap', 'a'), object('Deployment', 'd')];
  const kept = object('ConfigMap', 'kept', {}, { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
  const left = object('ConfigMap', 'left', {}, { 'kustomize.toolkit.fluxcd.io/ssa': 'ignore' });
  const moved: KubeObject = { ...object('ConfigMap', 'moved'), metadata: { name: 'moved', namespace: 'shop', labels: { ...labels, 'kustomize.toolkit.fluxcd.io/name': 'other' } } };
  const going: KubeObject = { ...object('ConfigMap', 'going'), metadata: { ...object('ConfigMap', 'going').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const inventory: InventoryEntry[] = [a, d, kept, left, moved, going, object('ConfigMap', 'gone')].map(inventoryEntry);
  const made = plan([], { inventory, stale: [a, d, kept, left, moved, going, object('ConfigMap', 'stranger')] });
  assert.deepEqual(lines(made), ['delete Deployment/shop/d', 'delete ConfigMap/shop/a']);
  assert.ok(isDestructive(made) && made.steps.every(({ guard }) => guard?.includes('spec.prune')));
  assert.deepEqual(lines(plan([], { inventory, stale: [a, d], prune: false })), []);
  assert.deepEqual(planDelete(owner, inventory, new Map([[idOf(a), a]]), 'x').map(({ guard }) => guard), ['x']);
});

test('marks: left alone, created only, forced', () => {
  const off = object('ConfigMap', 'off', {}, { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' });
  const once = object('ConfigMap', 'once', {}, { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' });
  const forced = object('ConfigMap', 'forced', {}, { 'kustomize.toolkit.fluxcd.io/force': 'Enabled' });
  const immutable = { live: forced, refused: { message: 'field is immutable', immutable: true } };
  const made = plan([off, once, forced], { observed: [[once, { live: once }], [forced, immutable]] });
  assert.deepEqual([made.skipped, lines(made)], [[off, once].map(idOf).sort(), ['delete ConfigMap/shop/forced and create it again: field is immutable']]);
  assert.match(made.steps[0]?.guard ?? '', /marked/);
  const plain = object('ConfigMap', 'plain');
  assert.equal(plan([plain], { observed: [[plain, { ...immutable, live: plain }]] }).refused.length, 1);
  assert.equal(plan([plain], { force: true, observed: [[plain, { ...immutable, live: plain }]] }).steps[0]?.guard, 'spec.force of the Kustomization');
  assert.equal(plan([plain], { force: true, observed: [[plain, { live: plain, refused: { message: 'no', immutable: false } }]] }).refused.length, 1);
});

test('fields that kubectl owns are taken over, unless the object is merged', () => {
  const entry = (manager: string, operation: 'Apply' | 'Update', fields: Record<string, unknown>, time: string) => ({ manager, operation, apiVersion: 'v1', time, fieldsType: 'FieldsV1' as const, fieldsV1: fields });
  const managedFields = [entry('kustomize-controller', 'Apply', { 'f:data': { 'f:a': {} } }, '2026-01-01T00:00:00Z'), entry('kubectl-edit', 'Update', { 'f:data': { 'f:b': {} } }, '2026-01-02T00:00:00Z'), entry('hpa', 'Update', { 'f:x': {} }, '2026-01-01T00:00:00Z')];
  const live: KubeObject = { ...object('ConfigMap', 'c'), metadata: { ...object('ConfigMap', 'c').metadata, managedFields, resourceVersion: '7' } };
  const made = plan([object('ConfigMap', 'c')], { observed: [[live, { live, result: live }]] });
  const [step] = made.steps;
  assert.ok(step?.kind === 'configure');
  assert.deepEqual(step.takeOver, [
    { op: 'replace', path: '/metadata/managedFields', value: [{ ...managedFields[0], fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } } }, managedFields[2]] },
    { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
  ]);
  assert.equal(driftText(step), 'someone (kubectl-edit) changed ConfigMap/shop/c: restored');
  const merged = object('ConfigMap', 'c', {}, { 'kustomize.toolkit.fluxcd.io/ssa': 'Merge' });
  assert.deepEqual(plan([merged], { observed: [[merged, { live, result: live }]] }).steps, []);
});

const weighty = (kind: string, apiVersion: string): KubeObject => ({ ...object(kind, 'edge'), apiVersion });

test('an empty build deletes neither machines nor what else was in the set with them', () => {
  const config = object('ConfigMap', 'c');
  for (const heavy of [weighty('BareMetalHost', 'metal3.io/v1alpha1'), weighty('Cluster', 'cluster.x-k8s.io/v1beta2'), weighty('Kustomization', 'kustomize.toolkit.fluxcd.io/v1')]) {
    const inventory = [heavy, config].map(inventoryEntry);
    const made = plan([], { inventory, stale: [heavy, config] });
    assert.deepEqual([made.steps, made.inventory], [[], inventory], heavy.kind);
    assert.match(made.held[0]?.why ?? '', /no objects at all/);
    const left = plan([config], { inventory, stale: [heavy], observed: [[config, { live: config, result: config }]] });
    assert.deepEqual(lines(left), [`delete ${heavy.kind}/shop/edge`], 'what leaves a set that lives is pruned');
    const gone = plan([], { inventory, stale: [config] });
    assert.deepEqual(lines(gone), ['delete ConfigMap/shop/c'], 'nothing of weight is there any more');
  }
});

test('spec.force does not delete what machines hang on; the mark on the object does', () => {
  const refused = { refused: { message: 'the field is immutable', immutable: true } };
  const heavy = weighty('Cluster', 'cluster.x-k8s.io/v1beta2');
  assert.match(plan([heavy], { force: true, observed: [[heavy, { live: heavy, ...refused }]] }).refused[0]?.message ?? '', /spec\.force does not/);
  const marked = { ...heavy, metadata: { ...heavy.metadata, annotations: { 'kustomize.toolkit.fluxcd.io/force': 'enabled' } } };
  assert.deepEqual(plan([marked], { observed: [[marked, { live: heavy, ...refused }]] }).steps.map(({ kind }) => kind), ['recreate']);
  const light = object('ConfigMap', 'c');
  assert.deepEqual(plan([light], { force: true, observed: [[light, { live: light, ...refused }]] }).steps.map(({ kind }) => kind), ['recreate']);
});
