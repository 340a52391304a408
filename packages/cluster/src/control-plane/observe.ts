/** What is known of a control plane's machines and their etcd, gathered for the planner. */
import type { Cluster, TalosControlPlane } from '@keelson/api';
import { Machine, Metal3Machine, Secret, TalosConfig } from '@keelson/api';
import type { KubeObject } from '@keelson/kube';
import { findCondition, isConditionTrue } from '@keelson/kube';
import type { ReconcileContext } from '@keelson/controller';
import { mapBounded, parseTime } from '@keelson/std';
import { machinesOf } from '../belongs.ts';
import { apiAtEndpoint } from '../connect/endpoint.ts';
import type { ControlPlaneNode, NodeMember, TalosNodes } from '../connect/talos-nodes.ts';
import { annotations, records, secretNames } from '../names.ts';
import { providerKind } from '../provider-kinds.ts';
import { nodeAddress } from '../providers/metal/host-view.ts';
import { canonicalJson } from '../rollout/template-hash.ts';
import { secretText } from '../secret.ts';
import type { ControlPlaneMachine, ControlPlaneState, EtcdMember } from './plan.ts';

/** How many nodes are asked at the same time. */
const lookLimit = 5;

export interface BootstrapRecord {
  readonly machine: string;
  readonly address: string;
  readonly at: string;
  /** When the node accepted the call; etcd takes a moment to show its data. */
  readonly acceptedAt?: string;
}

export interface SeenMachine {
  readonly machine: Machine;
  readonly infrastructure?: KubeObject;
  readonly address?: string;
  readonly node: ControlPlaneNode;
  readonly upToDate: boolean;
}

export interface ControlPlaneSeen {
  readonly machines: readonly SeenMachine[];
  readonly others: number;
  readonly talosconfig?: string;
  readonly record?: BootstrapRecord;
  readonly bootstrapped: boolean;
  readonly members?: readonly EtcdMember[];
  /** Who answers as an API server at the endpoint while no machine of ours holds etcd data. */
  readonly foreignApi?: string;
  /** Why there is no list of members although nodes answered. */
  readonly disagreement?: string;
}

const silent: ControlPlaneNode = { etcd: 'unknown', unhealthy: [], etcdHealthy: false };

export async function observeControlPlane(controlPlane: TalosControlPlane, cluster: Cluster | undefined, { cache, env }: ReconcileContext, nodes: TalosNodes): Promise<ControlPlaneSeen> {
  const namespace = controlPlane.metadata.namespace;
  const own = cache.list<Machine>(Machine, { namespace, ownerUid: controlPlane.metadata.uid });
  const others = cluster ? machinesOf(cluster, cache).length - own.filter((machine) => machine.spec.clusterName === cluster.metadata.name).length : 0;
  const secret = cluster && cache.get<Secret>(Secret, { namespace, name: secretNames(cluster.metadata.name).talosconfig });
  const talosconfig = secret && secretText(secret, 'talosconfig');
  const machines = await mapBounded(own, lookLimit, async (machine): Promise<SeenMachine> => {
    const { infrastructureRef, bootstrap } = machine.spec;
    const kind = providerKind(infrastructureRef);
    const infrastructure = kind && cache.get(kind, { namespace, name: infrastructureRef.name });
    const address = nodeAddress(machine.status?.addresses);
    const asked = talosconfig !== undefined && address !== undefined && mayBeConfigured(machine, infrastructure);
    const config = bootstrap.configRef && cache.get<TalosConfig>(TalosConfig, { namespace, name: bootstrap.configRef.name });
    return {
      machine, infrastructure, address,
      node: asked ? await nodes.lookControlPlane(address, talosconfig) : silent,
      upToDate: isUpToDate(controlPlane, machine, infrastructure, config),
    };
  });
  const bootstrapped = records.etcdBootstrapped in (controlPlane.metadata.annotations ?? {}) || controlPlane.status?.bootstrapped === true;
  // Asked after the nodes: an API server of our own has etcd data under it by then.
  const isBeginning = cluster !== undefined && !bootstrapped && !controlPlane.metadata.deletionTimestamp && machines.some(({ node }) => node.etcd === 'no-data') && machines.every(({ node }) => node.etcd !== 'data');
  const foreignApi = isBeginning ? await apiAtEndpoint(env, cluster) : undefined;
  return { machines, others, talosconfig, record: bootstrapRecord(controlPlane), bootstrapped, ...(foreignApi ? { foreignApi } : {}), ...agreeOnMembers(machines) };
}

/** The planner's view of what was seen. */
export function controlPlaneState(controlPlane: TalosControlPlane, seen: ControlPlaneSeen, notReadyFor: string | undefined): ControlPlaneState {
  const strategy = controlPlane.spec?.rolloutStrategy;
  return {
    name: controlPlane.metadata.name,
    namespace: controlPlane.metadata.namespace ?? '',
    replicas: controlPlane.spec?.replicas ?? 1,
    maxSurge: Number(strategy?.rollingUpdate?.maxSurge ?? 1) > 0 ? 1 : 0,
    onDelete: strategy?.type === 'OnDelete',
    deleting: controlPlane.metadata.deletionTimestamp !== undefined,
    otherMachines: seen.others,
    notReadyFor,
    machines: seen.machines.map(toPlanMachine),
    bootstrapMachine: seen.record?.machine,
    bootstrapped: seen.bootstrapped,
    ...(seen.foreignApi ? { foreignApi: seen.foreignApi } : {}),
    members: seen.members,
  };
}

function toPlanMachine({ machine, infrastructure, address, node, upToDate }: SeenMachine): ControlPlaneMachine {
  const deleting = findCondition(machine, 'Deleting');
  return {
    name: machine.metadata.name,
    createdMs: parseTime(machine.metadata.creationTimestamp ?? '') || 0,
    deleting: machine.metadata.deletionTimestamp !== undefined,
    waitsForEtcdLeave: machine.metadata.deletionTimestamp !== undefined && deleting?.reason === 'WaitingForPreTerminateHook',
    etcdLeft: records.etcdLeft in (machine.metadata.annotations ?? {}),
    address,
    nodeName: machine.status?.nodeRef?.name,
    mayBeConfigured: mayBeConfigured(machine, infrastructure),
    etcd: node.etcd,
    upToDate,
    ready: isConditionTrue(machine, 'NodeReady') && node.etcdHealthy,
    deleteAnnotation: annotations.deleteMachine in (machine.metadata.annotations ?? {}),
  };
}

/** True from the moment a machine config was about to be given to the node. */
function mayBeConfigured(machine: Machine, infrastructure: KubeObject | undefined): boolean {
  if (machine.status?.initialization?.infrastructureProvisioned === true || machine.status?.nodeRef !== undefined) return true;
  const own = infrastructure?.metadata.annotations ?? {};
  if (records.configIntent in own || records.configured in own) return true;
  // Another provider delivers its config in ways we do not see: then it may be there as soon as there is a machine.
  return infrastructure !== undefined && infrastructure.kind !== Metal3Machine.kind;
}

/** Members, where all nodes that answer name the same; a member's health is that of the node it runs on. */
function agreeOnMembers(machines: readonly SeenMachine[]): { readonly members?: readonly EtcdMember[]; readonly disagreement?: string } {
  const lists = machines.flatMap(({ machine, node }) => (node.members ? [{ name: machine.metadata.name, members: node.members }] : []));
  const first = lists[0];
  if (!first) return {};
  const ids = (members: readonly NodeMember[]) => members.map((member) => member.id).sort().join(',');
  const other = lists.find((list) => ids(list.members) !== ids(first.members));
  if (other) return { disagreement: `${first.name} names ${first.members.length} members, ${other.name} names ${other.members.length}` };
  return {
    members: first.members.map((member): EtcdMember => {
      const runsOn = machines.find((seen) => isMemberOn(member, seen));
      return { id: member.id, hostname: member.hostname, learner: member.learner, healthy: runsOn?.node.etcdHealthy === true, ...(runsOn ? { machine: runsOn.machine.metadata.name } : {}) };
    }),
  };
}

function isMemberOn(member: NodeMember, seen: SeenMachine): boolean {
  const hosts = member.peerUrls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : []));
  if ((seen.machine.status?.addresses ?? []).some((address) => hosts.includes(address.address))) return true;
  return seen.machine.status?.nodeRef?.name === member.hostname;
}

/** Upstream's comparison: Kubernetes version, the template it was cloned from, and the machine config's spec. What is not there is not held against it. */
function isUpToDate(controlPlane: TalosControlPlane, machine: Machine, infrastructure: KubeObject | undefined, config: TalosConfig | undefined): boolean {
  const { spec } = controlPlane;
  if (!spec) return true;
  if (machine.spec.version !== spec.version) return false;
  const clonedFrom = infrastructure?.metadata.annotations?.[annotations.clonedFromName];
  if (clonedFrom !== undefined && clonedFrom !== spec.infrastructureTemplate.name) return false;
  return config === undefined || canonicalJson(config.spec) === canonicalJson(spec.controlPlaneConfig.controlplane);
}

function bootstrapRecord(controlPlane: TalosControlPlane): BootstrapRecord | undefined {
  const text = controlPlane.metadata.annotations?.[records.etcdBootstrap];
  if (!text) return undefined;
  try {
    const value = JSON.parse(text) as Partial<BootstrapRecord>;
    if (typeof value.machine === 'string' && typeof value.address === 'string') return { machine: value.machine, address: value.address, at: value.at ?? '', ...(value.acceptedAt ? { acceptedAt: value.acceptedAt } : {}) };
  } catch {
    // Falls through: an unreadable record must not lead to another choice.
  }
  throw new Error(`reading annotation ${records.etcdBootstrap} of TalosControlPlane ${controlPlane.metadata.name}: it is not the record we wrote; mend or remove it by hand after looking where etcd has data`);
}
