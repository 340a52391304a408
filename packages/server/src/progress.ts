/** What `up` shows while it works and when it is done; read from the controllers' own cache, so it costs no requests. */
import type { KubeObject } from '@keelson/kube';
import type { Cache } from '@keelson/controller';
import { findingsOf, snapshotOf, splitRevision, tracedKinds, type Snapshot } from '@keelson/trace';

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
  const revisions = new Set(sources.map((source) => (source['status'] as { artifact?: { revision?: string } } | undefined)?.artifact?.revision));
  for (const kustomization of kustomizations) {
    const applied = (kustomization['status'] as KustomizationStatus | undefined)?.lastAppliedRevision;
    if (!revisions.has(applied)) missing.push(`Kustomization ${kustomization.metadata.namespace}/${kustomization.metadata.name} is at ${applied ? splitRevision(applied).commit.slice(0, 8) : 'no revision'}`);
  }
  return missing;
}
