/** Power of a host that is not being worked on: follows spec.online and the reboot annotations (baremetal-operator, "manageHostPower"). */
import { problem } from '@keelson/std';
import { annotationOf, hostAnnotations, readIntent, rebootRequest, recordText, type Intent } from './annotations.ts';
import { hostName, stateOf, type HostView } from './host-view.ts';
import { metalProblems } from './problems.ts';
import { failPlan, hostPlan, type HostPlan, type HostStep } from './steps.ts';
import { pollAfter, timers } from './timers.ts';

type PowerIntent = Extract<Intent, { operation: 'power' }>;

/** What happens before the machine is switched on, e.g. choosing where it boots from. */
export interface PowerOptions {
  readonly beforeOn?: readonly HostStep[];
  /** Reboot annotations count: in provisioned and externally provisioned. */
  readonly reboots: boolean;
}

/** Brings the power where it should be; undefined when it is there. */
export function planPower(view: HostView, options: PowerOptions): HostPlan | undefined {
  const { host, bmc } = view;
  if (bmc.kind !== 'ok') return undefined;
  const reboot = options.reboots ? rebootRequest(host) : undefined;
  const wanted = host.spec?.online === true && !reboot ? 'on' : 'off';
  const { power } = bmc.power;
  if (power === wanted) return planReached(view, wanted);
  return wanted === 'on' ? planOn(view, options.beforeOn ?? []) : planOff(view, powerOffMode(view, reboot?.hard ?? false), `spec.online is ${String(host.spec?.online)}${reboot ? `, ${reboot.names.join(' and ')} asks for a reboot` : ''}`);
}

/** The state is reached: the intent goes, and so does the annotation that asked for one reboot. */
function planReached(view: HostView, state: 'on' | 'off'): HostPlan | undefined {
  const annotations: Record<string, null> = {};
  if (readIntent(view.host)?.operation === 'power') annotations[hostAnnotations.intent] = null;
  if (state === 'off' && annotationOf(view.host, hostAnnotations.reboot) !== undefined) annotations[hostAnnotations.reboot] = null;
  if (Object.keys(annotations).length === 0) return undefined;
  return hostPlan(view, { steps: [{ kind: 'record', summary: `note that the machine is ${state}`, annotations }], requeueAfterMs: 0 });
}

export function powerOffMode(view: HostView, hard: boolean): 'soft' | 'hard' {
  const intent = readIntent(view.host);
  const tooSlow = intent?.operation === 'power' && intent.change === 'off-soft' && view.nowMs - intent.sinceMs >= timers.softOffMs;
  const alreadyHard = intent?.operation === 'power' && intent.change === 'off-hard';
  return hard || tooSlow || alreadyHard || (view.host.status?.errorCount ?? 0) > 0 ? 'hard' : 'soft';
}

/** Powers off, and waits. `permittedBy` is the guard's rule. */
export function planOff(view: HostView, mode: 'soft' | 'hard', permittedBy: string): HostPlan {
  const change = mode === 'soft' ? 'off-soft' : 'off-hard';
  return planChange(view, change, [{ kind: 'power-off', mode, summary: `power off ${mode === 'soft' ? 'softly' : 'hard'}`, guard: permittedBy }], 'the machine to power off');
}

export function planOn(view: HostView, before: readonly HostStep[]): HostPlan {
  return planChange(view, 'on', [...before, { kind: 'power-on', summary: 'power on' }], 'the machine to power on');
}

function planChange(view: HostView, change: PowerIntent['change'], effects: readonly HostStep[], waitsFor: string): HostPlan {
  const { host, nowMs } = view;
  const known = readIntent(host);
  const intent = known?.operation === 'power' && known.change === change ? known : undefined;
  const limit = timers.powerLimitMs;
  if (intent && nowMs - intent.sinceMs >= limit && change !== 'off-soft') {
    const stuck = problem(metalProblems.powerStuck, { host: hostName(host), address: host.spec?.bmc?.address ?? '' }, { why: `asked for ${change} ${Math.round((nowMs - intent.sinceMs) / 1000)} s ago, the BMC says ${view.bmc.kind === 'ok' ? view.bmc.power.power : 'nothing'}` });
    // The intent is begun anew, so that the next attempt has its full time again.
    return failPlan(view, { type: 'power management error', problem: stuck, retry: 'back-off' }, { steps: [{ kind: 'record', summary: 'begin the power change anew', annotations: { [hostAnnotations.intent]: null } }] });
  }
  // A soft off is asked for once: some systems count each request as the user pressing the button.
  if (intent && (change === 'off-soft' || nowMs - intent.atMs < timers.powerAgainMs)) {
    return hostPlan(view, { waitsFor, requeueAfterMs: pollAfter(nowMs - intent.atMs) });
  }
  const record: PowerIntent = { operation: 'power', change, sinceMs: intent?.sinceMs ?? nowMs, atMs: nowMs };
  const events = intent ? [] : [{ reason: change === 'on' ? 'PowerOn' : 'PowerOff', message: change === 'on' ? 'Powering the host on' : `Powering the host off${change === 'off-hard' ? ' (hard)' : ''}` }];
  return hostPlan(view, {
    steps: [{ kind: 'record', summary: `record the intent: ${change}`, annotations: { [hostAnnotations.intent]: recordText(record) } }, ...effects],
    events, waitsFor, requeueAfterMs: pollAfter(0),
  });
}

/** The plan of a state in which only the power is managed. */
export function planSteady(view: HostView, options: PowerOptions, nothing: Partial<HostPlan> = {}): HostPlan {
  const power = planPower(view, options);
  if (power) return power;
  return hostPlan(view, { requeueAfterMs: timers.powerPollMs, ...nothing, status: { error: null, ...nothing.status } });
}

/** True in the states in which reboot annotations count. */
export function rebootsIn(view: HostView): boolean {
  const state = stateOf(view.host);
  return state === 'provisioned' || state === 'externally provisioned';
}
