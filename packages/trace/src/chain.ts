/** The chain of one object: commit → source → kustomization → object → cluster → machine → host, each with its state. */
import { parseTime } from '@keelson/std';
import { keyOf, parseKey, type KubeObject } from '@keelson/kube';
import {
  clusterNameOf, dependenciesOf, hostOf, inventoryOf, kustomizationOf, ownerRef, refKey, refOf, refText, sourceOf, targetClusterOf, type ObjectRef,
} from './relations.ts';
import { groupOf, type Snapshot } from './snapshot.ts';
import { stateOf, type ObjectState } from './state.ts';

export type Level = 'commit' | 'source' | 'kustomization' | 'object' | 'cluster' | 'machine' | 'host';

export interface Link {
  readonly level: Level;
  readonly ref: ObjectRef;
  readonly state: ObjectState;
  /** Milliseconds since the state began; undefined when nothing says. */
  readonly ageMs: number | undefined;
  /** What it waits for, in words; empty when it waits for nothing. */
  readonly waitsFor: string;
  /** More of it: a revision, an address, a slot. */
  readonly detail: string;
}

export interface Chain {
  readonly target: ObjectRef;
  readonly links: readonly Link[];
  /** The first link in causal order that is not ready: where to look. */
  readonly cause: Link | undefined;
}

/** The chain through an object. `cluster` names the workload cluster the object is in. Undefined when there is no such object. */
export function chainOf(snapshot: Snapshot, target: ObjectRef): Chain | undefined {
  const found = findObject(snapshot, target);
  if (!found) return undefined;
  const links: Link[] = [];
  const kustomizations = kustomizationsAbove(snapshot, found.object, found.applier);
  const source = kustomizations.map(sourceOf).find((s) => s !== undefined) ?? (found.object.kind === 'GitRepository' ? { kind: 'GitRepository', name: found.object.metadata.name, namespace: found.object.metadata.namespace ?? '' } : undefined);
  const repository = source ? snapshot.get(source.kind, source) : undefined;
  if (repository) links.push(commitLink(snapshot, repository), linkOf(snapshot, 'source', repository, revisionOf(repository) ?? ''));
  for (const kustomization of kustomizations) links.push(kustomizationLink(snapshot, kustomization));
  const isListed = (object: KubeObject) => links.some((link) => refKey(link.ref) === refKey(refOf(object, found.cluster)));
  if (!isListed(found.object) && found.object.kind !== 'BareMetalHost' && found.object.kind !== 'Machine' && found.object.kind !== 'Cluster') links.push(linkOf(snapshot, 'object', found.object, '', found.cluster));
  links.push(...clusterLinks(snapshot, found.object, found.cluster));
  const cause = links.find((link) => link.state.state === 'failed') ?? links.findLast((link) => link.state.state !== 'ready' && link.state.state !== 'off');
  return { target: refOf(found.object, found.cluster), links, cause };
}

interface Found {
  readonly object: KubeObject;
  readonly cluster?: string;
  readonly applier?: KubeObject;
}

/** An object of the API that was read, or one inside a cluster that a Kustomization applied or that hangs on such a one. */
function findObject(snapshot: Snapshot, target: ObjectRef): Found | undefined {
  if (!target.cluster) {
    const here = snapshot.of(target.kind).find((object) => matches(object, target));
    if (here) return { object: here };
  }
  for (const kustomization of snapshot.of('Kustomization')) {
    const cluster = targetClusterOf(kustomization);
    if (!cluster || (target.cluster && target.cluster !== cluster)) continue;
    const object = snapshot.inCluster(cluster)?.all.find((candidate) => candidate.kind === target.kind && matches(candidate, target));
    if (object && inventoryOf(kustomization).some((entry) => refText(entry) === refText(refOf(object)))) return { object, cluster, applier: kustomization };
  }
  for (const cluster of snapshot.of('Cluster')) {
    const object = snapshot.inCluster(keyOf(cluster))?.all.find((candidate) => candidate.kind === target.kind && matches(candidate, target));
    if (object) return { object, cluster: keyOf(cluster) };
  }
  return undefined;
}

function matches(object: KubeObject, target: ObjectRef): boolean {
  return object.metadata.name === target.name && (target.namespace === undefined || object.metadata.namespace === target.namespace) && (target.group === '' || groupOf(object) === target.group);
}

const depthLimit = 10;

/** The Kustomizations that lead to an object, the outermost first: by its labels, or by the labels of what owns it. */
function kustomizationsAbove(snapshot: Snapshot, object: KubeObject, applier: KubeObject | undefined): KubeObject[] {
  const out: KubeObject[] = [];
  let current: KubeObject | undefined = applier ?? (object.kind === 'Kustomization' ? object : undefined);
  if (!current) {
    let holder: KubeObject | undefined = object;
    for (let depth = 0; holder && depth < depthLimit && !current; depth++) {
      const ref = kustomizationOf(holder);
      current = ref ? snapshot.get('Kustomization', ref) : undefined;
      holder = current ? undefined : ownerOf(snapshot, holder);
    }
  }
  while (current && out.length < depthLimit && !out.includes(current)) {
    out.unshift(current);
    const ref = kustomizationOf(current);
    current = ref ? snapshot.get('Kustomization', ref) : undefined;
  }
  return out;
}

/** The owner of an object: its controller, or the machine that consumes a host. */
function ownerOf(snapshot: Snapshot, object: KubeObject): KubeObject | undefined {
  const owner = object.metadata.ownerReferences?.find((o) => o.controller) ?? object.metadata.ownerReferences?.[0];
  const ref = owner ? ownerRef(owner, object.metadata.namespace) : undefined;
  return ref ? snapshot.get(ref.kind, ref) : undefined;
}

function revisionOf(repository: KubeObject): string | undefined {
  return (repository['status'] as { artifact?: { revision?: string } } | undefined)?.artifact?.revision;
}

function linkOf(snapshot: Snapshot, level: Level, object: KubeObject, detail: string, cluster?: string): Link {
  const state = stateOf(object, snapshot.nowMs);
  return {
    level, ref: refOf(object, cluster), state, detail,
    ageMs: state.sinceMs === undefined ? undefined : Math.max(0, snapshot.nowMs - state.sinceMs),
    waitsFor: state.state === 'ready' || state.state === 'off' ? '' : state.message,
  };
}

/** The commit is no object: it is what the source has fetched last. */
function commitLink(snapshot: Snapshot, repository: KubeObject): Link {
  const artifact = (repository['status'] as { artifact?: { revision?: string; lastUpdateTime?: string } } | undefined)?.artifact;
  const sinceMs = artifact?.lastUpdateTime ? parseTime(artifact.lastUpdateTime) : undefined;
  const { branch, commit } = splitRevision(artifact?.revision ?? '');
  const state: ObjectState = artifact ? { state: 'ready', phase: 'fetched', message: '', sinceMs } : { state: 'waiting', phase: 'unknown', message: 'nothing was fetched yet', sinceMs: undefined };
  return {
    level: 'commit', ref: { group: '', kind: 'Commit', name: commit.slice(0, 8) || 'none' }, state, detail: branch,
    ageMs: sinceMs === undefined ? undefined : Math.max(0, snapshot.nowMs - sinceMs), waitsFor: state.message,
  };
}

/** `main@sha1:abc` or `sha1:abc`. */
export function splitRevision(revision: string): { branch: string; commit: string } {
  const at = revision.lastIndexOf('@');
  return { branch: at < 0 ? '' : revision.slice(0, at), commit: revision.slice(at + 1).replace(/^sha\d+:/, '') };
}

function kustomizationLink(snapshot: Snapshot, kustomization: KubeObject): Link {
  const applied = (kustomization['status'] as { lastAppliedRevision?: string } | undefined)?.lastAppliedRevision;
  const link = linkOf(snapshot, 'kustomization', kustomization, applied ? splitRevision(applied).commit.slice(0, 8) : '');
  if (link.state.state === 'ready') return link;
  const pending = dependenciesOf(kustomization).filter((key) => {
    const dependency = snapshot.get('Kustomization', parseKey(key));
    return !dependency || stateOf(dependency, snapshot.nowMs).state !== 'ready';
  });
  return pending.length > 0 ? { ...link, waitsFor: `Kustomization ${pending.join(', ')}: ${link.waitsFor}` } : link;
}

/** The cluster, machines and hosts below (or around) an object. */
function clusterLinks(snapshot: Snapshot, object: KubeObject, remote: string | undefined): Link[] {
  const namespace = object.metadata.namespace;
  if (remote) return wholeCluster(snapshot, remote);
  switch (object.kind) {
    case 'Kustomization': {
      const target = targetClusterOf(object);
      return target ? wholeCluster(snapshot, target) : [];
    }
    case 'Cluster':
      return wholeCluster(snapshot, keyOf(object));
    case 'Machine':
      return [...clusterLink(snapshot, `${namespace}/${clusterNameOf(object)}`), ...machineLinks(snapshot, object)];
    case 'BareMetalHost': {
      const consumer = (object['spec'] as { consumerRef?: { name?: string; namespace?: string } } | undefined)?.consumerRef;
      const infra = consumer?.name ? snapshot.get('Metal3Machine', { namespace: consumer.namespace ?? namespace, name: consumer.name }) : undefined;
      const machine = infra ? ownerOf(snapshot, infra) : undefined;
      return machine ? [...clusterLink(snapshot, `${namespace}/${clusterNameOf(machine)}`), ...machineLinks(snapshot, machine)] : [hostLink(snapshot, object)];
    }
    default: {
      const cluster = clusterNameOf(object);
      return cluster ? wholeCluster(snapshot, `${namespace}/${cluster}`) : [];
    }
  }
}

function clusterLink(snapshot: Snapshot, key: string): Link[] {
  const cluster = snapshot.get('Cluster', parseKey(key));
  return cluster ? [linkOf(snapshot, 'cluster', cluster, endpointOf(cluster))] : [];
}

function endpointOf(cluster: KubeObject): string {
  const endpoint = (cluster['spec'] as { controlPlaneEndpoint?: { host?: string; port?: number } } | undefined)?.controlPlaneEndpoint;
  return endpoint?.host ? `${endpoint.host}:${endpoint.port}` : '';
}

function wholeCluster(snapshot: Snapshot, key: string): Link[] {
  const { namespace, name } = parseKey(key);
  const machines = snapshot.of('Machine').filter((machine) => machine.metadata.namespace === namespace && clusterNameOf(machine) === name);
  const isControlPlane = (machine: KubeObject) => machine.metadata.labels?.['cluster.x-k8s.io/control-plane'] !== undefined;
  const order = (machine: KubeObject) => `${isControlPlane(machine) ? 0 : 1}${machine.metadata.name}`;
  return [...clusterLink(snapshot, key), ...machines.sort((a, b) => (order(a) < order(b) ? -1 : 1)).flatMap((machine) => machineLinks(snapshot, machine))];
}

/** A machine and the host that carries it. A machine without a host says what its infrastructure waits for. */
function machineLinks(snapshot: Snapshot, machine: KubeObject): Link[] {
  const spec = machine['spec'] as { infrastructureRef?: { name?: string; kind?: string } } | undefined;
  const infra = spec?.infrastructureRef?.name ? snapshot.get(spec.infrastructureRef.kind ?? 'Metal3Machine', { namespace: machine.metadata.namespace, name: spec.infrastructureRef.name }) : undefined;
  const link = linkOf(snapshot, 'machine', machine, (machine['status'] as { nodeRef?: { name?: string } } | undefined)?.nodeRef?.name ?? '');
  const infraWait = infra && link.state.state !== 'ready' ? stateOf(infra, snapshot.nowMs).message : '';
  const hostKey = infra ? hostOf(infra) : undefined;
  const host = hostKey ? snapshot.get('BareMetalHost', parseKey(hostKey)) : undefined;
  return [{ ...link, waitsFor: infraWait || link.waitsFor }, ...(host ? [hostLink(snapshot, host)] : [])];
}

function hostLink(snapshot: Snapshot, host: KubeObject): Link {
  const address = (host['spec'] as { bmc?: { address?: string } } | undefined)?.bmc?.address ?? '';
  return linkOf(snapshot, 'host', host, bmcHost(address));
}

function bmcHost(address: string): string {
  return /\/\/(\[[^\]]+\]|[^/:]+)/.exec(address)?.[1] ?? address;
}
