/** Power of a machine: ComputerSystem.PowerState and the action ComputerSystem.Reset. */
import { BmcError, type Health, type PowerChange, type PowerReading, type PowerState } from '../driver.ts';
import { actionNames, actionPath, messageKeys, type ComputerSystem, type ResetTypeValue } from '../wire/index.ts';
import { answerError, hasMessage } from './answer-error.ts';
import { readSystem, type RedfishContext } from './context.ts';
import { settleTask } from './task.ts';

/** The reset types that do a change, best first. */
const resetTypesOf: Readonly<Record<PowerChange, readonly ResetTypeValue[]>> = {
  on: ['On', 'ForceOn', 'PushPowerButton'],
  'off-soft': ['GracefulShutdown'],
  'off-hard': ['ForceOff'],
  'restart-soft': ['GracefulRestart'],
  'restart-hard': ['ForceRestart', 'PowerCycle'],
};

/** The state that makes a change needless. */
const reachedBy: Readonly<Partial<Record<PowerChange, PowerState>>> = { on: 'on', 'off-soft': 'off', 'off-hard': 'off' };

export async function readPower(context: RedfishContext): Promise<PowerReading> {
  const system = await readSystem(context);
  return { power: powerOf(system), health: healthOf(system), bootProgress: system.BootProgress?.LastState ?? '' };
}

function powerOf(system: ComputerSystem): PowerState {
  switch (system.PowerState) {
    case 'On':
    case 'Paused':
      return 'on';
    case 'Off':
      return 'off';
    case 'PoweringOn':
      return 'powering-on';
    case 'PoweringOff':
      return 'powering-off';
    default:
      return 'unknown';
  }
}

function healthOf(system: ComputerSystem): Health {
  switch (system.Status?.HealthRollup ?? system.Status?.Health) {
    case 'OK':
      return 'ok';
    case 'Warning':
      return 'warning';
    case 'Critical':
      return 'critical';
    default:
      return 'unknown';
  }
}

/** Reset types this machine takes; undefined when the service does not tell. */
export async function allowedResetTypes(context: RedfishContext, system: ComputerSystem): Promise<readonly string[] | undefined> {
  const action = system.Actions?.[actionNames.resetSystem];
  const inline = action?.['ResetType@Redfish.AllowableValues'];
  if (inline && inline.length > 0) return inline;
  const infoPath = action?.['@Redfish.ActionInfo'];
  if (infoPath === undefined) return undefined;
  const info = await context.client.find<{ Parameters?: readonly { Name?: string; AllowableValues?: readonly string[] }[] }>(infoPath);
  return info?.Parameters?.find((parameter) => parameter.Name === 'ResetType')?.AllowableValues;
}

/** Asks for a change; success when the machine is there already. */
export async function changePower(context: RedfishContext, change: PowerChange): Promise<void> {
  const system = await readSystem(context);
  const wanted = reachedBy[change];
  if (wanted !== undefined && powerOf(system) === wanted) return;
  const allowed = await allowedResetTypes(context, system);
  const resetType = resetTypesOf[change].find((type) => allowed === undefined || allowed.includes(type));
  if (resetType === undefined) throw new BmcError('unsupported', `this BMC has no ${resetTypesOf[change].join(' or ')}; it has ${allowed?.join(', ') ?? 'none'}`);
  const target = system.Actions?.[actionNames.resetSystem]?.target ?? actionPath(context.systemPath, actionNames.resetSystem);
  const doing = `asking for ${resetType}`;
  const answer = await context.client.attempt('POST', target, { json: { ResetType: resetType } });
  if (answer.status < 300) {
    await settleTask(context.client, answer, doing);
    return;
  }
  if (answer.status === 400 || answer.status === 409) {
    // Many services refuse a change to the state the machine is in.
    const now = powerOf(await readSystem(context));
    if (wanted !== undefined && now === wanted) return;
    if (change === 'off-soft' && answer.status === 400 && !hasMessage(answer, messageKeys.resourceInUse)) {
      throw new BmcError('unsupported', answerError(answer, doing).message, { status: answer.status });
    }
    // iDRAC 10 answers On with this for up to a minute after a power off.
    if (hasMessage(answer, messageKeys.actionParameterValueConflict) || now === 'powering-off' || now === 'powering-on') {
      throw new BmcError('busy', answerError(answer, doing).message, { status: answer.status, retryAfterMs: 10_000 });
    }
  }
  throw answerError(answer, doing);
}
