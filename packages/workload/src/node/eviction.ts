/** When a taint drives a pod away (kubernetes/pkg/controller/tainteviction). Pure. */
import { parseTime } from '@keelson/std';
import type { Node, Pod } from '@keelson/api';
import { tolerates } from '../pod/tolerations.ts';
import { taintKeys } from './health.ts';

/** Upstream adds these tolerations at admission; a server without that plugin gets the same by this default. */
const defaultTolerationSeconds = 300;

/**
 * When the pod has to leave its node, in milliseconds since the epoch; undefined when it may stay. A taint that the pod
 * does not tolerate at all asks it to leave at once.
 */
export function evictionTime(pod: Pod, node: Node): number | undefined {
  let earliest: number | undefined;
  for (const taint of node.spec?.taints ?? []) {
    if (taint.effect !== 'NoExecute') continue;
    const since = parseTime(taint.timeAdded ?? '') || 0;
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    const seconds = matching.length > 0 ? shortest(matching.map((toleration) => toleration.tolerationSeconds)) : defaultSeconds(taint.key);
    if (seconds === undefined) continue;
    earliest = Math.min(earliest ?? Infinity, since + Math.max(0, seconds) * 1000);
  }
  return earliest;
}

/** Undefined, which means for ever, only when no toleration has an end. */
function shortest(seconds: readonly (number | undefined)[]): number | undefined {
  const finite = seconds.filter((one) => one !== undefined);
  return finite.length === 0 ? undefined : Math.min(...finite);
}

function defaultSeconds(key: string): number {
  return key === taintKeys.notReady || key === taintKeys.unreachable ? defaultTolerationSeconds : 0;
}
