/**
 * etcd of the lab's clusters: membership as etcd's Raft keeps it (add as learner, promote, remove, quorum of voters),
 * without the key space, which the cluster half holds. A wiped disk does not leave: its member stays until it is removed.
 */
import { createHash } from 'node:crypto';
import { uuid, type Env } from '@keelson/std';
import type { Machine } from '../machine/machine.ts';
import { systemDisk } from '../machine/disk.ts';
import type { EtcdData } from '../machine/state.ts';
import { readConfig } from './config.ts';
import { readState, stateFile, type StateFile } from '../state-file.ts';

export interface EtcdMember {
  /** 16 hex digits. */
  readonly id: string;
  readonly machine: string;
  name: string;
  address: string;
  learner: boolean;
  /** It has run: its data directory is known to be on disk. */
  confirmed: boolean;
}

export interface EtcdCluster {
  readonly id: string;
  /** cluster.id of the machine configuration. */
  readonly clusterId: string;
  /** Clusters of one authority can be joined; SHA-256 of the CA certificate. */
  readonly caHash: string;
  readonly members: EtcdMember[];
  readonly removed: string[];
  leader: string | undefined;
  term: number;
  revision: number;
}

export interface EtcdIdentity {
  readonly clusterId: string;
  readonly caPem: string;
  readonly machine: string;
  readonly name: string;
  readonly address: string;
}

export class EtcdWorld {
  readonly #env: Env;
  readonly #path: string;
  readonly #file: StateFile;
  readonly #running = new Set<string>();
  readonly #watchers = new Set<(cluster: EtcdCluster) => void>();
  #clusters: EtcdCluster[] = [];

  constructor(env: Env, path: string) {
    this.#env = env;
    this.#path = path;
    this.#file = stateFile(env.files, path, () => JSON.stringify(this.#clusters));
  }

  get clusters(): readonly EtcdCluster[] {
    return this.#clusters;
  }

  /** Reads the saved membership and makes it agree with the disks: a crash may have kept one write of two. */
  async load(machines: readonly Machine[]): Promise<void> {
    this.#clusters = (await readState<EtcdCluster[]>(this.#env.files, this.#path, 'etcd')) ?? [];
    const dataOf = new Map<string, EtcdData | undefined>();
    for (const machine of machines) dataOf.set(machine.name, systemDisk(machine)?.content.etcd);
    for (const cluster of this.#clusters) {
      const lost = cluster.members.filter((member) => !member.confirmed && dataOf.get(member.machine)?.memberId !== member.id);
      for (const member of lost) cluster.members.splice(cluster.members.indexOf(member), 1);
    }
    this.#clusters = this.#clusters.filter((cluster) => cluster.members.length > 0);
    for (const machine of machines) this.#recover(machine);
  }

  /** A disk that belongs to a cluster we have no record of: the record is made again from its configuration. */
  #recover(machine: Machine): void {
    const content = systemDisk(machine)?.content;
    const data = content?.etcd;
    if (!data || content.config === undefined) return;
    const config = readConfig(content.config);
    let cluster = this.find(data.clusterId);
    if (!cluster) {
      cluster = { id: data.clusterId, clusterId: config.clusterId, caHash: hashOf(config.etcdCa.cert), members: [], removed: [], leader: undefined, term: 1, revision: 1 };
      this.#clusters.push(cluster);
    }
    if (cluster.removed.includes(data.memberId) || cluster.members.some((member) => member.id === data.memberId)) return;
    cluster.members.push({ id: data.memberId, machine: machine.name, name: config.hostname ?? machine.name, address: machine.nodeAddress, learner: false, confirmed: true });
  }

  onChange(run: (cluster: EtcdCluster) => void): () => void {
    this.#watchers.add(run);
    return () => void this.#watchers.delete(run);
  }

  /** A new cluster with one voter. */
  bootstrap(who: EtcdIdentity): EtcdData {
    const member = this.#newMember(who, false);
    const cluster: EtcdCluster = {
      id: uuid(this.#env.random), clusterId: who.clusterId, caHash: hashOf(who.caPem), members: [member], removed: [], leader: undefined, term: 1, revision: 1,
    };
    this.#clusters.push(cluster);
    this.#changed(cluster);
    return { clusterId: cluster.id, memberId: member.id };
  }

  /** Joins a cluster of the same authority as a learner; undefined while there is none with a quorum, or another learner catches up. */
  join(who: EtcdIdentity): EtcdData | undefined {
    const cluster = this.#clusters.find((one) => one.caHash === hashOf(who.caPem) && one.clusterId === who.clusterId && this.hasQuorum(one.id));
    if (!cluster || cluster.members.some((member) => member.learner)) return undefined;
    const member = this.#newMember(who, true);
    cluster.members.push(member);
    cluster.revision += 1;
    this.#changed(cluster);
    return { clusterId: cluster.id, memberId: member.id };
  }

  /** The member's process runs; a learner that runs is promoted. */
  start(data: EtcdData): void {
    const cluster = this.find(data.clusterId);
    const member = cluster?.members.find((one) => one.id === data.memberId);
    if (!cluster || !member) return;
    this.#running.add(member.id);
    member.confirmed = true;
    member.learner = false;
    this.#changed(cluster);
  }

  stop(data: EtcdData): void {
    if (!this.#running.delete(data.memberId)) return;
    const cluster = this.find(data.clusterId);
    if (cluster) this.#changed(cluster);
  }

  /** Takes a member out of the cluster. False when it is not in it. The last member cannot go. */
  remove(clusterId: string, memberId: string): 'removed' | 'absent' | 'last' {
    const cluster = this.find(clusterId);
    const index = cluster?.members.findIndex((member) => member.id === memberId) ?? -1;
    if (!cluster || index < 0) return 'absent';
    if (cluster.members.length === 1) return 'last';
    cluster.members.splice(index, 1);
    cluster.removed.push(memberId);
    cluster.revision += 1;
    this.#running.delete(memberId);
    this.#changed(cluster);
    return 'removed';
  }

  /** Nothing of the cluster is left on any disk. */
  forget(clusterId: string): void {
    this.#clusters = this.#clusters.filter((cluster) => cluster.id !== clusterId);
    void this.#file.save();
  }

  find(clusterId: string): EtcdCluster | undefined {
    return this.#clusters.find((cluster) => cluster.id === clusterId);
  }

  isMember(data: EtcdData): boolean {
    return this.find(data.clusterId)?.members.some((member) => member.id === data.memberId) ?? false;
  }

  isRunning(memberId: string): boolean {
    return this.#running.has(memberId);
  }

  hasQuorum(clusterId: string): boolean {
    const voters = this.find(clusterId)?.members.filter((member) => !member.learner) ?? [];
    return voters.length > 0 && voters.filter((member) => this.#running.has(member.id)).length * 2 > voters.length;
  }

  /** Hands leadership to another running voter; its name, or undefined when there is none or this member does not lead. */
  forfeit(data: EtcdData): string | undefined {
    const cluster = this.find(data.clusterId);
    if (cluster?.leader !== data.memberId) return undefined;
    const next = cluster.members.find((member) => member.id !== data.memberId && !member.learner && this.#running.has(member.id));
    if (!next) return undefined;
    cluster.leader = next.id;
    cluster.term += 1;
    this.#changed(cluster);
    return next.name;
  }

  /** Brings a member's name and address up to date. */
  rename(data: EtcdData, name: string, address: string): void {
    const member = this.find(data.clusterId)?.members.find((one) => one.id === data.memberId);
    if (member) Object.assign(member, { name, address });
  }

  async saved(): Promise<void> {
    await this.#file.settled();
  }

  #newMember(who: EtcdIdentity, learner: boolean): EtcdMember {
    const id = Buffer.from(this.#env.random.bytes(8)).toString('hex');
    return { id, machine: who.machine, name: who.name, address: who.address, learner, confirmed: false };
  }

  #changed(cluster: EtcdCluster): void {
    const leads = cluster.leader !== undefined && this.#running.has(cluster.leader) && cluster.members.some((member) => member.id === cluster.leader);
    if (!this.hasQuorum(cluster.id)) cluster.leader = undefined;
    else if (!leads) {
      cluster.leader = cluster.members.find((member) => !member.learner && this.#running.has(member.id))?.id;
      cluster.term += 1;
    }
    this.#file.save().catch((error: unknown) => this.#env.log.error('cannot write etcd membership', { error }));
    for (const run of [...this.#watchers]) run(cluster);
  }
}

function hashOf(pem: string): string {
  return createHash('sha256').update(pem.trim()).digest('hex');
}
