import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTime, rfc3339 } from '@keelson/std';
import type { Node, Pod, Taint, Toleration } from '@keelson/api';
import { evictionTime } from './eviction.ts';
import { lostConditions, taintsFor } from './health.ts';

const since = '2026-01-01T00:00:00Z';
const sinceMs = parseTime(since);
const node = (taints: Taint[]): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { taints } });
const pod = (tolerations?: Toleration[]): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [], ...(tolerations ? { tolerations } : {}) } });
const unreachable: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: since };
const own: Taint = { key: 'mine', effect: 'NoExecute', timeAdded: since };

const cases: readonly (readonly [name: string, taints: Taint[], tolerations: Toleration[] | undefined, seconds: number | undefined])[] = [
  ['no taint', [], undefined, undefined],
  ['a taint that only keeps new pods off', [{ ...unreachable, effect: 'NoSchedule' }], undefined, undefined],
  ['unreachable, no toleration', [unreachable], undefined, 300],
  ['a taint of the user, no toleration', [own], undefined, 0],
  ['tolerated for a minute', [unreachable], [{ key: unreachable.key, operator: 'Exists', tolerationSeconds: 60 }], 60],
  ['tolerated for ever', [unreachable], [{ operator: 'Exists' }], undefined],
  ['the shortest toleration counts', [unreachable], [{ operator: 'Exists', tolerationSeconds: 90 }, { key: unreachable.key, operator: 'Exists', tolerationSeconds: 30 }], 30],
  ['the most urgent taint counts', [unreachable, own], undefined, 0],
];
for (const [name, taints, tolerations, seconds] of cases) {
  test(`${name}: ${seconds === undefined ? 'stays' : `leaves after ${seconds} s`}`, () => {
    assert.equal(evictionTime(pod(tolerations), node(taints)), seconds === undefined ? undefined : sinceMs + seconds * 1000);
  });
}

test('taints follow the state of the node and leave those of others alone', () => {
  const other: Taint = { key: 'mine', effect: 'NoSchedule' };
  const sick: Node = { ...node([other, unreachable]), status: { conditions: [{ type: 'Ready', status: 'Unknown' }, { type: 'DiskPressure', status: 'True' }] } };
  const taints = taintsFor(sick, rfc3339(sinceMs + 1000));
  assert.deepEqual(taints.map((taint) => `${taint.key}:${taint.effect}`), ['mine:NoSchedule', 'node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/disk-pressure:NoSchedule']);
  assert.equal(taints[2]?.timeAdded, since, 'the time of a taint that stays does not move');
  const well: Node = { ...node(taints), spec: { taints, unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'True' }] } };
  assert.deepEqual(taintsFor(well, since).map((taint) => taint.key), ['mine', 'node.kubernetes.io/unschedulable']);
});

test('a lost node is Unknown in every condition, and stays so unchanged', () => {
  const lost = lostConditions(node([]), since);
  assert.deepEqual(lost.map((condition) => `${condition.type}=${condition.status}`), ['Ready=Unknown', 'MemoryPressure=Unknown', 'DiskPressure=Unknown', 'PIDPressure=Unknown']);
  assert.deepEqual(lostConditions({ ...node([]), status: { conditions: lost } }, '2027-01-01T00:00:00Z'), lost);
});
