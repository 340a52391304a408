/** The state of a BareMetalHost: Metal3's provisioning state, operational status and error (metal3.io/v1alpha1). */
import { conditionsOf, findCondition, type KubeObject } from '@keelson/kube';
import { timeOf, type ObjectState } from './object-state.ts';

interface HostStatus {
  readonly provisioning?: { readonly state?: string };
  readonly operationalStatus?: string;
  readonly errorMessage?: string;
  readonly errorType?: string;
  readonly poweredOn?: boolean;
  readonly operationHistory?: Readonly<Record<string, { readonly start?: string | null; readonly end?: string | null }>>;
}

const pausedAnnotation = 'baremetalhost.metal3.io/paused';
const settled = new Set(['available', 'ready', 'provisioned', 'externally provisioned']);

/** The state of a BareMetalHost. */
export function hostState(host: KubeObject): ObjectState {
  const status = (host['status'] ?? {}) as HostStatus; // BareMetalHost's own status
  const spec = (host['spec'] ?? {}) as { readonly online?: boolean };
  const phase = status.provisioning?.state || 'new';
  const sinceMs = hostSince(status, host);
  const is = (state: ObjectState['state'], message: string, reason = ''): ObjectState => ({ state, phase, reason, message, sinceMs });

  if (status.operationalStatus === 'error' || status.errorMessage) return is('failed', status.errorMessage || status.errorType || 'error', status.errorType);
  if (host.metadata.deletionTimestamp) {
    const finalizers = host.metadata.finalizers ?? [];
    return { ...is('working', progress(host) || (finalizers.length > 0 ? `being deleted; ${finalizers.join(', ')} still hold it` : 'being deleted')), sinceMs: timeOf(host.metadata.deletionTimestamp) };
  }
  if (status.operationalStatus === 'detached') return is('off', 'detached from management');
  if (host.metadata.annotations?.[pausedAnnotation] !== undefined) return is('off', 'reconciliation is paused');
  if (phase === 'unmanaged') return is('off', 'no BMC is given');
  if (status.operationalStatus === 'delayed') return is('waiting', progress(host) || 'waits until fewer hosts are worked on');
  if (status.operationalStatus === 'servicing') return is('working', progress(host) || 'is being serviced');
  if (phase === 'new') return is('waiting', 'no controller has looked at it yet');
  if (!settled.has(phase)) return is('working', progress(host));
  const isDark = phase.endsWith('provisioned') && spec.online === true && status.poweredOn === false;
  return isDark ? is('working', 'is powered off and is to be powered on') : is('ready', '');
}

/** What it is at: the message of Progressing, or of a condition that is False and says why. */
function progress(host: KubeObject): string {
  const progressing = findCondition(host, 'Progressing');
  if (progressing?.status === 'True' && progressing.message) return progressing.message;
  return conditionsOf(host).find((condition) => condition.status === 'False' && condition.message)?.message ?? '';
}

/** The last start or end of an operation: each is a change of state. */
function hostSince(status: HostStatus, host: KubeObject): number | undefined {
  const times = Object.values(status.operationHistory ?? {}).flatMap(({ start, end }) => [timeOf(start), timeOf(end)]).filter((ms) => ms !== undefined);
  return times.length > 0 ? Math.max(...times) : timeOf(host.metadata.creationTimestamp);
}
