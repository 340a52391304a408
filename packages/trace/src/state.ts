/** One vocabulary of states for every kind, from its conditions, its phase and kstatus. */
import { parseApiVersion, type KubeObject } from '@keelson/kube';
import { clusterApiState } from './states/cluster-api.ts';
import { fluxState } from './states/flux.ts';
import { hostState } from './states/host.ts';
import type { ObjectState } from './states/object-state.ts';
import { workloadState } from './states/workload.ts';

/** The state of an object. `nowMs` (milliseconds since the epoch) decides what has taken too long. */
export function stateOf(object: KubeObject, nowMs: number): ObjectState {
  const { group } = parseApiVersion(object.apiVersion);
  if (group.endsWith('.fluxcd.io')) return fluxState(object);
  if (group === 'metal3.io' && object.kind === 'BareMetalHost') return hostState(object);
  if (group.endsWith('cluster.x-k8s.io')) return clusterApiState(object, nowMs);
  return workloadState(object, nowMs);
}
