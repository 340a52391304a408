/** What is wrong now, causes before consequences. */
import type { KubeObject } from '@keelson/kube';
import { causeFinder } from './causes.ts';
import { graphOf } from './graph.ts';
import { refOf, refText, type ObjectRef } from './relations.ts';
import { sourceKinds, type Snapshot } from './snapshot.ts';
import type { ObjectState } from './states/object-state.ts';

export interface Finding {
  readonly ref: ObjectRef;
  readonly state: ObjectState;
  /** Milliseconds since the state began; undefined when the object does not say. */
  readonly ageMs: number | undefined;
  /** The object whose trouble explains this one; such findings are echoes. */
  readonly because: ObjectRef | undefined;
  /** The end of that way: the object that explains itself. Undefined where `because` is. */
  readonly cause: ObjectRef | undefined;
}

/** Kinds whose objects are to be ready, from cause to consequence; it is the order of equals in a list of findings. */
const judgedKinds = [
  ...sourceKinds, 'BareMetalHost', 'Metal3Cluster', 'TalosConfig', 'Metal3Machine', 'Machine', 'TalosControlPlane', 'KubeadmControlPlane', 'MachineDeployment', 'Cluster', 'Kustomization', 'HelmRelease',
];

/** Every object that is not ready: first what explains itself (the failed before the others), then what it holds up, step by step. */
export function findingsOf(snapshot: Snapshot): Finding[] {
  const graph = graphOf(snapshot);
  const causes = causeFinder(graph);
  const troubled = judgedKinds.flatMap((kind) => snapshot.of(kind)).filter((object) => !['ready', 'off'].includes(graph.state(object).state));
  const rows = troubled.map((object, index) => ({ object, index, depth: causes.depth(object), isFailed: graph.state(object).state === 'failed' }));
  rows.sort((a, b) => a.depth - b.depth || Number(b.isFailed) - Number(a.isFailed) || a.index - b.index);
  return rows.map(({ object }): Finding => {
    const state = graph.state(object);
    const because = causes.nearest(object);
    const cause = causes.deepest(object);
    return { ref: refOf(object), state, ageMs: state.sinceMs === undefined ? undefined : Math.max(0, snapshot.nowMs - state.sinceMs), because: because && refOf(because, graph.clusterOf(because)), cause: cause && refOf(cause, graph.clusterOf(cause)) };
  });
}

/** A sentence on the whole: how many are ready, and what stands in the way. */
export function healthSentence(snapshot: Snapshot): string {
  const graph = graphOf(snapshot);
  const findings = findingsOf(snapshot);
  const judged = judgedKinds.flatMap((kind) => snapshot.of(kind));
  const off = judged.filter((object: KubeObject) => graph.state(object).state === 'off').length;
  const offText = off === 0 ? '' : `, ${off} ${off === 1 ? 'is' : 'are'} off`;
  if (judged.length === 0) return snapshot.unread.length > 0 ? `Nothing can be seen: ${snapshot.unread.length} kinds may not be read.` : 'Nothing is declared yet.';
  const first = findings[0];
  if (!first) return off === 0 ? `All ${judged.length} objects are ready.` : `${judged.length - off} of ${judged.length} objects are ready${offText}.`;
  return `${judged.length - off - findings.length} of ${judged.length} objects are ready${offText}; first in the way: ${refText(first.ref)} (${first.state.phase}).`;
}
