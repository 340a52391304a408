/** What somebody changed or deleted by hand, and a Kustomization has put right since: told by the events it wrote. */
import { formatAge } from '@keelson/std';
import type { KubeObject } from '@keelson/kube';
import type { Snapshot } from './snapshot.ts';
import { timeOf } from './states/object-state.ts';

interface DriftEvent extends KubeObject {
  readonly involvedObject?: { readonly uid?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string;
}

/** For how long a trace speaks of it. */
const toldForMs = 3_600_000;

/** `someone deleted Deployment/hello/hello: restored 2m ago`, the newest; empty when nothing was put right lately. */
export function lastRestored(snapshot: Snapshot, applier: KubeObject): string {
  let newest: { atMs: number; message: string } | undefined;
  for (const event of snapshot.of('Event') as readonly DriftEvent[]) {
    if (event.reason !== 'DriftCorrected' || event.involvedObject?.uid !== applier.metadata.uid) continue;
    const atMs = timeOf(event.lastTimestamp ?? event.metadata.creationTimestamp);
    if (atMs !== undefined && snapshot.nowMs - atMs <= toldForMs && (!newest || atMs > newest.atMs)) newest = { atMs, message: event.message ?? '' };
  }
  return newest ? `${newest.message} ${formatAge(snapshot.nowMs - newest.atMs)} ago` : '';
}
