import { type Problem, problem } from '@keelson/std';
import { type ObjectKey, findCondition, keyOf } from '@keelson/kube';
import { Kustomization } from '@keelson/api';
import type { Cache } from '@keelson/controller';
import { conditionTypes } from '../flux.ts';
import { gitopsProblems } from '../problems.ts';
import { sourceText } from './source.ts';

/** The keys of what a Kustomization depends on. */
export function dependencyKeys(kustomization: Kustomization): ObjectKey[] {
  return (kustomization.spec?.dependsOn ?? []).map(({ name, namespace }) => ({ namespace: namespace ?? kustomization.metadata.namespace, name }));
}

/** The Kustomizations that depend on this one: woken at once when it changes. */
export function dependentsOf(key: ObjectKey, cache: Cache): Kustomization[] {
  const wanted = keyOf(key);
  return cache.list<Kustomization>(Kustomization).filter((other) => dependencyKeys(other).some((dependency) => keyOf(dependency) === wanted));
}

/**
 * The first dependency that is not ready, as upstream's built-in check has it: its spec was observed, it is Ready, and where both use one source
 * it has applied the revision that is to be applied here.
 */
export function unmetDependency(kustomization: Kustomization, revision: string, cache: Cache): Problem | undefined {
  for (const key of dependencyKeys(kustomization)) {
    const why = keyOf(key) === keyOf(kustomization) ? 'it depends on itself' : whyNotReady(kustomization, cache.get<Kustomization>(Kustomization, key), revision);
    if (why) return problem(gitopsProblems.dependencyNotReady, { key: keyOf(kustomization), dependency: keyOf(key) }, { why, where: 'spec.dependsOn' });
  }
  return undefined;
}

function whyNotReady(kustomization: Kustomization, dependency: Kustomization | undefined, revision: string): string | undefined {
  if (!dependency) return 'there is no such Kustomization';
  const ready = findCondition(dependency, conditionTypes.ready);
  if (dependency.status?.observedGeneration !== dependency.metadata.generation) return `its newest spec is not applied yet${ready ? `: ${ready.message}` : ''}`;
  if (ready?.status !== 'True') return ready ? `it is not ready: ${ready.message}` : 'it is not ready';
  if (sourceText(dependency) === sourceText(kustomization) && dependency.status?.lastAppliedRevision !== revision) {
    return `it has not applied revision ${revision} yet`;
  }
  return undefined;
}
