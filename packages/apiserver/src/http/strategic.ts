import type { KubeObject } from '@keelson/kube';
import { strategicMergePatch } from '@keelson/kube/apply';
import type { ServedVersion } from '../registry/resource.ts';

/** The live object with a strategic merge patch applied, by the merge keys of its kind's schema. */
export function strategicPatch(served: ServedVersion, live: KubeObject, patch: unknown): unknown {
  const { schema, resolver } = served.version.schema();
  return strategicMergePatch(live, patch, schema, resolver);
}
