import type { KubeObject } from '@keelson/kube';
import { mergePatch } from '@keelson/kube/apply';
import type { ServedVersion } from '../registry/resource.ts';

/** The live object with a strategic merge patch applied. */
export function strategicPatch(served: ServedVersion, live: KubeObject, patch: unknown): unknown {
  void served;
  return mergePatch(live, patch);
}
