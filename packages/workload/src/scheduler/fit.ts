/**
 * Where a pod can run and where best, after the default plugins of kubernetes/pkg/scheduler: unschedulable, name, taints,
 * node affinity, ports, resources, pod (anti-)affinity; scored by free resources, spreading and preferred affinity.
 */
import type { Node, Pod, PodAffinityTerm } from '@keelson/api';
import { matchesLabels, selectorOf } from '@keelson/kube';
import { isEnded } from '../pod/pod-state.ts';
import { isTolerated, untoleratedTaint } from '../pod/tolerations.ts';
import { matchesNode, matchesTerm } from './node-affinity.ts';
import { allocatable, podRequests, sum, type Amounts } from './resources.ts';

/** A node with the pods that are bound to it. */
export interface NodeView {
  readonly node: Node;
  readonly pods: readonly Pod[];
}

export type Choice = { readonly node: string } | { readonly unschedulable: string };

/** The best node for the pod, or in the scheduler's words why there is none. Deterministic: equal scores go by name. */
export function chooseNode(pod: Pod, views: readonly NodeView[]): Choice {
  const refusals: string[] = [];
  let best: { name: string; score: number } | undefined;
  for (const view of views) {
    const why = whyNot(pod, view, views);
    if (why.length > 0) {
      refusals.push(...why);
      continue;
    }
    const found = { name: view.node.metadata.name, score: score(pod, view) };
    if (!best || found.score > best.score || (found.score === best.score && found.name < best.name)) best = found;
  }
  return best ? { node: best.name } : { unschedulable: explain(views.length, refusals) };
}

/** Why the pod cannot run on the node; empty when it can. */
export function whyNot(pod: Pod, { node, pods }: NodeView, views: readonly NodeView[]): string[] {
  const spec = pod.spec!;
  if (node.metadata.deletionTimestamp !== undefined) return ['node(s) are being deleted'];
  if (node.spec?.unschedulable && !isTolerated(spec.tolerations, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' })) return ['node(s) were unschedulable'];
  const taint = untoleratedTaint(node.spec?.taints, spec.tolerations);
  if (taint) return [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`];
  if (!matchesNode(spec, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  const running = pods.filter((one) => !isEnded(one));
  if (portsCollide(pod, running)) return ["node(s) didn't have free ports for the requested pod ports"];
  const short = insufficient(podRequests(spec), node, running);
  if (short.length > 0) return short.map((name) => (name === 'pods' ? 'Too many pods' : `Insufficient ${name}`));
  if (!antiAffinityHolds(pod, node, views)) return ["node(s) didn't match pod anti-affinity rules"];
  if (!affinityHolds(pod, node, views)) return ["node(s) didn't match pod affinity rules"];
  return [];
}

function insufficient(wanted: Amounts, node: Node, pods: readonly Pod[]): string[] {
  const free = allocatable(node);
  const used = sum(pods.map((pod) => podRequests(pod.spec!)));
  const short = Object.entries(wanted).filter(([name, amount]) => amount > 0 && (used[name] ?? 0) + amount > (free[name] ?? 0));
  const full = free['pods'] !== undefined && pods.length + 1 > free['pods'];
  return [...(full ? ['pods'] : []), ...short.map(([name]) => name).sort()];
}

function portsCollide(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod);
  return wanted.length > 0 && others.some((other) => hostPorts(other).some((taken) => wanted.some((want) => want.port === taken.port && want.protocol === taken.protocol && (want.ip === taken.ip || want.ip === '0.0.0.0' || taken.ip === '0.0.0.0'))));
}

function hostPorts(pod: Pod): { ip: string; port: number; protocol: string }[] {
  const ports = pod.spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  return ports.flatMap((port) => {
    const number = port.hostPort ?? (pod.spec?.hostNetwork ? port.containerPort : undefined);
    return number ? [{ ip: port.hostIP || '0.0.0.0', port: number, protocol: port.protocol ?? 'TCP' }] : [];
  });
}

function antiAffinityHolds(pod: Pod, node: Node, views: readonly NodeView[]): boolean {
  const own = pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (own.some((term) => matchesInDomain(term, pod, node, views))) return false;
  // What runs there may not want this pod beside it either.
  return inDomains(node, views).every(({ other, sameDomain }) => {
    const terms = other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    return !terms.some((term) => sameDomain(term.topologyKey) && selects(term, other, pod));
  });
}

function affinityHolds(pod: Pod, node: Node, views: readonly NodeView[]): boolean {
  const terms = pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.every((term) => matchesInDomain(term, pod, node, views))) return true;
  // The first pod of a group that wants to be together may go anywhere.
  const nobody = terms.every((term) => views.every((view) => view.pods.every((other) => isEnded(other) || !selects(term, pod, other))));
  return nobody && terms.every((term) => selects(term, pod, pod));
}

function matchesInDomain(term: PodAffinityTerm, pod: Pod, node: Node, views: readonly NodeView[]): boolean {
  return inDomains(node, views).some(({ other, sameDomain }) => sameDomain(term.topologyKey) && selects(term, pod, other));
}

function inDomains(node: Node, views: readonly NodeView[]) {
  return views.flatMap((view) =>
    view.pods
      .filter((other) => !isEnded(other))
      .map((other) => ({
        other,
        sameDomain: (key: string) => node.metadata.labels?.[key] !== undefined && node.metadata.labels[key] === view.node.metadata.labels?.[key],
      })),
  );
}

/** A term of `owner` selects `other`: by labels, in the owner's namespace or the listed ones. */
function selects(term: PodAffinityTerm, owner: Pod, other: Pod): boolean {
  const everywhere = term.namespaceSelector !== undefined && Object.keys(term.namespaceSelector).length === 0;
  const namespaces = term.namespaces?.length ? term.namespaces : [owner.metadata.namespace];
  return (everywhere || namespaces.includes(other.metadata.namespace)) && matchesLabels(selectorOf(term.labelSelector), other.metadata.labels);
}

/** The larger the better; each part is between 0 and 100, as the plugins have it. */
function score(pod: Pod, view: NodeView): number {
  return leastAllocated(pod, view) + spread(pod, view) * 2 + preferredAffinity(pod, view.node) + softTaints(pod, view.node) * 3;
}

function leastAllocated(pod: Pod, { node, pods }: NodeView): number {
  const total = allocatable(node);
  const used = sum([...pods.filter((one) => !isEnded(one)).map((one) => podRequests(one.spec!)), podRequests(pod.spec!)]);
  const shares = ['cpu', 'memory'].map((name) => (total[name] ? Math.max(0, 1 - (used[name] ?? 0) / total[name]) : 1));
  return (shares.reduce((a, b) => a + b, 0) / shares.length) * 100;
}

/** Fewer pods of the same owner are better. */
function spread(pod: Pod, { pods }: NodeView): number {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller)?.uid;
  const siblings = owner === undefined ? 0 : pods.filter((other) => other.metadata.ownerReferences?.some((reference) => reference.uid === owner)).length;
  return 100 / (1 + siblings);
}

function preferredAffinity(pod: Pod, node: Node): number {
  const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const most = terms.reduce((total, term) => total + term.weight, 0);
  const held = terms.reduce((total, term) => total + (matchesTerm(term.preference, node) ? term.weight : 0), 0);
  return most === 0 ? 0 : (held / most) * 100;
}

function softTaints(pod: Pod, node: Node): number {
  const untolerated = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(pod.spec?.tolerations, taint)).length;
  return 100 / (1 + untolerated);
}

function explain(nodes: number, refusals: readonly string[]): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const refusal of refusals) counts.set(refusal, (counts.get(refusal) ?? 0) + 1);
  const parts = [...counts].map(([why, count]) => `${count} ${why}`).sort();
  return `0/${nodes} nodes are available: ${parts.join(', ')}.`;
}
