/**
 * One container of a pod, moved on in time: pull, start, ready, end, back-off, start again
 * (kubernetes/pkg/kubelet/kuberuntime and images). Pure: the state of the container goes in and comes out.
 */
import { createHash } from 'node:crypto';
import type { Container, ContainerStatus } from '@keelson/api';
import { parseTime, rfc3339 } from '@keelson/std';
import { behaviourOf, fullImageName, parseImage, pullFailure } from './image-rules.ts';
import { backoffMs, type PodTiming } from './timing.ts';

/** What the runtime knows of a container; the API's times are only whole seconds. */
export type ContainerState =
  | { readonly phase: 'pulling'; readonly sinceMs: number; readonly failures: number }
  | { readonly phase: 'pull-failed'; readonly sinceMs: number; readonly failures: number; readonly why: string }
  | { readonly phase: 'running'; readonly sinceMs: number }
  | { readonly phase: 'ended'; readonly startedMs: number; readonly sinceMs: number; readonly exitCode: number; readonly reason: string };

export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface ContainerInput {
  readonly container: Container;
  /** What the API says; from before a restart of this process, when there is no `state`. */
  readonly known: ContainerStatus | undefined;
  readonly state: ContainerState | undefined;
  readonly restarts: number;
  readonly lastState: ContainerStatus['lastState'];
  readonly pod: { readonly uid: string; readonly name: string; readonly namespace: string; readonly restartPolicy: string; readonly hasPullSecrets: boolean };
  readonly bootId: string;
  readonly imageOnNode: boolean;
  /** Ends by itself with success. */
  readonly finite: boolean;
  readonly configError: string | undefined;
  readonly timing: PodTiming;
  readonly nowMs: number;
}

export interface ContainerOutcome {
  readonly status: ContainerStatus;
  readonly state: ContainerState | undefined;
  readonly restarts: number;
  readonly lastState: ContainerStatus['lastState'];
  /** Ended for good. */
  readonly exitCode?: number;
  readonly events: readonly PodEvent[];
  /** When to look again, in milliseconds since the epoch. */
  readonly nextMs?: number;
}

/** The id that the container has in this boot of the node: after another boot a running one is known to be lost. */
export function containerId(bootId: string, podUid: string, name: string, restarts: number): string {
  return `containerd://${createHash('sha256').update(`${bootId}/${podUid}/${name}/${restarts}`).digest('hex')}`;
}

export function stepContainer(input: ContainerInput): ContainerOutcome {
  const events: PodEvent[] = [];
  let current = recall(input);
  if (input.configError !== undefined && current.state?.phase !== 'running' && current.state?.phase !== 'ended') {
    return outcome(input, current, events, { waiting: { reason: 'CreateContainerConfigError', message: input.configError } });
  }
  // A few transitions can be due at once; none of them takes longer than one round of the cycle.
  for (let round = 0; round < 4; round++) {
    const next = transition(input, current, events);
    if (!next) break;
    current = next;
  }
  return describe(input, current, events);
}

interface Current {
  readonly state: ContainerState | undefined;
  readonly restarts: number;
  readonly lastState: ContainerStatus['lastState'];
}

/** The state at hand, or the one that the API's status tells after this process was started anew. */
function recall(input: ContainerInput): Current {
  const { known, state, nowMs, bootId, pod, container } = input;
  if (state) return { state, restarts: input.restarts, lastState: input.lastState };
  const restarts = known?.restartCount ?? 0;
  const lastState = known?.lastState;
  const running = known?.state?.running;
  if (running) {
    const startedMs = parseTime(running.startedAt ?? '') || nowMs;
    if (known.containerID === containerId(bootId, pod.uid, container.name, restarts)) return { state: { phase: 'running', sinceMs: startedMs }, restarts, lastState };
    // The node has booted since: the container went with the power.
    return { state: { phase: 'ended', startedMs, sinceMs: nowMs, exitCode: 255, reason: 'Unknown' }, restarts, lastState };
  }
  const ended = known?.state?.terminated ?? (known?.state?.waiting?.reason === 'CrashLoopBackOff' ? lastState?.terminated : undefined);
  if (ended) {
    const sinceMs = parseTime(ended.finishedAt ?? '') || nowMs;
    return { state: { phase: 'ended', startedMs: parseTime(ended.startedAt ?? '') || sinceMs, sinceMs, exitCode: ended.exitCode, reason: ended.reason ?? 'Error' }, restarts, lastState };
  }
  return { state: undefined, restarts, lastState };
}

function transition(input: ContainerInput, current: Current, events: PodEvent[]): Current | undefined {
  const { nowMs, timing, container } = input;
  const { state } = current;
  const image = container.image ?? '';
  switch (state?.phase) {
    case undefined:
      if (!input.imageOnNode) events.push({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` });
      return { ...current, state: { phase: 'pulling', sinceMs: nowMs, failures: 0 } };
    case 'pulling': {
      if (!input.imageOnNode && nowMs < state.sinceMs + timing.pullMs) return undefined;
      const why = input.imageOnNode ? undefined : pullFailure(image, input.pod.hasPullSecrets);
      if (why !== undefined) {
        events.push({ type: 'Warning', reason: 'Failed', message: `Failed to pull image "${image}": ${why}` }, { type: 'Warning', reason: 'Failed', message: 'Error: ErrImagePull' });
        return { ...current, state: { phase: 'pull-failed', sinceMs: nowMs, failures: state.failures + 1, why } };
      }
      events.push({ type: 'Normal', reason: 'Pulled', message: input.imageOnNode ? `Container image "${image}" already present on machine` : `Successfully pulled image "${image}" in ${timing.pullMs}ms` });
      return start(current, nowMs, container.name, events);
    }
    case 'pull-failed':
      if (nowMs < state.sinceMs + backoffMs(state.failures)) return undefined;
      events.push({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` });
      return { ...current, state: { phase: 'pulling', sinceMs: nowMs, failures: state.failures } };
    case 'running': {
      const end = endOf(input, state.sinceMs);
      if (!end || nowMs < end.atMs) return undefined;
      return { ...current, state: { phase: 'ended', startedMs: state.sinceMs, sinceMs: end.atMs, exitCode: end.exitCode, reason: end.exitCode === 0 ? 'Completed' : 'Error' } };
    }
    case 'ended': {
      if (!restartsAfter(input, state.exitCode)) return undefined;
      // What a reboot took is started at once; a crash waits for its back-off.
      const waitMs = state.reason === 'Unknown' ? 0 : backoffMs(current.restarts + 1);
      if (nowMs < state.sinceMs + waitMs) return undefined;
      const lastState = { terminated: terminated(input, state, current.restarts) };
      return start({ state, restarts: current.restarts + 1, lastState }, nowMs, container.name, events);
    }
  }
}

function start(current: Current, nowMs: number, name: string, events: PodEvent[]): Current {
  events.push({ type: 'Normal', reason: 'Created', message: `Created container: ${name}` }, { type: 'Normal', reason: 'Started', message: `Started container ${name}` });
  return { ...current, state: { phase: 'running', sinceMs: nowMs } };
}

function endOf({ container, finite, timing }: ContainerInput, startedMs: number): { atMs: number; exitCode: number } | undefined {
  if (behaviourOf(container.image ?? '') === 'crashes') return { atMs: startedMs + timing.crashMs, exitCode: 1 };
  return finite ? { atMs: startedMs + timing.runMs, exitCode: 0 } : undefined;
}

function restartsAfter({ pod, container }: ContainerInput, exitCode: number): boolean {
  if (container.restartPolicy === 'Always' || pod.restartPolicy === 'Always') return true;
  return pod.restartPolicy === 'OnFailure' && exitCode !== 0;
}

function readyAt({ container, timing }: ContainerInput, startedMs: number): number | undefined {
  if (behaviourOf(container.image ?? '') === 'never-ready') return undefined;
  const delay = timing.probeDelays ? (container.readinessProbe?.initialDelaySeconds ?? 0) * 1000 : 0;
  return startedMs + timing.readyMs + delay;
}

function terminated(input: ContainerInput, state: Extract<ContainerState, { phase: 'ended' }>, restarts: number) {
  return {
    exitCode: state.exitCode,
    reason: state.reason,
    startedAt: rfc3339(state.startedMs),
    finishedAt: rfc3339(state.sinceMs),
    containerID: containerId(input.bootId, input.pod.uid, input.container.name, restarts),
  };
}

function describe(input: ContainerInput, current: Current, events: readonly PodEvent[]): ContainerOutcome {
  const { state } = current;
  const { nowMs, container, pod, timing } = input;
  switch (state?.phase) {
    case undefined:
    case 'pulling':
      return outcome(input, current, events, { waiting: { reason: 'ContainerCreating' } }, state ? state.sinceMs + timing.pullMs : nowMs);
    case 'pull-failed': {
      const next = state.sinceMs + backoffMs(state.failures);
      // The error itself shows for a second, then the wait for the next try.
      if (nowMs < state.sinceMs + 1000) return outcome(input, current, events, { waiting: { reason: 'ErrImagePull', message: state.why } }, state.sinceMs + 1000);
      return outcome(input, current, events, { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${container.image ?? ''}": ErrImagePull: ${state.why}` } }, next);
    }
    case 'running': {
      const ready = readyAt(input, state.sinceMs);
      const end = endOf(input, state.sinceMs)?.atMs;
      const isReady = ready !== undefined && nowMs >= ready;
      const next = Math.min(isReady || ready === undefined ? Infinity : ready, end ?? Infinity);
      return outcome(input, current, events, { running: { startedAt: rfc3339(state.sinceMs) } }, Number.isFinite(next) ? next : undefined, isReady);
    }
    case 'ended': {
      const end = terminated(input, state, current.restarts);
      if (!restartsAfter(input, state.exitCode)) return { ...outcome(input, current, events, { terminated: end }), exitCode: state.exitCode };
      const wait = backoffMs(current.restarts + 1);
      const message = `back-off ${wait / 1000}s restarting failed container=${container.name} pod=${pod.name}_${pod.namespace}(${pod.uid})`;
      return outcome(input, { ...current, lastState: { terminated: end } }, events, { waiting: { reason: 'CrashLoopBackOff', message } }, state.sinceMs + wait);
    }
  }
}

function outcome(input: ContainerInput, current: Current, events: readonly PodEvent[], state: ContainerStatus['state'], nextMs?: number, ready = false): ContainerOutcome {
  const { container, pod, bootId } = input;
  const image = container.image ?? '';
  const reference = parseImage(image);
  const exists = state?.running !== undefined || state?.terminated !== undefined;
  const full = reference ? fullImageName(reference) : image;
  const status: ContainerStatus = {
    name: container.name,
    image: exists ? full : image,
    imageID: exists ? `${reference ? `${reference.registry}/${reference.repository}` : image}@sha256:${createHash('sha256').update(full).digest('hex')}` : '',
    ...(exists ? { containerID: containerId(bootId, pod.uid, container.name, current.restarts) } : {}),
    restartCount: current.restarts,
    ready,
    started: state?.running !== undefined,
    state: state ?? {},
    lastState: current.lastState ?? {},
  };
  return { status, state: current.state, restarts: current.restarts, lastState: current.lastState, events, ...(nextMs === undefined ? {} : { nextMs }) };
}
