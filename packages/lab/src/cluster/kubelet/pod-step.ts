/**
 * A pod on a running node, moved on in time (kubernetes/pkg/kubelet: syncPod, status manager, generateAPIPodStatus).
 * Pure: the pod, what the runtime remembers of it and the clock go in; status, memory, events and the next date come out.
 */
import type { Container, ContainerStatus, Pod, PodCondition, PodStatus } from '@keelson/api';
import { parseTime, rfc3339 } from '@keelson/std';
import { stepContainer, type ContainerOutcome, type ContainerState, type PodEvent } from './container-step.ts';
import type { PodTiming } from './timing.ts';

/** What the runtime remembers of a pod; lost with the process, and then read from the pod's status. */
export interface PodMemory {
  readonly containers: ReadonlyMap<string, { readonly state: ContainerState | undefined; readonly restarts: number; readonly lastState: ContainerStatus['lastState'] }>;
  readonly stoppingSinceMs?: number;
}

export interface PodInput {
  readonly pod: Pod;
  readonly memory: PodMemory | undefined;
  readonly nowMs: number;
  readonly timing: PodTiming;
  readonly bootId: string;
  readonly hostAddress: string;
  /** The pod's address once its sandbox is up. */
  readonly podAddress: string;
  readonly networkReady: boolean;
  /** Images that need no pull. */
  readonly images: ReadonlySet<string>;
  /** Why a volume cannot be mounted. */
  readonly volumeError: string | undefined;
  /** Why a container cannot be made, by its name. */
  readonly configErrors: ReadonlyMap<string, string>;
}

export interface PodOutcome {
  readonly status: PodStatus;
  readonly memory: PodMemory;
  readonly events: readonly PodEvent[];
  readonly nextMs?: number;
  /** Everything has stopped: the pod can be removed from the API. */
  readonly removed: boolean;
}

const emptyMemory: PodMemory = { containers: new Map() };

export function stepPod(input: PodInput): PodOutcome {
  const { pod } = input;
  if (pod.metadata.deletionTimestamp !== undefined) return stopPod(input);
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return { status: pod.status, memory: input.memory ?? emptyMemory, events: [], removed: false };
  const blocked = whyBlocked(input);
  if (blocked) return waiting(input, blocked);
  return run(input);
}

interface Blocked {
  readonly event: PodEvent;
}

function whyBlocked(input: PodInput): Blocked | undefined {
  if (!input.pod.spec?.hostNetwork && !input.networkReady) {
    const message = 'network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';
    return { event: { type: 'Warning', reason: 'NetworkNotReady', message } };
  }
  return input.volumeError === undefined ? undefined : { event: { type: 'Warning', reason: 'FailedMount', message: input.volumeError } };
}

/** Accepted, but no container can be started yet. */
function waiting(input: PodInput, { event }: Blocked): PodOutcome {
  const { pod } = input;
  const reason = (pod.spec?.initContainers?.length ?? 0) > 0 ? 'PodInitializing' : 'ContainerCreating';
  const blank = (container: Container): ContainerStatus => ({
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    ready: false,
    restartCount: pod.status?.containerStatuses?.find((one) => one.name === container.name)?.restartCount ?? 0,
    started: false,
    state: { waiting: { reason } },
    lastState: {},
  });
  const main = (pod.spec?.containers ?? []).map(blank);
  const init = (pod.spec?.initContainers ?? []).map(blank);
  return { status: podStatus(input, init, main, { sandbox: false, initialized: init.length === 0 }), memory: input.memory ?? emptyMemory, events: [event], removed: false };
}

function run(input: PodInput): PodOutcome {
  const { pod } = input;
  const memory = new Map(input.memory?.containers);
  const events: PodEvent[] = [];
  const dates: number[] = [];
  const step = (container: Container, known: readonly ContainerStatus[] | undefined, finite: boolean): ContainerOutcome => {
    const found = stepContainer({
      container,
      known: known?.find((one) => one.name === container.name),
      state: memory.get(container.name)?.state,
      restarts: memory.get(container.name)?.restarts ?? 0,
      lastState: memory.get(container.name)?.lastState,
      pod: podFacts(pod, container, known === pod.status?.initContainerStatuses),
      bootId: input.bootId,
      imageOnNode: input.images.has(container.image ?? ''),
      finite,
      configError: input.configErrors.get(container.name),
      timing: input.timing,
      nowMs: input.nowMs,
    });
    memory.set(container.name, { state: found.state, restarts: found.restarts, lastState: found.lastState });
    events.push(...found.events);
    if (found.nextMs !== undefined) dates.push(found.nextMs);
    return found;
  };

  const init: ContainerStatus[] = [];
  let initialized = true;
  for (const container of pod.spec?.initContainers ?? []) {
    if (!initialized) {
      init.push(notYet(container));
      continue;
    }
    const sidecar = container.restartPolicy === 'Always';
    const found = step(container, pod.status?.initContainerStatuses, !sidecar);
    init.push(sidecar ? found.status : { ...found.status, ready: found.exitCode === 0 });
    initialized = sidecar ? found.status.started === true : found.exitCode === 0;
  }
  const finite = (pod.spec?.restartPolicy ?? 'Always') !== 'Always';
  const main = (pod.spec?.containers ?? []).map((container) => (initialized ? step(container, pod.status?.containerStatuses, finite).status : notYet(container)));
  const status = podStatus(input, init, main, { sandbox: true, initialized });
  const next = Math.min(...dates);
  return { status, memory: { ...input.memory, containers: memory }, events, removed: false, ...(Number.isFinite(next) ? { nextMs: next } : {}) };
}

function podFacts(pod: Pod, container: Container, isInit: boolean) {
  const { uid = '', name, namespace = '' } = pod.metadata;
  const policy = pod.spec?.restartPolicy ?? 'Always';
  // An init container of a pod that always restarts is itself only repeated when it fails.
  const restartPolicy = isInit || pod.spec?.initContainers?.includes(container) ? (policy === 'Always' ? 'OnFailure' : policy) : policy;
  return { uid, name, namespace, restartPolicy, hasPullSecrets: (pod.spec?.imagePullSecrets?.length ?? 0) > 0 };
}

function notYet(container: Container): ContainerStatus {
  return { name: container.name, image: container.image ?? '', imageID: '', ready: false, restartCount: 0, started: false, state: { waiting: { reason: 'PodInitializing' } }, lastState: {} };
}

/** SIGTERM, the time it takes, and the end. */
function stopPod(input: PodInput): PodOutcome {
  const { pod, nowMs } = input;
  const known = pod.status ?? {};
  const memory: PodMemory = { ...(input.memory ?? emptyMemory), stoppingSinceMs: input.memory?.stoppingSinceMs ?? nowMs };
  const running = [...(known.containerStatuses ?? []), ...(known.initContainerStatuses ?? [])].some((one) => one.state?.running);
  const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  const end = memory.stoppingSinceMs! + Math.min(graceMs, input.timing.stopMs);
  if (running && nowMs < end) {
    const first = input.memory?.stoppingSinceMs === undefined;
    const events: PodEvent[] = first ? (known.containerStatuses ?? []).map((one) => ({ type: 'Normal', reason: 'Killing', message: `Stopping container ${one.name}` })) : [];
    return { status: known, memory, events, nextMs: end, removed: false };
  }
  return { status: known, memory, events: [], removed: true };
}

function podStatus(input: PodInput, init: readonly ContainerStatus[], main: readonly ContainerStatus[], at: { readonly sandbox: boolean; readonly initialized: boolean }): PodStatus {
  const { pod, nowMs, hostAddress } = input;
  const phase = phaseOf(pod, init, main, at.initialized);
  const address = at.sandbox ? (pod.spec?.hostNetwork ? hostAddress : input.podAddress) : undefined;
  return {
    ...pod.status,
    phase,
    startTime: pod.status?.startTime ?? rfc3339(nowMs),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...(address ? { podIP: address, podIPs: [{ ip: address }] } : {}),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
    containerStatuses: [...main],
    ...(init.length > 0 ? { initContainerStatuses: [...init] } : {}),
    conditions: podConditions(pod, main, init, phase, at, nowMs),
  };
}

function phaseOf(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[], initialized: boolean): string {
  if (!initialized) {
    const failed = init.some((one) => (one.state?.terminated?.exitCode ?? 0) !== 0);
    return failed && pod.spec?.restartPolicy === 'Never' ? 'Failed' : 'Pending';
  }
  const ends = main.map((one) => one.state?.terminated?.exitCode);
  if (main.length > 0 && ends.every((code) => code !== undefined)) return ends.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  const begun = main.some((one) => one.state?.running || one.state?.terminated || one.restartCount > 0 || one.state?.waiting?.reason === 'CrashLoopBackOff');
  // One container that cannot be started keeps the whole pod Pending.
  const never = main.some((one) => one.state?.waiting && one.restartCount === 0 && one.state.waiting.reason !== 'CrashLoopBackOff');
  return begun && !never ? 'Running' : 'Pending';
}

function podConditions(pod: Pod, main: readonly ContainerStatus[], init: readonly ContainerStatus[], phase: string, at: { readonly sandbox: boolean; readonly initialized: boolean }, nowMs: number): PodCondition[] {
  const known = pod.status?.conditions ?? [];
  const sidecars = init.filter((one) => pod.spec?.initContainers?.find((container) => container.name === one.name)?.restartPolicy === 'Always');
  const unready = [...sidecars, ...main].filter((one) => !one.ready).map((one) => one.name);
  const ended = phase === 'Succeeded' || phase === 'Failed';
  const reason = ended ? { reason: 'PodCompleted' } : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const gates = (pod.spec?.readinessGates ?? []).map((gate) => gate.conditionType);
  const closed = gates.filter((type) => known.find((condition) => condition.type === type)?.status !== 'True');
  const containersReady = unready.length === 0 && !ended;
  const uninitialized = init.filter((one) => !one.ready).map((one) => one.name);
  const set = (type: string, on: boolean, why: { reason?: string; message?: string } = {}): PodCondition => {
    const before = known.find((condition) => condition.type === type);
    const status = on ? 'True' : 'False';
    const kept = before?.status === status ? parseTime(before.lastTransitionTime ?? '') : Number.NaN;
    return { type, status, ...(on ? {} : why), lastTransitionTime: Number.isNaN(kept) ? rfc3339(nowMs) : before!.lastTransitionTime! };
  };
  const own = [
    set('PodReadyToStartContainers', at.sandbox && !ended),
    set('Initialized', at.initialized, { reason: 'ContainersNotInitialized', message: `containers with incomplete status: [${uninitialized.join(' ')}]` }),
    set('Ready', containersReady && closed.length === 0, containersReady ? { reason: 'ReadinessGatesNotReady', message: `the status of pod readiness gate "${closed[0] ?? ''}" is not "True", but False` } : reason),
    set('ContainersReady', containersReady, reason),
    set('PodScheduled', true),
  ];
  return [...own, ...known.filter((condition) => !own.some((one) => one.type === condition.type))];
}

/** Guaranteed when every container's limits of cpu and memory are its requests, BestEffort when there are none at all. */
export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const names = ['cpu', 'memory'] as const;
  const any = containers.some(({ resources }) => names.some((name) => resources?.limits?.[name] !== undefined || resources?.requests?.[name] !== undefined));
  if (!any) return 'BestEffort';
  const fixed = containers.every(({ resources }) => names.every((name) => resources?.limits?.[name] !== undefined && (resources.requests?.[name] ?? resources.limits[name]) === resources.limits[name]));
  return fixed ? 'Guaranteed' : 'Burstable';
}
