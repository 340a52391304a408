/**
 * Talos on a lab machine: boot, maintenance, configured boot, services and the sequences that end it (facts: Talos lifecycle).
 * A node booted from an ISO with talos.halt_if_installed=1 on a machine with an installed disk halts without an API and
 * restarts after 70 minutes, as Talos from 1.8 on does; without that argument the installed configuration runs.
 */
import { describeError, type GrpcServerOptions } from '@keelson/std';
import { generateKey } from '@keelson/std/x509';
import { rebootFromOs } from '../machine/firmware.ts';
import { systemDisk, updateDisk } from '../machine/disk.ts';
import type { Machine, OperatingSystem } from '../machine/machine.ts';
import { powerOffFromOs } from '../machine/power.ts';
import type { BootImage } from '../machine/state.ts';
import type { DetachReason } from '../cluster/cluster-host.ts';
import { ApiListener, answerPauseMs } from './api-listener.ts';
import { attachmentOf } from './attachment.ts';
import { readConfig, stableHostname, type NodeConfig } from './config.ts';
import { EventLog } from './events.ts';
import { apidRenewMs, issueServerCertificate, maintenanceTls } from './identity.ts';
import { finishSequence, sequenceMs } from './sequences.ts';
import { baseServices, isUp, newActorId, setService } from './services.ts';
import type { NodeState, SequenceName, SequenceOptions, Stage } from './state.ts';
import { machineStatus, stageNumber } from './status.ts';
import type { TalosWorld } from './world.ts';

const haltMs = 70 * 60_000;

export class TalosNode implements OperatingSystem {
  readonly machine: Machine;
  readonly world: TalosWorld;
  readonly log: EventLog;
  readonly api: ApiListener;
  readonly #watchers = new Set<() => void>();
  #attachedTo: string | undefined;
  #config: NodeConfig | undefined;
  #lastStatus = '';

  constructor(machine: Machine, world: TalosWorld, server: (node: TalosNode) => GrpcServerOptions) {
    this.machine = machine;
    this.world = world;
    this.log = new EventLog(machine);
    this.api = new ApiListener(machine, server(this));
  }

  /** What the system remembers; undefined while none runs. */
  get state(): NodeState | undefined {
    return this.machine.state.node;
  }

  /** The configuration in force; undefined in maintenance. */
  get config(): NodeConfig | undefined {
    const text = this.state?.config;
    if (text === undefined) return undefined;
    if (this.#config?.text !== text) this.#config = readConfig(text);
    return this.#config;
  }

  get hostname(): string {
    return this.config?.hostname ?? stableHostname(this.machine.spec.uuid);
  }

  get isControlPlane(): boolean {
    return this.config?.type === 'controlplane';
  }

  /** Calls `run` after every change of what the node would answer. */
  watch(run: () => void): () => void {
    this.#watchers.add(run);
    return () => void this.#watchers.delete(run);
  }

  start(image: BootImage): void {
    this.machine.state.node = {
      stage: 'booting', image, haltReason: '', config: undefined, trial: undefined, sequence: undefined, services: {}, events: [], nextEventNumber: 1, console: [],
    };
    this.log.say(`[talos] this is Talos ${image.version}, booted from ${image.from}`);
    const disk = systemDisk(this.machine);
    if (image.from === 'cd' && disk && haltsIfInstalled(image)) {
      this.halt('Talos is already installed to disk but booted from another media and talos.halt_if_installed kernel parameter is set. Please reboot from the disk.');
      return;
    }
    this.log.emit('SequenceEvent', { sequence: 'initialize', action: 'START' });
    if (disk?.content.stagedConfig !== undefined) updateDisk(this.machine, disk.name, { config: disk.content.stagedConfig, stagedConfig: undefined });
    const config = systemDisk(this.machine)?.content.config;
    this.log.emit('SequenceEvent', { sequence: 'initialize', action: 'STOP' });
    if (config === undefined) this.#enterMaintenance();
    else this.bootConfigured(config);
  }

  halt(reason: string): void {
    if (!this.state) return;
    this.state.haltReason = reason;
    this.log.say(`[talos] task haltIfInstalled (1/1): ${reason}`);
    this.setStage('halted');
    this.machine.arm('os:halt', haltMs);
  }

  #enterMaintenance(): void {
    setService(this.machine, this.log, 'machined', 'Running', 'Service started as goroutine');
    setService(this.machine, this.log, 'apid', 'Running', 'Started in maintenance mode');
    this.log.say('[talos] entering maintenance service: no machine configuration');
    this.setStage('maintenance');
    this.#serveApi();
  }

  /** Boots with a configuration: services start, and on a control plane etcd as far as it can. */
  bootConfigured(text: string): void {
    if (!this.state) return;
    this.state.config = text;
    this.setStage('booting');
    this.log.emit('SequenceEvent', { sequence: 'boot', action: 'START' });
    for (const id of baseServices) setService(this.machine, this.log, id, 'Running', 'Health check successful');
    setService(this.machine, this.log, 'apid', 'Preparing', 'Running pre state');
    setService(this.machine, this.log, 'kubelet', 'Waiting', this.isControlPlane ? 'Waiting for service "etcd" to be "up"' : 'Waiting for service "cri" to be "up"');
    if (this.isControlPlane) setService(this.machine, this.log, 'etcd', 'Waiting', 'Waiting for service "cri" to be "up"');
    this.machine.arm('os:services', this.machine.latency.servicesMs);
    this.changed();
  }

  setStage(stage: Stage): void {
    if (!this.state) return;
    this.state.stage = stage;
    this.changed();
  }

  /** Tells watchers, and emits a machine status event when the status is another. */
  changed(): void {
    if (!this.state) return;
    const status = machineStatus(this);
    const text = JSON.stringify(status);
    if (text !== this.#lastStatus) {
      this.#lastStatus = text;
      this.log.emit('MachineStatusEvent', { stage: stageNumber(status.stage), status: { ready: status.ready, unmetConditions: status.unmet } });
    }
    this.machine.changed();
    for (const run of [...this.#watchers]) run();
  }

  /** Something that the node only reports may have changed: its memory is written when its status did. */
  look(): void {
    if (!this.state) return;
    if (JSON.stringify(machineStatus(this)) !== this.#lastStatus) this.changed();
    else for (const run of [...this.#watchers]) run();
  }

  onTimer(name: string): void {
    switch (name) {
      case 'os:services':
        return this.#startServices();
      case 'os:etcd':
        return this.#etcdIsUp();
      case 'os:sequence':
        if (this.api.isAnswering) return this.machine.arm('os:sequence', answerPauseMs); // the caller hears that it began
        return finishSequence(this);
      case 'os:try':
        return this.#endTrial();
      case 'os:cert':
        return this.#serveApi();
      case 'os:halt':
        return rebootFromOs(this.machine, 'reset', 'talos');
      default:
        throw new Error(`machine ${this.machine.name} has no timer ${name}`);
    }
  }

  #startServices(): void {
    if (this.isControlPlane) setService(this.machine, this.log, 'trustd', 'Running', 'Health check successful');
    this.#serveApi();
    if (this.isControlPlane) this.#startEtcd();
    else this.#startKubelet();
    this.changed();
    this.world.poke(); // workers may wait for this trustd
  }

  #startEtcd(): void {
    const data = systemDisk(this.machine)?.content.etcd;
    if (data && !this.world.etcd.isMember(data)) {
      setService(this.machine, this.log, 'etcd', 'Failed', 'the member has been permanently removed from the cluster', false);
      return;
    }
    if (data) {
      setService(this.machine, this.log, 'etcd', 'Starting', 'Starting service');
      this.machine.arm('os:etcd', this.machine.latency.etcdMs);
      return;
    }
    setService(this.machine, this.log, 'etcd', 'Preparing', 'Running pre state', false);
    this.log.say('[talos] etcd is waiting to join the cluster, if this node is the first node in the cluster, please run `talosctl bootstrap`');
    this.#tryJoin();
  }

  /** Begins etcd with the data that is now on disk, after a bootstrap or a join. */
  etcdBegins(): void {
    setService(this.machine, this.log, 'etcd', 'Starting', 'Starting service');
    this.machine.arm('os:etcd', this.machine.latency.etcdMs);
    this.changed();
  }

  #tryJoin(): void {
    const { config } = this;
    const disk = systemDisk(this.machine);
    if (!config || !disk || disk.content.etcd || this.state?.services['etcd']?.state !== 'Preparing' || this.state.sequence || this.machine.hasFault('node-lost')) return;
    const data = this.world.etcd.join(this.etcdIdentity(config));
    if (!data) return;
    updateDisk(this.machine, disk.name, { etcd: data });
    this.machine.record('etcd-join', 'talos', `member ${data.memberId} of ${config.clusterName}`, { cluster: config.clusterId, etcd: data.clusterId, member: data.memberId });
    this.etcdBegins();
  }

  etcdIdentity(config: NodeConfig): Parameters<TalosWorld['etcd']['join']>[0] {
    return { clusterId: config.clusterId, caPem: config.etcdCa.cert, machine: this.machine.name, name: this.hostname, address: this.machine.nodeAddress };
  }

  #etcdIsUp(): void {
    const data = systemDisk(this.machine)?.content.etcd;
    if (!data || !this.world.etcd.isMember(data)) return this.#startEtcd();
    this.world.etcd.rename(data, this.hostname, this.machine.nodeAddress);
    this.#followEtcd();
    if (this.state?.services['kubelet']?.state !== 'Running') this.#startKubelet();
    this.changed();
  }

  /** etcd runs unless a fault says otherwise. */
  #followEtcd(): void {
    const data = systemDisk(this.machine)?.content.etcd;
    if (!data) return;
    const sick = this.machine.hasFault('etcd-unhealthy') || this.machine.hasFault('node-lost');
    setService(this.machine, this.log, 'etcd', 'Running', sick ? 'context deadline exceeded' : 'Health check successful', !sick);
    if (sick) this.world.etcd.stop(data);
    else this.world.etcd.start(data);
  }

  #startKubelet(): void {
    setService(this.machine, this.log, 'kubelet', 'Running', 'Health check successful');
    this.#attach();
    this.log.emit('SequenceEvent', { sequence: 'boot', action: 'STOP' });
    this.setStage('running');
  }

  #attach(): void {
    const { config } = this;
    if (!config || this.machine.hasFault('node-lost')) return;
    this.#attachedTo = config.clusterId;
    this.world.clusters?.attachNode(attachmentOf(this, config));
  }

  /** The configuration changed while the node runs. */
  reconfigured(): void {
    this.#serveApi();
    if (this.#attachedTo !== undefined) this.#attach();
    this.changed();
  }

  #detach(reason: DetachReason): void {
    if (this.#attachedTo === undefined) return;
    this.world.clusters?.detachNode({ clusterId: this.#attachedTo, machineId: this.machine.name, reason });
    this.#attachedTo = undefined;
  }

  /** Opens the API port as the stage asks, or closes it. */
  #serveApi(): void {
    void this.api.serve(this.#apiTls());
  }

  #apiTls(): Parameters<ApiListener['serve']>[0] {
    const { state, machine } = this;
    if (!state || machine.hasFault('talos-unreachable') || machine.hasFault('node-lost')) return undefined;
    const { config } = this;
    const nowMs = machine.env.clock.now();
    if (!config) return state.stage === 'maintenance' || state.stage === 'upgrading' ? maintenanceTls(machine.nodeAddress, nowMs) : undefined;
    const key = generateKey('ed25519');
    const names = { hostname: this.hostname, address: machine.nodeAddress, certSans: config.certSans };
    try {
      const cert = this.isControlPlane ? issueServerCertificate(config, key.publicKeyPem, names, nowMs) : this.world.askTrustd(config, key.publicKeyPem, names);
      if (cert === undefined) {
        setService(machine, this.log, 'apid', 'Waiting', 'Waiting for a certificate from trustd', false);
        return undefined;
      }
      setService(machine, this.log, 'apid', 'Running', 'Health check successful');
      machine.arm('os:cert', apidRenewMs);
      return { cert, key: key.privateKeyPem, clientCa: config.trusted, requireClientCert: true };
    } catch (error) {
      setService(machine, this.log, 'apid', 'Failed', describeError(error), false);
      return undefined;
    }
  }

  /** Something elsewhere changed: a control plane came up, etcd has a quorum. */
  poke(): void {
    const { state } = this;
    if (!state || !this.config) return;
    if (state.services['apid']?.state === 'Waiting') this.#serveApi();
    const data = systemDisk(this.machine)?.content.etcd;
    const etcd = state.services['etcd']?.state;
    if (etcd === 'Preparing') this.#tryJoin();
    if (etcd === 'Running' && data && !this.world.etcd.isMember(data)) this.#startEtcd();
    this.look();
  }

  /** Begins an exclusive sequence; the actor under which its events run. A second one fails, and says so in its events. */
  begin(name: SequenceName, options: SequenceOptions, by: string): string {
    const actorId = newActorId(this.machine);
    const { state } = this;
    if (!state) return actorId;
    this.log.emit('SequenceEvent', { sequence: name, action: 'START' }, actorId);
    if (state.sequence && name !== 'shutdown') {
      this.log.emit('SequenceEvent', { sequence: name, action: 'STOP', error: { code: 1, message: 'locked' } }, actorId);
      return actorId;
    }
    state.sequence = { name, actorId, by, options };
    this.log.say(`[talos] ${name} sequence: started`);
    const stages: Readonly<Record<SequenceName, Stage>> = { install: 'installing', reboot: 'rebooting', shutdown: 'shutting down', reset: 'resetting', upgrade: 'upgrading' };
    if (name !== 'install') this.#stopServices(name);
    this.setStage(stages[name]);
    this.machine.arm('os:sequence', sequenceMs(this, name));
    if (name === 'install') this.#serveApi();
    return actorId;
  }

  #stopServices(name: SequenceName): void {
    this.#detach(name === 'reset' ? 'reset' : name === 'shutdown' ? 'shutdown' : 'reboot');
    this.machine.disarm('os:services', 'os:etcd', 'os:try');
    const data = systemDisk(this.machine)?.content.etcd;
    if (data) this.world.etcd.stop(data);
    for (const id of ['kubelet', 'etcd', 'trustd']) {
      if (this.state?.services[id]) setService(this.machine, this.log, id, 'Finished', 'Service finished successfully', false);
    }
  }

  powerButton(then: 'halt' | 'reboot', by: string): boolean {
    if (!this.state || this.state.stage === 'halted') return false;
    this.begin(then === 'halt' ? 'shutdown' : 'reboot', then === 'halt' ? { then } : { then, powerCycle: true }, by);
    return true;
  }

  /** Ends the machine's run in an orderly way. */
  end(how: 'kexec' | 'reset' | 'off', by: string): void {
    if (how === 'off') powerOffFromOs(this.machine, by);
    else rebootFromOs(this.machine, how, by);
  }

  cut(): void {
    this.#detach('power-off');
    const data = systemDisk(this.machine)?.content.etcd;
    if (data) this.world.etcd.stop(data);
    this.log.end();
    this.#lastStatus = '';
    void this.api.cut();
    for (const run of [...this.#watchers]) run();
  }

  resume(): void {
    const { state } = this;
    if (!state || state.stage === 'halted') return;
    this.#lastStatus = JSON.stringify(machineStatus(this));
    if (!this.config || state.services['apid']?.state !== 'Preparing') this.#serveApi();
    if (state.services['etcd']?.state === 'Running') this.#followEtcd();
    if (isUp(state.services['kubelet'])) this.#attach();
  }

  faultsChanged(): void {
    if (!this.state) return;
    if (this.machine.hasFault('node-lost')) this.#detach('power-off');
    if (this.state.services['etcd']?.state === 'Running') this.#followEtcd();
    if (isUp(this.state.services['kubelet']) && this.#attachedTo === undefined) this.#attach();
    if (!this.config || this.state.services['apid']?.state !== 'Preparing') this.#serveApi();
    this.changed();
  }

  /** Activates a configuration without storing it; it falls back when the time is up. */
  try(text: string, forMs: number): void {
    if (!this.state) return;
    this.state.trial = { before: this.state.trial?.before ?? this.state.config ?? '', untilMs: this.machine.env.clock.now() + forMs };
    this.state.config = text;
    this.machine.arm('os:try', forMs);
    this.reconfigured();
  }

  /** A stored configuration takes the place of a trial. */
  settleTrial(): void {
    if (!this.state) return;
    this.state.trial = undefined;
    this.machine.disarm('os:try');
  }

  #endTrial(): void {
    if (!this.state?.trial) return;
    this.state.config = this.state.trial.before;
    this.state.trial = undefined;
    this.reconfigured();
  }

  async close(): Promise<void> {
    this.log.end();
    await this.api.cut();
  }
}

function haltsIfInstalled(image: BootImage): boolean {
  return image.kernelArgs.some((arg) => /^talos\.halt_if_installed=(1|true)$/.test(arg));
}
