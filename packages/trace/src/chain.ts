/** The chain of one object: commit → source → kustomization → object → cluster → machine → host, each with its state. */
import { keyOf, parseKey, type KubeObject } from '@keelson/kube';
import { causeFinder, type CauseFinder } from './causes.ts';
import { findObject, type Found } from './find.ts';
import { graphOf, isControlPlaneMachine, type Graph } from './graph.ts';
import { applierOf, clusterNameOf, dependenciesOf, refOf, refText, sourceOf, splitRevision, targetClusterOf, type ObjectRef } from './relations.ts';
import { lastRestored } from './restored.ts';
import { sourceKinds, type Snapshot } from './snapshot.ts';
import { timeOf, type ObjectState } from './states/object-state.ts';

export type Level = 'commit' | 'source' | 'kustomization' | 'release' | 'object' | 'cluster' | 'machine' | 'host';

export interface Link {
  readonly level: Level;
  readonly ref: ObjectRef;
  readonly state: ObjectState;
  /** Milliseconds since the state began; undefined when nothing says. */
  readonly ageMs: number | undefined;
  /** What it waits for, in words; empty when it waits for nothing. */
  readonly waitsFor: string;
  /** More of it: a revision, an address, a node. */
  readonly detail: string;
}

export interface Chain {
  readonly target: ObjectRef;
  readonly links: readonly Link[];
  /** Where to look: the deepest reason why the target, or else a link above or below it, is not ready. It need not be a link. */
  readonly cause: Link | undefined;
  /** Whether a Kustomization or release has put the target there; false for what somebody made by hand or another controller did. */
  readonly declared: boolean;
}

/** The chain through an object; `cluster` names the workload cluster it is in. Undefined when there is no such object. */
export function chainOf(snapshot: Snapshot, target: ObjectRef): Chain | undefined {
  const graph = graphOf(snapshot);
  const found = findObject(graph, target);
  if (!found) return undefined;
  const { object, cluster } = found;
  const appliers = appliersAbove(graph, found);
  const links: LinkOf[] = [...originLinks(graph, appliers, object)];
  const has = (one: KubeObject) => links.some((link) => link.object === one);
  if (!has(object) && !ownLevels.has(object.kind)) links.push(linkOf(graph, 'object', object, '', cluster));
  for (const link of placeLinks(graph, object, cluster)) if (!link.object || !has(link.object)) links.push(link);
  return { target: refOf(object, cluster), links: links.map(({ object: _object, ...link }) => link), cause: causeOf(graph, object, links), declared: appliers.some(({ applier }) => applier !== object) || applierOf(object) !== undefined };
}

/** Kinds with a level of their own in the part of the chain below the object. */
const ownLevels = new Set(['BareMetalHost', 'Machine', 'Cluster']);

type LinkOf = Link & { readonly object?: KubeObject };

/** The target's own cause first; then that of the first link that is not well. A commit has no trouble but its source's. */
function causeOf(graph: Graph, target: KubeObject, links: readonly LinkOf[]): Link | undefined {
  const troubled = links.filter(({ object, state }) => object && state.state !== 'ready' && state.state !== 'off');
  const chosen = troubled.find(({ object }) => object === target) ?? troubled.find(({ state }) => state.state === 'failed') ?? troubled[0];
  return chosen && causeLink(graph, causeFinder(graph), chosen);
}

function causeLink(graph: Graph, causes: CauseFinder, link: LinkOf): Link {
  const { object, ...plain } = link;
  const deepest = object && causes.deepest(object);
  if (!deepest) return plain;
  const { object: _deepest, ...found } = linkOf(graph, levelOf(deepest), deepest, '', graph.clusterOf(deepest));
  return found;
}

function levelOf(object: KubeObject): Level {
  switch (object.kind) {
    case 'Kustomization': return 'kustomization';
    case 'HelmRelease': return 'release';
    case 'Cluster': return 'cluster';
    case 'Machine': return 'machine';
    case 'BareMetalHost': return 'host';
    default: return sourceKinds.some((kind) => kind === object.kind) ? 'source' : 'object';
  }
}

interface Applier {
  /** Undefined when it is not there any more, or may not be read. */
  readonly applier: KubeObject | undefined;
  readonly ref: ObjectRef;
}

const depthLimit = 10;

/** The Kustomizations and releases that lead to an object, the outermost first: by its labels, or by the labels of what owns it. */
function appliersAbove(graph: Graph, { object, applier }: Found): Applier[] {
  const out: Applier[] = [];
  let current: Applier | undefined = applier ? { applier, ref: refOf(applier) } : isApplier(object) ? { applier: object, ref: refOf(object) } : applierOfOwners(graph, object);
  while (current && out.length < depthLimit) {
    out.unshift(current);
    const parent: KubeObject | undefined = current.applier && graph.parentApplier(current.applier);
    const isKnown = parent && out.some((one) => one.applier === parent);
    current = parent && !isKnown ? { applier: parent, ref: refOf(parent) } : undefined;
  }
  return out;
}

const isApplier = (object: KubeObject) => object.kind === 'Kustomization' || object.kind === 'HelmRelease';

/** Machines and hosts carry no labels of Flux; what made them does. */
function applierOfOwners(graph: Graph, object: KubeObject): Applier | undefined {
  let holder: KubeObject | undefined = object;
  for (let depth = 0; holder && depth < depthLimit; depth++) {
    const ref = applierOf(holder);
    if (ref) return { applier: graph.find(ref), ref };
    holder = graph.ownerOf(holder);
  }
  return undefined;
}

/** Commits, sources and appliers. A source is told once, before the first applier that takes its files from it. */
function originLinks(graph: Graph, appliers: readonly Applier[], target: KubeObject): LinkOf[] {
  const { snapshot } = graph;
  if (appliers.length === 0) return sourceKinds.some((kind) => kind === target.kind) ? sourceLinks(graph, target) : [];
  const told = new Set<KubeObject>();
  return appliers.flatMap(({ applier, ref }) => {
    const reference = applier && sourceOf(applier);
    const source = reference && snapshot.get(reference.kind, reference);
    const isNews = source !== undefined && !told.has(source);
    if (source) told.add(source);
    return [...(isNews ? sourceLinks(graph, source) : []), applier ? applierLink(graph, applier) : unseenLink(ref)];
  });
}

function unseenLink(ref: ObjectRef): LinkOf {
  const state: ObjectState = { state: 'off', phase: 'not seen', reason: '', message: '', sinceMs: undefined };
  return { level: ref.kind === 'HelmRelease' ? 'release' : 'kustomization', ref, state, ageMs: undefined, waitsFor: '', detail: 'is not there any more, or may not be read' };
}

function linkOf(graph: Graph, level: Level, object: KubeObject, detail: string, cluster?: string): LinkOf {
  const state = graph.state(object);
  return {
    level, ref: refOf(object, cluster), state, detail, object,
    ageMs: ageOf(graph, state.sinceMs),
    waitsFor: state.state === 'ready' || state.state === 'off' ? '' : state.message,
  };
}

function ageOf({ snapshot }: Graph, sinceMs: number | undefined): number | undefined {
  return sinceMs === undefined ? undefined : Math.max(0, snapshot.nowMs - sinceMs);
}

interface SourceArtifact {
  readonly revision?: string;
  readonly lastUpdateTime?: string;
}

/** The commit is no object: it is what the source has fetched last. */
function sourceLinks(graph: Graph, source: KubeObject): LinkOf[] {
  const artifact = (source['status'] as { artifact?: SourceArtifact } | undefined)?.artifact;
  const sinceMs = timeOf(artifact?.lastUpdateTime);
  const { branch, commit } = splitRevision(artifact?.revision ?? '');
  const state: ObjectState = artifact
    ? { state: 'ready', phase: 'fetched', reason: '', message: '', sinceMs }
    : { state: 'waiting', phase: 'unknown', reason: '', message: 'nothing was fetched yet', sinceMs: undefined };
  const ref: ObjectRef = { group: '', kind: 'Commit', name: commit.slice(0, 8) || 'none' };
  return [{ level: 'commit', ref, state, detail: branch, ageMs: ageOf(graph, sinceMs), waitsFor: state.message }, linkOf(graph, 'source', source, urlOf(source))];
}

function urlOf(source: KubeObject): string {
  return (source['spec'] as { url?: string } | undefined)?.url ?? '';
}

function applierLink(graph: Graph, applier: KubeObject): LinkOf {
  const status = applier['status'] as { lastAppliedRevision?: string; lastAttemptedRevision?: string } | undefined;
  const short = (revision: string | undefined) => (revision ? splitRevision(revision).commit.slice(0, 8) : '');
  const applied = short(status?.lastAppliedRevision);
  const attempted = short(status?.lastAttemptedRevision);
  const revision = attempted && applied && attempted !== applied ? `${applied} runs, ${attempted} is tried` : applied;
  const detail = [revision, lastRestored(graph.snapshot, applier)].filter((text) => text !== '').join('; ');
  const link = linkOf(graph, levelOf(applier), applier, detail);
  if (link.state.state === 'ready' || link.state.state === 'off') return link;
  const pending = dependenciesOf(applier).filter((key) => {
    const dependency = graph.snapshot.get(applier.kind, parseKey(key));
    return !dependency || graph.state(dependency).state !== 'ready';
  });
  const isTold = pending.every((key) => link.waitsFor.includes(key));
  return isTold ? link : { ...link, waitsFor: `${applier.kind} ${pending.join(', ')}: ${link.waitsFor}` };
}

/** The cluster, machines and hosts below (or around) an object. */
function placeLinks(graph: Graph, object: KubeObject, remote: string | undefined): LinkOf[] {
  const { snapshot } = graph;
  const key = `${object.metadata.namespace}/${clusterNameOf(object)}`;
  if (remote) return clusterWith(graph, remote, carriersOf(graph, object, remote));
  switch (object.kind) {
    case 'Kustomization':
    case 'HelmRelease': {
      const target = targetClusterOf(object);
      if (target) return clusterWith(graph, target);
      return graph.appliedBy(object).flatMap((one) => (one.object?.kind === 'Cluster' ? clusterWith(graph, keyOf(one.object)) : []));
    }
    case 'Cluster':
      return clusterWith(graph, keyOf(object));
    case 'Machine':
      return clusterWith(graph, key, [object]);
    case 'BareMetalHost': {
      const machine = graph.machineOn(object);
      return machine ? clusterWith(graph, `${machine.metadata.namespace}/${clusterNameOf(machine)}`, [machine]) : [hostLink(graph, object)];
    }
    default: {
      const machines = machinesBelow(graph, object);
      const cluster = machines[0] ? clusterNameOf(machines[0]) : clusterNameOf(object);
      return cluster && snapshot.get('Cluster', { namespace: object.metadata.namespace, name: cluster }) ? clusterWith(graph, `${object.metadata.namespace}/${cluster}`, machines.length > 0 ? machines : undefined) : [];
    }
  }
}

/** The Machines that an object owns, over whatever lies between, or that own it. */
function machinesBelow(graph: Graph, object: KubeObject): KubeObject[] {
  const owner = graph.ownerOf(object);
  if (owner?.kind === 'Machine') return [owner];
  const seen = new Set<KubeObject>([object]);
  const out: KubeObject[] = [];
  for (const current of seen) {
    for (const child of graph.ownedBy(current)) {
      if (seen.has(child)) continue;
      if (child.kind === 'Machine') out.push(child);
      else seen.add(child);
    }
  }
  return [...new Set(out)].sort(byRoleAndName);
}

function byRoleAndName(a: KubeObject, b: KubeObject): number {
  return Number(isControlPlaneMachine(b)) - Number(isControlPlaneMachine(a)) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** The Machines on whose nodes an object of a workload cluster runs; undefined when it runs on none in particular. */
function carriersOf(graph: Graph, object: KubeObject, cluster: string): KubeObject[] | undefined {
  const nodes = new Set<string>();
  const seen = new Set<KubeObject>([object]);
  for (const current of seen) {
    const node = current.kind === 'Node' ? current.metadata.name : (current['spec'] as { nodeName?: string } | undefined)?.nodeName;
    if (node) nodes.add(node);
    for (const child of graph.ownedBy(current, cluster)) seen.add(child);
  }
  const machines = [...nodes].map((node) => graph.machineOfNode(cluster, node)).filter((machine) => machine !== undefined);
  return machines.length > 0 ? [...new Set(machines)].sort(byRoleAndName) : undefined;
}

/** A cluster, and all or some of its machines with their hosts. */
function clusterWith(graph: Graph, key: string, machines: readonly KubeObject[] = graph.machinesOf(key)): LinkOf[] {
  const cluster = graph.snapshot.get('Cluster', parseKey(key));
  return [...(cluster ? [linkOf(graph, 'cluster', cluster, clusterDetail(graph, cluster))] : []), ...machines.flatMap((machine) => machineLinks(graph, machine))];
}

function clusterDetail(graph: Graph, cluster: KubeObject): string {
  const endpoint = (cluster['spec'] as { controlPlaneEndpoint?: { host?: string; port?: number } } | undefined)?.controlPlaneEndpoint;
  const error = graph.snapshot.inCluster(keyOf(cluster))?.error;
  return [endpoint?.host ? `${endpoint.host}:${endpoint.port}` : '', error ? `was not looked into: ${error}` : ''].filter((text) => text !== '').join('; ');
}

/** A machine and the host that carries it. A machine that is not ready says what its infrastructure waits for. */
function machineLinks(graph: Graph, machine: KubeObject): LinkOf[] {
  const link = linkOf(graph, 'machine', machine, (machine['status'] as { nodeRef?: { name?: string } } | undefined)?.nodeRef?.name ?? '');
  const infrastructure = graph.infrastructureOf(machine);
  const inner = infrastructure && link.waitsFor !== '' ? graph.state(infrastructure).message : '';
  const host = graph.hostOf(machine);
  return [{ ...link, waitsFor: inner || link.waitsFor }, ...(host ? [hostLink(graph, host)] : [])];
}

function hostLink(graph: Graph, host: KubeObject): LinkOf {
  const address = (host['spec'] as { bmc?: { address?: string } } | undefined)?.bmc?.address ?? '';
  return linkOf(graph, 'host', host, bmcHost(address));
}

function bmcHost(address: string): string {
  return /\/\/(\[[^\]]+\]|[^/:]+)/.exec(address)?.[1] ?? address;
}

/** One line on the cause, for people: which object, and why. */
export function causeText({ ref, waitsFor, state }: Link): string {
  return `${refText(ref)} is in the way: ${waitsFor || state.phase}`;
}
