// kustomize's ReplicaCountTransformer.
import { setMember } from '../json.ts';
import { type Origin, kustomizeProblems, problemAt } from '../problems.ts';
import { type Resource, anyIds } from '../resource.ts';
import { visitFields } from './field-path.ts';
import { replicaKinds } from './field-specs.ts';

/** Sets spec.replicas of the scalable objects with this name, now or before. Throws KUSTOMIZE.TRANSFORM_FAILED when there is none. */
export function setReplicas(resources: readonly Resource[], entry: { readonly name: string; readonly count: number; readonly origin: Origin }): void {
  let found = false;
  for (const resource of resources) {
    if (!anyIds(resource).some((id) => id.name === entry.name && replicaKinds.includes(id.kind))) continue;
    found = true;
    visitFields(resource.object, 'spec/replicas', true, (holder, key) => setMember(holder, key, entry.count));
  }
  if (!found) throw problemAt(kustomizeProblems.transform, entry.origin, `no ${replicaKinds.join(', ')} is named ${entry.name}`, { field: 'replicas' });
}
