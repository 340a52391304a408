import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMap, CronJob, DaemonSet, Deployment, Job, Namespace, Node, Pod, Secret, Service, StatefulSet } from '@keelson/api';
import type { KindRef, KubeObject } from '@keelson/kube';
import { ApiError } from '@keelson/kube/client';
import { testApiServer } from '../testing/index.ts';
import { qosClass } from './built-in.ts';

const make = (kind: KindRef, name: string, fields: object): KubeObject => ({
  apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind, metadata: kind.namespaced ? { namespace: 'default', name } : { name }, ...fields,
});
const template = (labels: Record<string, string> = { app: 'x' }, more: object = {}) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image: 'x:1' }], ...more } });
const selector = { matchLabels: { app: 'x' } };
const refused = (pattern: RegExp) => (error: unknown) => error instanceof ApiError && error.code === 422 && (pattern.test(error.status.message ?? '') || assert.fail(error.message));

const defaulted: readonly { kind: KindRef; given: object; spec: object }[] = [
  {
    kind: Deployment,
    given: { spec: { selector, template: template() } },
    spec: { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } } },
  },
  { kind: Deployment, given: { spec: { replicas: 0, strategy: { type: 'Recreate' }, selector, template: template() } }, spec: { replicas: 0, strategy: { type: 'Recreate' } } },
  {
    kind: StatefulSet,
    given: { spec: { serviceName: 's', selector, template: template() } },
    spec: { replicas: 1, podManagementPolicy: 'OrderedReady', revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } },
  },
  { kind: DaemonSet, given: { spec: { selector, template: template() } }, spec: { revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } } },
  {
    kind: CronJob,
    given: { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: template({}, { restartPolicy: 'Never' }) } } } },
    spec: { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
  },
  { kind: Job, given: { spec: { template: template({}, { restartPolicy: 'Never' }) } }, spec: { completions: 1, parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false, podReplacementPolicy: 'TerminatingOrFailed' } },
  {
    kind: Pod,
    given: { spec: { containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '1' } } }] } },
    spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30, enableServiceLinks: true, securityContext: {} },
  },
];

for (const { kind, given, spec } of defaulted) {
  test(`a ${kind.kind} gets its defaults: ${JSON.stringify(given).slice(0, 60)}`, async () => {
    const { client } = await testApiServer();
    const made = await client.create(kind, make(kind, 'x', given));
    const have = made['spec'] as Record<string, unknown>;
    for (const [name, value] of Object.entries(spec)) assert.deepEqual(have[name], value, name);
  });
}

test('a container gets pull policy by tag, requests from limits, and its probes their numbers', async () => {
  const { client } = await testApiServer();
  const containers = [
    { name: 'a', image: 'registry:5000/x', resources: { limits: { cpu: '1' } } },
    { name: 'b', image: 'x:latest' },
    { name: 'c', image: 'x:1', ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } },
    { name: 'd', image: 'x@sha256:0123' },
  ];
  const pod = await client.create(Pod, make(Pod, 'p', { spec: { containers } }));
  const made = (pod['spec'] as { containers: Record<string, unknown>[] }).containers;
  assert.deepEqual(made.map((container) => container['imagePullPolicy']), ['Always', 'Always', 'IfNotPresent', 'IfNotPresent']);
  assert.deepEqual(made[0]?.['resources'], { limits: { cpu: '1' }, requests: { cpu: '1' } });
  assert.deepEqual(made[2]?.['ports'], [{ containerPort: 80, protocol: 'TCP' }]);
  assert.deepEqual(made[2]?.['livenessProbe'], { httpGet: { path: '/', port: 80, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  assert.deepEqual(pod['status'], { phase: 'Pending', qosClass: 'Burstable' });
});

test('quality of service follows requests and limits', () => {
  const spec = (...resources: object[]) => ({ containers: resources.map((one) => ({ resources: one })) });
  assert.equal(qosClass(spec({})), 'BestEffort');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' } })), 'Guaranteed');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } })), 'Burstable');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' } }, {})), 'Burstable');
});

test('a workload has to select its own pods, for ever the same', async () => {
  const { client } = await testApiServer();
  await assert.rejects(client.create(Deployment, make(Deployment, 'd', { spec: { selector, template: template({ app: 'y' }) } })), refused(/spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/));
  await client.create(Deployment, make(Deployment, 'd', { spec: { selector, template: template({ app: 'x', more: 'y' }) } }));
  await assert.rejects(client.patch(Deployment, { namespace: 'default', name: 'd' }, 'merge', { spec: { selector: { matchLabels: { more: 'y' } } } }), refused(/spec\.selector: Invalid value: .*field is immutable/));
  await assert.rejects(client.patch(Deployment, { namespace: 'default', name: 'd' }, 'merge', { spec: { replicas: -1 } }), refused(/spec\.replicas: Invalid value: -1: must be greater than or equal to 0/));
});

test('a pod needs containers with names and images, and then changes little', async () => {
  const { client } = await testApiServer();
  await assert.rejects(client.create(Pod, make(Pod, 'p', { spec: { containers: [] } })), refused(/spec\.containers: Required value/));
  await assert.rejects(client.create(Pod, make(Pod, 'p', { spec: { containers: [{ name: 'c' }, { name: 'c', image: 'x' }] } })), refused(/image: Required value.*Duplicate value: "c"/));
  await client.create(Pod, make(Pod, 'p', { spec: { containers: [{ name: 'c', image: 'x' }] } }));
  const key = { namespace: 'default', name: 'p' };
  await client.patch(Pod, key, 'strategic', { spec: { containers: [{ name: 'c', image: 'y' }] } });
  await assert.rejects(client.patch(Pod, key, 'merge', { spec: { hostNetwork: true } }), refused(/spec: Forbidden: pod updates may not change fields other than/));
  await assert.rejects(client.patch(Pod, key, 'merge', { spec: { nodeName: 'n' } }), refused(/Forbidden/));
});

test('a pod is bound to its node once, and evicted', async () => {
  const { client } = await testApiServer();
  await client.create(Pod, make(Pod, 'p', { spec: { containers: [{ name: 'c', image: 'x' }] } }));
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n1' } };
  const path = '/api/v1/namespaces/default/pods/p';
  assert.equal((await client.raw('POST', `${path}/binding`, binding)).status, 201);
  assert.equal((await client.raw('POST', `${path}/binding`, binding)).status, 409);
  const bound = await client.get(Pod, { namespace: 'default', name: 'p' });
  assert.equal((bound!['spec'] as { nodeName: string }).nodeName, 'n1');
  assert.equal((bound!['status'] as { conditions: { type: string }[] }).conditions[0]?.type, 'PodScheduled');
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p', namespace: 'default' } };
  assert.equal((await client.raw('POST', `${path}/eviction`, eviction)).status, 201);
  const dying = await client.get(Pod, { namespace: 'default', name: 'p' });
  assert.equal(dying?.metadata.deletionGracePeriodSeconds, 30, 'a bound pod gets its grace');
  await client.delete(Pod, { namespace: 'default', name: 'p' }, { gracePeriodSeconds: 0 });
  assert.equal(await client.get(Pod, { namespace: 'default', name: 'p' }), undefined);
});

test('an eviction waits for the disruption budget', async () => {
  const { client } = await testApiServer();
  await client.create(Pod, { ...make(Pod, 'p', { spec: { containers: [{ name: 'c', image: 'x' }] } }), metadata: { namespace: 'default', name: 'p', labels: { app: 'x' } } });
  await client.patch(Pod, { namespace: 'default', name: 'p' }, 'merge', { status: { phase: 'Running' } }, { subresource: 'status' });
  const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
  await client.raw('POST', budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec: { minAvailable: 1, selector } });
  const evict = () => client.raw('POST', '/api/v1/namespaces/default/pods/p/eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } });
  const refusedNow = await evict();
  assert.deepEqual([refusedNow.status, (refusedNow.body as { details: { causes: { reason: string }[] } }).details.causes[0]?.reason], [429, 'DisruptionBudget']);
  await client.raw('PATCH', `${budgets}/b/status`, { status: { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 } }, { 'content-type': 'application/merge-patch+json' });
  assert.equal((await evict()).status, 201);
});

test('a Service gets an address of its own that stays and comes back when it goes', async () => {
  const { client } = await testApiServer();
  const specOf = (object: KubeObject) => object['spec'] as { clusterIP: string; clusterIPs: string[]; ports: { targetPort: number; nodePort?: number }[]; type: string };
  const one = await client.create(Service, make(Service, 'one', { spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } }));
  const two = await client.create(Service, make(Service, 'two', { spec: { type: 'NodePort', ports: [{ port: 80, targetPort: 8080 }] } }));
  assert.match(specOf(one).clusterIP, /^10\.96\.\d+\.\d+$/);
  assert.notEqual(specOf(one).clusterIP, specOf(two).clusterIP);
  assert.equal(specOf(one).ports[0]?.targetPort, 80);
  const nodePort = specOf(two).ports[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30000 && nodePort <= 32767);
  const kept = await client.update(Service, make(Service, 'one', { spec: { selector: { app: 'y' }, ports: [{ port: 80 }] } }));
  assert.equal(specOf(kept).clusterIP, specOf(one).clusterIP);
  await assert.rejects(client.patch(Service, { namespace: 'default', name: 'one' }, 'merge', { spec: { clusterIP: '10.96.9.9', clusterIPs: ['10.96.9.9'] } }), refused(/may not change once set/));
  await assert.rejects(client.create(Service, make(Service, 'three', { spec: { clusterIP: specOf(one).clusterIP, ports: [{ port: 80 }] } })), refused(/provided IP is already allocated/));
  await client.delete(Service, { namespace: 'default', name: 'one' });
  const three = await client.create(Service, make(Service, 'three', { spec: { clusterIP: specOf(one).clusterIP, ports: [{ port: 80 }] } }));
  assert.equal(specOf(three).clusterIP, specOf(one).clusterIP);
  const headless = await client.create(Service, make(Service, 'headless', { spec: { clusterIP: 'None', selector: { app: 'x' } } }));
  assert.deepEqual(specOf(headless).clusterIPs, ['None']);
});

test('a Secret encodes its texts, keeps its type and can be made immutable', async () => {
  const { client } = await testApiServer();
  const made = await client.create(Secret, make(Secret, 's', { stringData: { a: 'x' } }));
  assert.deepEqual([made['type'], made['data'], made['stringData']], ['Opaque', { a: 'eA==' }, undefined]);
  const key = { namespace: 'default', name: 's' };
  await assert.rejects(client.patch(Secret, key, 'merge', { type: 'other' }), refused(/type: Invalid value: "other": field is immutable/));
  await assert.rejects(client.create(Secret, make(Secret, 't', { type: 'kubernetes.io/tls', data: {} })), refused(/data\[tls\.crt\]: Required value/));
  await assert.rejects(client.create(Secret, make(Secret, 't', { data: { a: '%%%' } })), refused(/illegal base64 data/));
  await client.patch(Secret, key, 'merge', { immutable: true });
  await assert.rejects(client.patch(Secret, key, 'merge', { data: { a: 'eQ==' } }), refused(/field is immutable when `immutable` is set/));
});

test('a ConfigMap refuses keys that are no file names', async () => {
  const { client } = await testApiServer();
  await assert.rejects(client.create(ConfigMap, make(ConfigMap, 'c', { data: { 'a/b': 'x' } })), refused(/data\[a\/b\]: Invalid value: "a\/b": a valid config key must consist of/));
});

test('a job selects its pods by its own uid', async () => {
  const { client } = await testApiServer();
  const job = await client.create(Job, make(Job, 'j', { spec: { template: template({}, { restartPolicy: 'Never' }) } }));
  const spec = job['spec'] as { selector: object; template: { metadata: { labels: Record<string, string> } } };
  assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid } });
  assert.equal(spec.template.metadata.labels['batch.kubernetes.io/job-name'], 'j');
});

test('a node registers with its status', async () => {
  const { client } = await testApiServer();
  const node = await client.create(Node, make(Node, 'n', { status: { capacity: { cpu: '4' } } }));
  assert.deepEqual(node['status'], { capacity: { cpu: '4' }, allocatable: { cpu: '4' } });
});

test('the horizontal pod autoscaler is the same object in both versions', async () => {
  const { client } = await testApiServer();
  const path = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  await client.raw('POST', path('v1'), { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'h' }, spec: { scaleTargetRef: target, maxReplicas: 3, targetCPUUtilizationPercentage: 70 } });
  const v2 = (await client.raw('GET', `${path('v2')}/h`)).body as KubeObject;
  assert.deepEqual((v2['spec'] as { metrics: unknown }).metrics, [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }]);
  const v1 = (await client.raw('GET', `${path('v1')}/h`)).body as KubeObject;
  assert.equal((v1['spec'] as { targetCPUUtilizationPercentage: number }).targetCPUUtilizationPercentage, 70);
});

test('system namespaces are there and stay', async () => {
  const { client } = await testApiServer();
  const names = (await client.list(Namespace)).items.map((item) => item.metadata.name);
  assert.deepEqual(names, ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  await assert.rejects(client.delete(Namespace, { name: 'default' }), (error) => error instanceof ApiError && error.code === 403 && error.status.message === 'namespaces "default" is forbidden: this namespace may not be deleted');
});
