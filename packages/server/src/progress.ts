/** What `up` shows while it works and when it is done; read from the controllers' own cache, so it costs no requests. */
import { keyOf, type KubeObject } from '@keelson/kube';
import type { Cache } from '@keelson/controller';
import { findingsOf, snapshotOf, sourceOf, splitRevision, stateOf, tracedKinds, type Snapshot } from '@keelson/trace';

/** The objects the controllers hold, as a snapshot. Events are not among them. */
export function snapshotOfCache(cache: Cache, nowMs: number): Snapshot {
  const objects = tracedKinds.flatMap((kind) => cache.list(kind).map((object): KubeObject => (object.kind ? object : { ...object, kind: kind.kind })));
  return snapshotOf(objects, nowMs);
}

interface KustomizationStatus {
  readonly lastAppliedRevision?: string;
}

/**
 * Whether all is ready: there is a source, every Kustomization has applied its source's latest revision, and no object
 * is unready. Answers what is missing, in words; empty when all is ready.
 */
export function missingForReady(snapshot: Snapshot): string[] {
  const sources = snapshot.of('GitRepository');
  const kustomizations = snapshot.of('Kustomization');
  if (sources.length === 0 || kustomizations.length === 0) return ['no repository is declared yet'];
  const missing = findingsOf(snapshot).map(({ ref, state }) => `${ref.kind} ${ref.namespace}/${ref.name} (${state.phase}${state.message ? `: ${state.message}` : ''})`);
  for (const kustomization of kustomizations) {
    if (stateOf(kustomization, snapshot.nowMs).state === 'off') continue;
    const applied = (kustomization['status'] as KustomizationStatus | undefined)?.lastAppliedRevision;
    const reference = sourceOf(kustomization);
    const source = reference && snapshot.get(reference.kind, reference);
    const wanted = (source?.['status'] as { artifact?: { revision?: string } } | undefined)?.artifact?.revision;
    if (applied === undefined || (wanted !== undefined && applied !== wanted)) missing.push(`Kustomization ${keyOf(kustomization)} is at ${applied ? splitRevision(applied).commit.slice(0, 8) : 'no revision'}`);
  }
  return missing;
}
