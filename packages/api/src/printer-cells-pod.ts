/** Ready, Status and Restarts of a Pod, after printPod in kubernetes/pkg/printers/internalversion. */
import { parseTime } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import { shortDuration } from './short-duration.ts';

interface State {
  readonly waiting?: { readonly reason?: string };
  readonly running?: object;
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly signal?: number; readonly finishedAt?: string };
}

interface ContainerState {
  readonly name?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly started?: boolean;
  readonly state?: State;
  readonly lastState?: State;
}

interface PodFields {
  readonly spec?: {
    readonly containers?: readonly { readonly name: string }[];
    readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
    readonly containerStatuses?: readonly ContainerState[];
    readonly initContainerStatuses?: readonly ContainerState[];
  };
}

const isSidecar = (pod: PodFields, name: string | undefined) => pod.spec?.initContainers?.find((one) => one.name === name)?.restartPolicy === 'Always';

// A Pod in the API has this shape by its schema; every field is optional here all the same.
const asPod = (object: KubeObject) => object as PodFields;

/** `ready/total` over containers and sidecars. */
export function podReadyCell(object: KubeObject): string {
  const pod = asPod(object);
  const sidecars = pod.spec?.initContainers?.filter((one) => one.restartPolicy === 'Always').length ?? 0;
  const total = (pod.spec?.containers?.length ?? 0) + sidecars;
  const ready = countedStatuses(pod).filter((status) => status.ready && status.state?.running !== undefined).length;
  return `${ready}/${total}`;
}

/** Restarts over containers and sidecars, with the age of the last one: `3 (5m ago)`. */
export function podRestartsCell(object: KubeObject, nowMs: number): string {
  const pod = asPod(object);
  const initRunning = initReason(pod) !== undefined;
  const statuses = initRunning ? (pod.status?.initContainerStatuses ?? []) : countedStatuses(pod);
  const restarts = statuses.reduce((sum, status) => sum + (status.restartCount ?? 0), 0);
  const ends = statuses.map((status) => parseTime(status.lastState?.terminated?.finishedAt ?? '')).filter((time) => !Number.isNaN(time));
  return restarts === 0 || ends.length === 0 ? String(restarts) : `${restarts} (${shortDuration(nowMs - Math.max(...ends))} ago)`;
}

/** One word for where the pod is: phase, or the reason that says more. */
export function podStatusCell(object: KubeObject): string {
  const pod = asPod(object);
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  let reason = pod.status?.reason || pod.status?.phase || 'Unknown';
  if (scheduled?.reason === 'SchedulingGated') reason = 'SchedulingGated';
  const initializing = initReason(pod);
  if (initializing !== undefined) reason = initializing;
  else reason = containersReason(pod, reason);
  if (object.metadata.deletionTimestamp !== undefined) {
    return pod.status?.reason === 'NodeLost' ? 'Unknown' : ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '') ? reason : 'Terminating';
  }
  return reason;
}

function countedStatuses(pod: PodFields): readonly ContainerState[] {
  const sidecars = (pod.status?.initContainerStatuses ?? []).filter((status) => isSidecar(pod, status.name));
  return [...sidecars, ...(pod.status?.containerStatuses ?? [])];
}

/** What the first unfinished init container does; undefined when all are through. */
function initReason(pod: PodFields): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [index, { name, state, started }] of statuses.entries()) {
    if (state?.terminated?.exitCode === 0) continue;
    if (isSidecar(pod, name) && started) continue;
    if (state?.terminated) return `Init:${terminatedReason(state.terminated)}`;
    const waiting = state?.waiting?.reason;
    if (waiting && waiting !== 'PodInitializing') return `Init:${waiting}`;
    return `Init:${index}/${pod.spec?.initContainers?.length ?? statuses.length}`;
  }
  return undefined;
}

function containersReason(pod: PodFields, phase: string): string {
  let reason = phase;
  let running = false;
  for (const { ready, state } of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    if (state?.waiting?.reason) reason = state.waiting.reason;
    else if (state?.terminated) reason = terminatedReason(state.terminated);
    else if (ready && state?.running) running = true;
  }
  if (reason !== 'Completed' || !running) return reason;
  const podReady = pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return podReady ? 'Running' : 'NotReady';
}

function terminatedReason({ reason, signal, exitCode }: NonNullable<State['terminated']>): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);
}
