/** One node's kubelet: registers the Node, keeps its lease and status, and remembers what runs. Pods are moved by pod-controller.ts. */
import { Lease, Node } from '@keelson/api';
import { sameJson } from '@keelson/controller';
import { isNotFound, type KubeClient } from '@keelson/kube/client';
import { describeError, type Env } from '@keelson/std';
import type { NodeAttachment } from '../cluster-host.ts';
import { leaseRenewMs, newNode, nodeLabels, nodeLease, nodeStatus } from './node-object.ts';
import type { PodMemory } from './pod-step.ts';
import { ensureStaticPods } from './static-pods.ts';

/** Upstream reports an unchanged status every five minutes. */
const statusReportMs = 300_000;
const retryMs = 1_000;

export interface KubeletOptions {
  readonly env: Env;
  readonly client: KubeClient;
  /** Why the API cannot be used now; undefined when it can. */
  readonly apiTrouble: (attachment: NodeAttachment) => string | undefined;
  /** A range of pod addresses for a new node; asked one at a time. */
  readonly podCidr: () => Promise<string | undefined>;
  /** After every report to the API. */
  readonly onReport: () => Promise<void>;
  readonly onChange: () => void;
}

/** Memory of one pod, with the uid it is of: a new pod of the same name starts afresh. */
export interface RememberedPod {
  readonly uid: string;
  readonly memory: PodMemory;
  readonly address?: string;
  /** The last reason for which nothing could be started, so that it is told once. */
  readonly blocked?: string;
}

export interface Kubelet {
  readonly attachment: NodeAttachment;
  /** By `namespace/name`. */
  readonly pods: Map<string, RememberedPod>;
  readonly registered: boolean;
  readonly ready: boolean;
  readonly networkReady: boolean;
  readonly podCidr: string | undefined;
  readonly waitsFor: string;
  /** What the machine brings has changed. */
  update(attachment: NodeAttachment): void;
  /** A network plugin runs on the node; told once per boot. */
  networkIsReady(): void;
  /** The API is back, or something else changed: report now. */
  kick(): void;
  stop(): void;
}

/** Starts a kubelet; it goes on until `stop`. */
export function startKubelet(initial: NodeAttachment, options: KubeletOptions): Kubelet {
  const { env, client, onChange } = options;
  const log = env.log.with({ kubelet: initial.nodeName });
  const stopped = new AbortController();
  let attachment = initial;
  let node: Node | undefined;
  let registeredOnce = false;
  let networkReady = false;
  let reportedMs = -Infinity;
  let waitsFor = 'the Kubernetes API';
  let endPause: (() => void) | undefined;
  let kicked = false;

  const setWaitsFor = (text: string) => {
    if (waitsFor === text) return;
    waitsFor = text;
    onChange();
  };
  const wake = () => {
    kicked = true;
    endPause?.();
  };
  /** Waits, unless something came up since the last look. */
  const pause = (delayMs: number) =>
    new Promise<void>((resolve) => {
      if (kicked) return resolve();
      const end = () => {
        timer.cancel();
        endPause = undefined;
        resolve();
      };
      const timer = env.clock.after(delayMs, end);
      endPause = end;
    });

  const register = async (): Promise<Node> => {
    const existing = await client.get<Node>(Node, { name: attachment.nodeName });
    // A network that was up in this same boot, before this process was started anew, still is.
    const ready = existing?.status?.conditions?.find((condition) => condition.type === 'Ready')?.status === 'True';
    if (existing?.status?.nodeInfo?.bootID === attachment.bootId && ready) networkReady = true;
    if (!existing) {
      log.info('node registered', { node: attachment.nodeName });
      return client.create<Node>(Node, newNode(attachment, await options.podCidr()), { fieldManager: 'kubelet' });
    }
    const labels = nodeLabels(attachment);
    const asWanted = Object.entries(labels).every(([name, value]) => existing.metadata.labels?.[name] === value);
    const providerID = existing.spec?.providerID ?? attachment.providerId;
    if (asWanted && existing.spec?.providerID === providerID) return existing;
    const patch = { metadata: { labels, ...(attachment.annotations ? { annotations: attachment.annotations } : {}) }, spec: { ...(providerID ? { providerID } : {}) } };
    return client.patch<Node>(Node, { name: attachment.nodeName }, 'merge', patch, { fieldManager: 'kubelet' });
  };

  const renewLease = async (holder: Node, nowMs: number): Promise<void> => {
    const lease = nodeLease(holder, nowMs);
    const { name, namespace = '' } = lease.metadata;
    try {
      await client.patch<Lease>(Lease, { name, namespace }, 'merge', { metadata: { ownerReferences: lease.metadata.ownerReferences }, spec: lease.spec }, { fieldManager: 'kubelet' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create<Lease>(Lease, lease, { fieldManager: 'kubelet' });
    }
  };

  const report = async (): Promise<void> => {
    const now = env.clock.now();
    if (!node) node = await register();
    const current: Node | undefined = await client.get<Node>(Node, { name: attachment.nodeName });
    if (!current) {
      // As a real kubelet: it does not come back under the same start.
      node = registeredOnce ? undefined : node;
      setWaitsFor('its Node object, which was deleted: the kubelet registers again when it starts anew');
      return;
    }
    if (!registeredOnce) await ensureStaticPods(client, attachment, current);
    registeredOnce = true;
    const status = nodeStatus(attachment, current.status, networkReady, now);
    const unchanged = sameJson(withoutHeartbeats(status), withoutHeartbeats(current.status ?? {}));
    if (!unchanged || now - reportedMs >= statusReportMs) {
      const before = reportedMs;
      // Counts from now on: what the report wakes must find the kubelet at work.
      reportedMs = now;
      try {
        node = await client.patch<Node>(Node, { name: attachment.nodeName }, 'merge', { status }, { fieldManager: 'kubelet', subresource: 'status' });
      } catch (error) {
        reportedMs = before;
        throw error;
      }
      onChange();
    } else node = current;
    await renewLease(node, now);
    await options.onReport();
    setWaitsFor(networkReady ? '' : attachment.cni === 'none' ? 'a network plugin: the cluster has none of its own' : 'the network plugin to run on the node');
  };

  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      let delayMs = leaseRenewMs;
      kicked = false;
      const trouble = options.apiTrouble(attachment);
      try {
        if (trouble === undefined && (node || !registeredOnce)) await report();
        else if (trouble !== undefined) setWaitsFor(trouble);
      } catch (error) {
        if (stopped.signal.aborted) return;
        log.debug('node status not reported', { error: describeError(error) });
        setWaitsFor(`the Kubernetes API: ${describeError(error)}`);
        delayMs = retryMs;
      }
      // The loop is asked to stop while it reports, too.
      if (!stopped.signal.aborted) await pause(delayMs);
    }
  };
  void loop();

  return {
    get attachment() {
      return attachment;
    },
    pods: new Map(),
    get registered() {
      return node !== undefined && reportedMs > -Infinity;
    },
    get ready() {
      return node?.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
    },
    get networkReady() {
      return networkReady;
    },
    get podCidr() {
      return node?.spec?.podCIDR;
    },
    get waitsFor() {
      return waitsFor;
    },
    update(next) {
      attachment = next;
      node = undefined;
      registeredOnce = false;
      reportedMs = -Infinity;
      wake();
    },
    networkIsReady() {
      if (networkReady) return;
      networkReady = true;
      wake();
    },
    kick: wake,
    stop() {
      stopped.abort();
      wake();
    },
  };
}

function withoutHeartbeats(status: NonNullable<Node['status']>): unknown {
  return { ...status, conditions: (status.conditions ?? []).map(({ lastHeartbeatTime: _heartbeat, ...condition }) => condition) };
}
