import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@keelson/kube';
import { computedCell, shortDuration } from './printer-cells.ts';

const now = Date.UTC(2026, 0, 2);
const object = (fields: Record<string, unknown>, metadata: Record<string, unknown> = {}): KubeObject => ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'x', ...metadata }, ...fields });
const running = (ready = true) => ({ name: 'a', ready, restartCount: 0, state: { running: {} } });

const durations: readonly (readonly [seconds: number, text: string])[] = [
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [330, '5m30s'],
  [600, '10m'],
  [3 * 3600, '3h'],
  [3 * 3600 + 60, '3h1m'],
  [47 * 3600, '47h'],
  [50 * 3600, '2d2h'],
  [10 * 86400, '10d'],
  [3 * 365 * 86400, '3y'],
];
for (const [seconds, text] of durations) {
  test(`${seconds} seconds print as ${text}`, () => assert.equal(shortDuration(seconds * 1000), text));
}

const cells: readonly (readonly [name: string, cell: string, object: KubeObject, expected: string | number])[] = [
  ['a running pod', 'podStatus', object({ spec: { containers: [{ name: 'a' }] }, status: { phase: 'Running', containerStatuses: [running()] } }), 'Running'],
  ['a running pod counts ready containers', 'podReady', object({ spec: { containers: [{ name: 'a' }, { name: 'b' }] }, status: { containerStatuses: [running(), { ...running(false), name: 'b' }] } }), '1/2'],
  ['a pod whose image cannot be pulled', 'podStatus', object({ status: { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }] } }), 'ImagePullBackOff'],
  ['a pod in its first init container', 'podStatus', object({ spec: { initContainers: [{ name: 'i' }, { name: 'j' }] }, status: { phase: 'Pending', initContainerStatuses: [{ name: 'i', state: { running: {} } }] } }), 'Init:0/2'],
  ['a deleted pod', 'podStatus', object({ status: { phase: 'Running' } }, { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'Terminating'],
  ['a completed pod', 'podStatus', object({ status: { phase: 'Succeeded', containerStatuses: [{ state: { terminated: { exitCode: 0, reason: 'Completed' } } }] } }), 'Completed'],
  ['restarts with the last one', 'podRestarts', object({ status: { containerStatuses: [{ restartCount: 3, lastState: { terminated: { finishedAt: '2026-01-01T23:55:00Z' } } }] } }), '3 (5m ago)'],
  ['a deployment', 'readyOfReplicas', object({ spec: { replicas: 3 }, status: { readyReplicas: 2 } }), '2/3'],
  ['a selector', 'selector', object({ spec: { selector: { matchLabels: { b: '2', a: '1' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['x', 'y'] }] } } }), 'a=1,b=2,c in (x,y)'],
  ['a cordoned node', 'nodeStatus', object({ spec: { unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }), 'NotReady,SchedulingDisabled'],
  ['roles of a node', 'nodeRoles', object({}, { labels: { 'node-role.kubernetes.io/control-plane': '' } }), 'control-plane'],
  ['ports of a service', 'servicePorts', object({ spec: { ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }] } }), '80:30080/TCP,53/UDP'],
  ['a load balancer that waits', 'externalIp', object({ spec: { type: 'LoadBalancer' }, status: { loadBalancer: {} } }), '<pending>'],
  ['keys of a Secret', 'dataCount', object({ data: { a: '', b: '' } }), 2],
  ['more than three endpoints', 'sliceEndpoints', object({ endpoints: [1, 2, 3, 4, 5].map((i) => ({ addresses: [`10.0.0.${i}`] })) }), '10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...'],
  ['an object of no age', 'age', object({}), '<unknown>'],
  ['an age', 'age', object({}, { creationTimestamp: '2026-01-01T00:00:00Z' }), '24h'],
];
for (const [name, cell, value, expected] of cells) {
  test(`${name} prints as ${expected}`, () => assert.equal(computedCell(cell, value, now), expected));
}

test('an unknown cell has no value', () => assert.equal(computedCell('constructor', object({}), now), undefined));
