// The health of an object from its own fields: kstatus (sigs.k8s.io/cli-utils pkg/kstatus/status), which Flux, Helm and kpt use.
import { parseTime } from '@keelson/std';
import type { KubeObject } from '../object.ts';
import { parseApiVersion } from '../object.ts';
import type { Health } from './result.ts';
import { current, failed, inProgress } from './result.ts';
import { kindRules } from './kind-rules.ts';
import { StatusReader } from './status-reader.ts';

/**
 * How an object is doing. Undefined, an object that is not there, is NotFound; one whose status makes no sense is Unknown.
 * `nowMs` (milliseconds since the epoch) decides when a pod that finds no node counts as failed; without it, it is still being waited for.
 */
export function healthOf(object: KubeObject | undefined, nowMs?: number): Health {
  if (!object) return { status: 'NotFound', reason: 'NotFound', message: 'Resource not found' };
  const read = new StatusReader(object);
  const general = generalHealth(object, read);
  if (general) return general;
  const { group } = parseApiVersion(object.apiVersion);
  const rule = kindRules.get(group === '' ? object.kind : `${group}/${object.kind}`);
  if (rule) {
    const created = object.metadata.creationTimestamp;
    const ageMs = nowMs === undefined ? undefined : nowMs - (created === undefined ? 0 : parseTime(created));
    return rule(read, ageMs);
  }
  return readyHealth(read) ?? current('Resource is current');
}

/** What holds for every kind: deletion, a generation that was not observed yet, the conditions Reconciling and Stalled. */
function generalHealth(object: KubeObject, read: StatusReader): Health | undefined {
  if (object.metadata.deletionTimestamp) return { status: 'Terminating', reason: 'Terminating', message: 'Resource scheduled for deletion' };
  const { generation } = object.metadata;
  const observed = read.optionalNumber('status.observedGeneration');
  if (generation !== undefined && observed !== undefined && observed !== generation) {
    return inProgress(
      'LatestGenerationNotObserved',
      `${object.kind} generation is ${generation}, but latest observed generation is ${observed}`,
    );
  }
  for (const condition of read.conditions()) {
    if (condition.type === 'Reconciling' && condition.status === 'True') return inProgress(condition.reason, condition.message);
    if (condition.type === 'Stalled' && condition.status === 'True') return failed(condition.reason, condition.message);
  }
  return undefined;
}

function readyHealth(read: StatusReader): Health | undefined {
  const ready = read.conditions().find((condition) => condition.type === 'Ready' && ['True', 'False', 'Unknown'].includes(condition.status));
  if (!ready) return undefined;
  return ready.status === 'True' ? current('Resource is Ready') : inProgress(ready.reason, ready.message);
}
