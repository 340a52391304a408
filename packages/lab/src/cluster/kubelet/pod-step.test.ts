import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '@keelson/api';
import { parseTime } from '@keelson/std';
import { qosClass, stepPod, type PodInput, type PodMemory, type PodOutcome } from './pod-step.ts';
import type { PodTiming } from './timing.ts';

const timing: PodTiming = { pullMs: 2000, readyMs: 1000, stopMs: 500, runMs: 3000, crashMs: 1000, probeDelays: true };
const startMs = parseTime('2026-01-01T00:00:00Z');

/** A kubelet with one pod: keeps status and memory between looks, as the API and the runtime do. */
class Node {
  pod: Pod;
  memory: PodMemory | undefined;
  nowMs = startMs;
  bootId = 'boot-1';
  input: Partial<PodInput> = {};
  readonly told: string[] = [];

  constructor(spec: Partial<PodSpec>) {
    this.pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', uid: 'u1' }, spec: { containers: [{ name: 'main', image: 'web:1' }], ...spec } };
  }

  look(): PodOutcome {
    const outcome = stepPod({
      pod: this.pod,
      memory: this.memory,
      nowMs: this.nowMs,
      timing,
      bootId: this.bootId,
      hostAddress: '10.9.0.1',
      podAddress: '10.244.0.2',
      networkReady: true,
      images: new Set(),
      volumeError: undefined,
      configErrors: new Map(),
      ...this.input,
    });
    this.pod = { ...this.pod, status: outcome.status };
    this.memory = outcome.memory;
    this.told.push(...outcome.events.map((event) => event.reason));
    return outcome;
  }

  /** Looks whenever the last look asked for it, up to the time. */
  pass(ms: number): PodOutcome {
    const until = this.nowMs + ms;
    let outcome = this.look();
    for (let round = 0; round < 1000 && outcome.nextMs !== undefined && outcome.nextMs <= until; round++) {
      assert.ok(outcome.nextMs >= this.nowMs, 'the next look lies ahead');
      this.nowMs = Math.max(outcome.nextMs, this.nowMs);
      outcome = this.look();
    }
    this.nowMs = until;
    return this.look();
  }

  get summary(): string {
    const { phase, containerStatuses } = this.pod.status ?? {};
    const states = (containerStatuses ?? []).map((status) => `${status.state?.waiting?.reason ?? (status.state?.running ? 'running' : `exit ${status.state?.terminated?.exitCode}`)}${status.ready ? '+' : ''}/${status.restartCount}`);
    return `${phase} ${states.join(' ')}`;
  }

  condition(type: string): string {
    return this.pod.status?.conditions?.find((one) => one.type === type)?.status ?? '';
  }
}

test('a pod is created, pulled, started and ready, each in its time', () => {
  const node = new Node({});
  const first = node.look();
  assert.equal(node.summary, 'Pending ContainerCreating/0');
  assert.equal(first.nextMs, startMs + 2000);
  node.pass(2000);
  assert.equal(node.summary, 'Running running/0');
  assert.equal(node.condition('Ready'), 'False');
  node.pass(1000);
  assert.equal(node.summary, 'Running running+/0');
  assert.deepEqual([node.pod.status?.podIP, node.pod.status?.hostIP, node.condition('Ready')], ['10.244.0.2', '10.9.0.1', 'True']);
  assert.deepEqual(node.told, ['Pulling', 'Pulled', 'Created', 'Started']);
  assert.equal(node.look().nextMs, undefined, 'nothing more to wait for');
});

test('an image on the node is not pulled, and a probe delays readiness', () => {
  const node = new Node({ containers: [{ name: 'main', image: 'web:1', readinessProbe: { initialDelaySeconds: 5 } }] });
  node.input = { images: new Set(['web:1']) };
  node.look();
  assert.equal(node.summary, 'Running running/0');
  node.pass(5000);
  assert.equal(node.summary, 'Running running/0');
  node.pass(1000);
  assert.equal(node.summary, 'Running running+/0');
});

test('a pull that fails goes into a back-off that doubles', () => {
  const node = new Node({ containers: [{ name: 'main', image: 'web:missing' }] });
  node.pass(2000);
  assert.equal(node.summary, 'Pending ErrImagePull/0');
  node.pass(1000);
  assert.equal(node.summary, 'Pending ImagePullBackOff/0');
  node.pass(120_000);
  assert.equal(node.told.filter((reason) => reason === 'Pulling').length, 4, 'after 10, 20 and 40 seconds');
  assert.equal(node.condition('Ready'), 'False');
});

test('a crashing container restarts with a back-off and remembers how it ended', () => {
  const node = new Node({ containers: [{ name: 'main', image: 'web:crash' }] });
  node.pass(3000);
  assert.equal(node.summary, 'Running CrashLoopBackOff/0');
  assert.equal(node.pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 1);
  node.pass(10_000);
  assert.equal(node.summary, 'Running running/1');
  node.pass(21_500);
  assert.equal(node.summary, 'Running running/2');
});

test('a container without end of a pod that never restarts fails the pod when it crashes', () => {
  const node = new Node({ restartPolicy: 'Never', containers: [{ name: 'main', image: 'web:crash' }] });
  node.pass(5000);
  assert.equal(node.summary, 'Failed exit 1/0');
  assert.equal(node.look().nextMs, undefined);
});

test('a finite pod succeeds', () => {
  const node = new Node({ restartPolicy: 'OnFailure' });
  node.pass(5000);
  assert.equal(node.summary, 'Succeeded exit 0/0');
  assert.equal(node.pod.status?.conditions?.find((one) => one.type === 'Ready')?.reason, 'PodCompleted');
});

test('init containers run one after the other, a sidecar goes on', () => {
  const node = new Node({ initContainers: [{ name: 'side', image: 's:1', restartPolicy: 'Always' }, { name: 'one', image: 'i:1' }, { name: 'two', image: 'i:2' }] });
  node.look();
  assert.equal(node.summary, 'Pending PodInitializing/0');
  node.pass(2000 + 2000 + 3000);
  assert.deepEqual(node.pod.status?.initContainerStatuses?.map((one) => [one.name, one.state?.running !== undefined, one.ready]), [['side', true, true], ['one', false, true], ['two', false, false]]);
  assert.equal(node.condition('Initialized'), 'False');
  node.pass(2000 + 3000 + 2000 + 1000);
  assert.equal(node.summary, 'Running running+/0');
  assert.equal(node.condition('Initialized'), 'True');
});

test('a pod waits for the network of its node, one on the host network does not', () => {
  const node = new Node({});
  node.input = { networkReady: false };
  node.pass(60_000);
  assert.equal(node.summary, 'Pending ContainerCreating/0');
  assert.deepEqual([...new Set(node.told)], ['NetworkNotReady']);
  const host = new Node({ hostNetwork: true });
  host.input = { networkReady: false };
  host.pass(3000);
  assert.equal(host.summary, 'Running running+/0');
  assert.equal(host.pod.status?.podIP, '10.9.0.1');
});

test('a volume that cannot be mounted holds the pod, a missing variable its container', () => {
  const node = new Node({});
  node.input = { volumeError: 'secret "s" not found' };
  node.look();
  assert.equal(node.summary, 'Pending ContainerCreating/0');
  node.input = { configErrors: new Map([['main', 'secret "s" not found']]) };
  node.look();
  assert.equal(node.summary, 'Pending CreateContainerConfigError/0');
  node.input = {};
  node.pass(3000);
  assert.equal(node.summary, 'Running running+/0');
});

test('a restart of this process keeps the container, a reboot of the node restarts it', () => {
  const node = new Node({});
  node.pass(3000);
  const id = node.pod.status?.containerStatuses?.[0]?.containerID;
  node.memory = undefined;
  node.nowMs += 1000;
  node.look();
  assert.equal(node.summary, 'Running running+/0');
  assert.equal(node.pod.status?.containerStatuses?.[0]?.containerID, id);
  node.memory = undefined;
  node.bootId = 'boot-2';
  node.look();
  assert.equal(node.summary, 'Running running/1');
  assert.equal(node.pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 255);
  assert.notEqual(node.pod.status?.containerStatuses?.[0]?.containerID, id);
});

test('a deleted pod stops within its grace and is then removed', () => {
  const node = new Node({});
  node.pass(3000);
  node.pod = { ...node.pod, metadata: { ...node.pod.metadata, deletionTimestamp: '2026-01-01T00:01:00Z', deletionGracePeriodSeconds: 30 } };
  const first = node.look();
  assert.deepEqual([first.removed, first.nextMs], [false, node.nowMs + 500]);
  node.nowMs += 500;
  assert.equal(node.look().removed, true);
  assert.equal(node.told.filter((reason) => reason === 'Killing').length, 1);
  node.pod.metadata.deletionGracePeriodSeconds = 0;
  node.memory = undefined;
  assert.equal(node.look().removed, true, 'without grace at once');
});

test('a readiness gate keeps a pod with ready containers from being Ready', () => {
  const node = new Node({ readinessGates: [{ conditionType: 'example.com/ok' }] });
  node.pass(3000);
  assert.deepEqual([node.condition('ContainersReady'), node.condition('Ready')], ['True', 'False']);
});

test('the class of service follows requests and limits', () => {
  const of = (resources: NonNullable<PodSpec['containers'][number]['resources']>) => qosClass(new Node({ containers: [{ name: 'a', resources }] }).pod);
  assert.equal(of({}), 'BestEffort');
  assert.equal(of({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(of({ limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed');
  assert.equal(of({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } }), 'Burstable');
});
