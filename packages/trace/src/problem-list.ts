/** What is wrong now, causes before consequences. */
import { keyOf, parseKey, type KubeObject } from '@keelson/kube';
import { clusterNameOf, dependenciesOf, hostOf, refOf, sourceOf, targetClusterOf, type ObjectRef } from './relations.ts';
import type { Snapshot } from './snapshot.ts';
import { stateOf, type ObjectState } from './state.ts';

export interface Finding {
  readonly ref: ObjectRef;
  readonly state: ObjectState;
  readonly ageMs: number | undefined;
  /** The object whose trouble explains this one; such findings are echoes. */
  readonly because: ObjectRef | undefined;
}

const judgedKinds = ['GitRepository', 'Kustomization', 'BareMetalHost', 'Cluster', 'TalosControlPlane', 'MachineDeployment', 'Machine', 'Metal3Machine'];

/** Every object that is not ready, the causes first; an object that merely waits for another names it in `because`. */
export function findingsOf(snapshot: Snapshot): Finding[] {
  const troubled = new Map<KubeObject, ObjectState>();
  for (const kind of judgedKinds) {
    for (const object of snapshot.of(kind)) {
      const state = stateOf(object, snapshot.nowMs);
      if (state.state !== 'ready' && state.state !== 'off') troubled.set(object, state);
    }
  }
  const findings = [...troubled].map(([object, state]): Finding => {
    const cause = causesOf(snapshot, object).find((candidate) => troubled.has(candidate));
    return { ref: refOf(object), state, ageMs: state.sinceMs === undefined ? undefined : snapshot.nowMs - state.sinceMs, because: cause ? refOf(cause) : undefined };
  });
  const rank = ({ state, because }: Finding) => (because ? 2 : 0) + (state.state === 'failed' ? 0 : 1);
  return findings.sort((a, b) => rank(a) - rank(b));
}

/** What an object stands on, nearest first. */
function causesOf(snapshot: Snapshot, object: KubeObject): KubeObject[] {
  const namespace = object.metadata.namespace;
  const there = (...objects: (KubeObject | undefined)[]) => objects.filter((o) => o !== undefined);
  switch (object.kind) {
    case 'Kustomization': {
      const source = sourceOf(object);
      const target = targetClusterOf(object);
      return there(source && snapshot.get(source.kind, source), ...dependenciesOf(object).map((key) => snapshot.get('Kustomization', parseKey(key))), target ? snapshot.get('Cluster', parseKey(target)) : undefined);
    }
    case 'Cluster':
      return snapshot.of('Machine').filter((m) => m.metadata.namespace === namespace && clusterNameOf(m) === object.metadata.name);
    case 'TalosControlPlane':
    case 'MachineDeployment':
      return snapshot.of('Machine').filter((m) => m.metadata.namespace === namespace && clusterNameOf(m) === clusterNameOf(object) && (m.metadata.labels?.['cluster.x-k8s.io/control-plane'] !== undefined) === (object.kind === 'TalosControlPlane'));
    case 'Machine': {
      const spec = object['spec'] as { infrastructureRef?: { name?: string } } | undefined;
      return there(snapshot.get('Metal3Machine', { namespace, name: spec?.infrastructureRef?.name ?? '' }));
    }
    case 'Metal3Machine': {
      const host = hostOf(object);
      return there(host ? snapshot.get('BareMetalHost', parseKey(host)) : undefined);
    }
    default:
      return [];
  }
}

/** A sentence on the whole: how many are ready, and what stands in the way. */
export function healthSentence(snapshot: Snapshot): string {
  const findings = findingsOf(snapshot);
  const total = judgedKinds.reduce((sum, kind) => sum + snapshot.of(kind).length, 0);
  if (total === 0) return 'Nothing is declared yet.';
  if (findings.length === 0) return `All ${total} objects are ready.`;
  const cause = findings[0]!;
  return `${total - findings.length} of ${total} objects are ready; first in the way: ${cause.ref.kind} ${keyOf(cause.ref)} (${cause.state.phase}).`;
}
