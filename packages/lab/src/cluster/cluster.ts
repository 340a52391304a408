/** One workload cluster: its API server, controllers and kubelets, for as long as machines of it run. */
import { certificateAuthenticator, createApiServer, type ApiServer } from '@keelson/apiserver';
import type { Store } from '@keelson/apiserver/store';
import { Node } from '@keelson/api';
import { runControllers } from '@keelson/controller';
import { createKubeClient, type KubeClient } from '@keelson/kube/client';
import { describeError, jsonResponse, TransportError, type Env, type HttpHandler, type Listener } from '@keelson/std';
import { parseCertificate } from '@keelson/std/x509';
import { workloadControllers } from '@keelson/workload';
import type { LatencyProfile } from '../latency.ts';
import { apiEndpoints, bootstrapObjects } from './bootstrap-objects.ts';
import type { ClusterState, DetachReason, NodeAttachment, NodeState } from './cluster-host.ts';
import { startKubelet, type Kubelet } from './kubelet/kubelet.ts';
import { kubeletPodController } from './kubelet/pod-controller.ts';
import { podTiming } from './kubelet/timing.ts';
import { createLeadership, whileLed, type Leadership } from './leadership.ts';
import { nextPodCidr } from './pod-network.ts';
import { defaultPodSubnet, defaultServiceSubnet, servingTls } from './serving-certificate.ts';

export interface ClusterOptions {
  readonly env: Env;
  readonly latency: LatencyProfile;
  readonly clusterId: string;
  readonly openStore: (clusterId: string) => Store | Promise<Store>;
  readonly onChange: () => void;
}

/** While an API server runs somewhere: what has to be ended with it. */
interface Serving {
  readonly api: ApiServer;
  readonly stop: AbortController;
  readonly stopped: Promise<void>;
}

/** After a leader's sudden end the others wait for its lease to run out. */
const leaseMs = 15_000;
const startRetryMs = 2_000;

export class LabCluster {
  readonly #options: ClusterOptions;
  readonly #env: Env;
  readonly #kubelets = new Map<string, Kubelet>();
  readonly #byNode = new Map<string, Kubelet>();
  readonly #listeners = new Map<string, { readonly listener: Listener; readonly kept: string }>();
  readonly #leadership: Leadership;
  readonly #client: KubeClient;
  #store: Store | undefined;
  #serving: Serving | undefined;
  #quorum = true;
  /** Why the API is not served as it should be; empty while it is. */
  #reason = 'no control-plane node runs';
  #name = '';
  #closed = false;
  /** Starting, stopping and listening happen one after the other. */
  #work: Promise<void> = Promise.resolve();
  #cidrs: Promise<unknown> = Promise.resolve();
  /** Ranges handed out that the store may not show yet. */
  readonly #givenCidrs = new Map<string, string>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#env = { ...options.env, log: options.env.log.with({ cluster: options.clusterId.slice(0, 8) }) };
    this.#leadership = createLeadership(this.#env, options.latency.servicesMs === 0 ? 0 : leaseMs);
    this.#client = createKubeClient({ transport: (request) => this.#local(request), baseUrl: 'https://kubernetes.default.svc' });
  }

  attach(attachment: NodeAttachment): void {
    const known = this.#kubelets.get(attachment.machineId);
    this.#name = attachment.clusterName;
    if (known) {
      this.#byNode.delete(known.attachment.nodeName);
      known.update(attachment);
      this.#byNode.set(attachment.nodeName, known);
    } else {
      const kubelet = startKubelet(attachment, {
        env: this.#env,
        client: this.#client,
        apiTrouble: (own) => this.#apiTrouble(own),
        podCidr: () => this.#nextPodCidr(attachment.nodeName),
        onReport: () => this.#heartbeat(attachment.machineId),
        onChange: this.#options.onChange,
      });
      this.#kubelets.set(attachment.machineId, kubelet);
      this.#byNode.set(attachment.nodeName, kubelet);
    }
    if (attachment.role === 'controlplane') this.#enqueue(() => this.#follow());
    this.#options.onChange();
  }

  detach(machineId: string, reason: DetachReason): void {
    const kubelet = this.#kubelets.get(machineId);
    if (!kubelet) return;
    kubelet.stop();
    this.#kubelets.delete(machineId);
    const { nodeName } = kubelet.attachment;
    // Another machine may run under the same name by now.
    if (this.#byNode.get(nodeName) === kubelet) this.#byNode.delete(nodeName);
    this.#leadership.lose(machineId, reason !== 'power-off');
    if (kubelet.attachment.role === 'controlplane') this.#enqueue(() => this.#follow());
    this.#options.onChange();
  }

  setQuorum(hasQuorum: boolean): void {
    if (this.#quorum === hasQuorum) return;
    this.#quorum = hasQuorum;
    if (hasQuorum) for (const kubelet of this.#kubelets.values()) kubelet.kick();
    this.#options.onChange();
  }

  nodeState(machineId: string): NodeState {
    const kubelet = this.#kubelets.get(machineId);
    if (!kubelet) return { registered: false, ready: false, apiServer: false, waitsFor: 'its kubelet to start' };
    const isServing = this.#serving !== undefined && this.#listeners.has(addressName(kubelet.attachment.address, kubelet.attachment.endpoint.port));
    const reachable = this.#apiTrouble(kubelet.attachment) === undefined;
    return { registered: kubelet.registered, ready: kubelet.ready && reachable, apiServer: isServing && this.#quorum, waitsFor: kubelet.waitsFor };
  }

  get state(): ClusterState {
    const attachments = [...this.#kubelets.values()].map((kubelet) => kubelet.attachment);
    const first = attachments.find((one) => one.role === 'controlplane') ?? attachments[0];
    const reason = this.#serving && !this.#quorum ? 'etcd has no quorum' : this.#reason;
    return {
      clusterId: this.#options.clusterId,
      clusterName: this.#name,
      endpoint: first?.endpoint ?? { host: '', port: 0 },
      serving: reason === '',
      reason,
      machineIds: attachments.map((one) => one.machineId),
    };
  }

  /** Ends everything; the store is closed and stays as it is. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const kubelet of this.#kubelets.values()) kubelet.stop();
    this.#kubelets.clear();
    this.#byNode.clear();
    this.#enqueue(() => this.#follow());
    await this.#work;
    await this.#store?.close();
    this.#store = undefined;
  }

  get hasMachines(): boolean {
    return this.#kubelets.size > 0;
  }

  /** Deletes every object and closes the store. No control plane may run; workers find no API any more. */
  async erase(): Promise<void> {
    await this.#work;
    if (this.#controlPlanes.length > 0) throw new Error(`cluster ${this.#options.clusterId} has ${this.#controlPlanes.length} running control planes, so its data cannot be erased`);
    const store = this.#store ?? (await this.#options.openStore(this.#options.clusterId));
    this.#store = undefined;
    await eraseStore(store);
    await store.close();
  }

  get #controlPlanes(): NodeAttachment[] {
    return [...this.#kubelets.values()].map((kubelet) => kubelet.attachment).filter((one) => one.role === 'controlplane');
  }

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      this.#reason = describeError(error);
      this.#env.log.warn('lab cluster cannot do what its machines ask', { error });
      this.#options.onChange();
      if (!this.#closed && this.#controlPlanes.length > 0) this.#env.clock.after(startRetryMs, () => this.#enqueue(() => this.#follow()));
    });
  }

  /** Brings API server, listeners and leader to what the attached control planes ask for. */
  async #follow(): Promise<void> {
    const controlPlanes = this.#controlPlanes;
    const first = controlPlanes[0];
    if (!first) {
      await this.#listen([]);
      this.#reason = 'no control-plane node runs';
      await this.#stopServing();
      this.#options.onChange();
      return;
    }
    this.#leadership.elect(controlPlanes);
    if (!this.#serving) await this.#startServing(first);
    await this.#listen(controlPlanes);
    await this.#writeBootstrap(controlPlanes);
    this.#reason = '';
    for (const kubelet of this.#kubelets.values()) kubelet.kick();
    this.#options.onChange();
  }

  async #startServing(first: NodeAttachment): Promise<void> {
    const { latency, openStore, clusterId } = this.#options;
    // kube-apiserver is one of the services that a control plane starts.
    if (latency.servicesMs > 0) await this.#env.clock.sleep(latency.servicesMs / 2);
    const store = (this.#store ??= await openStore(clusterId));
    const api = await createApiServer({
      env: this.#env,
      store,
      authenticator: certificateAuthenticator,
      // The management kinds are at home elsewhere.
      kinds: (resource) => resource.builtIn,
      serviceCidr: first.serviceSubnet ?? defaultServiceSubnet,
    });
    const stop = new AbortController();
    const controllers = [
      ...workloadControllers({ rootCaPem: first.ca.certificatePem }).map((controller) => whileLed(controller, this.#leadership, this.#env)),
      kubeletPodController({ kubelets: this.#byNode, timing: podTiming(latency) }),
    ];
    // The client answers from here on, so the informers find it.
    this.#serving = { api, stop, stopped: Promise.resolve() };
    const running = runControllers({ controllers, client: this.#client, env: this.#env, signal: stop.signal });
    this.#serving = { api, stop, stopped: running.stopped };
    this.#env.log.info('cluster API is served', { endpoint: `${first.endpoint.host}:${first.endpoint.port}` });
  }

  async #stopServing(): Promise<void> {
    const serving = this.#serving;
    if (!serving) return;
    serving.stop.abort(new Error('the last control-plane node has stopped'));
    this.#serving = undefined;
    await serving.api.close();
    await serving.stopped;
  }

  /** One listener per control-plane address, and one for the endpoint where that is an address of its own (a VIP). */
  async #listen(controlPlanes: readonly NodeAttachment[]): Promise<void> {
    const wanted = new Map<string, { readonly host: string; readonly port: number; readonly by: NodeAttachment }>();
    for (const one of controlPlanes) {
      wanted.set(addressName(one.address, one.endpoint.port), { host: one.address, port: one.endpoint.port, by: one });
      const endpoint = addressName(one.endpoint.host, one.endpoint.port);
      if (!wanted.has(endpoint)) wanted.set(endpoint, { ...one.endpoint, by: one });
    }
    for (const [name, { listener, kept }] of [...this.#listeners]) {
      const want = wanted.get(name);
      if (want && kept === keptBy(want.by)) continue;
      this.#listeners.delete(name);
      await listener.close();
    }
    for (const [name, { host, port, by }] of wanted) {
      if (this.#listeners.has(name)) continue;
      const listener = await this.#env.net.listenHttp({ host, port }, { handler: (request) => this.#remote(request), tls: servingTls(by, this.#env.clock.now()) });
      this.#listeners.set(name, { listener, kept: keptBy(by) });
    }
  }

  async #writeBootstrap(controlPlanes: readonly NodeAttachment[]): Promise<void> {
    const newest = controlPlanes.at(-1)!;
    const objects = [...bootstrapObjects(newest), ...apiEndpoints(controlPlanes.map((one) => one.address), newest.endpoint.port)];
    for (const { kind, object } of objects) await this.#client.apply(kind, object, { fieldManager: 'talos', force: true });
  }

  async #heartbeat(machineId: string): Promise<void> {
    if (this.#leadership.leader === machineId) await this.#leadership.renew(this.#client);
  }

  /** Requests of the cluster's own components. */
  readonly #local: HttpHandler = async (request) => {
    const serving = this.#serving;
    if (!serving) throw new TransportError('the Kubernetes API does not run', 'ECONNREFUSED');
    return this.#quorum ? serving.api.localHandler(request) : noQuorum();
  };

  readonly #remote: HttpHandler = async (request) => {
    const serving = this.#serving;
    if (!serving) throw new TransportError('the Kubernetes API does not run', 'ECONNRESET');
    return this.#quorum ? serving.api.handler(request) : noQuorum();
  };

  #apiTrouble({ ca }: NodeAttachment): string | undefined {
    if (!this.#serving) return `the Kubernetes API: ${this.#reason || 'it is starting'}`;
    if (!this.#quorum) return 'the Kubernetes API: etcd has no quorum';
    const served = this.#controlPlanes[0]?.ca.certificatePem;
    const trusted = served === undefined || served === ca.certificatePem || parseCertificate(served).sha256Fingerprint === parseCertificate(ca.certificatePem).sha256Fingerprint;
    return trusted ? undefined : 'the Kubernetes API: x509: certificate signed by unknown authority';
  }

  /** One at a time, so that two new nodes do not get the same range. */
  #nextPodCidr(nodeName: string): Promise<string | undefined> {
    const next = this.#cidrs.then(async () => {
      const { items } = await this.#client.list<Node>(Node);
      for (const node of items) if (node.spec?.podCIDR) this.#givenCidrs.delete(node.metadata.name);
      const taken = [...items.flatMap((node) => node.spec?.podCIDR ?? []), ...this.#givenCidrs.values()];
      const cidr = nextPodCidr(this.#controlPlanes[0]?.podSubnet ?? defaultPodSubnet, taken);
      if (cidr !== undefined) this.#givenCidrs.set(nodeName, cidr);
      return cidr;
    });
    this.#cidrs = next.catch(() => {});
    return next;
  }
}

function addressName(host: string, port: number): string {
  return `${host}:${port}`;
}

/** What a listener's certificate depends on. */
function keptBy({ machineId, ca, certSans = [], endpoint }: NodeAttachment): string {
  return JSON.stringify([machineId, ca.certificatePem, certSans, endpoint]);
}

function noQuorum() {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'etcdserver: no leader', reason: 'InternalError', code: 500 };
  return jsonResponse(500, status);
}

/** Deletes everything in bounded steps. */
async function eraseStore(store: Store): Promise<void> {
  for (;;) {
    const { entries } = store.list({ prefix: '', limit: 500 });
    if (entries.length === 0) return;
    await store.commit(entries.map(({ key }) => ({ type: 'delete', key })));
  }
}
