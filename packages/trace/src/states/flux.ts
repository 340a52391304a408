/** The state of Flux's kinds: the conditions Ready, Reconciling, Stalled and Healthy of fluxcd/pkg/apis/meta, and spec.suspend. */
import { findCondition, type KubeObject } from '@keelson/kube';
import { timeOf, type ObjectState } from './object-state.ts';

/** Reasons that say "not my fault, not yet". */
const waitingReasons = /^(Dependency|Artifact|Source|Cluster|KubeConfig|Chart)NotReady$|^(HealthCheck)?Waiting/;
/** ArtifactFailed is also what a Kustomization says while its source has nothing yet; upstream's texts and ours. */
const sourceHasNothing = /artifact not found|has stored none yet|Source '[^']*' not found|waits for its source/;

/** A cluster whose API does not answer is the cluster's trouble; it comes up some time after its kubeconfig is published. */
const clusterIsSilent = / \[GITOPS\.CLUSTER_UNREACHABLE\]$/;

interface FluxStatus {
  readonly observedGeneration?: number;
}

/** The state of an object of a `*.fluxcd.io` group. */
export function fluxState(object: KubeObject): ObjectState {
  const spec = object['spec'] as { suspend?: boolean } | undefined;
  const status = object['status'] as FluxStatus | undefined;
  const ready = findCondition(object, 'Ready');
  const sinceMs = timeOf(ready?.lastTransitionTime ?? object.metadata.creationTimestamp);
  const reason = ready?.reason ?? '';
  const is = (state: ObjectState['state'], phase: string, message: string): ObjectState => ({ state, phase, reason, message, sinceMs });

  if (object.metadata.deletionTimestamp) return beingDeleted(object, is);
  if (spec?.suspend) return is('off', 'Suspended', 'reconciliation is suspended');
  // Kinds without a status of their own (Provider, Alert) are ready by being there.
  if (!ready) return statelessKinds.has(object.kind) ? is('ready', 'Current', '') : is('waiting', 'New', 'no controller has looked at it yet');
  const stalled = findCondition(object, 'Stalled');
  if (stalled?.status === 'True') return is('failed', stalled.reason, stalled.message || ready.message);
  if (ready.status === 'True') {
    const { generation } = object.metadata;
    const isBehind = generation !== undefined && status?.observedGeneration !== undefined && status.observedGeneration < generation;
    return isBehind ? is('working', reason, 'its latest change has not been looked at yet') : is('ready', reason, '');
  }
  if (ready.status === 'Unknown') return underWay(object, ready.message, is);
  const waits = waitingReasons.test(reason) || (reason === 'ArtifactFailed' && sourceHasNothing.test(ready.message)) || clusterIsSilent.test(ready.message);
  if (waits) return is('waiting', reason, ready.message);
  return is(reason === 'Progressing' ? 'working' : 'failed', reason, ready.message);
}

type Is = (state: ObjectState['state'], phase: string, message: string) => ObjectState;

const statelessKinds = new Set(['Provider', 'Alert']);

/** Working, or waiting for the health of what was applied. */
function underWay(object: KubeObject, message: string, is: Is): ObjectState {
  const healthy = findCondition(object, 'Healthy');
  const checks = healthy?.status === 'Unknown' && healthy.message ? healthy.message : undefined;
  if (checks) return is('waiting', 'HealthCheck', checks);
  const reconciling = findCondition(object, 'Reconciling');
  return is('working', findCondition(object, 'Ready')?.reason || 'Progressing', (reconciling?.status === 'True' && reconciling.message) || message);
}

function beingDeleted(object: KubeObject, is: Is): ObjectState {
  const ready = findCondition(object, 'Ready');
  const sinceDeletion = timeOf(object.metadata.deletionTimestamp);
  const failed = ready?.status === 'False' && /Failed$|Error$/.test(ready.reason) && (timeOf(ready.lastTransitionTime) ?? 0) >= (sinceDeletion ?? 0);
  const finalizers = object.metadata.finalizers ?? [];
  const message = failed ? ready.message : finalizers.length > 0 ? `being deleted; ${finalizers.join(', ')} still hold it` : 'being deleted';
  return { ...is(failed ? 'failed' : 'working', 'Terminating', message), sinceMs: sinceDeletion };
}
