/** A lab: machines with BMCs, boot images, a Git repository and, through the cluster half, their Kubernetes clusters. */
import { describeError, ProblemError, problem, textResponse, type Env, type HttpHandler, type Listener } from '@keelson/std';
import { labAddresses, type LabAddresses } from './addresses.ts';
import { startBmc, type Bmc } from './bmc/bmc.ts';
import type { LabClusters } from './cluster/cluster-host.ts';
import { readDatacenter, type Datacenter, type MachineSpec } from './datacenter.ts';
import { faultNames, isFaultName, type FaultName } from './faults/faults.ts';
import { readExample } from './git-server/example-files.ts';
import { gitProcess } from './git-server/git-process.ts';
import { startGitServer } from './git-server/git-server.ts';
import { memoryRepository, type MemoryRepository } from './git-server/memory-repository.ts';
import { WebhookSender, type Delivery, type Webhook } from './git-server/webhook.ts';
import { imagePath, imageServer } from './image-server/image-server.ts';
import { latencyProfiles, type LatencyName, type LatencyProfile } from './latency.ts';
import { journalOrder, type JournalEntry } from './machine/journal.ts';
import { attachFirmware } from './machine/firmware.ts';
import { Machine } from './machine/machine.ts';
import { labProblems } from './problems.ts';
import { readState } from './state-file.ts';
import { talosServer } from './talos-node/api/server.ts';
import { EtcdWorld } from './talos-node/etcd.ts';
import { TalosNode } from './talos-node/node.ts';
import { machineReport, type MachineReport } from './report.ts';
import { TalosWorld } from './talos-node/world.ts';

export interface LabOptions {
  readonly env: Env;
  /** Folder of the example: lab.yaml, and what becomes the repository. */
  readonly directory: string;
  /** State lies below `<dataDir>/lab`. */
  readonly dataDir: string;
  /** A /16 in 127.0.0.0/8 that must be used; without it the file's, or another when that is taken. */
  readonly network?: string;
  readonly latency?: LatencyName;
  /** In place of lab.yaml. */
  readonly datacenter?: Datacenter;
  /** `process` (default) serves the repository with the git program; `memory` keeps it in this process, for virtual time. */
  readonly git?: 'process' | 'memory';
  /** Makes the Kubernetes half; without it nodes run and no cluster answers. */
  readonly clusters?: (context: ClusterContext) => Promise<LabClusters>;
}

/** What the cluster half gets of a lab. */
export interface ClusterContext {
  readonly env: Env;
  readonly latency: LatencyProfile;
  /** Folder for its state. */
  readonly folder: string;
}

export interface LabGit {
  /** URL of the repository, without credentials. */
  readonly url: string;
  readonly branch: string;
  readonly username: string;
  readonly password: string;
  /** The user's working clone; absent with a memory repository. */
  readonly clone: string | undefined;
  readonly repository: MemoryRepository | undefined;
  readonly deliveries: readonly Delivery[];
}

export interface LabStatus {
  readonly name: string;
  readonly network: string;
  readonly latency: LatencyName;
  readonly gitUrl: string;
  readonly imagesUrl: string;
  readonly machines: readonly MachineReport[];
  readonly clusters: ReturnType<LabClusters['clusters']>;
}

export interface Lab extends AsyncDisposable {
  readonly datacenter: Datacenter;
  readonly network: string;
  readonly addresses: LabAddresses;
  /** Folder of the lab's state. */
  readonly folder: string;
  readonly machines: readonly Machine[];
  readonly nodes: readonly TalosNode[];
  readonly world: TalosWorld;
  readonly git: LabGit;
  /** Throws when there is no machine of that name. */
  machine(name: string): Machine;
  bmc(name: string): Bmc;
  /** URL of a boot image; the newest version of the lab file when none is named. */
  imageUrl(version?: string): string;
  /** All journals in the order in which things happened. */
  journal(): readonly JournalEntry[];
  /** Sets or clears a fault; throws for a machine or a fault that does not exist. */
  setFault(machine: string, fault: FaultName, on?: boolean): Promise<void>;
  /** Where pushes are announced; undefined stops it. */
  setWebhook(hook: Webhook | undefined): void;
  status(): LabStatus;
  /** Stops serving and keeps the state: machines that run will be found running. */
  close(): Promise<void>;
}

const networkTries = 40;

/** Starts a lab, or continues the one whose state is in the data directory. Throws LAB.* problems. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { env } = options;
  const folder = `${options.dataDir.replace(/\/$/, '')}/lab`;
  const datacenter = options.datacenter ?? (await readDatacenter(env.files, options.directory));
  const latency = latencyProfiles[options.latency ?? datacenter.latency];
  const opened: AsyncDisposable[] = [];
  try {
    const front = await openNetwork(options, datacenter, folder);
    opened.push(...front.listeners);
    const addresses = labAddresses(front.network);
    const clusters = await options.clusters?.({ env, latency, folder: `${folder}/clusters` });
    if (clusters) opened.push(clusters);
    const { machines, nodes, world } = await makeMachines(env, datacenter.machines, { addresses, folder, latency, clusters });
    const bmcs = new Map<string, Bmc>();
    for (const machine of machines) bmcs.set(machine.name, await startBmc(machine, machineFolder(folder, machine.name)));
    opened.push(...bmcs.values());
    const git = await startGit(options, datacenter, addresses, folder, front.setGit);
    for (const machine of machines) machine.resume();
    return assemble({ options, folder, datacenter, latency, network: front.network, addresses, machines, nodes, world, bmcs, git, clusters, listeners: front.listeners });
  } catch (error) {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
    throw error;
  }
}

function machineFolder(folder: string, name: string): string {
  return `${folder}/machines/${name}`;
}

interface Front {
  readonly network: string;
  readonly listeners: readonly Listener[];
  /** The Git handler comes later: the address is needed to make the repository. */
  setGit(handler: HttpHandler): void;
}

/** Takes a network by listening on its servers' addresses, and remembers which. */
async function openNetwork({ env, network }: LabOptions, datacenter: Datacenter, folder: string): Promise<Front> {
  const path = `${folder}/lab.json`;
  const kept = (await readState<{ network: string }>(env.files, path, 'network'))?.network;
  const candidates = kept ? [kept] : network ? [network] : candidateNetworks(datacenter.network);
  let git: HttpHandler = async () => textResponse(503, 'the lab is starting\n');
  let last: unknown;
  for (const candidate of candidates) {
    const { git: gitAddress, images } = labAddresses(candidate);
    const listeners: Listener[] = [];
    try {
      listeners.push(await env.net.listenHttp(gitAddress, { handler: (request) => git(request) }));
      listeners.push(await env.net.listenHttp(images, { handler: imageServer(datacenter.images) }));
    } catch (error) {
      for (const listener of listeners) await listener.close();
      last = error;
      continue;
    }
    if (!kept) await env.files.write(path, JSON.stringify({ network: candidate }));
    return { network: candidate, listeners, setGit: (handler) => (git = handler) };
  }
  const why = `${candidates.length === 1 ? candidates[0] : `${candidates[0]} and ${candidates.length - 1} others`}: ${describeError(last)}`;
  throw new ProblemError(problem(labProblems.networkTaken, {}, { why, where: path }), { cause: last });
}

/** The wanted network, then its neighbours. */
function candidateNetworks(wanted: string): readonly string[] {
  const second = Number(wanted.split('.')[1]);
  return Array.from({ length: networkTries }, (_none, i) => `127.${1 + ((second - 1 + i) % 254)}.0.0/16`);
}

interface MachineContext {
  readonly addresses: LabAddresses;
  readonly folder: string;
  readonly latency: LatencyProfile;
  readonly clusters: LabClusters | undefined;
}

/** Reads every machine before any of them goes on: what one finds of another must be there. */
async function makeMachines(env: Env, specs: readonly MachineSpec[], context: MachineContext): Promise<{ machines: readonly Machine[]; nodes: readonly TalosNode[]; world: TalosWorld }> {
  const order = journalOrder();
  const machines: Machine[] = [];
  for (const spec of specs) {
    const machine = new Machine({
      env, spec, order, latency: context.latency, folder: machineFolder(context.folder, spec.name),
      bmcAddress: context.addresses.bmc(spec.index), nodeAddress: context.addresses.node(spec.index),
    });
    await machine.load();
    attachFirmware(machine);
    machines.push(machine);
  }
  const etcd = new EtcdWorld(env, `${context.folder}/etcd.json`);
  await etcd.load(machines);
  const world = new TalosWorld(env, etcd, context.clusters);
  for (const machine of machines) {
    const node = new TalosNode(machine, world, talosServer);
    machine.os = node;
    world.nodes.push(node);
  }
  return { machines, nodes: world.nodes, world };
}

interface StartedGit {
  readonly lab: Omit<LabGit, 'deliveries'>;
  readonly sender: WebhookSender;
}

async function startGit(options: LabOptions, datacenter: Datacenter, addresses: LabAddresses, folder: string, setGit: Front['setGit']): Promise<StartedGit> {
  const { env, directory } = options;
  const { git: spec } = datacenter;
  const sender = new WebhookSender(env);
  const url = `http://${addresses.git.host}:${addresses.git.port}/lab/${spec.repository}.git`;
  const content = () => readExample(env.files, directory, addresses.prefix);
  const common = { url, branch: spec.branch, ...spec.account };
  if (options.git === 'memory') {
    const repository = memoryRepository({ clock: env.clock, branch: spec.branch, files: await content() });
    repository.onPush((commit) => sender.send({ repository: spec.repository, url, ref: `refs/heads/${spec.branch}`, before: commit.parent ?? '', after: commit.hash, by: commit.author }));
    return { sender, lab: { ...common, clone: undefined, repository } };
  }
  const clone = `${folder}/repo`;
  setGit(await startGitServer({ env, git: gitProcess(), spec, root: `${folder}/git`, clone, url, content, onPush: (push) => sender.send(push) }));
  return { sender, lab: { ...common, clone, repository: undefined } };
}

interface Parts {
  readonly options: LabOptions;
  readonly folder: string;
  readonly datacenter: Datacenter;
  readonly latency: LatencyProfile;
  readonly network: string;
  readonly addresses: LabAddresses;
  readonly machines: readonly Machine[];
  readonly nodes: readonly TalosNode[];
  readonly world: TalosWorld;
  readonly bmcs: ReadonlyMap<string, Bmc>;
  readonly git: StartedGit;
  readonly clusters: LabClusters | undefined;
  readonly listeners: readonly Listener[];
}

function assemble(parts: Parts): Lab {
  const { machines, nodes, world, addresses, datacenter, git, bmcs } = parts;
  const imagesUrl = `http://${addresses.images.host}:${addresses.images.port}`;
  const machine = (name: string): Machine => {
    const found = machines.find((one) => one.name === name);
    if (!found) throw new Error(`there is no machine ${name}; the lab has ${machines.map((one) => one.name).join(', ')}`);
    return found;
  };
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= closeParts(parts));
  return {
    datacenter, network: parts.network, addresses, folder: parts.folder, machines, nodes, world, machine,
    git: {
      ...git.lab,
      get deliveries() {
        return git.sender.deliveries;
      },
    },
    bmc: (name) => bmcs.get(machine(name).name)!, // every machine has one
    imageUrl(version) {
      const image = version === undefined ? datacenter.images.at(-1) : datacenter.images.find((one) => one.version === version);
      if (!image) throw new Error(`the lab has no image of Talos ${version ?? ''}`);
      return `${imagesUrl}${imagePath(image)}`;
    },
    journal: () => machines.flatMap((one) => one.journal.entries).sort((a, b) => a.order - b.order),
    async setFault(name, fault, on = true) {
      if (!isFaultName(fault)) throw new Error(`there is no fault ${String(fault)}; faults are ${faultNames.join(', ')}`);
      machine(name).setFault(fault, on, 'lab');
      await machine(name).saved();
    },
    setWebhook: (hook) => git.sender.set(hook),
    status: () => ({
      name: datacenter.name, network: parts.network, latency: parts.latency.name, gitUrl: git.lab.url, imagesUrl,
      machines: nodes.map(machineReport), clusters: parts.clusters?.clusters() ?? [],
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function closeParts(parts: Parts): Promise<void> {
  parts.git.sender.close();
  parts.world.close();
  for (const bmc of parts.bmcs.values()) await bmc[Symbol.asyncDispose]();
  for (const node of parts.nodes) await node.close();
  for (const machine of parts.machines) await machine.close();
  await parts.world.etcd.saved();
  for (const listener of parts.listeners) await listener.close();
  await parts.clusters?.[Symbol.asyncDispose]();
}

