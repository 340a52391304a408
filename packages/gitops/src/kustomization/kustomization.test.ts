import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '@keelson/kube';
import { ConfigMap, configMap, gitRepository, gitopsWorld, kustomization } from '../testing/gitops-world.ts';

test('applies a revision, keeps an inventory, prunes what leaves', async () => {
  const it = await gitopsWorld();
  it.fleet.commit({ 'apps/a.yaml': configMap('a', { k: '1' }), 'apps/b.yaml': configMap('b', { k: '1' }) });
  await it.applyUser(gitRepository());
  await it.applyUser(kustomization('apps'));
  const first = await it.ready('apps');
  assert.deepEqual(first.status?.inventory, { entries: [{ id: 'default_a__ConfigMap', v: 'v1' }, { id: 'default_b__ConfigMap', v: 'v1' }] });
  assert.equal(findCondition(first, 'Ready')?.message, `Applied revision: main@sha1:${it.fleet.head()}`);
  const head = it.fleet.change({ 'apps/a.yaml': configMap('a', { k: '2' }), 'apps/b.yaml': undefined });
  await it.ready('apps', head);
  assert.equal((await it.client.get(ConfigMap, { namespace: 'default', name: 'a' }))?.['data'] !== undefined, true);
  assert.equal(await it.client.get(ConfigMap, { namespace: 'default', name: 'b' }), undefined);
  await it.world.stop();
});
