/** The least a kubelet does, for tests: bound pods run and are ready at once, deleted ones are removed. Images ending in `:bad` never get ready. */
import { Node, Pod, type NodeSpec } from '@keelson/api';
import { createTestWorld, type TestWorld } from '@keelson/controller/testing';
import type { Controller } from '@keelson/controller';
import { testApiServer } from '@keelson/apiserver/testing';
import type { KubeClient } from '@keelson/kube/client';
import { rfc3339 } from '@keelson/std';
import { virtualEnv, type VirtualEnv } from '@keelson/std/testing';
import { workloadControllers } from '../index.ts';

export interface WorkloadWorld extends TestWorld {
  readonly client: KubeClient;
  readonly env: VirtualEnv;
  node(name: string, changes?: { readonly labels?: Record<string, string>; readonly spec?: NodeSpec; readonly cpu?: string }): Promise<void>;
  pods(labelSelector?: string): Promise<Pod[]>;
}

/** An API server with the workload controllers and nodes whose pods run at once. */
export async function workloadWorld(): Promise<WorkloadWorld> {
  const env = virtualEnv({ seed: 3 });
  const { client } = await testApiServer(env);
  const world = await createTestWorld({ env, client, controllers: [...workloadControllers({ rootCaPem: 'ca', nodeLifecycle: { graceMs: 365 * 24 * 3600 * 1000 } }), testKubelet()] });
  return {
    ...world,
    client,
    env,
    async node(name, { labels = {}, spec = {}, cpu = '4' } = {}) {
      const now = rfc3339(env.clock.now());
      const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', lastHeartbeatTime: now, lastTransitionTime: now }];
      await client.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } }, spec });
      await client.patch(Node, { name }, 'merge', { status: { conditions, capacity: { cpu, memory: '8Gi', pods: '110' }, allocatable: { cpu, memory: '8Gi', pods: '110' } } }, { subresource: 'status' });
    },
    pods: async (labelSelector) => (await client.list<Pod>(Pod, { namespace: 'default', ...(labelSelector ? { labelSelector } : {}) })).items,
  };
}

function testKubelet(): Controller {
  return {
    name: 'test-kubelet',
    kind: Pod,
    reads: [],
    writes: [{ kind: Pod, part: 'status', scope: 'test kubelet' }],
    reconcile: async (key, context) => {
      const pod = context.cache.get<Pod>(Pod, key);
      if (!pod?.spec?.nodeName) return;
      if (pod.metadata.deletionTimestamp !== undefined) {
        await context.client.delete(Pod, key, { gracePeriodSeconds: 0 });
        return;
      }
      if (pod.status?.phase === 'Running' || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return;
      const image = pod.spec.containers[0]?.image ?? '';
      const ends = (pod.spec.restartPolicy ?? 'Always') !== 'Always';
      const good = !image.endsWith(':bad');
      const condition = (type: string, on: boolean) => ({ type, status: on ? 'True' : 'False', lastTransitionTime: rfc3339(context.env.clock.now()) });
      const status = {
        phase: ends ? (good ? 'Succeeded' : 'Failed') : 'Running',
        podIP: `10.0.0.${(pod.metadata.uid ?? '').charCodeAt(0)}`,
        conditions: [condition('PodScheduled', true), condition('Ready', good && !ends), condition('ContainersReady', good && !ends)],
      };
      await context.client.patch(Pod, key, 'merge', { status }, { subresource: 'status' });
    },
  };
}
