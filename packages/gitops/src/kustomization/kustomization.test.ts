import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApiServer } from '@keelson/apiserver/testing';
import { Deployment } from '@keelson/api';
import { type KubeObject, findCondition } from '@keelson/kube';
import { ConfigMap, Kustomization, Namespace, configMap, gitRepository, type GitopsWorld, gitopsWorld, kustomization, namespace, secret } from '../testing/gitops-world.ts';

const inDefault = (name: string) => ({ namespace: 'default', name });
const dataOf = (object: KubeObject | undefined) => object?.['data'];
const readyOf = (object: KubeObject) => findCondition(object, 'Ready');

async function withApps(files: Record<string, string>, spec: Record<string, unknown> = {}): Promise<GitopsWorld> {
  const it = await gitopsWorld();
  it.fleet.commit(files);
  await it.applyUser(gitRepository());
  await it.applyUser(kustomization('apps', spec));
  return it;
}

const deployment = (name: string, replicas = 1) =>
  JSON.stringify({
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } } },
  });

async function setHealthy(it: GitopsWorld, name: string): Promise<void> {
  const live = await it.client.get<Deployment>(Deployment, inDefault(name));
  const replicas = live?.spec?.replicas ?? 1;
  const conditions = [{ type: 'Available', status: 'True', reason: 'x' }, { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }];
  const status = { observedGeneration: live?.metadata.generation, replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas, conditions };
  await it.client.patch(Deployment, inDefault(name), 'merge', { status }, { subresource: 'status', fieldManager: 'kubelet' });
}

test('applies a revision, keeps an inventory, follows a commit and prunes what left', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', { k: '1' }), 'apps/b.yaml': configMap('b', { k: '1' }) });
  const first = await it.ready('apps');
  assert.deepEqual(first.status?.inventory, { entries: [{ id: 'default_a__ConfigMap', v: 'v1' }, { id: 'default_b__ConfigMap', v: 'v1' }] });
  assert.equal(readyOf(first)?.message, `Applied revision: main@sha1:${it.fleet.head()}`);
  assert.equal(readyOf(first)?.reason, 'ReconciliationSucceeded');
  assert.deepEqual([first.status?.history?.length, first.status?.history?.[0]?.lastReconciledStatus], [1, 'ReconciliationSucceeded']);
  const a = await it.client.get(ConfigMap, inDefault('a'));
  assert.deepEqual(a?.metadata.labels, { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': namespace });
  assert.ok(a?.metadata.managedFields?.some((entry) => entry.manager === 'kustomize-controller' && entry.operation === 'Apply'));

  const head = it.fleet.change({ 'apps/a.yaml': configMap('a', { k: '2' }), 'apps/b.yaml': undefined, 'apps/c.yaml': configMap('c', {}) });
  const second = await it.ready('apps', head);
  assert.deepEqual(second.status?.inventory?.entries.map(({ id }) => id), ['default_a__ConfigMap', 'default_c__ConfigMap']);
  assert.deepEqual(dataOf(await it.client.get(ConfigMap, inDefault('a'))), { k: '2' });
  assert.equal(await it.client.get(ConfigMap, inDefault('b')), undefined);
  assert.ok((await it.events('apps')).includes('Normal Progressing ConfigMap/default/a configured\nConfigMap/default/c created\nConfigMap/default/b deleted'));
  await it.world.stop();
});

test('a quiet object causes no writes between intervals', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', {}) });
  const { metadata } = await it.ready('apps');
  await it.world.untilIdle(1_000);
  const settled = (await it.client.get(Kustomization, metadata))!.metadata.resourceVersion;
  await it.world.untilIdle(120_000);
  assert.equal((await it.client.get(Kustomization, metadata))!.metadata.resourceVersion, settled);
  await it.world.stop();
});

test('drift is put right at once and told', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', { k: '1' }), 'apps/d.yaml': deployment('web', 2) });
  await it.ready('apps');
  await it.world.untilIdle(1_000);
  await it.client.delete(Deployment, inDefault('web'));
  await it.world.untilIdle(100);
  assert.ok(await it.client.get(Deployment, inDefault('web')));
  assert.match(readyOf((await it.client.get(Kustomization, { namespace, name: 'apps' }))!)?.message ?? '', /someone deleted Deployment\/default\/web: restored$/);
  await it.client.patch(Deployment, inDefault('web'), 'merge', { spec: { replicas: 9, minReadySeconds: 7 } }, { fieldManager: 'kubectl-edit' });
  await it.world.untilIdle(100);
  const web = await it.client.get<Deployment>(Deployment, inDefault('web'));
  assert.deepEqual([web?.spec?.replicas, web?.spec?.minReadySeconds], [2, undefined], 'also what was added by hand is gone');
  assert.deepEqual(
    (await it.events('apps')).filter((line) => line.includes('DriftCorrected')),
    ['Warning DriftCorrected someone deleted Deployment/default/web: restored', 'Warning DriftCorrected someone (kubectl-edit) changed Deployment/default/web (spec.replicas): restored'],
  );
  await it.world.stop();
});

test('a bad commit leaves the last good state running and says what, why, where and next; a good one heals it', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', { k: '1' }), 'apps/b.yaml': configMap('b', { k: '1' }) });
  await it.ready('apps');
  const good = it.fleet.head();
  const cases: readonly (readonly [file: string, text: string, message: RegExp])[] = [
    ['apps/bad.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [broken\n', /apps\/bad.yaml is not valid YAML: .*; where: apps\/bad.yaml:\d+; next: .* \[KUSTOMIZE.YAML\]$/],
    ['apps/bad.yaml', 'apiVersion: example.com/v1\nkind: Widgit\nmetadata:\n  name: x\n', /1 of 2 objects of Kustomization flux-system\/apps are refused, so none was changed: apps\/bad.yaml:1 Widgit\/x: the cluster has no kind "Widgit" in example.com\/v1; where: apps\/bad.yaml:1; next: .* \[GITOPS.APPLY_REFUSED\]$/],
    ['apps/bad.yaml', '# first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  ports: nope\n', /2 of 3 objects .*apps\/bad.yaml:3 ConfigMap\/default\/Not_A_Name: .*; apps\/bad.yaml:8 Service\/default\/s: /],
  ];
  for (const [file, text, message] of cases) {
    const bad = it.fleet.change({ [file]: text, 'apps/a.yaml': configMap('a', { k: 'bad' }), 'apps/b.yaml': undefined });
    const failed = await it.untilKustomization('apps', (object) => readyOf(object)?.status === 'False' && object.status?.lastAttemptedRevision === `main@sha1:${bad}`);
    assert.match(readyOf(failed)?.message ?? '', message);
    assert.equal(failed.status?.lastAppliedRevision, `main@sha1:${good}`);
    assert.deepEqual(dataOf(await it.client.get(ConfigMap, inDefault('a'))), { k: '1' }, 'nothing was changed');
    assert.ok(await it.client.get(ConfigMap, inDefault('b')), 'nothing was pruned');
    assert.ok((await it.events('apps')).some((line) => message.test(line)));
  }
  const healed = it.fleet.commit({ 'apps/a.yaml': configMap('a', { k: '3' }) });
  await it.ready('apps', healed);
  assert.deepEqual(dataOf(await it.client.get(ConfigMap, inDefault('a'))), { k: '3' });
  assert.equal(await it.client.get(ConfigMap, inDefault('b')), undefined);
  await it.world.stop();
});

test('a missing path is told with the place of the Kustomization and what is there instead', async () => {
  const it = await withApps({ 'apps/child.yaml': `# child\n${JSON.stringify(kustomization('child', { path: './infrastrcture' }))}\n`, 'infrastructure/a.yaml': configMap('a', {}) });
  await it.ready('apps');
  const child = await it.untilKustomization('child', (object) => readyOf(object)?.status === 'False');
  assert.equal(readyOf(child)?.reason, 'ArtifactFailed');
  assert.match(readyOf(child)?.message ?? '', /points at the path .\/infrastrcture, which is not in revision main@sha1:\w+: kustomization path not found: the root has apps, infrastructure; where: apps\/child.yaml:2 spec.path; next: correct spec.path/);
  const head = it.fleet.change({ 'apps/child.yaml': JSON.stringify(kustomization('child', { path: 'infrastructure' })) });
  await it.ready('child', head);
  await it.world.stop();
});

test('dependents start the moment their dependency is ready, on the same revision', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'one/d.yaml': deployment('one'), 'two/a.yaml': configMap('two', {}), 'three/a.yaml': configMap('three', {}) });
  await it.applyUser(gitRepository());
  await it.applyUser(kustomization('three', { dependsOn: [{ name: 'two' }] }));
  await it.applyUser(kustomization('two', { dependsOn: [{ name: 'one' }] }));
  const waiting = await it.untilKustomization('two', (object) => readyOf(object)?.reason === 'DependencyNotReady');
  assert.match(readyOf(waiting)?.message ?? '', /waits for flux-system\/one: there is no such Kustomization/);
  await it.applyUser(kustomization('one', { wait: true, timeout: '5m' }));
  await it.untilKustomization('one', (object) => findCondition(object, 'Healthy')?.status === 'Unknown');
  assert.equal(await it.client.get(ConfigMap, inDefault('two')), undefined);
  await setHealthy(it, 'one');
  const before = it.env.clock.now();
  await it.ready('three');
  assert.ok(it.env.clock.now() - before < 1000, `a chain of three took ${it.env.clock.now() - before} ms`);
  await it.world.stop();
});

test('wait holds Ready back until all is healthy, names what it waits for, and ends at the timeout', async () => {
  const it = await withApps({ 'apps/d.yaml': deployment('web', 2) }, { wait: true, timeout: '2m', retryInterval: '5m' });
  const waiting = await it.untilKustomization('apps', (object) => findCondition(object, 'Healthy')?.status === 'Unknown');
  assert.equal(readyOf(waiting)?.status, 'Unknown');
  assert.match(findCondition(waiting, 'Healthy')?.message ?? '', /^waiting for Deployment\/default\/web: /);
  assert.match(findCondition(waiting, 'Reconciling')?.message ?? '', /^Running health checks for revision main@sha1:\w+ with a timeout of 2m0s$/);
  assert.equal(waiting.status?.lastAppliedRevision, undefined);
  const began = it.env.clock.now();
  await it.restart();
  const failed = await it.untilKustomization('apps', (object) => readyOf(object)?.status === 'False');
  const took = it.env.clock.now() - began;
  assert.ok(took > 110_000 && took <= 121_000, `the restart did not lengthen the wait: ${took} ms`);
  assert.equal(readyOf(failed)?.reason, 'HealthCheckFailed');
  assert.match(readyOf(failed)?.message ?? '', /timeout waiting for: \[Deployment\/default\/web status: 'InProgress'\].*where: apps\/d.yaml:1/);
  await setHealthy(it, 'web');
  const before = it.env.clock.now();
  const ready = await it.ready('apps');
  assert.ok(it.env.clock.now() - before < 1000, 'recovery is seen at once');
  assert.equal(findCondition(ready, 'Healthy')?.status, 'True');
  assert.ok(ready.status?.lastAppliedRevision);
  await it.world.stop();
});

test('a failed object ends the wait early, and a newer revision replaces a wait', async () => {
  const it = await withApps({ 'apps/d.yaml': deployment('web', 2) }, { wait: true, timeout: '30m' });
  await it.untilKustomization('apps', (object) => findCondition(object, 'Healthy')?.status === 'Unknown');
  const live = await it.client.get(Deployment, inDefault('web'));
  await it.client.patch(Deployment, inDefault('web'), 'merge', { status: { observedGeneration: live?.metadata.generation, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] } }, { subresource: 'status' });
  const failed = await it.untilKustomization('apps', (object) => readyOf(object)?.status === 'False', 10_000);
  assert.match(readyOf(failed)?.message ?? '', /failed early due to stalled resources: \[Deployment\/default\/web status: 'Failed'\]/);
  const slow = it.fleet.commit({ 'apps/d.yaml': deployment('slow') });
  await it.untilKustomization('apps', (object) => findCondition(object, 'Healthy')?.status === 'Unknown' && object.status?.lastAttemptedRevision?.endsWith(slow) === true);
  const head = it.fleet.commit({ 'apps/a.yaml': configMap('a', {}) });
  const before = it.env.clock.now();
  await it.ready('apps', head);
  assert.ok(it.env.clock.now() - before < 70_000, 'the next look at the source is enough');
  assert.equal(await it.client.get(Deployment, inDefault('slow')), undefined);
  assert.ok((await it.events('apps')).some((line) => line.includes('HealthCheckCanceled')));
  await it.world.stop();
});

test('definitions and namespaces come first, and objects of new kinds follow in the same Kustomization', async () => {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }],
    },
  };
  const it = await withApps({
    'apps/a-widget.yaml': 'apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\n  namespace: shop\nspec:\n  size: 3\n',
    'apps/b-config.yaml': configMap('c', {}, 'shop'),
    'apps/y-namespace.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n',
    'apps/z-crd.yaml': JSON.stringify(crd),
  });
  const ready = await it.ready('apps');
  assert.deepEqual(ready.status?.inventory?.entries.map(({ id }) => id), ['_widgets.example.com_apiextensions.k8s.io_CustomResourceDefinition', '_shop__Namespace', 'shop_c__ConfigMap', 'shop_w_example.com_Widget']);
  const kind = await it.client.resolve('example.com/v1', 'Widget');
  assert.ok(kind && (await it.client.get(kind, { namespace: 'shop', name: 'w' })));
  await it.world.stop();
});

test('marks on objects are honoured: never pruned, left alone, created only', async () => {
  const marked = (name: string, mark: string, value: string, k: string) => configMap(name, { k }).replace('metadata:', `metadata:\n  annotations:\n    kustomize.toolkit.fluxcd.io/${mark}: ${value}`);
  const files = (k: string) => ({
    'apps/keep.yaml': marked('keep', 'prune', 'Disabled', k), 'apps/once.yaml': marked('once', 'ssa', 'IfNotPresent', k), 'apps/off.yaml': marked('off', 'reconcile', 'disabled', k), 'apps/a.yaml': configMap('a', { k }),
  });
  const it = await withApps(files('1'));
  await it.ready('apps');
  await it.ready('apps', it.fleet.commit(files('2')));
  assert.deepEqual(dataOf(await it.client.get(ConfigMap, inDefault('once'))), { k: '1' });
  assert.deepEqual(dataOf(await it.client.get(ConfigMap, inDefault('a'))), { k: '2' });
  assert.equal(await it.client.get(ConfigMap, inDefault('off')), undefined);
  await it.ready('apps', it.fleet.commit({ 'apps/a.yaml': configMap('a', { k: '3' }) }));
  assert.ok(await it.client.get(ConfigMap, inDefault('keep')));
  assert.equal(await it.client.get(ConfigMap, inDefault('once')), undefined);
  await it.world.stop();
});

test('an object that moved to another Kustomization lives on, whichever of the two runs first', async () => {
  for (const first of ['apps', 'other']) {
    const it = await withApps({ 'apps/a.yaml': configMap('moved', { k: '1' }), 'apps/stay.yaml': configMap('stay', {}), 'other/x.yaml': configMap('x', {}) });
    await it.applyUser(kustomization('other'));
    await it.ready('apps');
    await it.ready('other');
    const before = (await it.client.get(ConfigMap, inDefault('moved')))?.metadata.uid;
    await it.applyUser(kustomization(first === 'apps' ? 'other' : 'apps', { dependsOn: [{ name: first }] }));
    const head = it.fleet.commit({ 'apps/stay.yaml': configMap('stay', {}), 'other/a.yaml': configMap('moved', { k: '1' }) });
    await it.ready('other', head);
    await it.ready('apps', head);
    const moved = await it.client.get(ConfigMap, inDefault('moved'));
    assert.deepEqual([moved?.metadata.uid, moved?.metadata.labels?.['kustomize.toolkit.fluxcd.io/name']], [before, 'other'], `${first} first`);
    const last = it.fleet.change({ 'other/a.yaml': undefined, 'other/x.yaml': configMap('x', {}) });
    await it.ready('other', last);
    assert.equal(await it.client.get(ConfigMap, inDefault('moved')), undefined, 'its new home prunes it');
    await it.world.stop();
  }
});

test('an object whose new home does not build is kept until it does', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('moved', {}), 'apps/gone.yaml': configMap('gone', {}), 'other/x.yaml': configMap('x', {}) });
  await it.applyUser(kustomization('other'));
  await it.ready('other');
  await it.ready('apps');
  const broken = it.fleet.commit({ 'apps/b.yaml': configMap('b', {}), 'other/kustomization.yaml': 'resources: [a.yml]\n', 'other/a.yaml': configMap('moved', {}) });
  const apps = await it.ready('apps', broken);
  assert.match(readyOf(apps)?.message ?? '', /ConfigMap\/default\/moved is kept: Kustomization flux-system\/other does not build, and other\/a.yaml may make it part of it$/);
  assert.ok(await it.client.get(ConfigMap, inDefault('moved')));
  assert.equal(await it.client.get(ConfigMap, inDefault('gone')), undefined, 'what is named nowhere is pruned');
  const mended = it.fleet.change({ 'other/kustomization.yaml': 'resources: [a.yaml]\n' });
  await it.ready('other', mended);
  await it.ready('apps', mended);
  assert.equal((await it.client.get(ConfigMap, inDefault('moved')))?.metadata.labels?.['kustomize.toolkit.fluxcd.io/name'], 'other');
  await it.world.stop();
});

test('a renamed Kustomization takes its objects along', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'fleet/apps.yaml': JSON.stringify(kustomization('apps')), 'apps/a.yaml': configMap('a', {}) });
  await it.applyUser(gitRepository());
  await it.applyUser(kustomization('fleet'));
  await it.ready('apps');
  const before = (await it.client.get(ConfigMap, inDefault('a')))?.metadata.uid;
  const head = it.fleet.change({ 'fleet/apps.yaml': JSON.stringify(kustomization('applications', { path: 'apps' })) });
  await it.ready('applications', head);
  await it.world.untilGone(Kustomization, { namespace, name: 'apps' });
  const a = await it.client.get(ConfigMap, inDefault('a'));
  assert.deepEqual([a?.metadata.uid, a?.metadata.labels?.['kustomize.toolkit.fluxcd.io/name']], [before, 'applications']);
  await it.world.stop();
});

for (const [policy, prune, isGone] of [['MirrorPrune', true, true], ['MirrorPrune', false, false], ['Delete', false, true], ['Orphan', true, false], ['WaitForTermination', false, true]] as const) {
  test(`deletionPolicy ${policy} with prune ${prune} ${isGone ? 'deletes' : 'leaves'} the objects`, async () => {
    const it = await withApps({ 'apps/a.yaml': configMap('a', {}) }, { deletionPolicy: policy, prune });
    await it.ready('apps');
    await it.client.delete(Kustomization, { namespace, name: 'apps' });
    await it.world.untilGone(Kustomization, { namespace, name: 'apps' });
    assert.equal((await it.client.get(ConfigMap, inDefault('a'))) === undefined, isGone);
    await it.world.stop();
  });
}

test('a suspended Kustomization does nothing, and leaves its objects when it is deleted', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', { k: '1' }) });
  await it.ready('apps');
  await it.applyUser(kustomization('apps', { suspend: true }));
  it.fleet.commit({ 'apps/a.yaml': configMap('a', { k: '2' }) });
  await it.world.untilIdle(300_000);
  assert.deepEqual(dataOf(await it.client.get(ConfigMap, inDefault('a'))), { k: '1' });
  await it.client.delete(Kustomization, { namespace, name: 'apps' });
  await it.world.untilGone(Kustomization, { namespace, name: 'apps' });
  assert.ok(await it.client.get(ConfigMap, inDefault('a')));
  await it.world.stop();
});

test('a request by annotation is carried out and acknowledged', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', {}) });
  await it.ready('apps');
  await it.client.patch(Kustomization, { namespace, name: 'apps' }, 'merge', { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'token-1' } } });
  const handled = await it.untilKustomization('apps', (object) => object.status?.lastHandledReconcileAt === 'token-1', 5_000);
  assert.equal(handled.status?.history?.[0]?.totalReconciliations, 2);
  await it.world.stop();
});

test('fields that cannot be acted on refuse the Kustomization or are told', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', {}) }, { decryption: { provider: 'sops' } });
  const stalled = await it.untilKustomization('apps', (object) => findCondition(object, 'Stalled')?.status === 'True');
  assert.match(readyOf(stalled)?.message ?? '', /spec.decryption is not supported: encrypted values .*\[GITOPS.FIELD_UNSUPPORTED\]/);
  assert.equal(stalled.status?.observedGeneration, stalled.metadata.generation);
  for (const spec of [{ postBuild: { substitute: { A: 'b' } } }, { serviceAccountName: 'x' }, { kubeConfig: { configMapRef: { name: 'x' } } }, { dependsOn: [{ name: 'x', readyExpr: 'true' }] }, { ignore: [{ paths: ['/spec'] }] }]) {
    const applied = await it.applyUser(kustomization('apps', spec));
    await it.untilKustomization('apps', (object) => findCondition(object, 'Stalled')?.status === 'True' && object.status?.observedGeneration === applied.metadata.generation, 5_000);
  }
  assert.equal(await it.client.get(ConfigMap, inDefault('a')), undefined);
  await it.applyUser(kustomization('apps'));
  const ready = await it.ready('apps');
  assert.equal(findCondition(ready, 'Stalled'), undefined);
  await it.world.stop();
});

test('an encrypted object is refused, not applied as it stands', async () => {
  const it = await withApps({ 'apps/s.yaml': 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nsops:\n  mac: x\n' });
  const failed = await it.untilKustomization('apps', (object) => readyOf(object)?.status === 'False');
  assert.match(readyOf(failed)?.message ?? '', /Secret\/s is SOPS encrypted.*where: apps\/s.yaml:1/);
  await it.world.stop();
});

test('a remote cluster is waited for, applied to when its kubeconfig appears, and followed when it changes', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', { k: '1' }) }, { kubeConfig: { secretRef: { name: 'edge-kubeconfig' } }, wait: true });
  const waiting = await it.untilKustomization('apps', (object) => readyOf(object)?.status === 'False');
  assert.match(readyOf(waiting)?.message ?? '', /waits for the cluster of kubeconfig Secret flux-system\/edge-kubeconfig: the Secret is not there yet/);
  const edge = await testApiServer(it.env);
  const other = await testApiServer(it.env);
  it.clusters.set('edge', edge.client).set('other', other.client);
  await it.applyUser(secret('edge-kubeconfig', { value: 'edge' }));
  await it.ready('apps');
  assert.ok(await edge.client.get(ConfigMap, inDefault('a')));
  assert.equal(await it.client.get(ConfigMap, inDefault('a')), undefined);
  await it.applyUser(secret('edge-kubeconfig', { value: 'other' }));
  await it.world.untilIdle(1_000);
  assert.ok(await other.client.get(ConfigMap, inDefault('a')));
  await it.client.delete(Kustomization, { namespace, name: 'apps' });
  await it.world.untilGone(Kustomization, { namespace, name: 'apps' });
  assert.equal(await other.client.get(ConfigMap, inDefault('a')), undefined);
  await it.world.stop();
});

test('force deletes and creates again what cannot be changed; without it the change is refused', async () => {
  const selector = (app: string) => deployment('web').replaceAll('"app":"web"', `"app":"${app}"`);
  const it = await withApps({ 'apps/d.yaml': selector('one') });
  await it.ready('apps');
  const before = (await it.client.get(Deployment, inDefault('web')))?.metadata.uid;
  const head = it.fleet.commit({ 'apps/d.yaml': selector('two') });
  const refused = await it.untilKustomization('apps', (object) => readyOf(object)?.status === 'False');
  assert.match(readyOf(refused)?.message ?? '', /apps\/d.yaml:1 Deployment\/default\/web: .*immutable/);
  await it.applyUser(kustomization('apps', { force: true }));
  await it.ready('apps', head);
  assert.notEqual((await it.client.get(Deployment, inDefault('web')))?.metadata.uid, before);
  await it.world.stop();
});

test('spec transformers, common metadata and components are laid over what is built', async () => {
  const it = await withApps(
    {
      'apps/kustomization.yaml': 'resources: [a.yaml, d.yaml]\n', 'apps/a.yaml': configMap('a', { k: '1' }), 'apps/d.yaml': deployment('web'),
      'parts/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {part: "yes"}\n',
    },
    {
      targetNamespace: 'prod', namePrefix: 'x-', components: ['../parts'], images: [{ name: 'i', newTag: '2' }], commonMetadata: { labels: { team: 'shop' } },
      patches: [{ target: { kind: 'ConfigMap' }, patch: '- {op: add, path: /data/k, value: patched}' }],
    },
  );
  await it.applyUser({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prod' } });
  await it.ready('apps');
  const a = await it.client.get(ConfigMap, { namespace: 'prod', name: 'x-a' });
  assert.deepEqual([dataOf(a), a?.metadata.labels?.team, a?.metadata.annotations?.part], [{ k: 'patched' }, 'shop', 'yes']);
  const web = await it.client.get<Deployment>(Deployment, { namespace: 'prod', name: 'x-web' });
  assert.equal(web?.spec?.template.spec?.containers[0]?.image, 'i:2');
  assert.ok(await it.client.get(Namespace, { name: 'prod' }));
  await it.world.stop();
});

test('a crash between intent and inventory orphans nothing', async () => {
  const it = await withApps({ 'apps/a.yaml': configMap('a', {}), 'apps/b.yaml': configMap('b', {}) });
  // The status as it stands once the intent is written and the process dies in the middle of applying.
  await it.untilKustomization('apps', (object) => (object.status?.inventory?.entries.length ?? 0) === 2);
  await it.restart();
  const head = it.fleet.commit({ 'apps/a.yaml': configMap('a', {}) });
  await it.ready('apps', head);
  assert.equal(await it.client.get(ConfigMap, inDefault('b')), undefined);
  await it.world.stop();
});
