/** The status of a host after a plan: fields, operation history and conditions as upstream computes them. Pure. */
import { BareMetalHost, unsupportedFieldsUsed } from '@keelson/api';
import { setCondition, type Condition } from '@keelson/kube';
import { problemLine, rfc3339 } from '@keelson/std';
import { stateOf, type HostState } from './host-view.ts';
import type { StatusChange } from './steps.ts';

type Status = NonNullable<BareMetalHost['status']>;
type History = NonNullable<Status['operationHistory']>;

export interface StatusInput {
  readonly host: BareMetalHost;
  readonly change: StatusChange;
  readonly hardware?: Status['hardware'];
  /** What the host waits for; the message of Progressing. */
  readonly waitsFor?: string;
  readonly health?: 'ok' | 'warning' | 'critical' | 'unknown';
  readonly nowMs: number;
}

/** The whole next status; `lastUpdated` is the caller's, who knows whether anything changed. */
export function nextStatus(input: StatusInput): Status {
  const { host, change } = input;
  const before = host.status;
  const now = rfc3339(input.nowMs);
  const from = stateOf(host);
  const state = change.state ?? from;
  const secret = (reference: { name: string; version: string }) => ({ credentials: { name: reference.name, ...(host.metadata.namespace ? { namespace: host.metadata.namespace } : {}) }, credentialsVersion: reference.version });
  const error = errorFields(before, change);
  const image = change.image === undefined ? before?.provisioning?.image : (change.image ?? undefined);
  const next: Status = {
    ...before,
    ...error,
    poweredOn: change.poweredOn ?? before?.poweredOn ?? false,
    provisioning: provisioning(host, change, state, image),
    provisioningFailCount: change.resetProvisioningFailures ? 0 : (before?.provisioningFailCount ?? 0) + (change.error?.failedProvisioning ? 1 : 0),
    operationHistory: history(before?.operationHistory, from, state, now),
    ...(change.triedCredentials ? { triedCredentials: secret(change.triedCredentials) } : {}),
    ...(change.goodCredentials ? { goodCredentials: secret(change.goodCredentials) } : {}),
    ...(change.attemptedImage ? { lastAttemptedImage: change.attemptedImage } : {}),
    ...(input.hardware ? { hardware: input.hardware } : {}),
  };
  if (!next.errorType) delete next.errorType;
  return { ...next, conditions: conditions(input, next, state, now) };
}

function errorFields(before: Status | undefined, change: StatusChange): Pick<Status, 'errorType' | 'errorMessage' | 'errorCount' | 'operationalStatus'> {
  const wanted = change.operationalStatus ?? before?.operationalStatus ?? 'OK';
  const without = wanted === 'error' || wanted === '' ? 'OK' : wanted;
  if (change.error === null) return { errorType: undefined, errorMessage: '', errorCount: 0, operationalStatus: without };
  if (change.error === undefined) return { errorType: before?.errorType, errorMessage: before?.errorMessage ?? '', errorCount: before?.errorCount ?? 0, operationalStatus: before?.errorType ? 'error' : without };
  const { type, problem, retry } = change.error;
  return { errorType: type, errorMessage: problemLine(problem), errorCount: retry === 'waiting' ? 0 : (before?.errorCount ?? 0) + 1, operationalStatus: 'error' };
}

function provisioning(host: BareMetalHost, change: StatusChange, state: HostState, image: Status['provisioning']['image']): Status['provisioning'] {
  const before = host.status?.provisioning;
  const { image: _image, ...rest } = before ?? { ID: '', state: '' };
  const settings = change.provisioningSettings ? { bootMode: host.spec?.bootMode ?? ('UEFI' as const), ...(host.spec?.rootDeviceHints ? { rootDeviceHints: host.spec.rootDeviceHints } : {}) } : {};
  return { ...rest, ...settings, ID: change.id ?? before?.ID ?? '', state, ...(image ? { image } : {}) };
}

const operations: Readonly<Partial<Record<HostState, keyof History>>> = { registering: 'register', inspecting: 'inspect', provisioning: 'provision', deprovisioning: 'deprovision' };

function history(before: History | undefined, from: HostState, to: HostState, now: string): History {
  const known: History = { ...before };
  if (from === to) return known;
  const ended = operations[from];
  const begun = operations[to];
  if (ended && known[ended]?.start && !known[ended]?.end) known[ended] = { ...known[ended], end: now };
  if (begun) known[begun] = { start: now };
  return known;
}

const progressing: Readonly<Partial<Record<HostState, string>>> = {
  registering: 'Registering', inspecting: 'Inspecting', preparing: 'Preparing', provisioning: 'Provisioning', deprovisioning: 'Deprovisioning',
  'powering off before delete': 'PoweringOffBeforeDelete', deleting: 'Deleting',
};

/** Conditions of baremetal-operator (Manageable … Healthy), and FieldsIgnored of ours. */
function conditions(input: StatusInput, next: Status, state: HostState, now: string): Condition[] {
  const { host, waitsFor = '', health = 'unknown' } = input;
  const generation = host.metadata.generation;
  const managed = state !== '' && state !== 'unmanaged';
  const registered = managed && state !== 'registering';
  const detached = next.operationalStatus === 'detached';
  const message = next.errorMessage;
  const registrationFailed = next.errorType?.includes('registration') ?? false;
  const powerFailed = next.errorType === 'power management error';
  const available = state === 'available' || state === 'ready';
  const provisioned = state === 'provisioned' || state === 'externally provisioned';
  const step = detached ? undefined : progressing[state];
  const ignored = unsupportedFieldsUsed(BareMetalHost, host).map((field) => field.path);
  const rows: [string, boolean | 'Unknown', string, string][] = [
    ['Manageable', registered && !registrationFailed && !powerFailed, !managed ? 'NotManaged' : registrationFailed ? 'RegistrationFailed' : powerFailed ? 'PowerFailure' : registered ? 'Manageable' : 'Registering', registrationFailed || powerFailed ? message : ''],
    ['AvailableForProvisioning', available && next.errorType === undefined && !detached, available ? (next.errorType === undefined && !detached ? 'Available' : 'NotAvailable') : state === 'inspecting' ? 'Inspecting' : 'NotAvailable', available ? message : ''],
    ['Provisioned', provisioned, provisioned ? 'Provisioned' : state === 'provisioning' ? 'Provisioning' : 'NotProvisioned', ''],
    ['Ready', provisioned && next.operationalStatus === 'OK', next.operationalStatus === 'error' ? 'Error' : detached ? 'Detached' : provisioned ? 'Provisioned' : 'NotProvisioned', message],
    ['Progressing', step !== undefined, step ?? (detached ? 'Detached' : 'NotProgressing'), step === undefined ? '' : waitsFor],
    ['Healthy', health === 'unknown' ? 'Unknown' : health === 'ok', health === 'ok' ? 'Healthy' : health === 'warning' ? 'Warning' : health === 'critical' ? 'CriticalError' : 'Unknown', ''],
    ['FieldsIgnored', ignored.length > 0, ignored.length > 0 ? 'NotImplemented' : 'None', ignored.length > 0 ? `accepted without effect: ${ignored.join(', ')}` : ''],
  ];
  return rows.reduce<Condition[]>((all, [type, value, reason, text]) => [
    ...setCondition(all, { type, status: value === 'Unknown' ? 'Unknown' : value ? 'True' : 'False', reason, message: text, ...(generation === undefined ? {} : { observedGeneration: generation }) }, now),
  ], host.status?.conditions ?? []);
}

/** The generation that the last written status was made from. */
export function observedGeneration(host: BareMetalHost): number | undefined {
  return host.status?.conditions?.find((condition) => condition.type === 'Manageable')?.observedGeneration;
}
